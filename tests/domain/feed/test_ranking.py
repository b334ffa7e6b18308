"""The trending score."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.feed.ranking import HOT_DECADE_S, trending_score

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_score_grows_with_points_and_later_beginnings() -> None:
    assert trending_score(0, NOW) < trending_score(1, NOW) < trending_score(100, NOW)
    assert trending_score(-5, NOW) == trending_score(0, NOW)
    assert trending_score(99, NOW) == pytest.approx(trending_score(9, NOW + timedelta(seconds=HOT_DECADE_S)))

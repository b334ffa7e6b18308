"""The life of a video, as one table."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.videos.lifecycle import FINAL, TRANSITIONS, IllegalTransition, Trigger, advance
from schemas.videos import Status


def test_the_table() -> None:
    assert {old: {new for (status, _), new in TRANSITIONS.items() if status is old} for old in Status} == {
        Status.QUEUED: {Status.IN_PROGRESS, Status.CANCELLED, Status.FAILED},
        Status.IN_PROGRESS: {Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.QUEUED},
        Status.COMPLETED: set(),
        Status.FAILED: set(),
        Status.CANCELLED: set(),
    }


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("trigger", Trigger)
def test_an_end_is_an_end(status: Status, trigger: Trigger) -> None:
    with pytest.raises(IllegalTransition, match=f"{status} can't {trigger}"):
        advance(status, trigger)


@given(st.lists(st.sampled_from(Trigger)))
def test_whatever_happens_a_video_ends_at_most_once(triggers: list[Trigger]) -> None:
    status, ends = Status.QUEUED, 0
    for trigger in triggers:
        with suppress(IllegalTransition):
            status = advance(status, trigger)
            ends += status in FINAL
    assert ends == (status in FINAL)

"""Proof clips are measured by their times, as phones record them."""

from __future__ import annotations

import pytest

from media import proof
from tests.phone_clips import Timed, moving_bar, phone_clip


@pytest.mark.parametrize(("seconds", "rate"), [(4.0, 240.0), (60.3, 60.02), (3.0, 29.97)])
def test_any_rate_is_as_long_as_it_lasts(seconds: float, rate: float) -> None:
    times = [number / rate for number in range(round(seconds * rate))]
    seen = proof.inspect(phone_clip(Timed(times, seconds), moving_bar, size=(64, 64)))
    assert seen.long_enough
    assert seen.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("seconds", [2.5, 61.0])
def test_too_short_and_too_long_stay_so(seconds: float) -> None:
    times = [number / 10 for number in range(round(seconds * 10))]
    seen = proof.inspect(phone_clip(Timed(times, seconds), moving_bar, size=(64, 64)))
    assert not seen.long_enough

"""What a long task says of its steps."""

from __future__ import annotations

import pytest

from export.progress import ExportProgress


class Clock:
    """Seconds that pass when it's told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_step_says_how_far_it_is_and_how_long_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = ExportProgress("model", {"load": 10.0, "draw": 10.0, "verify": 20.0}, clock)
    progress.step("load", "load it")
    # As measured elsewhere, as long as nothing was measured here.
    assert capsys.readouterr().out == "[model 1/3] load it (0 s, about 40 s left)\n"
    clock.now += 25.0
    progress.step("draw", "draw")
    # A machine of half the speed: 25 s and the 5 that are taken for measured, where 10 and 5 were expected.
    assert capsys.readouterr().out == "[model 2/3] draw (25 s, about 60 s left)\n"
    clock.now += 20.0
    progress.end("done")
    assert capsys.readouterr().out == "[model] done (45 s)\n"
    assert progress.seconds == {"load": 25.0, "draw": 20.0}


def test_without_measurements_the_steps_that_are_over_tell(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = ExportProgress("export", clock=clock)
    progress.step("load", "load it")
    assert capsys.readouterr().out == "[export 1/1] load it (0 s)\n"
    progress.plan(["draw", "text", "verify"])
    clock.now += 3.0
    progress.step("draw", "draw")
    assert capsys.readouterr().out == "[export 2/4] draw (3 s, about 9 s left)\n"
    # One that wasn't planned is counted too, and a step that begins again keeps its place.
    progress.step("more", "more")
    progress.step("draw", "draw")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("]")[0] for line in lines] == ["[export 5/5", "[export 2/5"]

"""More threads are taken while they pay; no pixel depends on how many there are."""

from __future__ import annotations

import time

import numpy as np
import pytest

from model_server.engine import threads
from model_server.engine.preview import PreviewEngine
from model_server.engine.session_cache import SessionCache
from tests.export.small import recipe, small_bundle


class Timed:
    """Runs for as long as it was told."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.runs = seconds, 0

    def warm(self) -> None:
        self.runs += 1
        time.sleep(self.seconds)


@pytest.mark.parametrize(
    ("seconds", "most", "expected"),
    [
        ({1: 0.01, 2: 0.02}, 2, 1),
        ({1: 0.04, 2: 0.01}, 2, 2),
        ({1: 0.05, 2: 0.03, 4: 0.01, 6: 0.03}, 6, 4),
        ({1: 0.05, 2: 0.03, 3: 0.01}, 3, 3),
        ({1: 0.01}, 1, 1),
    ],
)
def test_doubling_ends_where_it_does_not_pay(seconds: dict[int, float], most: int, expected: int) -> None:
    made: dict[int, Timed] = {}

    def make(count: int) -> Timed:
        made[count] = Timed(seconds[count])
        return made[count]

    found, kept = threads.fastest(make, most)
    assert found == expected
    assert kept is made[expected]
    assert set(made) == set(seconds), "nothing beyond the first that doesn't pay is loaded"


def test_a_slow_graph_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "BUDGET_S", 0.01)
    made = {1: Timed(0.02), 2: Timed(0.02)}
    threads.fastest(made.__getitem__, 2)
    assert [each.runs for each in made.values()] == [2, 2], "once for memory and kernels, once for time"


def test_pixels_do_not_depend_on_threads() -> None:
    drawn = []
    for count in (1, 3):
        engine = PreviewEngine(small_bundle(), count)
        job = engine.begin(recipe())
        for _ in range(job.steps):
            engine.step(job)
        drawn.append((job.latents, engine.decode(job)))
    assert np.array_equal(drawn[0][0], drawn[1][0])
    assert np.array_equal(drawn[0][1], drawn[1][1])


def test_a_shelf_measures_each_graph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    cache = SessionCache(threads.MEASURED, budget_bytes=1)
    PreviewEngine(small_bundle(), threads.MEASURED, cache=cache)
    assert set(cache.thread_counts) == {"text.onnx", "transformer.onnx", "decoder.onnx", "picture.onnx"}
    assert set(cache.thread_counts.values()) <= {1, 2}
    monkeypatch.setattr(threads, "fastest", None)
    cache.get(small_bundle() / "text.onnx")
    cache.get(small_bundle() / "picture.onnx")

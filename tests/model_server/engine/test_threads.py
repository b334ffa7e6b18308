"""More threads are taken while they pay; no pixel depends on how many there are."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from model_server.engine import session_cache, thread_record, threads
from model_server.engine.preview import PreviewEngine
from model_server.engine.session_cache import SessionCache
from model_server.engine.thread_record import ThreadRecord
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
    monkeypatch.setattr(session_cache, "cores", lambda: 2)
    cache = SessionCache(threads.MEASURED, budget_bytes=1)
    PreviewEngine(small_bundle(), threads.MEASURED, cache=cache)
    assert set(cache.thread_counts) == {"text.onnx", "transformer.onnx", "decoder.onnx", "picture.onnx"}
    assert set(cache.thread_counts.values()) <= {1, 2}
    monkeypatch.setattr(threads, "fastest", None)
    cache.get(small_bundle() / "text.onnx")
    cache.get(small_bundle() / "picture.onnx")


def test_a_later_start_takes_the_recorded_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = ThreadRecord(tmp_path / "thread-counts.json")

    def start() -> dict[str, int]:
        cache = SessionCache(threads.MEASURED, record=record)
        PreviewEngine(small_bundle(), threads.MEASURED, cache=cache)
        return cache.thread_counts

    measured = start()
    assert len(measured) == 4
    monkeypatch.setattr(threads, "fastest", None)
    assert start() == measured
    monkeypatch.setattr(thread_record, "processor_id", lambda: "another")
    with pytest.raises(TypeError):
        start()


def test_a_record_holds_for_what_it_was_measured_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(thread_record, "cores", lambda: 4)
    path = tmp_path / "thread-counts.json"
    record = ThreadRecord(path)
    record.put("one", 4)
    record.put("two", 2)
    assert [record.get(digest) for digest in ("one", "two", "three")] == [4, 2, None]
    monkeypatch.setattr(thread_record, "cores", lambda: 8)
    assert record.get("one") is None
    record.put("one", 8)
    assert (record.get("one"), record.get("two")) == (8, None)
    for damaged in (b"", b"[]", path.read_bytes().replace(b": 8", b": true"), b"\xff"):
        path.write_bytes(damaged)
        assert record.get("one") is None
    path.unlink()
    path.mkdir()
    record.put("one", 8)
    assert record.get("one") is None
    assert [each.name for each in tmp_path.iterdir()] == [path.name]

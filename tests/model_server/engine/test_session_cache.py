"""Graphs read and write the memory they are given, share one arena, and leave the cache by a budget."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_server.engine.bundle import BundleError
from model_server.engine.onnx_graph import LOADED_PER_FILE_BYTE, OnnxGraph
from model_server.engine.ort_options import providers, serving_options
from model_server.engine.session_cache import SessionCache

SIZE = 64


def graph(path: Path, factor: float = 2.0, rows: int | str = 3) -> Path:
    """y = x * factor, z = x + factor, with some weights to weigh something."""
    weight = numpy_helper.from_array(np.full((SIZE,), factor, np.float32), "factor")
    made = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["y"]), helper.make_node("Add", ["x", "factor"], ["z"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, SIZE]) for name in ("y", "z")],
        [weight],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_outputs_go_where_they_are_wanted(tmp_path: Path) -> None:
    loaded = OnnxGraph(graph(tmp_path / "a.onnx"), 1)
    x, y = np.ones((3, SIZE), np.float32), np.zeros((3, SIZE), np.float32)
    made = loaded.run({"x": x, "unknown": x}, {"y": y, "nothing": x})
    assert made["y"] is y
    assert (y == 2.0).all()
    assert (made["z"] == 3.0).all()
    again = loaded.run({"x": x * 5})
    assert again["z"] is made["z"], "an output without a place uses the graph's own memory"
    assert (again["z"] == 7.0).all()
    assert (y == 2.0).all()


def test_an_input_is_read_where_it_lies(tmp_path: Path) -> None:
    loaded = OnnxGraph(graph(tmp_path / "a.onnx"), 1)
    wide = np.arange(6 * SIZE, dtype=np.float32).reshape(3, 2 * SIZE)
    np.testing.assert_array_equal(loaded.run({"x": wide[:, ::2]})["y"], wide[:, ::2] * 2)
    np.testing.assert_array_equal(loaded.run({"x": np.ones((3, SIZE))})["y"], 2)
    with pytest.raises(ValueError, match=r"a.onnx takes x \[3, 64\], not \[2, 64\]"):
        loaded.run({"x": np.ones((2, SIZE), np.float32)})


def test_a_free_axis_takes_any_size_and_keeps_memory_for_each(tmp_path: Path) -> None:
    loaded = OnnxGraph(graph(tmp_path / "a.onnx", rows="rows"), 1, example_sizes={"rows": 3})
    assert loaded.dynamic
    assert all(array.shape[0] == 3 for array in loaded.zeros().values())
    loaded.warm()
    made = {}
    for rows in (1, 5, 1):
        feeds = {name: np.ones((rows, *each.shape[1:]), each.dtype) for name, each in loaded.zeros().items()}
        made[rows] = loaded.run(feeds)
        assert all(array.shape[0] == rows for array in made[rows].values())
    again = loaded.run({name: array[:1] for name, array in feeds.items()})
    assert all(again[name] is made[1][name] for name in again)
    wrong = {name: each[:, :-1] for name, each in loaded.zeros().items()}
    with pytest.raises(ValueError, match="takes"):
        loaded.run(wrong)


def test_what_is_no_graph_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"b.onnx can't be run"):
        OnnxGraph(tmp_path / "b.onnx", 1)


def test_threads_sleep_and_sessions_share_an_arena() -> None:
    made = serving_options(2)
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert made.get_session_config_entry("session.use_env_allocators") == "1"
    assert made.intra_op_num_threads == 2


def test_what_was_used_longest_ago_leaves_first(tmp_path: Path) -> None:
    paths = [graph(tmp_path / name) for name in ("a.onnx", "b.onnx", "c.onnx")]
    one = int(paths[0].stat().st_size * LOADED_PER_FILE_BYTE)
    cache = SessionCache(1, budget_bytes=2 * one)
    held = cache.get(paths[0])
    cache.get(paths[1])
    assert cache.get(paths[0]) is held
    cache.get(paths[2])
    assert (cache.names, cache.bytes) == (["a.onnx", "c.onnx"], 2 * one)
    assert (held.run({"x": np.ones((3, SIZE), np.float32)})["y"] == 2).all()
    tight = SessionCache(1, budget_bytes=1)
    for path in paths:
        tight.get(path)
    assert tight.names == ["c.onnx"], "what is being used stays, whatever the budget"
    everything = SessionCache(1)
    for path in paths:
        everything.get(path)
    assert len(everything.names) == 3


def test_a_file_in_the_place_of_another_is_another_graph(tmp_path: Path) -> None:
    cache, path = SessionCache(1), graph(tmp_path / "a.onnx")
    written = path.stat().st_mtime_ns
    first = cache.get(path, "", written)
    graph(path, factor=5.0)
    os.utime(path, ns=(written + 10**9, written + 10**9))
    assert cache.get(path, "", written) is first, "what is loaded is what was checked"
    assert cache.get(path) is not first
    with pytest.raises(BundleError, match="was replaced since it was checked"):
        SessionCache(1).get(path, "", written)
    path.unlink()
    with pytest.raises(BundleError, match="can't be read"):
        cache.get(path)


def test_a_bundle_for_cuda_runs_where_there_is_none() -> None:
    assert providers("avx2") == ["CPUExecutionProvider"]
    assert providers("cuda")[-1] == "CPUExecutionProvider"

"""The ladder's arithmetic: ratios, goals, roofs and the plot, on shots that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench import roof
from bench.preview import Row, _comparable, _row, plot, table
from bench.rungs import Rung, Shot

CHIP = {"fp32": 160e9, "int8": 320e9}
SIZE = (8, 8)


def product(path: Path, rows: int = 4, inner: int = 32, columns: int = 16) -> Path:
    weight = numpy_helper.from_array(np.ones((inner, columns), np.float32), "w")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, inner])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, columns])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Relu", ["m"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def ladder(folder: Path) -> list[Rung]:
    return [
        Rung("full", "torch", folder, 1, (16, 16), False, (1.0, 0.0), 3.0),
        Rung("student", "torch", folder, 1, SIZE, True, (1.0, 0.0)),
        Rung("plain", "engine", folder, 1, SIZE),
        Rung("int8", "engine", folder, 1, SIZE),
    ]


def shot(level: int, cpu_s: float, noise: float = 0.0) -> Shot:
    frames = np.full((2, 8, 8, 3), level, np.uint8)
    latents = np.ones((1, 1, 1, 2, 2), np.float32) + np.float32(noise)
    return Shot(frames, latents, cpu_s / 2, cpu_s, cpu_s / 4, 50_000_000)


def rows(folder: Path) -> list[Row]:
    rungs = ladder(folder)
    shots = [
        [shot(level, 8.0), shot(level + 2, 0.8), shot(level, 0.4), shot(level + 40, 0.2, noise=0.1)]
        for level in (100, 180)
    ]
    return [_row(rungs, number, [clip[number] for clip in shots], shots, None, ()) for number in range(4)]


def test_rows(tmp_path: Path) -> None:
    first, student, plain, int8 = rows(tmp_path)
    assert (first.cpu_s, first.wall_s, first.peak_mb, first.fidelity) == (8.0, 4.0, 50.0, 1.0)
    assert plain.fidelity == 1.0
    assert student.fidelity == pytest.approx(1 - 2 / 80)
    assert int8.fidelity == pytest.approx(0.5)
    assert (first.above_db, student.above_db) == (None, None)
    assert plain.above_db == pytest.approx(200.0)
    assert int8.above_db == pytest.approx(20.0, abs=1e-3)


def test_only_like_is_compared_in_decibels(tmp_path: Path) -> None:
    full, student, plain, int8 = ladder(tmp_path)
    assert [_comparable(full, student), _comparable(student, plain), _comparable(plain, int8)] == [
        False,
        True,
        True,
    ]
    assert not _comparable(student._replace(guidance=3.0), plain)


def test_the_table_holds_goals_against_what_was_found(tmp_path: Path) -> None:
    product(tmp_path / "transformer.onnx")
    (tmp_path / "manifest.json").write_text(json.dumps({"sigmas": [1.0, 0.5, 0.0], "guidance": 1.0}))
    text = table(rows(tmp_path), CHIP, 2)
    assert "| full | 4.000 | 8.000 | 1.0 |  | 50 |  | 1.00 |  |" in text
    assert "| int8 | 0.100 | 0.200 | 40.0 | 2.00 | 50 |  | 0.50 | 20.0 |" in text
    assert "| preview against full render, CPU | 40.0 x | >= 50 x |" in text
    assert "| engine against torch eager, same student and steps, denoising | 4.0 x | >= 3 x |" in text
    assert "fp32 160, int8 320" in text


def test_operations_of_a_graph(tmp_path: Path) -> None:
    assert roof.operations(product(tmp_path / "a.onnx", 4, 32, 16)) == 2 * 4 * 32 * 16


def test_a_profile_sums_to_one(tmp_path: Path) -> None:
    path = product(tmp_path / "a.onnx", 64, 256, 256)
    shares = roof.profile(path, 1, {"x": np.ones((64, 256), np.float32)})
    assert {name for name, _ in shares} == {"MatMul", "Relu"}
    assert sum(share for _, share in shares) == pytest.approx(1.0)
    assert shares[0][1] >= shares[-1][1]


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    tree = ElementTree.fromstring(plot(rows(tmp_path)))
    bars = [float(each.get("width", "0")) for each in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == sorted(bars, reverse=True)
    assert len(bars) == 4

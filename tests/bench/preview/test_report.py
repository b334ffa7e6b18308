"""The ladder's arithmetic: ratios, goals, roofs and the plot, on clips that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.preview import report, roofline
from bench.preview.ladder import SERVED
from bench.preview.measure import held_out_requests
from bench.preview.report import Chip, LadderRow, Paired
from bench.preview.roofline import Rate
from bench.preview.workers import Clock, MeasuredClip, Rung

RATES = {"fp32": Rate(160e9, 80e9), "int8": Rate(320e9, 160e9)}
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
        Rung("as traced", "plain", folder, 1, SIZE),
        Rung(SERVED, "engine", folder, 0, SIZE),
    ]


def shot(level: int, cpu_s: float, noise: float = 0.0) -> MeasuredClip:
    frames = np.full((2, 8, 8, 3), level, np.uint8)
    latents = np.ones((1, 1, 1, 2, 2), np.float32) + np.float32(noise)
    cpu = tuple(cpu_s * share for share in (0.125, 0.5, 0.25, 0.125))
    return MeasuredClip(frames, latents, tuple(each / 2 for each in cpu), cpu, 50_000_000)


def found(folder: Path) -> list[LadderRow]:
    shots = [
        [shot(level, 8.0), shot(level + 2, 0.8), shot(level, 0.4), shot(level + 40, 0.2, noise=0.1)]
        for level in (100, 180)
    ]
    return report.rows(ladder(folder), shots)


def chip(**changes: object) -> Chip:
    given = {"threads": 2, "rates": RATES, "operations": 4e9, "alone_s": 0.05, "nodes": [("MatMul", 0.75)]}
    return Chip(**{**given, "measured": {"transformer.onnx": 1}, **changes})  # type: ignore[arg-type]


def test_rows(tmp_path: Path) -> None:
    first, student, traced, served = found(tmp_path)
    assert (first.cpu_s, first.wall_s, first.peak_mb, first.fidelity) == (8.0, 4.0, 50.0, 1.0)
    assert first.least(report.DENOISING) == Rate(2.0, 4.0)
    assert dict(first.shares()) == pytest.approx(
        {"text": 0.125, "denoising": 0.5, "decoding": 0.25, "files": 0.125}
    )
    assert traced.fidelity == 1.0
    assert student.fidelity == pytest.approx(1 - 2 / 80)
    assert served.fidelity == pytest.approx(0.5)
    assert (first.above_db, student.above_db) == (None, None)
    assert traced.above_db == pytest.approx(200.0)
    assert served.above_db == pytest.approx(20.0, abs=1e-3)


def test_only_like_is_compared_in_decibels(tmp_path: Path) -> None:
    full, student, traced, served = ladder(tmp_path)
    pairs = [(full, student), (student, traced), (traced, served)]
    assert [report.comparable(*pair) for pair in pairs] == [False, True, True]
    assert not report.comparable(student._replace(guidance=3.0), traced)


def test_the_table_shows_ratios_and_verdicts(tmp_path: Path) -> None:
    rows = found(tmp_path)
    rows[-1] = rows[-1]._replace(shown=3, judged=4)
    text = report.table(rows)
    assert "| full | 4.000 | 8.000 | 1.0 |  | 50 |  | 1.00 |  |" in text
    assert f"| {SERVED} | 0.100 | 0.200 | 40.0 | 2.00 | 50 | 3 of 4 | 0.50 | 20.0 |" in text


def test_goals_take_the_lesser_of_two_clocks(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"sigmas": [1.0, 0.5, 0.0], "guidance": 1.0}))
    rows = found(tmp_path)
    text = report.goals(rows, chip(), Paired([True, True, False, True], [True, False, False, True]))
    assert "| preview against full render, CPU seconds | 40.0 x | >= 50 x | no |" in text
    assert "denoising | 4.0 x by the clock, 4.0 x in CPU seconds | >= 3 x | yes |" in text
    # 8 GFLOP in 0.05 s by the clock of 320 GFLOP/s, in 0.1 CPU seconds of 160.
    assert "int8 products | 50 % by the clock, 50 % in CPU seconds | >= 60 % | no |" in text
    assert "float32 products | 100 % by the clock, 100 % in CPU seconds | >= 60 % | yes |" in text
    assert "wall | 0.100 s | < 1 s | yes |" in text
    assert "4 pairs | 25.0 ± 25.0 points | < 1 point | no |" in text
    slower = rows[1]._replace(clips=[each._replace(wall=(0.0, 0.1, 0.0, 0.0)) for each in rows[1].clips])
    text = report.goals([rows[0], slower, *rows[2:]], chip(), None)
    assert "denoising | 2.0 x by the clock, 4.0 x in CPU seconds | >= 3 x | no |" in text
    assert "adherence" not in text


def test_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"sigmas": [1.0, 0.5, 0.0], "guidance": 1.0}))
    text = report.why(found(tmp_path), chip())
    assert "text 12 %, denoising 50 %, decoding 25 %, files 12 %" in text
    assert "MatMul 75 %" in text
    # 4 GFLOP in 0.05 s of 160 a CPU second.
    assert "50 % of the int8 roof" in text
    assert "none could save more than a factor of 1.33" in text
    rows = [row._replace(rung=row.rung._replace(tiny=tmp_path)) for row in found(tmp_path)]
    assert "There is no rung" not in report.why(rows, chip())


def test_products_of_a_graph(tmp_path: Path) -> None:
    path = product(tmp_path / "a.onnx", 4, 32, 16)
    assert roofline.shapes(path) == {("float32", 4, 32, 16): 1}
    assert roofline.operations(path) == 2 * 4 * 32 * 16
    assert 0 < roofline.products_alone(path, 1, "avx2") < 1


def test_the_roof_only_rises() -> None:
    measured = roofline.Roofline(1, "avx2")
    measured.measure()
    before = dict(measured.rates)
    measured.measure()
    for name, rate in measured.rates.items():
        assert min(before[name]) > 0
        assert rate.wall >= before[name].wall
        assert rate.cpu >= before[name].cpu


def test_a_profile_sums_to_one(tmp_path: Path) -> None:
    path = product(tmp_path / "a.onnx", 64, 256, 256)
    shares = roofline.profile(path, 1, roofline.example(path))
    assert {name for name, _ in shares} == {"MatMul", "Relu"}
    assert sum(share for _, share in shares) == pytest.approx(1.0)
    assert shares[0][1] >= shares[-1][1]


def test_the_plot_has_a_bar_for_each_rung(tmp_path: Path) -> None:
    rows = found(tmp_path)
    longest = report.bars([row.cpu_s for row in rows])
    assert longest == sorted(longest, reverse=True)
    assert longest[0] == report.BAR_PX
    pixels = np.asarray(report.plot(rows))
    for number, long in enumerate(longest):
        line = pixels[report.ROW_PX * (number + 1) + report.ROW_PX // 2, report.NAME_PX :]
        assert (line == (0x4A, 0x7E, 0xBB)).all(1).sum() == long + 1


def test_stages_are_timed_in_turn() -> None:
    clock = Clock()
    for _ in report.STAGES:
        clock.lap()
    wall, cpu = clock.spent()
    assert len(wall) == len(cpu) == len(report.STAGES)
    assert min(wall) >= 0


def test_requests_are_of_scenes_that_no_one_trained_on() -> None:
    requests, scenes = held_out_requests(5)
    assert len({request.seed for request in requests}) == len(scenes) == 5
    assert all(scene.subject in request.prompt for request, scene in zip(requests, scenes, strict=True))

"""The whole export: the bundle draws what diffusers draws, and a failed one leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
)
from diffusers.pipelines.ltx import pipeline_ltx_condition

from export import cli, pack, verify
from export.errors import ExportError
from export.gates import GATES
from export.load import load
from export.make import Maker
from export.measure import difference
from export.pack import export_bundle
from model_server.engine import host
from model_server.engine.bundle import load_manifest
from model_server.engine.preview import PreviewEngine
from tests.export.models import ltx_vae, write_ltx
from tests.export.small import FPS, FRAMES, SIZE, copied, edited, recipe, small_bundle, small_folder

PROMPT = "a fox on the beach"
# Measured with these weights: 128 dB in float32, 44 dB in int8.
LEAST_DB = {"fp32": 60.0, "int8": 35.0}


def from_pipeline(noise: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Latents and frames that diffusers' own pipeline makes of this noise with the student."""
    folder = small_folder()
    pipeline = LTXConditionPipeline.from_pretrained(folder)
    pipeline.transformer = LTXVideoTransformer3DModel.from_pretrained(folder / "student" / "transformer")
    pipeline.set_progress_bar_config(disable=True)
    monkeypatch.setattr(pipeline_ltx_condition, "randn_tensor", lambda *_, **__: torch.from_numpy(noise))
    sigmas = json.loads((folder / "riffle.json").read_text())["preview"]["sigmas"]
    arguments = {
        "prompt": PROMPT,
        "width": SIZE[0],
        "height": SIZE[1],
        "num_frames": FRAMES,
        "frame_rate": FPS,
        "timesteps": [sigma * 1000 for sigma in sigmas[:-1]],
        "guidance_scale": 1.0,
        "max_sequence_length": 32,
    }
    latents = pipeline(**arguments, output_type="latent").frames.numpy()
    frames = pipeline(**arguments, output_type="np").frames[0]
    return latents, frames


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_bundle_draws_what_the_pipeline_draws(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = PreviewEngine(small_bundle(precision), 2)
    job = engine.begin(recipe(prompt=PROMPT))
    latents, frames = from_pipeline(job.latents, monkeypatch)
    for _ in range(job.steps):
        engine.step(job)
    assert difference(latents, job.latents)["sqnr_db"] > LEAST_DB[precision]
    assert np.abs(frames * 255 - engine.decode(job)).mean() < (0.6 if precision == "fp32" else 3)


def test_the_picture_is_like_the_middle_frame() -> None:
    engine = PreviewEngine(small_bundle(), 2)
    job = engine.begin(recipe())
    for _ in range(job.steps):
        engine.step(job)
    middle = engine.decode(job)[FRAMES // 2].astype(float)
    others = engine.begin(recipe(seed=8))
    for _ in range(others.steps):
        engine.step(others)
    picture = engine.estimate(job).astype(float)
    assert np.abs(picture - middle).mean() < np.abs(picture - engine.decode(others)[FRAMES // 2]).mean()


def test_what_the_manifest_says() -> None:
    manifest = load_manifest(small_bundle())
    assert (manifest.precision, manifest.target, manifest.family) == ("int8", "avx2", "ltx")
    assert manifest.sigmas[-1] == 0.0
    parts = {"text", "transformer", "conditioned_transformer", "decoder", "picture", "encoder"}
    ends = {f"{whole}-{label}" for whole in ("preview", "video") for label in ("64x64x17", "96x64x41")}
    assert set(manifest.parity) == parts | {"preview", "video"} | ends
    gates = GATES["int8"]
    assert all(found["sqnr_db"] >= gates[part.split("-")[0]] for part, found in manifest.parity.items())
    # One set of graphs for all of them.
    assert len(manifest.buckets) == 12
    assert {bucket.transformer for bucket in manifest.buckets} == {"transformer.onnx"}
    assert set(manifest.placement) == parts
    assert all(set(found) == {"CPUExecutionProvider"} for found in manifest.placement.values())
    assert "reduced range" in manifest.quantised["transformer"].scheme
    assert manifest.quantised["transformer"].reached_db >= manifest.quantised["transformer"].goal_db
    assert manifest.buckets[0].schedule is not None
    assert manifest.buckets[0].schedule.made_by == "riffle.json"
    assert manifest.teacher.startswith("riffle-tiny student ")
    assert "cat" in manifest.vocabulary["subjects"]


def test_int8_is_smaller() -> None:
    def size(precision: str) -> int:
        return (small_bundle(precision) / "transformer.onnx").stat().st_size

    assert size("int8") < 0.7 * size("fp32")


def test_a_failed_export_leaves_the_old_bundle_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = copied(small_bundle(), tmp_path / "bundle")
    before = (old / "manifest.json").read_bytes()

    def worse(*_: object) -> None:
        raise ExportError("verify", "transformer: 3 dB against torch is under 28 dB")

    monkeypatch.setattr(Maker, "make", worse)
    with pytest.raises(ExportError, match="under 28 dB"):
        export_bundle(small_folder(), old)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert (old / "manifest.json").read_bytes() == before


def test_a_new_bundle_takes_the_place_of_the_old(tmp_path: Path) -> None:
    work, out = copied(small_bundle(), tmp_path / "work"), copied(small_bundle(), tmp_path / "out")
    (out / "left-over").write_text("old")
    pack.put_in_place(work, out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (out / "left-over").exists()
    load_manifest(out)


@pytest.mark.parametrize("file", ["a photo", ""])
def test_what_is_no_bundle_is_left_alone(tmp_path: Path, file: str) -> None:
    out = tmp_path / "precious"
    if file:
        out.mkdir()
        (out / "photo.png").write_text(file)
    else:
        out.write_text("a file")
    with pytest.raises(ExportError, match="is no bundle: it is left alone"):
        export_bundle(small_folder(), out)
    with pytest.raises(ExportError, match="holds the model itself"):
        export_bundle(small_folder(), small_folder())
    with pytest.raises(ExportError, match="holds the model itself"):
        export_bundle(small_folder(), small_folder().parent)
    assert (out / "photo.png").read_text() == file if file else out.read_text() == "a file"


@pytest.mark.parametrize(
    ("precision", "target"), [("int8", "cuda"), ("fp16", "avx2"), ("int2", "avx2"), ("int8", "abacus")]
)
def test_precisions_that_a_target_does_not_have(tmp_path: Path, precision: str, target: str) -> None:
    with pytest.raises(ExportError, match=r"pack: .* is not known"):
        export_bundle(small_folder(), tmp_path / "bundle", precision=precision, target=target)
    assert not list(tmp_path.iterdir())


def test_what_can_not_be_verified_here_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "sums_exactly", lambda: False)
    with pytest.raises(ExportError, match="vnni can't be verified here: int8 for vnni overflows"):
        export_bundle(small_folder(), tmp_path / "bundle", precision="int8", target="vnni")
    assert not list(tmp_path.iterdir())


def test_a_stage_that_stops_names_the_node_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to find kernel for Foo(1) (node_7)")

    monkeypatch.setattr("torch.onnx.export", broken)
    arguments = [str(small_folder()), "--out", str(tmp_path / "bundle"), "--no-encoder"]
    assert cli.main(arguments) == 1
    assert capsys.readouterr().err == "trace: text: Failed to find kernel for Foo(1) (node_7)\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_model_that_its_library_can_not_draw_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # diffusers hands a block that narrows the noise level as it came, before it is embedded.
    folder = write_ltx(tmp_path / "odd", vae=ltx_vae(timestep_conditioning=True))
    before = sorted(path.name for path in tmp_path.iterdir())
    flags = ["--size", "64x32", "--frames", "5", "--steps", "1", "--prompt-tokens", "8", "--guidance", "1"]
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    assert cli.main([str(folder), "--out", str(tmp_path / "bundle"), *flags]) == 1
    said = capsys.readouterr().err
    assert said.startswith("trace: ")
    assert "Dimension out of range" in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_teacher_without_a_student_is_guided(tmp_path: Path) -> None:
    folder = copied(small_folder(), tmp_path / "model")
    shutil.rmtree(folder / "student")
    card = json.loads((folder / "riffle.json").read_text())
    one = {"lengths": [], "preview": {**card["preview"], "sizes": []}}
    full = {"size": [128, 192], "sigmas": [1.0, 0.5, 0.0], "guidance": 3.0}
    edited(folder / "riffle.json", full=full, **one)
    source = load(folder)
    source.transformer = load(small_folder()).transformer
    # The parts that don't change are taken from the other bundle, since tracing is most of an export.
    bundle = copied(small_bundle("fp32"), tmp_path / "bundle")
    bucket = json.loads((bundle / "manifest.json").read_text())["buckets"][0]
    bucket["schedule"] = {"sigmas": [1.0, 0.5, 0.0], "timesteps": [1000.0, 500.0]}
    edited(bundle / "manifest.json", guidance=3.0, sigmas=[1.0, 0.5, 0.0], buckets=[bucket])
    assert verify.check_previews(source, bundle, "fp32")["preview"]["sqnr_db"] > LEAST_DB["fp32"]


def test_the_command_says_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bundle"
    assert cli.main([str(tmp_path / "nowhere"), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("load: ")
    assert not list(tmp_path.iterdir())


def test_the_command_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(small_bundle()), "--against", str(small_folder())]) == 0
    said = capsys.readouterr().out
    assert "whole and running" in said
    assert "dB now" in said
    broken = copied(small_bundle(), tmp_path / "bundle")
    (broken / "text.onnx").write_bytes(b"")
    assert cli.main(["verify", str(broken)]) == 1
    assert "text.onnx has 0 bytes" in capsys.readouterr().err


def test_other_weights_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copied(small_folder(), tmp_path / "model")
    shutil.rmtree(folder / "student" / "transformer")
    shutil.copytree(folder / "transformer", folder / "student" / "transformer")
    assert cli.main(["verify", str(small_bundle()), "--against", str(folder)]) == 1
    assert "has other weights" in capsys.readouterr().err

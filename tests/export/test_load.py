"""A folder that can't be exported is refused with one line that names what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from export.load import ExportError, load, weight_digest
from tests.export.small import CHANNELS, SIZE, copied, edited, small_folder, small_transformer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(small_folder(), tmp_path / "model")


def refusal(folder: Path) -> str:
    with pytest.raises(ExportError) as refused:
        load(folder)
    text = str(refused.value)
    assert text.startswith("load: ")
    assert "\n" not in text
    return text


def test_the_student_is_taken() -> None:
    source = load(small_folder())
    assert source.is_student
    assert source.tier.sigmas == source.card.preview.sigmas
    assert source.grid == (5, SIZE[1] // 16, SIZE[0] // 16)
    assert source.transformer.config.in_channels == CHANNELS
    assert "cat" in source.vocabulary["subjects"]


def test_without_a_student_the_teacher_is_taken(folder: Path) -> None:
    shutil.rmtree(folder / "student")
    source = load(folder)
    assert not source.is_student
    assert (source.tier.sigmas, source.tier.guidance) == (source.card.full.sigmas, source.card.full.guidance)
    assert source.tier.size == source.card.preview.size


def test_what_the_folder_says_of_its_licence(folder: Path) -> None:
    assert load(folder).licence == "Apache-2.0"
    edited(folder / "riffle.json", licence="")
    assert load(folder).licence == "unspecified"
    (folder / "LICENSE").write_text("\nApache License 2.0\n\nmore")
    assert load(folder).licence == "Apache License 2.0"
    edited(folder / "riffle.json", licence="MIT")
    assert load(folder).licence == "MIT"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("riffle.json", "riffle.json can't be read"),
        ("model_index.json", "model_index.json can't be read"),
        ("vae/config.json", "vae is missing"),
        ("text_encoder/config.json", "text_encoder is missing"),
        ("tokenizer/tokenizer.json", "tokenizer.json is missing"),
        ("student/transformer/diffusion_pytorch_model.safetensors", "transformer can't be loaded"),
    ],
)
def test_a_missing_file(folder: Path, missing: str, named: str) -> None:
    (folder / missing).unlink()
    assert named in refusal(folder)


def test_a_truncated_weight_file(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    assert "vae can't be loaded" in refusal(folder)


def test_a_weight_that_is_not_finite(folder: Path) -> None:
    path = folder / "student" / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["proj_out.bias"][3] = float("nan")
    path.unlink()
    save_file(weights, path, metadata={"format": "pt"})
    assert "transformer: proj_out.bias holds numbers that are not finite" in refusal(folder)


def test_an_unknown_family(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "HunyuanVideoTransformer3DModel"]
    (folder / "model_index.json").write_text(json.dumps(index))
    assert "'HunyuanVideoTransformer3DModel' is of no known family (LTXVideo" in refusal(folder)


@pytest.mark.parametrize("sigmas", [[1.0], [1.0, 0.5], [0.5, 1.0, 0.0], []])
def test_sigmas_that_lead_nowhere(folder: Path, sigmas: list[float]) -> None:
    edited(folder / "riffle.json", preview={"size": list(SIZE), "sigmas": sigmas, "guidance": 1.0})
    assert "sigmas must fall to 0" in refusal(folder)


def test_a_size_between_latents(folder: Path) -> None:
    edited(folder / "riffle.json", preview={"size": [60, 96], "sigmas": [1.0, 0.0], "guidance": 1.0})
    assert "60x96x17 is no multiple of 16 px" in refusal(folder)


def test_a_part_that_no_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.load.MAX_PART_BYTES", 1000)
    assert "transformer has 0.0 GB of float32 weights" in refusal(small_folder())


def test_a_card_without_sense(folder: Path) -> None:
    (folder / "riffle.json").write_text('{"name": 3}')
    assert "riffle.json" in refusal(folder)


def test_another_weight_makes_another_digest() -> None:
    model = small_transformer()
    before = weight_digest(model)
    model.proj_out.bias.data[0] += 1
    assert weight_digest(model) != before

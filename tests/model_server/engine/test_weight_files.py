"""Weight files of a folder, by the names that diffusers and transformers give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_server.engine.teacher import Teacher
from model_server.engine.weight_files import variant_of
from tests.export.small import copied, small_folder


@pytest.mark.parametrize(
    ("names", "variant"),
    [
        (["config.json"], None),
        (["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"], None),
        (["model-00001-of-00002.safetensors", "model.fp16.safetensors"], None),
        (["diffusion_pytorch_model.fp16.safetensors"], "fp16"),
        (["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"], "fp16"),
        (["model.fp16.safetensors", "model.bf16.safetensors"], "bf16"),
        (["model.fp16.safetensors", "model.fp32.safetensors"], "fp32"),
        (["pytorch_model.ema.bin", "pytorch_model.non_ema.bin"], "ema"),
        (["ltx-video-2b.safetensors"], None),
    ],
)
def test_the_variant_of_a_folder(tmp_path: Path, names: list[str], variant: str | None) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert variant_of(tmp_path) == variant


def test_the_teacher_is_loaded_from_a_variant(tmp_path: Path) -> None:
    folder = copied(small_folder(), tmp_path / "model")
    for path in folder.rglob("*.safetensors"):
        if path.parent.name in ("transformer", "vae", "text_encoder"):
            path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    assert (
        Teacher(folder).transformer.config.in_channels
        == Teacher(small_folder()).transformer.config.in_channels
    )

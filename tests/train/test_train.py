"""The stages that need no training."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from export.assemble import WEIGHTS
from train.models.transformer import build_transformer
from train.models.vae import LATENT_CHANNELS, build_vae
from train.stages.training import save_checkpoint
from train.train import run

MODEL = "diffusion_pytorch_model.safetensors"


def test_a_student_is_carried_over_as_far_as_its_teacher_went(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    before = load_file(WEIGHTS / "teacher" / "transformer" / MODEL)
    step = {name: torch.full_like(value, 0.01).float() for name, value in before.items()}
    moved = {name: value.float() + step[name] for name, value in before.items()}
    save_checkpoint(home / "teacher.pt", average=moved)
    run(("carried", "weights"), home, out, {}, "cpu", 0, begin=WEIGHTS)
    student = load_file(WEIGHTS / "student" / "transformer" / MODEL)
    for name, value in load_file(out / "student" / "transformer" / MODEL).items():
        torch.testing.assert_close(value.float(), student[name].float() + step[name], atol=4e-3, rtol=2e-3)


def test_a_trained_student_is_neither_replaced_nor_passed_over(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    for part in ("teacher", "student"):
        save_checkpoint(home / f"{part}.pt", average=build_transformer().state_dict())
    trained = torch.load(home / "student.pt")["average"]
    run(("carried", "weights"), home, out, {}, "cpu", 0, begin=WEIGHTS)
    for name, value in load_file(out / "student" / "transformer" / MODEL).items():
        torch.testing.assert_close(value, trained[name].half())


def test_without_earlier_weights_nothing_is_carried_over(tmp_path: Path) -> None:
    for part, model in (("vae", build_vae()), ("teacher", build_transformer())):
        save_checkpoint(tmp_path / f"{part}.pt", average=model.state_dict())
    statistics = torch.zeros(LATENT_CHANNELS), torch.ones(LATENT_CHANNELS)
    torch.save(statistics, tmp_path / "latent-statistics.pt")
    with pytest.raises(ValueError, match="earlier weights"):
        run(("carried",), tmp_path, tmp_path / "out", {}, "cpu", 0)
    assert not (tmp_path / "carried.pt").exists()

"""The stages that need no training."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from export.assemble import WEIGHTS
from train.models.transformer import build_transformer
from train.models.vae import LATENT_CHANNELS, build_vae
from train.pipeline import TrainingRun, run_stages
from train.stages.trainer import save_checkpoint

MODEL = "diffusion_pytorch_model.safetensors"


def test_a_student_is_moved_as_far_as_its_teacher_went(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    before = load_file(WEIGHTS / "teacher" / "transformer" / MODEL)
    step = {name: torch.full_like(value, 0.01).float() for name, value in before.items()}
    moved = {name: value.float() + step[name] for name, value in before.items()}
    save_checkpoint(home / "teacher.pt", average=moved)
    run_stages(("transfer", "weights"), TrainingRun(home, out, begin=WEIGHTS))
    student = load_file(WEIGHTS / "student" / "transformer" / MODEL)
    for name, value in load_file(out / "student" / "transformer" / MODEL).items():
        torch.testing.assert_close(value.float(), student[name].float() + step[name], atol=4e-3, rtol=2e-3)


def test_a_trained_student_is_neither_replaced_nor_passed_over(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    for part in ("teacher", "student"):
        save_checkpoint(home / f"{part}.pt", average=build_transformer().state_dict())
    trained = torch.load(home / "student.pt")["average"]
    run_stages(("transfer", "weights"), TrainingRun(home, out, begin=WEIGHTS))
    for name, value in load_file(out / "student" / "transformer" / MODEL).items():
        torch.testing.assert_close(value, trained[name].half())


def test_without_earlier_weights_nothing_is_transferred(tmp_path: Path) -> None:
    for part, model in (("vae", build_vae()), ("teacher", build_transformer())):
        save_checkpoint(tmp_path / f"{part}.pt", average=model.state_dict())
    statistics = torch.zeros(LATENT_CHANNELS), torch.ones(LATENT_CHANNELS)
    torch.save(statistics, tmp_path / "latent-statistics.pt")
    with pytest.raises(ValueError, match="earlier weights"):
        run_stages(("transfer",), TrainingRun(tmp_path, tmp_path / "out"))
    assert not (tmp_path / "transfer.pt").exists()

"""The committed weights: small, complete, loadable by diffusers, drawing in the student's own steps."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import LTXConditionPipeline, LTXVideoTransformer3DModel

from export.assemble import WEIGHTS, assemble
from train.models.conditioning import coordinates
from train.models.flow_sampler import noise, sample
from train.models.text_encoder import MAX_TOKENS, TextEncoder
from train.models.transformer import pack, unpack
from train.models.vae import decode
from train.world.clips import FRAMES, PREVIEW


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(tmp_path_factory.mktemp("model") / "riffle-tiny")


def test_the_weights_stay_small():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < 60_000_000


def test_assembling_again_changes_nothing(folder: Path):
    before = (folder / "assembled.json").stat().st_mtime_ns
    assert assemble(folder) == folder
    assert (folder / "assembled.json").stat().st_mtime_ns == before


def test_half_a_folder_is_replaced(folder: Path, tmp_path: Path):
    broken = tmp_path / "model"
    (broken / "vae").mkdir(parents=True)
    assemble(broken)
    assert {path.name for path in broken.iterdir()} == {path.name for path in folder.iterdir()}


def test_diffusers_draws_with_the_teacher(folder: Path):
    pipeline = LTXConditionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    frames = pipeline(
        prompt="a cat on a beach",
        width=64,
        height=96,
        num_frames=FRAMES,
        frame_rate=8,
        num_inference_steps=2,
        max_sequence_length=MAX_TOKENS,
        output_type="np",
    ).frames
    assert frames.shape == (1, FRAMES, 96, 64, 3)


def test_our_coordinates_are_those_of_the_pipeline(folder: Path):
    pipeline = LTXConditionPipeline.from_pretrained(folder, text_encoder=None, tokenizer=None)
    ids = pipeline._prepare_video_ids(1, 5, 6, 4)
    theirs = pipeline._scale_video_ids(ids, 16, 4).float()
    theirs[:, 0] = theirs[:, 0] / 8
    assert torch.equal(coordinates((5, 6, 4)), theirs)


def test_the_student_knows_its_steps(folder: Path):
    sigmas = json.loads((folder / "student" / "scheduler" / "scheduler_config.json").read_text())["sigmas"]
    assert sigmas == json.loads((folder / "riffle.json").read_text())["preview"]["sigmas"]
    assert len(sigmas) <= 5
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert sigmas == sorted(sigmas, reverse=True)


def test_the_student_draws_what_the_prompt_says(folder: Path):
    vae = LTXConditionPipeline.from_pretrained(folder, text_encoder=None, tokenizer=None).vae
    student = LTXVideoTransformer3DModel.from_pretrained(folder / "student" / "transformer")
    sigmas = json.loads((folder / "riffle.json").read_text())["preview"]["sigmas"]
    states, mask = TextEncoder()(
        ["a cat stands still in a meadow by day", "a cat stands still in a meadow at night"]
    )
    start = noise(3, PREVIEW).expand(2, -1, -1, -1, -1)
    with torch.no_grad():
        day, night = decode(vae, sample(student, start, states, mask, sigmas, fast=False))
    assert day.mean() > night.mean() + 0.2
    assert day[1, :, :40].mean() > day[0, :, :40].mean(), "a day sky is blue"
    assert day.std() > 0.2


def test_packing_is_undone_by_unpacking():
    latents = noise(1, PREVIEW)
    assert torch.equal(unpack(pack(latents), latents.shape[2:]), latents)

"""Shards of clips that the refiner is trained on: as a student draws them, beside the clips that they should
be.

A drawn clip is put back to a noise level of the student's and finished by it under its subject's reference
picture: so the student's faults are in it, and the subject is still where it was drawn.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from train.hyperparameters import STUDENT_SHIFT, STUDENT_STEPS
from train.models.conditioning import REFERENCE, reference_conditioning
from train.models.flow_sampler import noise, sample, schedule
from train.models.text_encoder import TextEncoder
from train.models.vae import as_video, decode, encode
from train.reports.contact_sheets import pixels
from train.stages.drawn_clips import PAIRED_SHARE
from train.world.captions import caption
from train.world.clips import (
    FRAMES,
    PREVIEW_SIZES,
    Pose,
    draw,
    motion_path,
    reference_picture,
    reference_pose,
    sprite_layer,
)
from train.world.emoji_sprites import random_sprite
from train.world.scenes import STYLED_SHARE, Scene, all_referred_scenes, referred_scenes
from train.world.vocabulary import STYLES

SHARD_CLIPS = 16  # of one size
SIZE_WEIGHTS = (3, 1, 1)  # portraits, squares, landscapes
# How many of the student's first steps are skipped, and how often: from the first step on the subject would
# be anywhere. All of them: the drawn clip through the autoencoder alone.
SKIPPED_STEPS = {1: 0.45, 2: 0.4, STUDENT_STEPS: 0.15}
SPIN_SHARE = 0.2  # of the clips, beside those that spin anyway: that's the hardest to follow
PICTURE = (128, 128)  # width and height of the picture, as large as the subject of a render


@dataclass(frozen=True)
class Shard:
    """SHARD_CLIPS clips of one size.

    soft, drawn: uint8 [N, F, H, W, 3], as a student draws them and as they should be; layer: uint8
    [N, 128, 128, 4], the subject in the picture, its colours times alpha and its alpha; pose: float32
    [N, F, 4], where the subject is in the frames (x, y, size and angle of clips.Pose); picture_pose: float32
    [N, 4], where it is in the picture.
    """

    soft: np.ndarray
    drawn: np.ndarray
    layer: np.ndarray
    pose: np.ndarray
    picture_pose: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Shard":
        """Read one file."""
        with np.load(path) as arrays:
            return cls(**arrays)


def shard_path(home: Path, number: int) -> Path:
    """Where shard `number` lies."""
    return home / "refiner" / f"shard-{number}.npz"


def load_shards(home: Path) -> list[Shard]:
    """All shards of a training's home."""
    shards: list[Shard] = []
    while (path := shard_path(home, len(shards))).exists():
        shards.append(Shard.load(path))
    return shards


def fill_shards(
    home: Path, vae: AutoencoderKLLTXVideo, student: LTXVideoTransformer3DModel, count: int, seed: int
) -> None:
    """Draw `count` shards; goes on where an interrupted run stopped."""
    device = str(next(student.parameters()).device)
    text = TextEncoder(device)
    for number in range(count):
        path = shard_path(home, number)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        shard = _draw_shard(vae, student, text, random.Random(f"refiner {seed} {number}"))
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **vars(shard))
        part.replace(path)


def _scenes(rng: random.Random) -> list[tuple[Scene, int]]:
    """Scenes of subjects that only a picture shows, some with another or in a style; with clip seeds."""
    scenes, alone = all_referred_scenes(), len(referred_scenes())
    found = []
    for _ in range(SHARD_CLIPS):
        paired = rng.random() < PAIRED_SHARE
        scene = scenes[rng.randrange(alone, len(scenes)) if paired else rng.randrange(alone)]
        if rng.random() < SPIN_SHARE:
            scene = replace(scene, motion="spin")
        if rng.random() < STYLED_SHARE:
            scene = replace(scene, style=rng.choice(tuple(STYLES)))
        found.append((scene, rng.getrandbits(31)))
    return found


def pose_vector(pose: Pose) -> tuple[float, float, float, float]:
    """x, y, size and angle, as a shard has them."""
    return pose.x, pose.y, pose.size, pose.angle


@torch.no_grad()
def _draw_shard(
    vae: AutoencoderKLLTXVideo, student: LTXVideoTransformer3DModel, text: TextEncoder, rng: random.Random
) -> Shard:
    size = rng.choices(PREVIEW_SIZES, SIZE_WEIGHTS)[0]
    device = next(student.parameters()).device
    drawn, layer, pose, picture_pose, small, captions, seeds = ([] for _ in range(7))
    for scene, number in _scenes(rng):
        sprite = random_sprite(rng)
        drawn.append(draw(scene, number, size, FRAMES, sprite).frames)
        pose.append([pose_vector(each) for each in motion_path(scene, number, size, FRAMES)])
        in_picture = reference_pose(number)
        layer.append(sprite_layer(sprite, in_picture, PICTURE).astype(np.uint8))
        picture_pose.append(pose_vector(in_picture))
        small.append(reference_picture(sprite, number, REFERENCE)[None])
        captions.append(caption(scene, rng))
        seeds.append(number)
    latents = encode(vae, as_video(np.stack(drawn)).to(device))
    first = rng.choices(tuple(SKIPPED_STEPS), tuple(SKIPPED_STEPS.values()))[0]
    if first < STUDENT_STEPS:
        sigmas = schedule(STUDENT_STEPS, STUDENT_SHIFT)[first:]
        start = torch.cat([noise(seed, size, FRAMES) for seed in seeds]).to(device)
        conditioning = reference_conditioning(start, encode(vae, as_video(np.stack(small)).to(device)))
        start = torch.lerp(latents, start, sigmas[0])
        latents = sample(student, start, *text(captions), sigmas, fast=False, conditioning=conditioning)
    soft = [pixels(clip) for clip in decode(vae, latents)]
    return Shard(
        np.stack(soft),
        np.stack(drawn),
        np.stack(layer),
        np.asarray(pose, dtype=np.float32),
        np.asarray(picture_pose, dtype=np.float32),
    )

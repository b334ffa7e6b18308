"""What the refiner learns from: clips that a student drew of pictures, beside the clips that they should be.

A drawn clip is put back to a noise level of the student's and finished by it, shown the picture of its
subject: so the student's faults are in it, and the subject is still where it was drawn.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from train.models.conditions import REFERENCE, referring
from train.models.folder import STUDENT_SHIFT, STUDENT_STEPS
from train.models.text_encoder import TextEncoder, told_scenes
from train.models.transformer import noise, sample, schedule
from train.models.vae import as_video, decode, encode
from train.stages.latents import PAIRED_SHARE
from train.world.captions import STYLED_SHARE, Scene, caption, referred_scenes
from train.world.emoji_sprites import crowd, crowd_sprite, varied
from train.world.vocabulary import STYLES
from train.world.world import FRAMES, PREVIEW_SIZES, Pose, course, draw, portrait, portrait_pose, sprite_layer

LOT = 16  # clips of one size that are drawn together
SIZE_WEIGHTS = (3, 1, 1)  # portraits, squares, landscapes
# Steps of the student's that are left out, and how often: at the first the subject would be anywhere. As many
# as it has: a drawn clip, only through the autoencoder.
LEFT_OUT = {1: 0.45, 2: 0.4, STUDENT_STEPS: 0.15}
TURNING = 0.2  # of the clips, beside those that turn anyway: that's the hardest to follow
PICTURE = (128, 128)  # as large as the subject of a render


@dataclass(frozen=True)
class Lot:
    """LOT clips of one size.

    soft, drawn: uint8 [N, F, H, W, 3], as a student draws them and as they should be; layer: uint8
    [N, 128, 128, 4], the subject in the picture, its colours times alpha and its alpha; pose: float32
    [N, F, 4], where the subject is in the frames (the first numbers of world.Pose); posed: float32 [N, 4],
    where it is in the picture.
    """

    soft: np.ndarray
    drawn: np.ndarray
    layer: np.ndarray
    pose: np.ndarray
    posed: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Lot":
        with np.load(path) as arrays:
            return cls(**arrays)


def lot_path(home: Path, number: int) -> Path:
    return home / "refiner" / f"lot-{number}.npz"


def fill_lots(
    home: Path, vae: AutoencoderKLLTXVideo, student: LTXVideoTransformer3DModel, count: int, seed: int
) -> None:
    """Draw `count` lots; goes on where an interrupted run stopped."""
    device = str(next(student.parameters()).device)
    text = TextEncoder(device)
    for number in range(count):
        path = lot_path(home, number)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        lot = _lot(vae, student, text, random.Random(f"refiner {seed} {number}"))
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **vars(lot))
        part.replace(path)


def _scenes(rng: random.Random) -> list[tuple[Scene, int]]:
    """Whom only a picture tells, now and then beside someone or in a style; each with its clip's number."""
    told, alone = told_scenes(), len(referred_scenes())
    found = []
    for _ in range(LOT):
        paired = rng.random() < PAIRED_SHARE
        scene = told[rng.randrange(alone, len(told)) if paired else rng.randrange(alone)]
        if rng.random() < TURNING:
            scene = replace(scene, motion="spin")
        if rng.random() < STYLED_SHARE:
            scene = replace(scene, style=rng.choice(tuple(STYLES)))
        found.append((scene, rng.getrandbits(31)))
    return found


def _numbers(pose: Pose) -> tuple[float, float, float, float]:
    return pose.x, pose.y, pose.size, pose.angle


@torch.no_grad()
def _lot(
    vae: AutoencoderKLLTXVideo, student: LTXVideoTransformer3DModel, text: TextEncoder, rng: random.Random
) -> Lot:
    size = rng.choices(PREVIEW_SIZES, SIZE_WEIGHTS)[0]
    device = next(student.parameters()).device
    drawn, layer, pose, posed, small, captions, seeds = ([] for _ in range(7))
    for scene, number in _scenes(rng):
        sprite = varied(crowd_sprite(rng.choice(crowd())), crowd_sprite(rng.choice(crowd())), rng)
        drawn.append(draw(scene, number, size, FRAMES, sprite).frames)
        pose.append([_numbers(each) for each in course(scene, number, size, FRAMES)])
        sitting = portrait_pose(number)
        layer.append(sprite_layer(sprite, sitting, PICTURE).astype(np.uint8))
        posed.append(_numbers(sitting))
        small.append(portrait(sprite, number, REFERENCE)[None])
        captions.append(caption(scene, rng))
        seeds.append(number)
    latents = encode(vae, as_video(np.stack(drawn)).to(device))
    first = rng.choices(tuple(LEFT_OUT), tuple(LEFT_OUT.values()))[0]
    if first < STUDENT_STEPS:
        sigmas = schedule(STUDENT_STEPS, STUDENT_SHIFT)[first:]
        start = torch.cat([noise(seed, size, FRAMES) for seed in seeds]).to(device)
        told = referring(start, encode(vae, as_video(np.stack(small)).to(device)))
        start = torch.lerp(latents, start, sigmas[0])
        latents = sample(student, start, *text(captions), sigmas, fast=False, told=told)
    soft = (decode(vae, latents).clamp(-1, 1).permute(0, 2, 3, 4, 1) + 1) * 127.5
    return Lot(
        soft.round().byte().cpu().numpy(),
        np.stack(drawn),
        np.stack(layer),
        np.asarray(pose, dtype=np.float32),
        np.asarray(posed, dtype=np.float32),
    )

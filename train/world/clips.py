"""Clips drawn by code: a sprite that moves in front of a painted place under the light of a time of day."""

import math
import random
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from model_server.engine.styles import PALE, TONES
from train.world.canvas import Canvas
from train.world.places import PAINTERS
from train.world.scenes import NOBODY, Scene

SPRITES = Path(__file__).parent / "sprites"
FRAMES = 17
FPS = 8
# 2, 3, 4 and 5 seconds: the first frame stands at time 0.
LENGTHS = (17, 25, 33, 41)
# Portrait, square, landscape: the short side is always the same.
PREVIEW_SIZES = ((64, 96), (64, 64), (96, 64))
FULL_SIZES = ((128, 192), (128, 128), (192, 128))
PREVIEW, FULL = PREVIEW_SIZES[0], FULL_SIZES[0]
PAN_ROOM = 1.5  # width of the painted place in frame widths when the camera pans

# Sprites that look left or right; those that face the viewer need no mirroring.
LOOKS_LEFT = {"cat", "elephant", "duck", "flamingo", "car", "bus", "turtle", "unicorn"}
LOOKS_RIGHT = {"penguin", "fish", "rocket", "boat"}


@dataclass(frozen=True)
class DrawnClip:
    """A drawn clip.

    frames: uint8 [F, H, W, 3]; cover: float32 [F, H, W] in 0..1, how much of each pixel the moving subject
    hides.
    """

    frames: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True)
class Pose:
    """The sprite: centre in frame fractions, size in short sides, angle in degrees; camera shift in 0..1."""

    x: float
    y: float
    size: float
    angle: float = 0.0
    camera: float = 0.0


@cache
def subject_sprite(subject: str, mirrored: bool = False) -> Image.Image:
    """The picture of a subject of the vocabulary, mode RGBa."""
    # Premultiplied alpha, so that resampling leaves no dark fringe.
    picture = Image.open(SPRITES / f"{subject}.png").convert("RGBa")
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture


def poses(motion: str, rng: random.Random, frames: int = FRAMES, *, tall: bool = True) -> list[Pose]:
    """The path of the subject for one motion, `frames` poses long; `tall` frames have room above it.

    A longer clip has as many hops and turns a second as a short one, and crosses the picture more slowly.
    """
    size = rng.uniform(0.62, 0.74) * (1 if tall else 0.92)
    ground = rng.uniform(0.68, 0.74) - (0 if tall else 0.08)
    x = rng.uniform(0.43, 0.57)
    reach = rng.uniform(0.24, 0.30)
    phase = rng.uniform(0, 1)
    sign = rng.choice((-1, 1))
    rounds = (frames - 1) / (FRAMES - 1)
    path = []
    for frame in range(frames):
        t = frame / (frames - 1)
        step = 0.014 * abs(math.sin(math.pi * 4 * t * rounds))
        if motion == "left":
            pose = Pose(0.5 + reach * (1 - 2 * t), ground - step, size)
        elif motion == "right":
            pose = Pose(0.5 - reach * (1 - 2 * t), ground - step, size)
        elif motion == "jump":
            pose = Pose(x, ground - 0.26 * abs(math.sin(math.pi * (2 * t * rounds + phase))), size)
        elif motion == "spin":
            pose = Pose(x, ground - 0.12, size, sign * 360 * t * rounds)
        elif motion == "grow":
            pose = Pose(x, ground - 0.05, size * (0.5 + 0.9 * t))
        elif motion == "rise":
            pose = Pose(x, ground - 0.5 * t, size)
        elif motion == "fall":
            pose = Pose(x, ground - 0.5 * (1 - t), size)
        elif motion == "pan":
            pose = Pose(x, ground, size, 0.0, t if sign > 0 else 1 - t)
        else:
            pose = Pose(x, ground, size)
        path.append(pose)
    return path


def draw(
    scene: Scene,
    seed: int,
    size: tuple[int, int] = PREVIEW,
    frames: int = FRAMES,
    sprite: Image.Image | None = None,
) -> DrawnClip:
    """Draw one clip; `size` is (width, height) in pixels. The same seed gives the same clip at both sizes of
    a shape.

    `sprite` (mode RGBa) stands in for the scene's subject, and is never mirrored. Two subjects do the same.
    """
    width, height = size
    paint_rng, paths = _layout(scene, seed, size, frames)
    path = paths[0]
    wide = round(width * PAN_ROOM) if scene.motion == "pan" else width
    place = Image.new("RGB", (wide * 2, height * 2))
    canvas = Canvas(place, paint_rng, night=scene.time == "night")
    PAINTERS[scene.place](canvas)
    small, light = (
        each.resize((wide, height), Image.Resampling.BOX) for each in (canvas.image, canvas.light)
    )
    place = _light(small, scene, paint_rng, light)
    shown = [] if scene.subject == NOBODY else [sprite or _facing(scene.subject, scene.motion)]
    if scene.other:
        shown.append(_facing(scene.other, scene.motion))
    # Nobody's path is the camera's alone.
    sprites = list(zip(shown, paths, strict=False))
    background = np.asarray(place, dtype=np.float32)
    tint = np.asarray(SPRITE_TINT[scene.time], dtype=np.float32)
    out = np.empty((frames, height, width, 3), dtype=np.uint8)
    cover = np.zeros((frames, height, width), dtype=np.float32)
    for i in range(frames):
        shift = round(path[i].camera * (wide - width))
        picture = background[:, shift : shift + width]
        for each, its_path in sprites:
            layer = sprite_layer(each, its_path[i], size)
            alpha = layer[..., 3:] / 255
            picture = picture * (1 - alpha) + layer[..., :3] * tint
            cover[i] = np.maximum(cover[i], alpha[..., 0])
        out[i] = styled(picture, scene.style)
    return DrawnClip(out, cover)


def motion_path(scene: Scene, seed: int, size: tuple[int, int] = PREVIEW, frames: int = FRAMES) -> list[Pose]:
    """Where the (first) subject is in each frame of the clip that `draw` draws of the same."""
    return _layout(scene, seed, size, frames)[1][0]


def _layout(
    scene: Scene, seed: int, size: tuple[int, int], frames: int
) -> tuple[random.Random, list[list[Pose]]]:
    """The random numbers that paint the place, and the path of each subject."""
    rng = random.Random(f"{scene}|{seed}")
    path = poses(scene.motion, rng, frames, tall=size[1] > size[0])
    paint_rng = random.Random(rng.random())
    if not scene.other:
        return paint_rng, [path]
    side = rng.choice((-1, 1))
    return paint_rng, [[_beside(pose, each) for pose in path] for each in (side, -side)]


def _facing(subject: str, motion: str) -> Image.Image:
    """A subject's sprite, looking where it goes."""
    mirrored = (motion == "right" and subject in LOOKS_LEFT) or (motion == "left" and subject in LOOKS_RIGHT)
    return subject_sprite(subject, mirrored)


def _beside(pose: Pose, side: int) -> Pose:
    """The pose of one of two subjects: smaller, left (-1) or right (1) of the middle, less moved sideways."""
    return replace(pose, x=0.5 + 0.3 * (pose.x - 0.5) + side * 0.25, size=0.72 * pose.size)


def reference_picture(sprite: Image.Image, seed: int, size: tuple[int, int] = PREVIEW) -> np.ndarray:
    """A reference picture, uint8 [H, W, 3]: the sprite upright before one colour, as large as it fits."""
    pose, ground = _reference_layout(seed)
    layer = sprite_layer(sprite, pose, size)
    return (ground * (1 - layer[..., 3:] / 255) + layer[..., :3]).clip(0, 255).astype(np.uint8)


def reference_pose(seed: int) -> Pose:
    """The pose of the sprite in `reference_picture` of this seed."""
    return _reference_layout(seed)[0]


def _reference_layout(seed: int) -> tuple[Pose, np.ndarray]:
    """A reference picture's pose, and the colour of its ground."""
    rng = random.Random(f"portrait {seed}")
    pose = Pose(rng.uniform(0.46, 0.54), rng.uniform(0.46, 0.54), rng.uniform(0.8, 0.98), rng.uniform(-6, 6))
    return pose, np.asarray([rng.uniform(60, 235) for _ in range(3)], dtype=np.float32)


def sprite_layer(sprite: Image.Image, pose: Pose, size: tuple[int, int]) -> np.ndarray:
    """The sprite on an empty frame, float32 [H, W, 4] in 0..255: colours times alpha, and alpha."""
    return np.asarray(_place_sprite(sprite, pose, *size), dtype=np.float32)


def _place_sprite(sprite: Image.Image, pose: Pose, width: int, height: int) -> Image.Image:
    """The sprite at sub-pixel position, size and angle on an empty frame (one inverse affine map)."""
    scale = sprite.width / (pose.size * min(width, height))
    cos, sin = math.cos(math.radians(pose.angle)) * scale, math.sin(math.radians(pose.angle)) * scale
    cx, cy, half = pose.x * width, pose.y * height, sprite.width / 2
    reduced = sprite
    if scale > 1.5:
        # An affine map samples four pixels only: shrink first, or small sprites flicker.
        factor = round(scale)
        reduced = sprite.reduce(factor)
        cos, sin, half = cos / factor, sin / factor, reduced.width / 2
    matrix = (cos, sin, half - cos * cx - sin * cy, -sin, cos, half + sin * cx - cos * cy)
    return reduced.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


# Multiplies the colours of the place / of the sprite. The subject keeps more of its own colour than the
# place.
PLACE_TINT = {"day": (1.0, 1.0, 1.0), "sunset": (1.05, 0.70, 0.56), "night": (0.30, 0.36, 0.60)}
LAMPLIGHT = (1.0, 0.95, 0.88)
# Where no moon can be seen.
WITHOUT_SKY = {"ocean", "room", "cave", "kitchen", "stage"}
SPRITE_TINT = {"day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.90, 0.80), "night": (0.78, 0.82, 0.95)}


def styled(picture: np.ndarray, style: str) -> np.ndarray:
    """A picture [H, W, 3] in 0..255 in the colours of a style; unchanged without one."""
    if style == "pastel":
        return picture + (255 - picture) * PALE
    if style not in TONES:
        return picture
    brightness = picture @ np.asarray((0.299, 0.587, 0.114), dtype=np.float32)
    tones = np.asarray(TONES[style], dtype=np.float32)
    return np.stack([np.interp(brightness, (0, 127.5, 255), tones[:, i]) for i in range(3)], axis=-1)


def _light(
    place: Image.Image, scene: Scene, rng: random.Random, shining: Image.Image | None = None
) -> Image.Image:
    """The place under the light of the scene's time; what `shining` (mode L) marks stays bright at night."""
    tint = np.asarray(PLACE_TINT[scene.time], dtype=np.float32)
    if scene.time == "night" and shining is not None:
        share = np.asarray(shining, dtype=np.float32)[..., None] / 255
        tint = tint + share * (np.asarray(LAMPLIGHT, dtype=np.float32) - tint)
    pixels = np.asarray(place, dtype=np.float32) * tint
    height = pixels.shape[0]
    if scene.time == "sunset":
        # A warm band of light that fades from the middle to the top and the bottom.
        band = np.exp(-(((np.arange(height) / height - 0.45) / 0.22) ** 2))[:, None, None].astype(np.float32)
        pixels = pixels + band * np.asarray((70, 28, 0), dtype=np.float32)
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if scene.time == "night" and scene.place not in WITHOUT_SKY:
        _moon(lit, rng)
    return lit


def _moon(picture: Image.Image, rng: random.Random) -> None:
    pen = ImageDraw.Draw(picture)
    unit = picture.height
    x, y, r = rng.uniform(0.15, 0.85) * picture.width, 0.1 * unit, 0.045 * unit
    pen.ellipse([x - r, y - r, x + r, y + r], fill=(235, 235, 205))

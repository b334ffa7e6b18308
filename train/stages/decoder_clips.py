"""What the upsampling decoder learns from: latents of drawn clips, and frames of them at twice the size."""

import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor

from train.models.precision import mixed
from train.models.vae import SPATIAL_RATIO, TEMPORAL_RATIO, as_video, encode
from train.world.clips import FRAMES, PREVIEW_SIZES, draw
from train.world.emoji_sprites import random_sprite
from train.world.scenes import NOBODY, Scene
from train.world.vocabulary import MOTIONS, PLACES, STYLES, TIMES

FULL_SHARE = 0.35  # of the clips: windows of a render's latents
SUBJECT_SHARE = 0.2  # of the clips: somebody moves there
PAN_SHARE = 0.25  # of the others
STYLED_SHARE = 0.1
TARGETS = 2  # frames of each clip
LATENT_FRAMES = (FRAMES - 1) // TEMPORAL_RATIO + 1
SIZE_WEIGHTS = (3, 1, 1)  # portraits, squares, landscapes
GRID = (6, 4)  # rows and columns of the windows


def random_decoder_scene(rng: random.Random) -> Scene:
    """A scene of this stage: most often without anybody."""
    place, time = rng.choice(tuple(PLACES)), rng.choice(tuple(TIMES))
    style = rng.choice(tuple(STYLES)) if rng.random() < STYLED_SHARE else ""
    if rng.random() < SUBJECT_SHARE:
        return Scene("someone", place, time, rng.choice(tuple(MOTIONS)), style)
    return Scene(NOBODY, place, time, "pan" if rng.random() < PAN_SHARE else "still", style)


class DecoderClips:
    """N clips: latents float16 [N, C, T, 6, 4]; frame int8 [N, K, 2], latent frame and which of its four;
    target uint8 [N, K, 192, 128, 3].

    Windows of landscapes and squares are cut to the portrait's grid.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.paths = {
            name: folder / f"decoder-{count}-{name}.npy" for name in ("latents", "frame", "target", "done")
        }
        shapes = {
            "latents": ("float16", (count, 48, LATENT_FRAMES, *GRID)),
            "frame": ("int8", (count, TARGETS, 2)),
            "target": ("uint8", (count, TARGETS, GRID[0] * 32, GRID[1] * 32, 3)),
            "done": ("uint8", (count,)),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in self.paths.items():
            if not path.exists():
                np.lib.format.open_memmap(path, "w+", *shapes[name])[:1] = 0
        self.arrays = {name: np.lib.format.open_memmap(path, "r+") for name, path in self.paths.items()}

    @property
    def filled(self) -> int:
        """How many are there."""
        return int(self.arrays["done"].sum())

    @torch.no_grad()
    def fill(self, vae: AutoencoderKLLTXVideo, seed: int, batch: int = 8) -> None:
        """Draw and encode; goes on where an interrupted run stopped."""
        count = len(self.arrays["done"])
        while (done := self.filled) < count:
            rng = random.Random(f"decoder {seed} {done}")
            full = rng.random() < FULL_SHARE
            width, height = rng.choices(PREVIEW_SIZES, SIZE_WEIGHTS)[0]
            # A window of the portrait's grid fits into a landscape's or a square's render only.
            if full or width >= height:
                width, height = 2 * width, 2 * height
            small, frames, targets, windows = [], [], [], []
            for _ in range(min(batch, count - done)):
                scene, number = random_decoder_scene(rng), rng.getrandbits(40)
                sprite = None if scene.subject == NOBODY else random_sprite(rng)
                small.append(draw(scene, number, (width, height), sprite=sprite).frames)
                large = draw(scene, number, (2 * width, 2 * height), sprite=sprite).frames
                rows, columns = height // SPATIAL_RATIO, width // SPATIAL_RATIO
                y, x = rng.randint(0, rows - GRID[0]), rng.randint(0, columns - GRID[1])
                windows.append((y, x))
                which = [
                    (latent := rng.randrange(LATENT_FRAMES), rng.randrange(4) if latent else 3)
                    for _ in range(TARGETS)
                ]
                frames.append(which)
                cut = (slice(32 * y, 32 * (y + GRID[0])), slice(32 * x, 32 * (x + GRID[1])))
                targets.append(np.stack([large[4 * t + sub - 3][cut] for t, sub in which]))
            with mixed("cpu"):
                latents = encode(vae, as_video(np.stack(small))).numpy()
            rows_ = slice(done, done + len(small))
            self.arrays["latents"][rows_] = np.stack(
                [
                    each[:, :, y : y + GRID[0], x : x + GRID[1]]
                    for each, (y, x) in zip(latents, windows, strict=True)
                ]
            )
            self.arrays["frame"][rows_], self.arrays["target"][rows_] = frames, targets
            self.arrays["done"][rows_] = 1

    def sample(self, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """latents float32 [B, C, T, 6, 4]; index int [B, K] of the video frame; target float32
        [B, K, 3, 192, 128] in -1..1.
        """
        rows = np.sort(rng.choice(self.filled, batch, replace=False))
        latents, frame, target = (self.arrays[name][rows] for name in ("latents", "frame", "target"))
        index = torch.from_numpy(frame[..., 0].astype(np.int64) * 4 + frame[..., 1] - 3)
        pictures = torch.from_numpy(target).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        return torch.from_numpy(latents.astype(np.float32)), index, pictures

"""Latents of drawn clips, made once and kept in memory-mapped files for teacher and student.

A bank of large clips also holds each clip as a render meets it: drawn at the preview's size, through the
autoencoder, enlarged and encoded again.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from export.tiny.text import training_scenes
from export.tiny.vae import LATENT_CHANNELS, SPACE, TIME, as_video, decode, encode, enlarge
from export.tiny.world import FRAMES, PREVIEW, draw

# Drawn previews are a little wrong, by latents of up to this deviation; their renders should be right.
PREVIEW_ERROR = 0.25


class _Drawn(Dataset):
    """Clip number i: (video float32 [3, F, H, W], cover float32 [1, F, H, W], index of its scene, the clip at
    the preview's size if that's another).
    """

    def __init__(self, count: int, size: tuple[int, int], seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed
        self.scenes = training_scenes()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, int, Tensor]:
        # Every scene once before any scene twice.
        round_, place = divmod(i, len(self.scenes))
        order = list(range(len(self.scenes)))
        random.Random(f"order {self.seed} {round_}").shuffle(order)
        scene, number = self.scenes[order[place]], self.seed * 1_000_003 + i
        clip = draw(scene, number, self.size)
        small = as_video(draw(scene, number, PREVIEW).frames) if self.size != PREVIEW else torch.empty(0)
        return as_video(clip.frames), torch.from_numpy(clip.cover)[None], order[place], small


def token_cover(cover: Tensor) -> Tensor:
    """How much of each cell the subject hides: [B, 1, F, H, W] pixels -> [B, (F-1)/4+1, H/16, W/16]."""
    first = F.avg_pool3d(cover[:, :, :1], (1, SPACE, SPACE))
    rest = F.avg_pool3d(cover[:, :, 1:], (TIME, SPACE, SPACE))
    return torch.cat((first, rest), dim=2)[:, 0]


@dataclass
class LatentBank:
    """latents float16 [N, 32, F, H, W] (normalised), cover float16 [N, F, H, W], scene int [N].

    enlarged: like latents, of the clip enlarged from its preview; None in a bank of previews.
    """

    latents: np.ndarray
    cover: np.ndarray
    scene: np.ndarray
    enlarged: np.ndarray | None

    @classmethod
    def load(cls, folder: Path, size: tuple[int, int], count: int) -> "LatentBank":
        """Opens a bank that may still be growing: rows without a scene (-1) aren't there yet."""
        parts = [np.load(path, mmap_mode="r") for path in _paths(folder, size, count)]
        return cls(*parts) if size != PREVIEW else cls(*parts, None)

    @property
    def filled(self) -> int:
        return int(np.searchsorted(self.scene < 0, True))

    def take(self, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, np.ndarray, Tensor | None]:
        """A random batch: latents float32 [B, 32, F, H, W], cover float32 [B, F, H, W], scene indices [B],
        and the enlarged latents.
        """
        rows = np.sort(rng.integers(0, self.filled, batch))
        latents, cover = self.latents[rows].astype(np.float32), self.cover[rows].astype(np.float32)
        enlarged = None
        if self.enlarged is not None:
            enlarged = torch.from_numpy(self.enlarged[rows].astype(np.float32))
        return torch.from_numpy(latents), torch.from_numpy(cover), np.asarray(self.scene[rows]), enlarged


def _paths(folder: Path, size: tuple[int, int], count: int) -> list[Path]:
    parts = ("latents", "cover", "scene") + (() if size == PREVIEW else ("enlarged",))
    return [folder / f"bank-{size[0]}x{size[1]}-{count}-{part}.npy" for part in parts]


@torch.no_grad()
def fill_bank(
    vae: AutoencoderKLLTXVideo, folder: Path, size: tuple[int, int], count: int, seed: int, batch: int = 16
) -> None:
    """Draw and encode `count` clips of `size` (width, height); goes on where an interrupted run stopped."""
    frames, height, width = (FRAMES - 1) // TIME + 1, size[1] // SPACE, size[0] // SPACE
    paths = _paths(folder, size, count)
    if not all(path.exists() for path in paths):
        code = (count, LATENT_CHANNELS, frames, height, width)
        shapes = (code, (count, frames, height, width), (count,), code)
        kinds = ("float16", "float16", "int32", "float16")
        for path, shape, kind in zip(paths, shapes, kinds, strict=False):
            empty = np.lib.format.open_memmap(path, "w+", kind, shape)
            empty[:] = -1 if kind == "int32" else 0
    latents, cover, scene, *enlarged = (np.lib.format.open_memmap(path, "r+") for path in paths)
    done = int(np.searchsorted(scene < 0, True))
    drawn = torch.utils.data.Subset(_Drawn(count, size, seed), range(done, count))
    device = next(vae.parameters()).device
    torch.manual_seed(seed + done)
    vae.encoder.compile(dynamic=False)
    for video, hidden, index, small in DataLoader(drawn, batch_size=batch, num_workers=1, prefetch_factor=4):
        rows = slice(done, done + len(index))
        with torch.autocast(device.type, torch.bfloat16):
            latents[rows] = encode(vae, video.to(device)).cpu().numpy()
            if enlarged:
                preview = encode(vae, small.to(device))
                amount = PREVIEW_ERROR * torch.rand(len(small), 1, 1, 1, 1, device=device)
                preview = decode(vae, preview + amount * torch.randn_like(preview))
                enlarged[0][rows] = encode(vae, enlarge(preview, size)).cpu().numpy()
        cover[rows] = token_cover(hidden).numpy()
        # Last, since a reader takes a row as there once it has a scene.
        scene[rows] = index.numpy()
        done += len(index)

"""Latents of drawn clips, made once and kept in memory-mapped files for teacher and student.

A told bank also holds what its clips may be told beyond words: a reference picture of the subject, which
most often is none of the vocabulary's, and the last frame. A bank of large clips also holds each as a render
meets it: drawn at the preview's size, through the autoencoder, enlarged and encoded again.
"""

import random
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from train.models.conditions import REFERENCE, REFERENCE_GRID
from train.models.text_encoder import told_scenes, training_scenes
from train.models.vae import LATENT_CHANNELS, SPACE, TIME, as_video, decode, encode, enlarge
from train.stages.precision import mixed
from train.stages.training import DRAWERS
from train.world.captions import Scene, referred_scenes
from train.world.emoji_sprites import crowd, crowd_sprite, varied
from train.world.world import FRAMES, FULL_SIZES, PREVIEW_SIZES, draw, portrait, subject_sprite

# Drawn previews are a little wrong, by latents of up to this deviation; their renders should be right.
PREVIEW_ERROR = 0.25
STRANGERS = 0.7  # of a told bank's clips: only a reference picture tells their subject
PAIRED_SHARE = 0.15  # of those: another subject stands beside
IN_SCENERY = 1 / 3  # of their pictures: a moment of another clip of them, as people show one that they made

Size = tuple[int, int]


@dataclass(frozen=True)
class Kind:
    """A bank's clips: their size (width, height), how many, whether they have conditions, their length."""

    size: Size
    count: int
    told: bool = False
    frames: int = FRAMES

    @property
    def stem(self) -> str:
        """What its files' names begin with."""
        shape = f"{self.size[0]}x{self.size[1]}x{self.frames}"
        return f"bank-{shape}-{self.count}" + ("-told" if self.told else "")

    @property
    def grid(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns."""
        return (self.frames - 1) // TIME + 1, self.size[1] // SPACE, self.size[0] // SPACE

    @property
    def preview(self) -> Size:
        """The size of the preview of such a clip."""
        return dict(zip(FULL_SIZES, PREVIEW_SIZES, strict=True)).get(self.size, self.size)

    def times(self, factor: float) -> "Kind":
        """The same clips, so many times as many."""
        return replace(self, count=round(self.count * factor))

    def arrays(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each array."""
        code = (self.count, LATENT_CHANNELS, *self.grid)
        found: dict[str, tuple[str, tuple[int, ...]]] = {
            "latents": ("float16", code),
            "cover": ("float16", (self.count, *self.grid)),
            "scene": ("int32", (self.count,)),
        }
        if self.told:
            found["reference"] = ("float16", (self.count, LATENT_CHANNELS, *REFERENCE_GRID))
            found["end"] = ("float16", (self.count, LATENT_CHANNELS, 1, *self.grid[1:]))
        if self.preview != self.size:
            found["enlarged"] = ("float16", code)
        return found


class _Drawn(Dataset):
    """Clip number i: frames uint8 [F, H, W, 3], cover float32 [1, F, H, W], index of its scene, the frames at
    the preview's size if that's another, and a reference picture [1, 64, 64, 3] if it has one.
    """

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind, self.seed = kind, seed
        self.known, self.referred = training_scenes(), told_scenes()

    def __len__(self) -> int:
        return self.kind.count

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, int, Tensor, Tensor]:
        scene, index, number = *self._scene(i), self.seed * 1_000_003 + i
        rng = random.Random(f"subject {self.seed} {i}")
        sprite = None
        if index >= len(self.known):
            sprite = varied(crowd_sprite(rng.choice(crowd())), crowd_sprite(rng.choice(crowd())), rng)
        clip = draw(scene, number, self.kind.size, self.kind.frames, sprite)
        small = picture = torch.empty(0)
        if self.kind.size != self.kind.preview:
            small = torch.from_numpy(draw(scene, number, self.kind.preview, self.kind.frames, sprite).frames)
        if self.kind.told:
            # A known subject stays before plain ground: another clip might be of a held-out combination.
            plain = sprite is None or rng.random() >= IN_SCENERY
            shown = sprite or subject_sprite(scene.subject)
            drawn = portrait(shown, number, REFERENCE) if plain else moment(shown, rng)
            picture = torch.from_numpy(drawn[None])
        return torch.from_numpy(clip.frames), torch.from_numpy(clip.cover)[None], index, small, picture

    def _scene(self, i: int) -> tuple[Scene, int]:
        """A scene and its index among the known and then the referred ones."""
        if self.kind.told and random.Random(f"stranger {self.seed} {i}").random() < STRANGERS:
            rng, alone = random.Random(f"referred {self.seed} {i}"), len(referred_scenes())
            paired = rng.random() < PAIRED_SHARE
            index = rng.randrange(alone, len(self.referred)) if paired else rng.randrange(alone)
            return self.referred[index], len(self.known) + index
        # Every scene once before any scene twice.
        round_, place = divmod(i, len(self.known))
        order = _order(len(self.known), f"order {self.seed} {round_}")
        return self.known[order[place]], order[place]


def moment(sprite: Image.Image, rng: random.Random) -> np.ndarray:
    """A frame uint8 [64, 64, 3] of a clip of this sprite (mode RGBa), in any place, time and motion."""
    frames = draw(rng.choice(referred_scenes()), rng.getrandbits(40), REFERENCE, sprite=sprite).frames
    return frames[rng.randrange(len(frames))]


@cache
def _order(count: int, seed: str) -> list[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


def token_cover(cover: Tensor) -> Tensor:
    """How much of each cell the subject hides: [B, 1, F, H, W] pixels -> [B, (F-1)/4+1, H/16, W/16]."""
    first = F.avg_pool3d(cover[:, :, :1], (1, SPACE, SPACE))
    rest = F.avg_pool3d(cover[:, :, 1:], (TIME, SPACE, SPACE))
    return torch.cat((first, rest), dim=2)[:, 0]


@dataclass
class Batch:
    """latents float32 [B, C, F, h, w] (normalised); cover float32 [B, F, h, w]; scene int [B]; enlarged like
    latents; reference [B, C, 1, 4, 4] and end [B, C, 1, h, w]; None where the bank has no such thing.
    """

    latents: Tensor
    cover: Tensor
    scene: np.ndarray
    enlarged: Tensor | None = None
    reference: Tensor | None = None
    end: Tensor | None = None


@dataclass
class LatentBank:
    """The arrays of Kind.arrays: the scenes' numbers, and by name the others, float16 on one device."""

    scene: np.ndarray
    tensors: dict[str, Tensor]

    @classmethod
    def load(cls, folder: Path, kind: Kind, device: str = "cpu") -> "LatentBank":
        """Opens a bank that may still be growing: rows without a scene (-1) aren't there yet."""
        arrays = {name: np.load(folder / f"{kind.stem}-{name}.npy", mmap_mode="c") for name in kind.arrays()}
        scene = arrays.pop("scene")
        return cls(scene, {name: torch.from_numpy(array).to(device) for name, array in arrays.items()})

    @property
    def filled(self) -> int:
        return int(np.searchsorted(self.scene < 0, True))

    def take(self, batch: int, rng: np.random.Generator, below: int | None = None) -> Batch:
        """A random batch, of scenes of lower numbers than `below`."""
        fit = np.arange(self.filled)
        if below is not None:
            fit = fit[self.scene[: self.filled] < below]
        return self.rows(np.sort(rng.choice(fit, batch)))

    def rows(self, rows: np.ndarray) -> Batch:
        """These rows."""
        chosen = torch.from_numpy(rows).to(self.tensors["latents"].device)
        return Batch(
            scene=np.asarray(self.scene[rows]),
            **{name: tensor[chosen].float() for name, tensor in self.tensors.items()},
        )


@torch.no_grad()
def fill_bank(vae: AutoencoderKLLTXVideo, folder: Path, kind: Kind, seed: int, batch: int = 16) -> None:
    """Draw and encode a bank's clips; goes on where an interrupted run stopped."""
    for name, (dtype, shape) in kind.arrays().items():
        path = folder / f"{kind.stem}-{name}.npy"
        if not path.exists():
            np.lib.format.open_memmap(path, "w+", dtype, shape)[:] = -1 if name == "scene" else 0
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{kind.stem}-{name}.npy", "r+") for name in kind.arrays()
    }
    done = int(np.searchsorted(arrays["scene"] < 0, True))
    drawn = torch.utils.data.Subset(_Drawn(kind, seed), range(done, kind.count))
    device = next(vae.parameters()).device
    torch.manual_seed(seed + done)
    for frames, cover, scene, small, picture in DataLoader(
        drawn, batch_size=batch, num_workers=DRAWERS, prefetch_factor=4
    ):
        rows, video = slice(done, done + len(scene)), as_video(frames.to(device))
        with mixed(device):
            arrays["latents"][rows] = encode(vae, video).cpu().numpy()
            if kind.told:
                arrays["reference"][rows] = encode(vae, as_video(picture.to(device))).cpu().numpy()
                arrays["end"][rows] = encode(vae, video[:, :, -1:]).cpu().numpy()
            if "enlarged" in arrays:
                preview = encode(vae, as_video(small.to(device)))
                amount = PREVIEW_ERROR * torch.rand(len(small), 1, 1, 1, 1, device=device)
                preview = decode(vae, preview + amount * torch.randn_like(preview))
                arrays["enlarged"][rows] = encode(vae, enlarge(preview, kind.size)).cpu().numpy()
        arrays["cover"][rows] = token_cover(cover.to(device)).cpu().numpy()
        # Last, since a reader takes a row as there once it has a scene.
        arrays["scene"][rows] = scene.numpy()
        done += len(scene)

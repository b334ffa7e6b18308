"""Latents of drawn clips, encoded once and kept in memory-mapped files for teacher and student.

A dataset with conditions also holds a reference picture of each clip's subject, which most often is none of
the vocabulary's, and its last frame. A dataset of render-sized clips also holds each as a render meets it:
drawn at the preview's size, through the autoencoder, enlarged and encoded again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from train.models.conditioning import REFERENCE_GRID, TokenConditioning, build_conditioning
from train.models.precision import mixed
from train.models.vae import LATENT_CHANNELS, SPATIAL_RATIO, TEMPORAL_RATIO, as_video, decode, encode, enlarge
from train.stages.drawn_clips import DrawnClips
from train.stages.trainer import LOADER_WORKERS
from train.world.clips import FRAMES, FULL_SIZES, PREVIEW_SIZES

# Previews of a student are a little wrong, by latents of up to this deviation; their renders should be right.
PREVIEW_ERROR = 0.25

Size = tuple[int, int]


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset's clips: (width, height) in pixels, how many, whether they have conditions, video frames,
    whether nobody is in them.
    """

    size: Size
    count: int
    conditioned: bool = False
    frames: int = FRAMES
    empty: bool = False

    @property
    def stem(self) -> str:
        """What its files' names begin with."""
        shape = f"{self.size[0]}x{self.size[1]}x{self.frames}"
        return (
            f"latents-{shape}-{self.count}"
            + ("-conditioned" if self.conditioned else "")
            + ("-empty" if self.empty else "")
        )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns."""
        width, height = self.size
        return (self.frames - 1) // TEMPORAL_RATIO + 1, height // SPATIAL_RATIO, width // SPATIAL_RATIO

    @property
    def preview(self) -> Size:
        """The size of the preview of such a clip."""
        return dict(zip(FULL_SIZES, PREVIEW_SIZES, strict=True)).get(self.size, self.size)

    def scaled(self, factor: float) -> "DatasetSpec":
        """The same dataset with `factor` times as many clips."""
        return replace(self, count=round(self.count * factor))

    def arrays(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each array."""
        latents = (self.count, LATENT_CHANNELS, *self.grid)
        found: dict[str, tuple[str, tuple[int, ...]]] = {
            "latents": ("float16", latents),
            "cover": ("float16", (self.count, *self.grid)),
            "scene": ("int32", (self.count,)),
        }
        if self.conditioned:
            found["reference"] = ("float16", (self.count, LATENT_CHANNELS, *REFERENCE_GRID))
            found["end"] = ("float16", (self.count, LATENT_CHANNELS, 1, *self.grid[1:]))
        if self.preview != self.size:
            found["enlarged"] = ("float16", latents)
        return found


@dataclass
class LatentBatch:
    """latents float32 [B, C, F, h, w] (normalised); cover float32 [B, F, h, w]; scene int [B]; enlarged like
    latents; reference [B, C, 1, 4, 4] and end [B, C, 1, h, w]; None where the dataset has no such thing.
    """

    latents: Tensor
    cover: Tensor
    scene: np.ndarray
    enlarged: Tensor | None = None
    reference: Tensor | None = None
    end: Tensor | None = None

    def conditioning(
        self, pinned_frames: Tensor, has_reference: Tensor, has_end: Tensor
    ) -> TokenConditioning:
        """The conditions that int [B], bool [B] and bool [B] choose.

        Raises:
            ValueError: this dataset has no conditions.
        """
        if self.reference is None or self.end is None:
            raise ValueError("these clips have no conditions")
        return build_conditioning(
            self.latents, pinned_frames, self.reference, has_reference, self.end, has_end
        )


@dataclass
class LatentDataset:
    """The arrays of `DatasetSpec.arrays`: scene indices, and the others by name, float16 on one device."""

    scene: np.ndarray
    tensors: dict[str, Tensor]

    @classmethod
    def load(cls, folder: Path, spec: DatasetSpec, device: str = "cpu") -> "LatentDataset":
        """Opens a dataset that may still be growing: rows without a scene (-1) aren't there yet."""
        arrays = {name: np.load(folder / f"{spec.stem}-{name}.npy", mmap_mode="c") for name in spec.arrays()}
        scene = arrays.pop("scene")
        return cls(scene, {name: torch.from_numpy(array).to(device) for name, array in arrays.items()})

    @property
    def filled(self) -> int:
        """How many rows are there."""
        return int(np.searchsorted(self.scene < 0, True))

    def sample(self, batch: int, rng: np.random.Generator, below: int | None = None) -> LatentBatch:
        """A random batch, of scenes with indices lower than `below`."""
        rows = np.arange(self.filled)
        if below is not None:
            rows = rows[self.scene[: self.filled] < below]
        return self.rows(np.sort(rng.choice(rows, batch)))

    def rows(self, rows: np.ndarray) -> LatentBatch:
        """These rows."""
        chosen = torch.from_numpy(rows).to(self.tensors["latents"].device)
        return LatentBatch(
            scene=np.asarray(self.scene[rows]),
            **{name: tensor[chosen].float() for name, tensor in self.tensors.items()},
        )


def token_cover(cover: Tensor) -> Tensor:
    """How much of each latent cell the subject hides: [B, 1, F, H, W] -> [B, (F-1)/4+1, H/16, W/16]."""
    first = F.avg_pool3d(cover[:, :, :1], (1, SPATIAL_RATIO, SPATIAL_RATIO))
    rest = F.avg_pool3d(cover[:, :, 1:], (TEMPORAL_RATIO, SPATIAL_RATIO, SPATIAL_RATIO))
    return torch.cat((first, rest), dim=2)[:, 0]


@torch.no_grad()
def fill_latent_dataset(
    vae: AutoencoderKLLTXVideo, folder: Path, spec: DatasetSpec, seed: int, batch: int = 16
) -> None:
    """Draw and encode a dataset's clips; goes on where an interrupted run stopped."""
    for name, (dtype, shape) in spec.arrays().items():
        path = folder / f"{spec.stem}-{name}.npy"
        if not path.exists():
            np.lib.format.open_memmap(path, "w+", dtype, shape)[:] = -1 if name == "scene" else 0
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{spec.stem}-{name}.npy", "r+") for name in spec.arrays()
    }
    done = int(np.searchsorted(arrays["scene"] < 0, True))
    preview = None if spec.preview == spec.size else spec.preview
    clips = DrawnClips(
        spec.count,
        spec.size,
        spec.frames,
        seed,
        conditioned=spec.conditioned,
        preview=preview,
        empty=spec.empty,
    )
    remaining = Subset(clips, range(done, spec.count))
    device = next(vae.parameters()).device
    torch.manual_seed(seed + done)
    for frames, cover, scene, small, picture in DataLoader(
        remaining, batch_size=batch, num_workers=LOADER_WORKERS, prefetch_factor=4
    ):
        rows, video = slice(done, done + len(scene)), as_video(frames.to(device))
        with mixed(device):
            arrays["latents"][rows] = encode(vae, video).cpu().numpy()
            if spec.conditioned:
                arrays["reference"][rows] = encode(vae, as_video(picture.to(device))).cpu().numpy()
                arrays["end"][rows] = encode(vae, video[:, :, -1:]).cpu().numpy()
            if preview is not None:
                latents = encode(vae, as_video(small.to(device)))
                amount = PREVIEW_ERROR * torch.rand(len(small), 1, 1, 1, 1, device=device)
                decoded = decode(vae, latents + amount * torch.randn_like(latents))
                arrays["enlarged"][rows] = encode(vae, enlarge(decoded, spec.size)).cpu().numpy()
        arrays["cover"][rows] = token_cover(cover.to(device)).cpu().numpy()
        # Last, since a reader takes a row as there once it has a scene.
        arrays["scene"][rows] = scene.numpy()
        done += len(scene)

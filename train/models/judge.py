"""The judge: a classifier of what a clip shows, independent of the generator."""

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from export.assemble import WEIGHTS
from train.world.clips import FRAMES, PREVIEW
from train.world.scenes import Scene
from train.world.vocabulary import MOTIONS, PLACES, SUBJECTS, TIMES

SLOTS: dict[str, tuple[str, ...]] = {
    "subject": tuple(SUBJECTS),
    "place": tuple(PLACES),
    "time": tuple(TIMES),
    "motion": tuple(MOTIONS),
}
FOLDER = WEIGHTS / "judge"
FILE = "model.safetensors"
JUDGED_FRAMES = slice(0, 17, 2)
FEATURES = 192


class Judge(nn.Module):
    """Video [B, 3, 17, 96, 64] in -1..1 -> logits of each slot, and features [B, FEATURES] for distances."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (3, width, width * 2, width * 3, width * 4)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(a, b, 3, stride=(1 if i in (0, 2) else 2, 2, 2), padding=1),
                nn.GroupNorm(8, b),
                nn.SiLU(),
            )
            for i, (a, b) in enumerate(pairwise(channels))
        )
        # The place of something at each time says how it moves: keep a coarse map, not a mean over the
        # picture.
        self.flat = nn.Linear(channels[-1] * 3 * 3 * 2, FEATURES)
        self.heads = nn.ModuleDict({slot: nn.Linear(FEATURES, len(names)) for slot, names in SLOTS.items()})

    def features(self, video: Tensor) -> Tensor:
        """The numbers [B, FEATURES] by which two clips are compared."""
        hidden = video[:, :, JUDGED_FRAMES]
        for stage in self.stages:
            hidden = stage(hidden)
        return F.silu(self.flat(F.adaptive_avg_pool3d(hidden, (3, 3, 2)).flatten(1)))

    def forward(self, video: Tensor) -> dict[str, Tensor]:
        features = self.features(video)
        return {slot: head(features) for slot, head in self.heads.items()}


def labels(scene: Scene) -> Tensor:
    """The class index of each slot, in the order of SLOTS: int [4]."""
    return torch.tensor([names.index(getattr(scene, slot)) for slot, names in SLOTS.items()])


def to_preview(video: Tensor) -> Tensor:
    """Scale [B, 3, F, H, W] to the portrait preview by area, and take 17 frames all over it."""
    video = video[:, :, torch.linspace(0, video.shape[2] - 1, FRAMES).round().long()]
    if video.shape[-2:] == PREVIEW[::-1]:
        return video
    batch, _, frames = video.shape[:3]
    small = F.interpolate(video.transpose(1, 2).flatten(0, 1), size=PREVIEW[::-1], mode="area")
    return small.unflatten(0, (batch, frames)).transpose(1, 2)


def save_judge(judge: Judge, folder: Path) -> None:
    """Write its weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in judge.state_dict().items()}, folder / FILE)


def load_judge(folder: Path = FOLDER) -> Judge:
    """The judge of this repository, or of another folder of weights."""
    judge = Judge()
    judge.load_state_dict({name: value.float() for name, value in load_file(folder / FILE).items()})
    return judge.eval().requires_grad_(False)

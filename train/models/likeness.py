"""The scorer of likeness: which reference picture does a clip show?"""

from itertools import pairwise
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from export.assemble import WEIGHTS
from train.models.judge import to_preview

FOLDER = WEIGHTS / "likeness"
FILE = "model.safetensors"
SCORED_FRAMES = (2, 6, 10, 14)


class Likeness(nn.Module):
    """Pictures [B, 3, 96, 64] in -1..1 -> unit vectors [B, 96]."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (3, width, width * 2, width * 3, width * 4)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU())
                for a, b in pairwise(channels)
            ),
            nn.Conv2d(channels[-1], channels[-1], 3, padding=1),
            nn.SiLU(),
        )
        self.where = nn.Conv2d(channels[-1], 1, 1)
        self.head = nn.Linear(channels[-1], 96)

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.stages(pictures)
        # The subject fills a part of the picture only: the network says which.
        weight = F.softmax(self.where(hidden).flatten(2), dim=2)
        return F.normalize(self.head((hidden.flatten(2) * weight).sum(2)), dim=1)

    def clips(self, video: Tensor) -> Tensor:
        """Videos [B, 3, F, 96, 64] -> unit vectors [B, 96]."""
        frames = video[:, :, list(SCORED_FRAMES)].transpose(1, 2)
        return F.normalize(self(frames.flatten(0, 1)).unflatten(0, (len(video), -1)).mean(1), dim=1)


def nearest_reference(model: Likeness, video: Tensor, references: Tensor) -> Tensor:
    """Which of the reference pictures [R, 3, 96, 64] each clip [B, 3, F, H, W] shows: int [B]."""
    return (model.clips(to_preview(video)) @ model(references).T).argmax(1)


def save_likeness(model: Likeness, folder: Path) -> None:
    """Write its weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half() for name, value in model.state_dict().items()}, folder / FILE)


def load_likeness(folder: Path = FOLDER) -> Likeness:
    """The scorer of this repository, or of another folder of weights."""
    model = Likeness()
    model.load_state_dict({name: value.float() for name, value in load_file(folder / FILE).items()})
    return model.eval().requires_grad_(False)

"""Training the judge on drawn clips that are blurred, shifted, recoloured and noised.

So it judges what is shown and not how crisply it's drawn. It sees held-out combinations too.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from train.models.judge import SLOTS, Judge, labels, save_judge, to_preview
from train.models.precision import mixed
from train.models.vae import as_video
from train.stages.trainer import LOADER_WORKERS, Budget, Trainer
from train.world.clips import FRAMES, FULL_SIZES, LENGTHS, PREVIEW_SIZES, draw
from train.world.scenes import random_scene

RENDER_SHARE = 0.2  # of the clips: of a render's size
HELD_OUT_SHARE = 0.2


class LabelledClips(IterableDataset):
    """(video [3, 17, 96, 64], class index of each slot [4]), from the whole world."""

    def __init__(self, seed: int, augment: bool = True) -> None:
        self.seed, self.augment = seed, augment

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"judge {self.seed} {info.id if info else 0}")
        while True:
            scene = random_scene(rng, unseen=rng.random() < HELD_OUT_SHARE)
            size, frames = rng.choice(PREVIEW_SIZES), rng.choice(LENGTHS)
            if rng.random() < RENDER_SHARE:
                size, frames = rng.choice(FULL_SIZES), FRAMES
            clip = draw(scene, rng.getrandbits(40), size, frames)
            video = to_preview(as_video(clip.frames)[None])[0]
            yield augmented(video, rng) if self.augment else video, labels(scene)


def augmented(video: Tensor, rng: random.Random) -> Tensor:
    """Blur, noise, and small changes of brightness, contrast and position, one setting a clip."""
    if rng.random() < 0.6:
        scale = rng.uniform(0.3, 0.9)
        small = F.interpolate(video.transpose(0, 1), scale_factor=scale, mode="bilinear", antialias=True)
        video = F.interpolate(small, size=video.shape[-2:], mode="bilinear").transpose(0, 1)
    dx, dy = rng.randint(-3, 3), rng.randint(-3, 3)
    video = F.pad(video, (3, 3, 3, 3), mode="replicate")[..., 3 + dy : 99 + dy, 3 + dx : 67 + dx]
    gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-0.08, 0.08)
    tint = torch.tensor([rng.uniform(-0.05, 0.05) for _ in range(3)]).view(3, 1, 1, 1)
    return video * gain + offset + tint + rng.uniform(0, 0.08) * torch.randn_like(video)


def train_judge(
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    batch: int = 24,
    learning_rate: float = 1.5e-3,
    device: str = "cpu",
) -> None:
    """Train until the budget ends; resumes from `folder/judge.pt`, stores the weights in `folder/judge`."""
    torch.manual_seed(seed)
    judge = Judge().to(device)
    metrics = ("loss", *SLOTS)
    trainer = Trainer(folder, "judge", judge, budget, learning_rate=learning_rate, metrics=metrics, seed=seed)
    clips = LabelledClips(seed + budget.done_steps)
    stream = iter(DataLoader(clips, batch_size=batch, num_workers=LOADER_WORKERS, prefetch_factor=4))

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        video, target = (part.to(device) for part in next(stream))
        with mixed(device):
            logits = judge(video)
        losses = [F.cross_entropy(part.float(), target[:, i]) for i, part in enumerate(logits.values())]
        accuracy = {
            slot: (part.argmax(1) == target[:, i]).float().mean()
            for i, (slot, part) in enumerate(logits.items())
        }
        loss = torch.stack(losses).sum()
        return loss, {"loss": loss, **accuracy}

    trainer.run(step, lambda: save_judge(judge, folder / "judge"))
    print("of fresh drawn clips right:", _accuracy(judge.cpu().eval()), flush=True)


@torch.no_grad()
def _accuracy(judge: Judge, count: int = 400) -> str:
    video, target = next(iter(DataLoader(LabelledClips(5, augment=False), batch_size=count)))
    right = [
        f"{slot} {(part.argmax(1) == target[:, i]).float().mean():.1%}"
        for i, (slot, part) in enumerate(judge(video).items())
    ]
    return ", ".join(right)

"""Training the scorer of likeness.

It is trained to bring a frame of a drawn clip near its sprite's reference picture and away from all others'
(the contrastive loss of van den Oord et al., "Representation learning with contrastive predictive coding",
2018). Frames are blurred and recoloured, so that it sees which sprite it is and not how crisp.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from train.models.likeness import Likeness, nearest_reference, save_likeness
from train.models.vae import as_video
from train.stages.judge import augmented
from train.stages.trainer import LOADER_WORKERS, Budget, Trainer
from train.world.clips import PREVIEW, draw, reference_picture
from train.world.emoji_sprites import emoji_characters, emoji_sprite
from train.world.scenes import referred_scenes

TEMPERATURE = 0.07


class SpritePairs(IterableDataset):
    """(a frame of a drawn clip [3, 96, 64], a reference picture [3, 96, 64] of the same sprite)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"likeness {self.seed} {info.id if info else 0}")
        scenes = referred_scenes()
        while True:
            # No sprite twice in a batch, or the loss would push a pair of one sprite apart.
            for character in rng.sample(emoji_characters(), len(emoji_characters())):
                sprite, number = emoji_sprite(character), rng.getrandbits(40)
                frames = draw(rng.choice(scenes), number, PREVIEW, sprite=sprite).frames
                one = as_video(frames[rng.randrange(len(frames))][None])
                picture = as_video(reference_picture(sprite, number + 1)[None])
                yield augmented(one, rng)[:, 0], picture[:, 0]


def train_likeness(
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    batch: int = 96,
    learning_rate: float = 2e-3,
    device: str = "cpu",
) -> None:
    """Train until the budget ends; resumes from `folder/likeness.pt`, stores the weights in
    `folder/likeness`.

    Raises:
        OSError: the font of emoji_sprites isn't there.
    """
    torch.manual_seed(seed)
    model = Likeness().to(device)
    trainer = Trainer(
        folder,
        "likeness",
        model,
        budget,
        learning_rate=learning_rate,
        metrics=("loss", "nearest"),
        seed=seed,
    )
    pairs = SpritePairs(seed + budget.done_steps)
    stream = iter(DataLoader(pairs, batch_size=batch, num_workers=LOADER_WORKERS, prefetch_factor=4))

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        frames, pictures = (part.to(device) for part in next(stream))
        similarity = model(frames) @ model(pictures).T / TEMPERATURE
        own = torch.arange(len(frames), device=device)
        loss = F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)
        return loss, {"loss": loss, "nearest": (similarity.argmax(1) == own).float().mean()}

    trainer.run(step, lambda: save_likeness(model, folder / "likeness"))
    share = _accuracy(model.cpu().eval())
    print(f"{share:.1%} of fresh drawn clips of held-out sprites are nearest to their own", flush=True)


@torch.no_grad()
def _accuracy(model: Likeness, rounds: int = 16) -> float:
    """Over rounds of 16 of all held-out sprites, on drawn clips."""
    rng, hits = random.Random(5), []
    for _ in range(rounds):
        sprites = [emoji_sprite(each) for each in rng.sample(emoji_characters(unseen=True), 16)]
        number = rng.getrandbits(30)
        clips = np.stack(
            [draw(rng.choice(referred_scenes()), number, sprite=each).frames for each in sprites]
        )
        pictures = np.stack([reference_picture(each, number)[None] for each in sprites])
        found = nearest_reference(model, as_video(clips), as_video(pictures)[:, :, 0])
        hits.append(float((found == torch.arange(16)).float().mean()))
    return float(np.mean(hits))

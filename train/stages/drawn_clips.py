"""Drawn clips by number, with what conditions them: what a latent dataset is encoded from."""

import random
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from train.models.conditioning import REFERENCE
from train.world.clips import draw, reference_picture, subject_sprite
from train.world.emoji_sprites import random_sprite
from train.world.scenes import (
    Scene,
    all_referred_scenes,
    empty_scenes,
    referred_scenes,
    training_scenes,
)

REFERRED_SHARE = 0.7  # of clips with conditions: only a reference picture shows their subject
PAIRED_SHARE = 0.15  # of those: a subject of the vocabulary stands beside
SCENERY_SHARE = 1 / 3  # of their pictures: a frame of another clip of the subject, as of a clip that one made


class DrawnClips(Dataset):
    """Clip number i: frames uint8 [F, H, W, 3], cover float32 [1, F, H, W], index of its scene, the frames at
    the preview's size (empty without `preview`), and a reference picture [1, 64, 64, 3] (empty if not
    `conditioned`).
    """

    def __init__(
        self,
        count: int,
        size: tuple[int, int],
        frames: int,
        seed: int,
        *,
        conditioned: bool = False,
        preview: tuple[int, int] | None = None,
        empty: bool = False,
    ) -> None:
        self.count, self.size, self.frames, self.seed = count, size, frames, seed
        self.conditioned, self.preview = conditioned, preview
        self.known, self.referred = training_scenes(), all_referred_scenes()
        self.empty = empty
        self.first_empty = len(self.known) - len(empty_scenes())

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, int, Tensor, Tensor]:
        (scene, index), number = self.scene(i), self.seed * 1_000_003 + i
        rng = random.Random(f"subject {self.seed} {i}")
        sprite = random_sprite(rng) if index >= len(self.known) else None
        clip = draw(scene, number, self.size, self.frames, sprite)
        small = picture = torch.empty(0)
        if self.preview is not None:
            small = torch.from_numpy(draw(scene, number, self.preview, self.frames, sprite).frames)
        if self.conditioned:
            # A known subject stays before one colour: another clip might be of a held-out combination.
            plain = sprite is None or rng.random() >= SCENERY_SHARE
            subject = sprite or subject_sprite(scene.subject)
            drawn = reference_picture(subject, number, REFERENCE) if plain else random_frame(subject, rng)
            picture = torch.from_numpy(drawn[None])
        return torch.from_numpy(clip.frames), torch.from_numpy(clip.cover)[None], index, small, picture

    def scene(self, i: int) -> tuple[Scene, int]:
        """The scene of clip i, and its index among the known and then the referred ones."""
        if self.conditioned and random.Random(f"stranger {self.seed} {i}").random() < REFERRED_SHARE:
            rng, alone = random.Random(f"referred {self.seed} {i}"), len(referred_scenes())
            paired = rng.random() < PAIRED_SHARE
            index = rng.randrange(alone, len(self.referred)) if paired else rng.randrange(alone)
            return self.referred[index], len(self.known) + index
        # Every scene once before any scene twice. Clips with somebody and without are datasets of their own.
        first, count = (0, self.first_empty)
        if self.empty:
            first, count = self.first_empty, len(self.known) - self.first_empty
        epoch, place = divmod(i, count)
        index = first + _order(count, f"order {self.seed} {epoch}")[place]
        return self.known[index], index


def random_frame(sprite: Image.Image, rng: random.Random) -> np.ndarray:
    """A frame uint8 [64, 64, 3] of a clip of this sprite (mode RGBa), in any place, time and motion."""
    frames = draw(rng.choice(referred_scenes()), rng.getrandbits(40), REFERENCE, sprite=sprite).frames
    return frames[rng.randrange(len(frames))]


@cache
def _order(count: int, seed: str) -> list[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order

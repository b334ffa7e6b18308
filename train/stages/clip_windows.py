"""Windows of drawn clips: what the autoencoder is trained on."""

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from train.models.vae import as_video
from train.world.clips import FULL, PREVIEW, DrawnClip, draw
from train.world.emoji_sprites import emoji_characters, emoji_sprite
from train.world.scenes import STYLED_SHARE, held_out, random_scene
from train.world.vocabulary import STYLES, SUBJECTS

EMOJI_SHARE = 0.6  # of clips, whose subject is a sprite beyond the vocabulary
PAIRED_SHARE = 0.25  # of clips, less the held-out ones, with a second subject
SHUFFLE_BUFFER = 96  # windows that wait, so that those of one clip don't meet in one batch


class ClipWindows(IterableDataset):
    """An endless shuffled stream of preview-sized windows of clips, from both sizes of the world.

    Yields (video float32 [3, F, 96, 64] in -1..1, cover float32 [1, F, 96, 64] in 0..1). A large clip gives
    three windows, two of them around its subject.
    """

    def __init__(self, seed: int, frames: int = 9, full_share: float = 0.3) -> None:
        self.seed, self.frames, self.full_share = seed, frames, full_share

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"windows {self.seed} {info.id if info else 0}")
        waiting: list[tuple[Tensor, Tensor]] = []
        while True:
            size = FULL if rng.random() < self.full_share else PREVIEW
            sprite = emoji_sprite(rng.choice(emoji_characters())) if rng.random() < EMOJI_SHARE else None
            scene = random_scene(rng)
            if rng.random() < STYLED_SHARE:
                scene = replace(scene, style=rng.choice(tuple(STYLES)))
            paired = replace(scene, other=rng.choice(tuple(SUBJECTS)))
            if rng.random() < PAIRED_SHARE and not held_out(paired):
                scene = paired
            clip = draw(scene, rng.getrandbits(40), size, sprite=sprite)
            windows = 3 if size == FULL else 1
            waiting.extend(self._window(clip, rng, around_subject=number > 0) for number in range(windows))
            while len(waiting) >= SHUFFLE_BUFFER:
                yield waiting.pop(rng.randrange(len(waiting)))

    def _window(self, clip: DrawnClip, rng: random.Random, around_subject: bool) -> tuple[Tensor, Tensor]:
        frames, height, width = clip.cover.shape
        first = rng.randint(0, frames - self.frames)
        corner = [rng.randint(0, height - PREVIEW[1]), rng.randint(0, width - PREVIEW[0])]
        seen = np.argwhere(clip.cover[first + self.frames // 2] > 0.5)
        if around_subject and len(seen):
            for axis, side in enumerate((PREVIEW[1], PREVIEW[0])):
                start = int(seen[:, axis].mean()) - side // 2 + rng.randint(-side // 4, side // 4)
                corner[axis] = max(0, min(start, clip.cover.shape[axis + 1] - side))
        y, x = corner
        window = (slice(first, first + self.frames), slice(y, y + PREVIEW[1]), slice(x, x + PREVIEW[0]))
        cover = torch.from_numpy(np.ascontiguousarray(clip.cover[window]))[None]
        return as_video(np.ascontiguousarray(clip.frames[window])), cover

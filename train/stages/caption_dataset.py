"""Encoded captions of every training scene, computed once and kept in memory-mapped files."""

import random
from pathlib import Path

import numpy as np
import torch

from train.models.text_encoder import MAX_TOKENS, TEXT_CHANNELS, TextEncoder
from train.world.captions import caption
from train.world.scenes import SOMEONE, all_referred_scenes, empty_scenes, training_scenes


class CaptionDataset:
    """`each` wordings of every training and referred scene, and the empty prompt in the last row."""

    def __init__(self, folder: Path, each: int = 5, seed: int = 0, device: str = "cpu") -> None:
        """Loads `folder/captions-*.npy`, or encodes the captions (minutes) and stores them there."""
        self.each = each
        known = training_scenes()
        self.scenes = known + all_referred_scenes()
        # Scenes from this number up to the next one have nobody in them.
        self.first_empty = len(known) - len(empty_scenes())
        # Scenes from this number on have a subject that only a reference picture shows.
        self.first_referred = next(i for i, scene in enumerate(self.scenes) if scene.subject == SOMEONE)
        states_path, mask_path = (
            folder / f"captions-{each}-{seed}.npy",
            folder / f"caption-mask-{each}-{seed}.npy",
        )
        if not mask_path.exists():
            self._encode(states_path, mask_path, seed, device)
        self.states = torch.from_numpy(np.load(states_path, mmap_mode="c")).to(device)
        self.mask = torch.from_numpy(np.load(mask_path)).to(device)

    def _encode(self, states_path: Path, mask_path: Path, seed: int, device: str) -> None:
        rng = random.Random(f"captions {seed}")
        encoder = TextEncoder(device)
        texts = [caption(scene, rng) for scene in self.scenes for _ in range(self.each)] + [""]
        states = np.empty((len(texts), MAX_TOKENS, TEXT_CHANNELS), dtype=np.float16)
        mask = np.empty((len(texts), MAX_TOKENS), dtype=np.uint8)
        for first in range(0, len(texts), 128):
            part = slice(first, first + 128)
            encoded, keep = encoder(texts[part], fast=True)
            states[part], mask[part] = encoded.cpu().numpy(), keep.cpu().numpy()
        states_path.parent.mkdir(parents=True, exist_ok=True)
        np.save(states_path, states)
        # Last, since its being there says that the encoding is complete.
        np.save(mask_path, mask)

    def sample(
        self, scene_index: np.ndarray, rng: np.random.Generator, dropped: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A random caption for each scene index, the empty one where it is `dropped` (for guidance).

        Returns (states float32 [B, 32, 384], mask float32 [B, 32]).
        """
        rows = scene_index * self.each + rng.integers(0, self.each, len(scene_index))
        rows = np.where(dropped, len(self.mask) - 1, rows)
        return self.rows(rows)

    def rows(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """The captions of these rows; the last row is the empty prompt."""
        chosen = torch.from_numpy(rows).to(self.states.device)
        return self.states[chosen].float(), self.mask[chosen].float()

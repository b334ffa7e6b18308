"""Prompts to token ids, as the model's pipeline would have them."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model_server.engine.bundle import BundleError

PAD_TOKENS = ("[PAD]", "<pad>")


def clean(family: str, prompt: str) -> str:
    """The prompt as a family's pipeline hands it to the tokenizer.

    Wan's undoes HTML escapes twice and joins white space. (It also repairs mangled Unicode where ftfy is
    there.)
    """
    if family != "wan":
        return prompt
    return " ".join(html.unescape(html.unescape(prompt)).split())


def tokenize(tokenizer: Tokenizer, prompt: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and mask [1, T], 1 for a real token; what is too long is cut."""
    tokens = tokenizer.encode(prompt)
    return np.asarray([tokens.ids], np.int64), np.asarray([tokens.attention_mask], np.int64)


def load_tokenizer(path: Path, length: int) -> Tokenizer:
    """A tokenizer that fills and cuts every prompt to `length` tokens.

    Raises:
        BundleError: it can't be read, or has no token to fill with.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise BundleError(f"{path} is no tokenizer: {error}") from error
    pad = next((token for token in PAD_TOKENS if tokenizer.token_to_id(token) is not None), None)
    if pad is None:
        raise BundleError(f"{path} has no padding token")
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=tokenizer.token_to_id(pad), pad_token=pad)
    return tokenizer

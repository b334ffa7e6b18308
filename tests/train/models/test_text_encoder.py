"""Encoding captions for training."""

import torch

from train.models.text_encoder import MAX_TOKENS, TextEncoder


def test_what_is_encoded_without_padding_is_the_same_where_there_are_words() -> None:
    encoder, prompts = TextEncoder(), ["a cat jumps on a beach at night", "snow", ""]
    whole, mask = encoder(prompts)
    fast, again = encoder(prompts, fast=True)
    assert fast.shape == whole.shape == (3, MAX_TOKENS, 384)
    torch.testing.assert_close(again, mask)
    words = mask > 0
    # bfloat16, where the machine has it, keeps two to three digits.
    torch.testing.assert_close(fast[words], whole[words], atol=0.06, rtol=0.05)
    assert not fast[:, int(mask.sum(1).max()) :].any()

"""The formulas count what the libraries' own classes have, made without memory from the same numbers."""

from __future__ import annotations

import pytest
import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    LTXVideoTransformer3DModel,
    WanTransformer3DModel,
)
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

from bench.model_sizes import (
    BYTES,
    LTX_2B,
    MACHINES,
    MODELS,
    WAN_1_3B,
    WAN_14B,
    Model,
    operations,
    report,
    seconds,
    tokens,
    weights,
)


def made(model: Model) -> torch.nn.Module:
    """Two layers of it; more are alike."""
    with torch.device("meta"):
        if model is LTX_2B:
            return LTXVideoTransformer3DModel(num_layers=2)
        settings = {"num_attention_heads": model.heads, "ffn_dim": model.feed, "text_dim": model.text_width}
        return WanTransformer3DModel(num_layers=2, **settings)


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_counted(model: Model) -> None:
    theirs = made(model)
    blocks = theirs.transformer_blocks if model is LTX_2B else theirs.blocks
    block = sum(weight.numel() for weight in blocks[0].parameters())
    whole = sum(weight.numel() for weight in theirs.parameters()) + (model.layers - 2) * block
    assert weights(model) == whole


@pytest.mark.parametrize("model", MODELS)
def test_operations_are_counted(model: Model) -> None:
    count, text = 60, model.text_tokens
    theirs = made(model)
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        states = torch.zeros(1, text, model.text_width)
        if model is LTX_2B:
            theirs(
                torch.zeros(1, count, model.channels),
                states,
                torch.zeros(1),
                torch.ones(1, text),
                video_coords=torch.zeros(1, 3, count),
            )
        else:
            theirs(torch.zeros(1, model.channels, 3, 8, 10), torch.zeros(1), states)
    ours = sum(operations(model._replace(layers=2), count))
    # What stands at both ends, the embedding of the text and the time, is left out of the formula.
    ends = counter.get_total_flops() - ours
    d = model.width
    expected = 2 * text * (model.text_width * d + d * d) + 2 * (256 * d + d * d + 6 * d * d)
    expected += 2 * count * 2 * model.patch * d
    assert ends == pytest.approx(expected, rel=0.01)


def test_what_stands_beside_the_transformer() -> None:
    xxl = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
    with torch.device("meta"):
        t5 = T5EncoderModel(T5Config(**xxl, vocab_size=32128, feed_forward_proj="gated-gelu"))
        umt5 = UMT5EncoderModel(UMT5Config(**xxl, vocab_size=256384))
        ltx, wan = AutoencoderKLLTXVideo(), AutoencoderKLWan()
    for module, said in ((t5, LTX_2B.text), (umt5, WAN_14B.text), (ltx, LTX_2B.vae), (wan, WAN_14B.vae)):
        assert sum(weight.numel() for weight in module.parameters()) == pytest.approx(said, rel=0.01)


def test_tokens_of_the_pipelines_own_sizes() -> None:
    assert tokens(LTX_2B, (704, 512, 161)) == 22 * 16 * 21
    assert tokens(WAN_1_3B, (832, 480, 81)) == 52 * 30 * 21


def test_the_slower_roof_counts() -> None:
    slow, fast, _ = MACHINES
    # A single token reads all the weights: memory counts, and half the bytes take half the time.
    assert seconds(WAN_14B, fast, "fp16", 1) == pytest.approx(weights(WAN_14B) * 2 / fast.memory)
    # Many tokens multiply: operations count, and weights of 4 bits save nothing.
    assert seconds(WAN_14B, slow, "int4", 32760) == seconds(WAN_14B, slow, "fp16", 32760)
    assert seconds(WAN_14B, slow, "int8", 32760) < seconds(WAN_14B, slow, "fp32", 32760)


def test_the_report_names_everything() -> None:
    text = report()
    assert all(each.name in text for each in (*MODELS, *MACHINES))
    assert all(precision in text for precision in BYTES)
    assert "nan" not in text

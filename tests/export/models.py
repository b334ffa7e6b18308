"""Folders of random weights, as diffusers' own pipelines save them: LTX with T5, Wan with UMT5."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.shared import once

WORDS = ("a", "cat", "fox", "hops", "on", "the", "beach", "at", "sunset", "night", "rocket", "snow", "runs")
TEXT_WIDTH = 32


def tokenizer() -> PreTrainedTokenizerFast:
    """Whole words, an end token behind them, as T5 has it."""
    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def text_config(kind: Any) -> Any:
    """A T5 of two layers."""
    return kind(d_model=TEXT_WIDTH, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=64)


def wan_vae(**changes: Any) -> AutoencoderKLWan:
    """Wan's autoencoder at a fraction of its width and depth: 4x in space, 4x in time."""
    settings = {
        "base_dim": 8,
        "z_dim": 4,
        "dim_mult": [1, 2, 2],
        "num_res_blocks": 1,
        "temperal_downsample": [True, True],
        "scale_factor_spatial": 4,
        **changes,
    }
    channels = settings["z_dim"]
    mean, std = torch.linspace(-0.3, 0.3, channels).tolist(), torch.linspace(0.5, 2.0, channels).tolist()
    return AutoencoderKLWan(latents_mean=mean, latents_std=std, **settings).eval()


def wan_transformer(**changes: Any) -> WanTransformer3DModel:
    """Two blocks."""
    settings = {
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "in_channels": 4,
        "out_channels": 4,
        "text_dim": TEXT_WIDTH,
        "freq_dim": 32,
        "ffn_dim": 96,
        "num_layers": 2,
    }
    return WanTransformer3DModel(**{**settings, **changes}).eval()


def ltx_vae(**changes: Any) -> AutoencoderKLLTXVideo:
    """LTX's first autoencoder: convolutions that stride, 16x in space, 4x in time."""
    settings = {
        "latent_channels": 8,
        "block_out_channels": (8, 16),
        "decoder_block_out_channels": (8, 16),
        "down_block_types": ("LTXVideoDownBlock3D", "LTXVideoDownBlock3D"),
        "layers_per_block": (1, 1, 1),
        "decoder_layers_per_block": (1, 1, 1),
        "spatio_temporal_scaling": (True, True),
        "decoder_spatio_temporal_scaling": (True, True),
        "decoder_inject_noise": (False, False, False),
        "upsample_residual": (False, False),
        "upsample_factor": (1, 1),
    }
    return AutoencoderKLLTXVideo(**{**settings, **changes}).eval()


def ltx_transformer(**changes: Any) -> LTXVideoTransformer3DModel:
    """Two blocks whose width is no multiple of six, so that the rotation leaves channels out."""
    settings = {
        "in_channels": 8,
        "out_channels": 8,
        "num_attention_heads": 2,
        "attention_head_dim": 20,
        "cross_attention_dim": 40,
        "num_layers": 2,
        "caption_channels": TEXT_WIDTH,
    }
    return LTXVideoTransformer3DModel(**{**settings, **changes}).eval()


def write_wan(folder: Path, scheduler: Any = None, **parts: Any) -> Path:
    """A Wan folder; UniPC as the published ones have it."""
    torch.manual_seed(0)
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
    WanPipeline(
        tokenizer=tokenizer(),
        text_encoder=UMT5EncoderModel(text_config(UMT5Config)).eval(),
        vae=parts.get("vae") or wan_vae(),
        scheduler=scheduler or UniPCMultistepScheduler(**flow),
        transformer=parts.get("transformer") or wan_transformer(),
    ).save_pretrained(folder)
    return folder


def write_ltx(folder: Path, scheduler: Any = None, **parts: Any) -> Path:
    """An LTX folder of LTXPipeline, with the scheduler of the published ones."""
    torch.manual_seed(0)
    dynamic = {"use_dynamic_shifting": True, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1}
    LTXPipeline(
        tokenizer=tokenizer(),
        text_encoder=T5EncoderModel(text_config(T5Config)).eval(),
        vae=parts.get("vae") or ltx_vae(),
        scheduler=scheduler or FlowMatchEulerDiscreteScheduler(**dynamic),
        transformer=parts.get("transformer") or ltx_transformer(),
    ).save_pretrained(folder)
    return folder


@cache
def wan_folder() -> Path:
    """Made once a run. Copy it before changing it."""
    return once("wan-small", write_wan)


@cache
def ltx_folder() -> Path:
    """Made once a run. Copy it before changing it."""
    return once("ltx-small", write_ltx)

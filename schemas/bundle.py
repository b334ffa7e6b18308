"""The manifest of an exported model."""

from __future__ import annotations

from typing import Any

import msgspec

# Raise it when a reader of the previous version could misread a bundle.
MANIFEST_VERSION = 1


class BundleFile(msgspec.Struct, kw_only=True):
    """One file of the bundle by relative path."""

    path: str
    sha256: str
    bytes: int


class Bucket(msgspec.Struct, kw_only=True):
    """One static shape that was traced: pixels, frames, and the latent grid they make."""

    width: int
    height: int
    frames: int
    latent_width: int
    latent_height: int
    latent_frames: int
    transformer: str
    decoder: str
    # Decodes a single latent frame: the cheap picture of a preview on its way.
    picture: str


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """What a bundle is, how it was made and how well it matches torch (SQNR in dB per part)."""

    version: int
    id: str
    family: str
    precision: str
    target: str
    teacher: str
    created_at: int
    fps: int
    buckets: list[Bucket]
    sigmas: list[float]
    # Above 1 every step takes a second pass without the prompt, which only an undistilled model needs.
    guidance: float
    prompt_tokens: int
    text_encoder: str
    tokenizer: str
    latent_channels: int
    scaling: dict[str, Any]
    files: list[BundleFile]
    licence: str
    parity: dict[str, dict[str, float]]
    vocabulary: dict[str, dict[str, list[str]]]

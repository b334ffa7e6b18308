"""The manifest of an exported model."""

from __future__ import annotations

from typing import Any

import msgspec

# Raise it when a reader of the previous version could misread a bundle. Fields that it may leave out need no
# new version: those of a family that it refuses, or ones whose default says what it took for granted.
MANIFEST_VERSION = 3

# What computes a bundle, and in which numbers.
PRECISIONS = ("int8", "int4", "fp16", "fp32")
# What a clip can be conditioned on beside its prompt.
CONDITIONS = ("begin", "end", "reference")
TARGETS = ("avx2", "vnni", "arm64", "cuda", "web")


class BundleFile(msgspec.Struct, kw_only=True):
    """One file of the bundle by relative path."""

    path: str
    sha256: str
    bytes: int


class Schedule(msgspec.Struct, kw_only=True):
    """How one shape is denoised: the timestep of each step, and how the model's velocities are combined.

    `weights` is empty for Euler: x[k+1] = x[k] + (sigmas[k+1] - sigmas[k]) * v[k]. For any other
    deterministic scheduler row k holds k + 2 numbers, the weights of the first noise and of the velocities
    v[0]..v[k] in x[k+1].
    """

    sigmas: list[float]
    timesteps: list[float]
    weights: list[list[float]] = []
    # The scheduler's class in the model folder, and its settings in words.
    made_by: str = ""


class Bucket(msgspec.Struct, kw_only=True):
    """One shape that is drawn: the autoencoder's pixels, frames, and the latent grid they make.

    What people see of it is `Manifest.enlargement` times as wide and high: that is the size of recipes.
    Several may name the same graphs, which then take every one of these shapes.
    """

    width: int
    height: int
    frames: int
    latent_width: int
    latent_height: int
    latent_frames: int
    transformer: str
    # The whole clip at once; with `streamed`, each latent frame after the first, given what the frame before
    # left.
    decoder: str
    # Decodes a single latent frame: the cheap picture of a preview on its way, and the first frame of a
    # stream.
    picture: str
    streamed: bool = False
    # Frames to latents, for what a video is started from; empty if the bundle has none.
    encoder: str = ""
    # The transformer for a clip with conditions beside its prompt: it takes latents of a reference picture,
    # those of a last frame, and a noise level for each of these and for each latent frame; else empty.
    conditioned_transformer: str = ""
    schedule: Schedule | None = None


class KeptLayer(msgspec.Struct, kw_only=True):
    """Layers of one role that stay in higher precision, and what the part's numbers lose if they don't."""

    role: str
    nodes: int
    # Signal to noise of the whole part in dB when only these layers are quantised.
    alone_db: float


class Quantised(msgspec.Struct, kw_only=True):
    """How one part was quantised, as measured on `samples` inputs from several prompts and noise levels."""

    scheme: str
    goal_db: float
    reached_db: float
    samples: int
    quantised_nodes: int
    kept: list[KeptLayer] = []


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
    # The noise level that some decoders take.
    decode_timestep: float = 0.0
    # Of CONDITIONS, those that the model was trained on.
    conditions: list[str] = []
    # Width and height at which a reference picture is encoded, whatever the clip's size is; none: the clip's.
    reference_size: tuple[int, int] | None = None
    # Copies a reference picture's own detail into clips conditioned on it; empty if there's none.
    refiner: str = ""
    # Cuts the subject out of a reference picture; empty if there's none.
    matte: str = ""
    # Decodes latents of any shape, of one latent frame too, to frames at `enlargement` times the size of the
    # autoencoder's: what people see of both tiers. Empty: they see the autoencoder's own.
    upsampling_decoder: str = ""
    enlargement: int = 1
    # Pictures of what prompts name, which clips are composed from; empty if there's none.
    library: str = ""
    # What was decided on the way that a reader should know, one sentence each.
    notes: list[str] = []
    quantised: dict[str, Quantised] = {}
    # Nodes of each part by the execution provider that ran them; empty where it was not there to ask.
    placement: dict[str, dict[str, int]] = {}

"""Stage 1: a diffusers folder of the LTX family -> float32 modules and what a server must know of them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

FAMILIES = {"LTXVideoTransformer3DModel": "ltx"}
# An ONNX file is one protobuf message, which ends at 2 GiB.
MAX_PART_BYTES = 2**31 - 2**20
LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md")


class ExportError(RuntimeError):
    """An export that can't go on: the text names the stage and what it stopped at."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(f"{stage}: {message}")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' advice to their developers off the person's terminal."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


class Tier(msgspec.Struct, kw_only=True):
    """How one tier is drawn: `size` is (width, height) in pixels, `sigmas` end with 0."""

    size: tuple[int, int]
    sigmas: list[float]
    guidance: float


class Card(msgspec.Struct, kw_only=True):
    """`riffle.json` of a model folder: what component configs don't say."""

    name: str
    fps: int
    frames: int
    max_sequence_length: int
    preview: Tier
    full: Tier
    licence: str = ""


@dataclass(slots=True)
class Source:
    """A loaded model. `transformer` is the student where the folder has one, else the teacher."""

    folder: Path
    card: Card
    family: str
    is_student: bool
    transformer: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    tokenizer: Path
    vocabulary: dict[str, dict[str, list[str]]]
    licence: str

    @property
    def tier(self) -> Tier:
        """The steps that this transformer takes, at the preview's size."""
        teacher = Tier(
            size=self.card.preview.size, sigmas=self.card.full.sigmas, guidance=self.card.full.guidance
        )
        return self.card.preview if self.is_student else teacher

    @property
    def grid(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a preview.

        Raises:
            ExportError: the preview's size fits no latent grid.
        """
        width, height = self.card.preview.size
        space, time = self.vae.spatial_compression_ratio, self.vae.temporal_compression_ratio
        if width % space or height % space or (self.card.frames - 1) % time:
            raise ExportError(
                "load",
                f"{width}x{height}x{self.card.frames} is no multiple of {space} px and {time} frames + 1",
            )
        return (self.card.frames - 1) // time + 1, height // space, width // space


def load(folder: Path) -> Source:
    """Load what a preview needs.

    Raises:
        ExportError: the folder isn't a complete model of a known family; the text names the missing part.
    """
    card = _decode(folder / "riffle.json", Card)
    index: dict[str, Any] = _decode(folder / "model_index.json", dict[str, Any])
    student = folder / "student" / "transformer"
    at = {
        "transformer": student if student.is_dir() else folder / "transformer",
        "vae": folder / "vae",
        "text_encoder": folder / "text_encoder",
    }
    name = index.get("transformer", ["", ""])[1]
    if name not in FAMILIES:
        raise ExportError("load", f"transformer {name!r} is of no known family ({', '.join(FAMILIES)})")
    tokenizer = folder / "tokenizer" / "tokenizer.json"
    if not tokenizer.is_file():
        raise ExportError("load", f"{tokenizer} is missing")
    vocabulary = folder / "vocabulary.json"
    source = Source(
        folder=folder,
        card=card,
        family=FAMILIES[name],
        is_student=student.is_dir(),
        **{part: _component(part, path, index) for part, path in at.items()},
        tokenizer=tokenizer,
        vocabulary=_decode(vocabulary, dict[str, dict[str, list[str]]]) if vocabulary.is_file() else {},
        licence=_licence(folder, card),
    )
    _check(source)
    return source


def _component(part: str, folder: Path, index: dict[str, Any]) -> nn.Module:
    if not (folder / "config.json").is_file():
        raise ExportError("load", f"{part} is missing: there is no {folder / 'config.json'}")
    try:
        library, name = index[part]
        with quietly():
            module = getattr(importlib.import_module(library), name).from_pretrained(folder)
    except Exception as error:
        # diffusers and transformers raise nearly anything on damaged weights.
        raise ExportError("load", f"{part} can't be loaded: {_first_line(error)}") from error
    wrong = [key for key, value in module.state_dict().items() if not torch.isfinite(value).all()]
    if wrong:
        raise ExportError("load", f"{part}: {wrong[0]} holds numbers that are not finite")
    return module.eval().requires_grad_(False).float()


def _check(source: Source) -> None:
    """Stop at what the later stages don't know how to trace."""
    transformer, vae, card = source.transformer.config, source.vae.config, source.card
    for part in ("transformer", "vae", "text_encoder"):
        size = sum(weight.nbytes for weight in getattr(source, part).parameters())
        if size > MAX_PART_BYTES:
            raise ExportError(
                "load", f"{part} has {size / 1e9:.1f} GB of float32 weights, one file holds 2.1"
            )
    if transformer.patch_size != 1 or transformer.patch_size_t != 1:
        raise ExportError("load", f"transformer patch size {transformer.patch_size} is not 1")
    if vae.patch_size_t != 1:
        raise ExportError("load", f"vae patch size in time {vae.patch_size_t} is not 1")
    if transformer.in_channels != vae.latent_channels:
        raise ExportError(
            "load",
            f"transformer takes {transformer.in_channels} channels, the vae makes {vae.latent_channels}",
        )
    if vae.timestep_conditioning or any(vae.decoder_inject_noise):
        raise ExportError(
            "load", "vae decoders with timestep conditioning or injected noise can't be traced yet"
        )
    for sigmas in (card.preview.sigmas, card.full.sigmas):
        falling = all(now > later for now, later in pairwise(sigmas))
        if len(sigmas) < 2 or not falling or sigmas[-1] != 0.0:
            raise ExportError("load", f"riffle.json: sigmas must fall to 0, not {sigmas}")
    _ = source.grid


def _licence(folder: Path, card: Card) -> str:
    """What the folder says about itself: riffle.json's word, else the first line of its licence file."""
    for name in LICENCE_FILES:
        if not card.licence and (folder / name).is_file():
            return (folder / name).read_text().strip().split("\n")[0].strip()
    return card.licence or "unspecified"


def _decode(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ExportError("load", f"{path} can't be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ExportError("load", f"{path}: {error}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]


def weight_digest(module: nn.Module) -> str:
    """First 12 hex digits of the SHA-256 over a module's weights, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(json.dumps([name, list(value.shape)]).encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]

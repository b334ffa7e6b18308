"""Stage 1: a diffusers folder -> float32 modules and what a server must know of them."""

from __future__ import annotations

import hashlib
import importlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer
from torch import nn

from export.errors import ExportError, first_line, quietly
from export.extras import refiner_of, upsampling_decoder_of
from export.families import FAMILIES
from export.families.base import PREVIEW_FRAMES, PREVIEW_SIZE, Family, Grid
from export.library import find_library
from export.options import MAX_PROMPT_TOKENS, MAX_SHAPES, MAX_STEPS, ExportOptions
from export.refiner import Refiner
from export.schedule import from_scheduler
from export.upsampling_decoder import UpsamplingDecoder
from model_server.engine.bundle import BundleError
from model_server.engine.flow import euler_schedule
from model_server.engine.tokens import load_tokenizer
from model_server.engine.weight_files import variant_of
from schemas.bundle import CONDITIONS, Schedule
from schemas.model_folder import MODEL_SPEC_FILE, ModelSpec, ModelSpecError, TierSpec, read_model_spec

LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
LIBRARIES = ("diffusers", "transformers")
# Weights that no state of a token depends on.
UNUSED = "pooler."
TEXT_ENCODERS = ("BertModel", "T5EncoderModel", "UMT5EncoderModel")
# A model that is asked for no more steps than these is a distilled one, which needs no guidance.
FEW_STEPS = 8


@dataclass(slots=True)
class Shape:
    """One size and length: pixels, frames, latent frames x rows x columns, and how it is denoised."""

    width: int
    height: int
    frames: int
    grid: Grid
    schedule: Schedule

    @property
    def area(self) -> int:
        """Latent cells."""
        return prod(self.grid)

    @property
    def label(self) -> str:
        """`64x96x17`."""
        return f"{self.width}x{self.height}x{self.frames}"


@dataclass(slots=True)
class LoadedModel:
    """A loaded model. `transformer` is the student where the folder has one, else the teacher."""

    folder: Path
    index: dict[str, Any]
    family: Family
    pipeline: str
    name: str
    is_student: bool
    transformer: nn.Module
    vae: nn.Module
    # What latents are decoded with: the folder's autoencoder, or the tiny one that was given.
    decoding_vae: nn.Module
    text_encoder: nn.Module
    tokenizer: Tokenizer
    fps: int
    prompt_tokens: int
    guidance: float
    decode_timestep: float
    licence: str
    with_encoder: bool
    # What the denoiser can be shown beside words, and where a reference picture stands in time.
    conditions: list[str] = field(default_factory=list)
    reference_second: float = -1.0
    reference_size: tuple[int, int] = (0, 0)
    # Whether its graphs take any number of latent frames, rows and columns: one set for all shapes then.
    free: bool = False
    vocabulary: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    # Puts a reference picture's detail into what was drawn: (reference, frames, small) -> frames in 0..1.
    refiner: Refiner | None = None
    # Decodes latents to frames at twice the autoencoder's size, which people see.
    upsampling_decoder: UpsamplingDecoder | None = None
    # Pictures of what prompts name, as a file.
    library: Path | None = None
    shapes: list[Shape] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def reference_grid(self) -> tuple[int, int]:
        """Latent rows and columns of a reference picture."""
        space, _, _ = self.family.factors(self.vae)
        return self.reference_size[1] // space, self.reference_size[0] // space

    @property
    def proven(self) -> list[Shape]:
        """The shapes that are measured: all, or those at the ends of what free graphs take."""
        if not self.free:
            return self.shapes
        # Of those that are as large as one another, the widest: the default is a portrait.
        least, most = (pick(self.shapes, key=lambda shape: (shape.area, shape.width)) for pick in (min, max))
        return list({shape.label: shape for shape in (self.shapes[0], least, most)}.values())


def load(folder: Path, options: ExportOptions | None = None) -> LoadedModel:
    """Load what a preview needs.

    Raises:
        ExportError: the folder isn't a complete model of a known family; the text names the missing part.
    """
    options = options or ExportOptions()
    if not (folder / "model_index.json").is_file() and (folder / "manifest.json").is_file():
        raise ExportError("load", f"{folder} is a bundle already: an export takes a diffusers folder")
    index: dict[str, Any] = _decode(folder / "model_index.json", dict[str, Any])
    family, pipeline = _family(index)
    spec = _spec(folder)
    student = folder / "student" / "transformer"
    at = {
        "transformer": student if student.is_dir() else folder / "transformer",
        "vae": folder / "vae",
        "text_encoder": folder / "text_encoder",
    }
    parts: dict[str, Any] = {part: _component(part, path, index) for part, path in at.items()}
    tiny = _tiny_decoder(folder, options, family, parts["vae"])
    defaults = family.defaults(pipeline)
    steps = None if options.steps is None else _between("steps", options.steps, 1, MAX_STEPS)
    tier = _tier(spec, is_student=student.is_dir()) if steps is None else None
    guidance = options.guidance if options.guidance is not None else (tier.guidance if tier else None)
    if guidance is None:
        guidance = 1.0 if (steps or FEW_STEPS) <= FEW_STEPS else defaults.guidance
    prompt_tokens = options.prompt_tokens or (spec.max_sequence_length if spec else defaults.prompt_tokens)
    prompt_tokens = _between("prompt tokens", prompt_tokens, 1, MAX_PROMPT_TOKENS)
    vocabulary = folder / "vocabulary.json"
    source = LoadedModel(
        folder=folder,
        index=index,
        family=family,
        pipeline=pipeline,
        name=options.name or (spec.name if spec else folder.resolve().name),
        is_student=student.is_dir(),
        **parts,
        decoding_vae=tiny or parts["vae"],
        tokenizer=_tokenizer(folder / "tokenizer", prompt_tokens),
        fps=_between("fps", options.fps or (spec.fps if spec else defaults.fps), 1, 240),
        prompt_tokens=prompt_tokens,
        guidance=float(guidance),
        decode_timestep=options.decode_timestep,
        licence=_licence(folder, spec),
        with_encoder=options.encoder,
        conditions=_conditions(spec, family, options),
        reference_second=spec.reference_second if spec else -1.0,
        vocabulary=_decode(vocabulary, dict[str, dict[str, list[str]]]) if vocabulary.is_file() else {},
    )
    if tiny is not None:
        source.notes.append(f"latents are decoded by a tiny decoder instead of the model's own ({_of(tiny)})")
    _check(source)
    sizes, frames = _asked(spec, options)
    sizes, frames = list(dict.fromkeys(sizes)), list(dict.fromkeys(frames))
    if len(sizes) * len(frames) > MAX_SHAPES:
        raise ExportError("load", f"{len(sizes)} sizes of {len(frames)} lengths are over {MAX_SHAPES} shapes")
    for width, height in sizes:
        for length in frames:
            source.shapes.append(_shape(source, width, height, length, tier, steps or FEW_STEPS))
    source.reference_size = (spec.reference_size if spec else None) or sizes[0]
    _, _, multiple = family.factors(source.vae)
    if any(side < multiple or side % multiple for side in source.reference_size):
        wide, high = source.reference_size
        raise ExportError(
            "load", f"riffle.json: reference_size {wide}x{high} is no multiple of {multiple} px"
        )
    many = spec is not None and bool(spec.lengths or spec.preview.sizes)
    source.free = family.frees(source) and (many or bool(source.conditions))
    if not source.free:
        # A reference picture has a shape of its own, which a fixed graph of the encoder doesn't take.
        if source.conditions:
            source.notes.append("conditions are left out: the graphs of this model have fixed shapes")
        source.conditions = []
    if "reference" in source.conditions:
        source.refiner = refiner_of(folder)
    if source.free:
        space, time, _ = family.factors(source.vae)
        source.upsampling_decoder = upsampling_decoder_of(folder, family.latent_channels(source), time, space)
    source.library = find_library(folder)
    return source


def _asked(spec: ModelSpec | None, options: ExportOptions) -> tuple[Sequence[tuple[int, int]], Sequence[int]]:
    """Sizes and numbers of frames: those asked for, else what was trained, the default first."""
    if spec is None:
        return options.sizes or (PREVIEW_SIZE,), options.frames or (PREVIEW_FRAMES,)
    return (
        options.sizes or (spec.preview.size, *spec.preview.sizes),
        options.frames or (spec.frames, *spec.lengths),
    )


def _conditions(spec: ModelSpec | None, family: Family, options: ExportOptions) -> list[str]:
    """What was trained, as far as it can be traced and encoded."""
    if spec is None or not spec.conditions:
        return []
    unknown = sorted(set(spec.conditions) - set(CONDITIONS))
    if unknown:
        raise ExportError(
            "load", f"riffle.json: condition {unknown[0]!r} is not known, only {', '.join(CONDITIONS)}"
        )
    return sorted(set(spec.conditions)) if options.encoder and family.takes_conditions else []


def _family(index: dict[str, Any]) -> tuple[Family, str]:
    name, pipeline = _class(index, "transformer"), str(index.get("_class_name", ""))
    if name not in FAMILIES:
        raise ExportError("load", f"transformer {name!r} is of no known family ({', '.join(FAMILIES)})")
    family = FAMILIES[name]
    if pipeline not in family.pipelines:
        raise ExportError("load", f"pipeline {pipeline!r} is not known, only {', '.join(family.pipelines)}")
    if _class(index, "vae") != family.vae_class:
        raise ExportError("load", f"vae {_class(index, 'vae')!r} is not known, only {family.vae_class}")
    if _class(index, "text_encoder") not in TEXT_ENCODERS:
        known = ", ".join(TEXT_ENCODERS)
        raise ExportError(
            "load", f"text_encoder {_class(index, 'text_encoder')!r} is not known, only {known}"
        )
    return family, pipeline


def _class(index: dict[str, Any], part: str) -> str:
    entry = index.get(part)
    return str(entry[1]) if isinstance(entry, list) and len(entry) == 2 else ""


def _tier(spec: ModelSpec | None, *, is_student: bool) -> TierSpec | None:
    """The steps that this transformer takes, at the preview's size."""
    if spec is None or is_student:
        return None if spec is None else spec.preview
    return TierSpec(size=spec.preview.size, sigmas=spec.full.sigmas, guidance=spec.full.guidance)


def _shape(
    source: LoadedModel, width: int, height: int, frames: int, tier: TierSpec | None, steps: int
) -> Shape:
    space, time, multiple = source.family.factors(source.vae)
    if width % multiple or height % multiple or (frames - 1) % time or frames < 1:
        raise ExportError(
            "load", f"{width}x{height}x{frames} is no multiple of {multiple} px and {time} frames + 1"
        )
    grid = ((frames - 1) // time + 1, height // space, width // space)
    if tier is not None:
        return Shape(width, height, frames, grid, euler_schedule(tier.sigmas, "riffle.json"))
    schedule, note = from_scheduler(source.folder, source.index, source.pipeline, grid, steps)
    if note and note not in source.notes:
        source.notes.append(note)
    return Shape(width, height, frames, grid, schedule)


def _tiny_decoder(folder: Path, options: ExportOptions, family: Family, vae: nn.Module) -> nn.Module | None:
    given = options.tiny_decoder or folder / "tiny_decoder"
    if options.tiny_decoder is None and not given.is_dir():
        return None
    tiny = _component("tiny decoder", given, {"tiny decoder": ["diffusers", family.vae_class]})
    if family.factors(tiny) != family.factors(vae):
        raise ExportError("load", f"tiny decoder {given} has another grid than the model's own")
    mine, theirs = (len(family.scaling(each)[0]) for each in (tiny, vae))
    if mine != theirs:
        raise ExportError(
            "load", f"tiny decoder {given} takes {mine} latent channels, the model has {theirs}"
        )
    return tiny


def _tokenizer(folder: Path, tokens: int) -> Tokenizer:
    """`tokenizer.json`, made from the vocabulary where the folder has none."""
    whole = folder / "tokenizer.json"
    with tempfile.TemporaryDirectory() as work:
        path = whole
        if not whole.is_file():
            path = Path(work) / whole.name
            try:
                if not folder.is_dir():
                    raise FileNotFoundError(f"there is no {folder}")
                with quietly():
                    from transformers import AutoTokenizer

                    AutoTokenizer.from_pretrained(folder, use_fast=True).backend_tokenizer.save(str(path))
            except Exception as error:
                raise ExportError(
                    "load", f"{whole} is missing, and can't be made: {first_line(error)}"
                ) from error
        try:
            return load_tokenizer(path, tokens)
        except BundleError as error:
            raise ExportError("load", first_line(error)) from error


def _component(part: str, folder: Path, index: dict[str, Any]) -> nn.Module:
    if not (folder / "config.json").is_file():
        raise ExportError("load", f"{part} is missing: there is no {folder / 'config.json'}")
    try:
        library, name = index[part]
        # What a folder names is imported: nothing but the two libraries.
        if library not in LIBRARIES:
            raise ValueError(f"{name} is of {library!r}, not of {' or '.join(LIBRARIES)}")
        with quietly():
            kind = getattr(importlib.import_module(library), name)
            # A weight that a file lacks would be drawn at random instead; a file of another model has others.
            module, loading = kind.from_pretrained(
                folder, output_loading_info=True, variant=variant_of(folder)
            )
    except Exception as error:
        # diffusers and transformers raise nearly anything on damaged weights.
        raise ExportError("load", f"{part} can't be loaded: {first_line(error)}") from error
    lost = sorted(key for key in loading["missing_keys"] if not key.startswith(UNUSED))
    if lost:
        raise ExportError("load", f"{part}: its files lack {lost[0]} ({len(lost)} weights in all)")
    if loading.get("mismatched_keys"):
        raise ExportError(
            "load", f"{part}: {loading['mismatched_keys'][0]} has another shape than config.json says"
        )
    wrong = [key for key, value in module.state_dict().items() if not torch.isfinite(value).all()]
    if wrong:
        raise ExportError("load", f"{part}: {wrong[0]} holds numbers that are not finite")
    loaded: nn.Module = module.eval().requires_grad_(False).float()
    return loaded


def _check(source: LoadedModel) -> None:
    """Stop at what the later stages don't know how to trace."""
    if not 0.0 <= source.decode_timestep < 1.0:
        raise ExportError("load", f"decode timestep must be 0 to 1, not {source.decode_timestep}")
    if not 0.0 <= source.guidance <= 100.0:
        raise ExportError("load", f"guidance must be 0 to 100, not {source.guidance}")
    problem = source.family.problem(source)
    if problem:
        raise ExportError("load", problem)


def _between(what: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ExportError("load", f"{what} must be {least} to {most}, not {value}")
    return value


def _licence(folder: Path, spec: ModelSpec | None) -> str:
    """What the folder says about itself: riffle.json's word, else the first line of its licence file."""
    said = spec.licence if spec else ""
    for name in LICENCE_FILES:
        if not said and (folder / name).is_file():
            return (folder / name).read_text().strip().split("\n")[0].strip()
    return said or "unspecified"


def _of(module: Any) -> str:
    return f"{sum(weight.numel() for weight in module.decoder.parameters()) / 1e6:.1f}M weights"


def _spec(folder: Path) -> ModelSpec | None:
    if not (folder / MODEL_SPEC_FILE).exists():
        return None
    try:
        return read_model_spec(folder)
    except ModelSpecError as error:
        raise ExportError("load", first_line(error)) from error


def _decode(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ExportError("load", f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError("load", f"{path}: {error}") from error


def weight_digest(module: nn.Module) -> str:
    """First 12 hex digits of the SHA-256 over a module's weights, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(json.dumps([name, list(value.shape)]).encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]

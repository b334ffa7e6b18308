"""What `python -m export.record` keeps of the shipped model: graphs without weights, and measured choices.

A graph fits where `graphs_digest` is the recorded one: it depends on the model's configurations and the code
that it was traced from, and on no weight. Choices fit where `choices_digest` is the recorded one: they were
measured with these weights, for one target. Both are checked against torch like those that are made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import onnx

from export.code_digest import code_digest
from export.gates import goal
from export.load import LoadedModel, weight_digest
from export.recorded_index import FOLDER, RANGES_SUFFIX, Index, read_index
from schemas.bundle import KeptLayer

# Files of this folder whose code a graph follows from, and those that the choices follow from.
TRACED_BY = (
    "families/*.py",
    "rewrites/*.py",
    "trace.py",
    "trace_text.py",
    "parts.py",
    "text_encoder.py",
    "refiner.py",
    "similarity.py",
    "upsampling_decoder.py",
)
CHOSEN_BY = ("quantise.py", "sensitivity.py", "preview.py")
INT8 = "int8"


class Recorded:
    """The parts of a record that fit a model; nothing of one that was made of another."""

    def __init__(self, source: LoadedModel, precision: str, target: str, folder: Path = FOLDER) -> None:
        self._source, self._precision, self._target, self._folder = source, precision, target, folder

    @cached_property
    def index(self) -> Index | None:
        """The record, if its graphs are of this model."""
        found = read_index(self._folder)
        return found if found is not None and found.graphs_digest == graphs_digest(self._source) else None

    def graph(self, part: str) -> onnx.ModelProto | None:
        """A part's graph without weights."""
        path = self._folder / f"{part}.onnx"
        return onnx.load(path) if self.index is not None and path.is_file() else None

    def ranges(self, part: str) -> bytes | None:
        """What onnxruntime measured of the tensors around a part's convolutions, as it wrote it down."""
        path = self._folder / f"{part}{RANGES_SUFFIX}"
        return path.read_bytes() if self.has_ranges and path.is_file() else None

    def candidates(self, part: str) -> list[list[KeptLayer]]:
        """Choices of layers that stay in higher precision, in the order in which they are worth a try.

        That of this target. Where none was recorded: no layers, the costliest of another target, its two
        costliest, and so on; which layers cost most hardly depends on the target, how many must stay does.
        """
        if self.index is None or self._precision != INT8:
            return []
        fitting = {
            target: choices.kept[part]
            for target, choices in self.index.choices.items()
            if choices.digest == choices_digest(self._source, target) and part in choices.kept
        }
        if self._target in fitting:
            return [fitting[self._target]]
        costliest = max(fitting.values(), key=len, default=[])
        return [costliest[:many] for many in range(len(costliest) + 1)] if fitting else []

    @cached_property
    def has_ranges(self) -> bool:
        """Whether the ranges are of this model's weights."""
        if self.index is None or self._precision != INT8:
            return False
        return self.index.ranges_digest == ranges_digest(self._source)


def graphs_digest(source: LoadedModel) -> str:
    """What a model's graphs follow from: configurations, code, and options that are written into them."""
    modules = {
        "transformer": source.transformer,
        "vae": source.vae,
        "decoding_vae": source.decoding_vae,
        "text_encoder": source.text_encoder,
    }
    said: dict[str, Any] = {part: _config(module.config) for part, module in modules.items()}
    said |= {
        "family": source.family.name,
        "pipeline": source.pipeline,
        "fps": source.fps,
        "prompt_tokens": source.prompt_tokens,
        "decode_timestep": source.decode_timestep,
        "conditions": source.conditions,
        "reference_second": source.reference_second,
        "refiner": source.refiner is not None,
        "upsampling_decoder": source.upsampling_decoder is not None,
        "shapes": "any" if source.free else [shape.label for shape in source.shapes],
        "code": code_digest(TRACED_BY),
    }
    return _digest(said)


def ranges_digest(source: LoadedModel) -> str:
    """What the ranges of convolutions follow from besides the graphs: the weights, and what is drawn."""
    weights = {
        "transformer": weight_digest(source.transformer),
        "vae": weight_digest(source.decoding_vae),
        "text_encoder": weight_digest(source.text_encoder),
    }
    if source.upsampling_decoder is not None:
        weights["upsampling_decoder"] = weight_digest(source.upsampling_decoder)
    schedules = [msgspec.to_builtins(shape.schedule) for shape in source.proven]
    return _digest([graphs_digest(source), weights, schedules, source.guidance, code_digest(CHOSEN_BY)])


def choices_digest(source: LoadedModel, target: str) -> str:
    """What the choice of layers follows from besides the ranges: the target, and the goals."""
    goals = {kind: goal(kind, INT8, source.guidance) for kind in ("transformer", "decoder")}
    return _digest([ranges_digest(source), target, goals])


def _config(config: Any) -> dict[str, Any]:
    """A configuration without what its library notes about itself."""
    given: Mapping[str, Any] = config.to_dict() if hasattr(config, "to_dict") else config
    noted = ("transformers_version", "dtype", "torch_dtype")
    return {key: value for key, value in given.items() if not str(key).startswith("_") and key not in noted}


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""Stages 2 to 5 for every part: trace, rewrite, quantise, verify; and the files they leave."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch

from export import files, trace
from export.gates import DENOISERS, GATES, goal
from export.load import Source
from export.measure import Parity
from export.placement import placed
from export.preview import Drawn, drawn
from export.quantise import (
    CONVOLUTIONS,
    PRODUCTS,
    REDUCED_RANGE,
    WIDE,
    Feed,
    halve,
    narrow,
    quantise_convolutions,
    quantise_products,
    quantise_weights,
    roles,
    split,
)
from export.rewrites.graph import optimise
from export.sensitivity import choose
from export.trace import GraphPart
from export.verify import check_part
from schemas.bundle import Quantised

Say = Callable[[str], None]

# Clips that a decoder's ranges are fitted to, and inputs that the loss of quantising is measured on.
FITTED = 12
MEASURED = 4


class Maker:
    """Makes the graphs of one bundle in a folder, and keeps what was measured on the way."""

    def __init__(self, source: Source, work: Path, precision: str, target: str, say: Say) -> None:
        self.source, self.work, self.precision, self.target = source, work, precision, target
        self.parity: dict[str, Parity] = {}
        self.quantised: dict[str, Quantised] = {}
        self.placement: dict[str, dict[str, int]] = {}
        self._say = say
        self._denoisers: list[tuple[GraphPart, onnx.ModelProto, list[Feed]]] = []

    def make(self) -> None:
        """Every part, verified.

        Raises:
            ExportError: a stage stopped.
        """
        clips: dict[str, Drawn] = {}
        for number, shape in enumerate(self.source.proven):
            # Graphs of any shape are fitted to the first, which is drawn most, and measured on the others.
            fitted = self.precision in ("int8", "int4") and not (self.source.free and number)
            self._say(f"draw: previews of {shape.label} to {'fit ranges to' if fitted else 'trace by'}")
            clips[shape.label] = drawn(self.source, shape, fitted=fitted)
        firsts = {label: clip.latents[0] for label, clip in clips.items()}
        for part in trace.parts(self.source, firsts):
            self._say(f"trace: {part.name}")
            model = optimise(trace.trace(self.source, part), part.name)
            feeds = self._feeds(part, clips)
            if part.kind in DENOISERS:
                self._denoisers.append((part, model, feeds))
            self._finish(part, model, feeds, goal(part.kind, self.precision, self.source.guidance))

    def again(self, by_db: float) -> bool:
        """Quantise the denoisers anew to a goal higher by this much; False if nothing is left to keep."""
        if all(
            name not in self.quantised or not self.quantised[name].quantised_nodes for name in self._names
        ):
            return False
        for part, model, feeds in self._denoisers:
            self._finish(part, model, feeds, self.quantised[part.name].goal_db + by_db)
        return True

    @property
    def _names(self) -> list[str]:
        return [part.name for part, _, _ in self._denoisers]

    def _finish(self, part: GraphPart, model: onnx.ModelProto, feeds: list[Feed], goal_db: float) -> None:
        if self.precision != "fp32":
            self._say(f"quantise: {part.name} for {self.target}")
        made = self._quantise(part, model, feeds, goal_db)
        self.parity[part.name] = check_part(part, made, self.precision)
        path = self.work / f"{part.name}.onnx"
        files.save(made, path)
        found = placed(path, self.target)
        self.placement[part.name] = found.providers if found.means_something else {}

    def _quantise(
        self, part: GraphPart, model: onnx.ModelProto, feeds: list[Feed], goal_db: float
    ) -> onnx.ModelProto:
        if self.precision == "fp32":
            return halve(model, lossy=False)
        if part.kind in ("text", "encoder", "refiner"):
            # They run once for a prompt, a source or a clip, and lose meaning in 8 bits.
            return halve(model, lossy=True)
        if self.precision == "fp16" or (part.kind not in DENOISERS and self.target in ("cuda", "web")):
            return self._narrowed(part, model)
        if part.kind not in DENOISERS:
            fitted = feeds[:FITTED]
            with tempfile.TemporaryDirectory() as folder:
                ranges = Path(folder) / "ranges.json"
                quantise = partial(self._convolutions, model, part.name, fitted, ranges)
                return self._chosen(
                    part, model, "int8 convolutions", CONVOLUTIONS, quantise, fitted[:MEASURED], goal_db
                )
        apart = split(model)
        if self.precision == "int4":
            weights = partial(quantise_weights, apart, part.name)
            return self._chosen(part, apart, "int4 weights in blocks", PRODUCTS, weights, feeds, goal_db)
        products = partial(quantise_products, apart, part.name, self.target)
        reduced = ", reduced range" if self.target in REDUCED_RANGE else ""
        scheme = f"int8 products, signed per channel{reduced}, inputs as they come"
        return self._chosen(part, apart, scheme, PRODUCTS, products, feeds, goal_db)

    def _convolutions(
        self,
        model: onnx.ModelProto,
        name: str,
        fitted: Sequence[Feed],
        ranges: Path,
        nodes: Sequence[str],
    ) -> onnx.ModelProto:
        return quantise_convolutions(model, name, self.target, nodes, fitted, ranges)

    def _chosen(
        self,
        part: GraphPart,
        model: onnx.ModelProto,
        scheme: str,
        kinds: Sequence[str],
        quantise: Callable[..., onnx.ModelProto],
        feeds: Sequence[Feed],
        goal_db: float,
    ) -> onnx.ModelProto:
        feeds = [*feeds, trace.arrays(part.stage)]
        made, found = choose(
            model,
            part.name,
            scheme,
            roles(model, kinds),
            quantise,
            feeds,
            goal_db,
            lambda text: self._say(f"  {text}"),
        )
        self.quantised[part.name] = found
        return made

    def _narrowed(self, part: GraphPart, model: onnx.ModelProto) -> onnx.ModelProto:
        made = narrow(model, part.name)
        if check_part(part, made, self.precision, gated=False)["sqnr_db"] < GATES[self.precision][part.kind]:
            self.source.notes.append(
                f"{part.name}: norms and softmax stay in 32 bits, they left the range of 16"
            )
            made = narrow(model, part.name, wide=WIDE)
        return made

    def _feeds(self, part: GraphPart, clips: dict[str, Drawn]) -> list[Feed]:
        """Inputs of other previews than the one that the part is traced by."""
        if self.precision not in ("int8", "int4") or part.kind in ("text", "encoder", "refiner"):
            return []
        example = part.inputs["latents"].shape
        for clip in clips.values():
            if part.kind == "transformer" and clip.latents[0].shape == example:
                return clip.feeds
            if part.kind == "conditioned_transformer" and clip.latents[0].shape == example:
                pictures = [latents.numpy() for latents in clip.latents]
                return [
                    trace.conditioned_inputs(
                        feed, pictures[number % len(pictures)], self.source.reference_grid
                    )
                    for number, feed in enumerate(clip.feeds)
                ]
            if part.kind in ("decoder", "picture") and clip.latents[0].shape[3:] == example[3:]:
                with torch.inference_mode():
                    given = [
                        feed
                        for latents in clip.latents[1:]
                        for feed in self.source.family.calibration(self.source, part.kind, latents)
                    ]
                # Spread over the clips: frames of one clip are alike.
                chosen = np.linspace(0, len(given) - 1, min(FITTED, len(given))).round().astype(int)
                feeds = [{key: value.numpy() for key, value in given[number].items()} for number in chosen]
                if feeds and feeds[0]["latents"].shape == tuple(example):
                    return feeds
        return [trace.arrays(part.stage)]

"""Stages 2 to 5 for every part: trace, rewrite, quantise, verify; and the files they leave."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch

from export import files
from export.gates import DENOISERS, GATES, goal
from export.graph_weights import fill
from export.load import LoadedModel
from export.measure import Parity
from export.parts import UPSAMPLING_DECODER, GraphPart, arrays, conditioned_inputs, parts
from export.placement import placed
from export.preview import Drawn, drawn, enough_to_fit
from export.progress import ExportProgress
from export.quantise import (
    CONVOLUTIONS,
    PRODUCTS,
    REDUCED_RANGE,
    WIDE,
    Feed,
    fits_ranges,
    halve,
    narrow,
    quantise_convolutions,
    quantise_products,
    quantise_weights,
    roles,
    split,
)
from export.recorded import Recorded
from export.recorded_index import RANGES_SUFFIX
from export.rewrites.graph import optimise
from export.sensitivity import choose
from export.verify import check_part
from schemas.bundle import Quantised

# Clips that a decoder's ranges are fitted to, and inputs that the loss of quantising is measured on.
FITTED = 12
MEASURED = 4
# They run once for a prompt, a source or a clip, and lose meaning in 8 bits.
ONCE = ("text", "encoder", "refiner", "matte")


class Maker:
    """Makes the graphs of one bundle in a folder, and keeps what was measured on the way."""

    def __init__(
        self,
        source: LoadedModel,
        work: Path,
        precision: str,
        target: str,
        progress: ExportProgress,
        recorded: Recorded | None = None,
    ) -> None:
        self.source, self.work, self.precision, self.target = source, work, precision, target
        self.progress = progress
        self.parity: dict[str, Parity] = {}
        self.quantised: dict[str, Quantised] = {}
        self.placement: dict[str, dict[str, int]] = {}
        # What a record is made of, kept where none is used: graphs without weights, ranges of convolutions.
        self.graphs: dict[str, bytes] = {}
        self.ranges: dict[str, bytes] = {}
        self._recorded = recorded
        self._clips: dict[str, Drawn] = {}
        self._denoisers: list[tuple[GraphPart, onnx.ModelProto, list[Feed]]] = []

    def make(self) -> None:
        """Every part, verified.

        Raises:
            ExportError: a stage stopped.
        """
        self.progress.step("draw", "draw previews with torch, to measure by")
        few = self._recorded is not None and self._recorded.has_ranges
        self._clips = self._drawn(MEASURED + 1 if few else None)
        firsts = {label: clip.latents[0] for label, clip in self._clips.items()}
        for part in parts(self.source, firsts):
            doing = "" if self.precision == "fp32" else f", {self.precision} for {self.target}"
            self.progress.step(part.name, f"{part.name}: graph{doing}, checked against torch", "trace")
            model = self._graph(part)
            feeds = self._feeds(part, self._clips)
            if part.kind in DENOISERS:
                self._denoisers.append((part, model, feeds))
            self._finish(part, model, feeds, goal(part.kind, self.precision, self.source.guidance))

    def _drawn(self, many: int | None) -> dict[str, Drawn]:
        """Previews by the label of their shape; of shapes that ranges are fitted to `many`, or enough."""
        found: dict[str, Drawn] = {}
        for number, shape in enumerate(self.source.proven):
            # Graphs of any shape are fitted to the first, which is drawn most, and measured on the others.
            fitted = self.precision in ("int8", "int4") and not (self.source.free and number)
            count = (many or enough_to_fit(self.source, shape)) if fitted else 1
            found[shape.label] = drawn(self.source, shape, count)
        return found

    def _graph(self, part: GraphPart) -> onnx.ModelProto:
        """A part's graph with its weights: the recorded one, or one that is traced now."""
        model = None if self._recorded is None else self._recorded.graph(part.name)
        if model is None:
            from export.trace import trace
            from export.tracers import check_tracers

            self.progress.detail("tracing it, since no recorded graph fits")
            check_tracers()
            model = trace(self.source, part)
        if self._recorded is None:
            self.graphs[part.name] = model.SerializeToString(deterministic=True)
        return optimise(fill(model, part.name, part.weights), part.name)

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
        if part.kind in ONCE:
            return halve(model, lossy=True)
        if self.precision == "fp16" or (part.kind not in DENOISERS and self.target in ("cuda", "web")):
            return self._narrowed(part, model)
        if part.kind not in DENOISERS:
            return self._with_ranges(part, model, feeds, goal_db)
        apart = split(model)
        if self.precision == "int4":
            weights = partial(quantise_weights, apart, part.name)
            return self._chosen(part, apart, "int4 weights in blocks", PRODUCTS, weights, feeds, goal_db)
        products = partial(quantise_products, apart, part.name, self.target)
        reduced = ", reduced range" if self.target in REDUCED_RANGE else ""
        scheme = f"int8 products, signed per channel{reduced}, inputs as they come"
        return self._chosen(part, apart, scheme, PRODUCTS, products, feeds, goal_db)

    def _with_ranges(
        self, part: GraphPart, model: onnx.ModelProto, feeds: list[Feed], goal_db: float
    ) -> onnx.ModelProto:
        """The graph with convolutions in int8, in the recorded ranges if these are of its tensors."""
        with tempfile.TemporaryDirectory() as folder:
            ranges = Path(folder) / f"{part.name}{RANGES_SUFFIX}"
            known = None if self._recorded is None else self._recorded.ranges(part.name)
            if known is not None and fits_ranges(model, known):
                ranges.write_bytes(known)
            quantise = partial(self._convolutions, part, model, ranges)
            made = self._chosen(
                part, model, "int8 convolutions", CONVOLUTIONS, quantise, feeds[:MEASURED], goal_db
            )
            if ranges.is_file():
                self.ranges[part.name] = ranges.read_bytes()
            return made

    def _convolutions(
        self, part: GraphPart, model: onnx.ModelProto, ranges: Path, nodes: Sequence[str]
    ) -> onnx.ModelProto:
        fitted: list[Feed] = []
        if not ranges.is_file():
            shape = self.source.proven[0]
            if len(self._clips[shape.label].latents) < enough_to_fit(self.source, shape):
                self._clips = self._drawn(None)
            fitted = self._feeds(part, self._clips)[:FITTED]
        return quantise_convolutions(model, part.name, self.target, nodes, fitted, ranges)

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
        feeds = [*feeds, arrays(part.stage)]
        made, found = choose(
            model,
            part.name,
            scheme,
            roles(model, kinds),
            quantise,
            feeds,
            goal_db,
            self.progress.detail,
            () if self._recorded is None else self._recorded.candidates(part.name),
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
        if self.precision not in ("int8", "int4") or part.kind in ONCE:
            return []
        if part.kind == UPSAMPLING_DECODER:
            whole = [latents.numpy() for clip in clips.values() for latents in clip.latents[1:]]
            return [{"latents": latents} for latents in whole[:FITTED]] or [arrays(part.stage)]
        example = part.inputs["latents"].shape
        for clip in clips.values():
            if part.kind == "transformer" and clip.latents[0].shape == example:
                return clip.feeds
            if part.kind == "conditioned_transformer" and clip.latents[0].shape == example:
                pictures = [latents.numpy() for latents in clip.latents]
                return [
                    conditioned_inputs(feed, pictures[number % len(pictures)], self.source.reference_grid)
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
        return [arrays(part.stage)]

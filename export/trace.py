"""Stage 2: torch modules -> ONNX graphs of static shape or with free axes, without their weights."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import onnx
import torch

from export.errors import ExportError, first_line, quietly
from export.families.base import LATENT_AXES, Stage
from export.graph_weights import fill, is_weight, strip
from export.load import LoadedModel
from export.parts import GraphPart
from export.refiner import CELL
from export.trace_text import trace_text

# The first with a Gelu node, which takes an eighth off the denoiser; 23's Attention rejects a broadcast mask.
OPSET = 20


def trace(source: LoadedModel, part: GraphPart) -> onnx.ModelProto:
    """The part as a graph whose initialisers of the part's `weights` are named and have no data.

    What the tracer folds is then the same for all weights of one architecture.

    Raises:
        ExportError: it can't be traced; the text names the part and the operation.
    """
    if part.kind == "text":
        return strip(trace_text(source), part.weights)
    module, stage = part.module.eval(), part.stage
    try:
        with torch.no_grad(), quietly(), contextlib.redirect_stdout(io.StringIO()):
            program = torch.onnx.export(
                module,
                tuple(stage.inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(stage.inputs),
                output_names=stage.outputs,
                external_data=False,
                verbose=False,
                dynamic_shapes=_sizes(source, stage),
                optimize=False,
            )
            assert program is not None, "torch gives a program for dynamo=True"
            _optimise(program, part)
    except Exception as error:
        raise ExportError("trace", f"{part.name}: {_cause(error)}") from error
    return strip(_named(program.model_proto, stage), part.weights)


def trace_filled(source: LoadedModel, part: GraphPart) -> onnx.ModelProto:
    """The part as a graph with its weights.

    Raises:
        ExportError: it can't be traced.
    """
    return fill(trace(source, part), part.name, part.weights)


def _optimise(program: Any, part: GraphPart) -> None:
    """The tracer's own rewriting, with the weights out of its reach: it would fold them into others."""
    initialisers = program.model.graph.initializers
    hidden = {
        name: value.const_value for name, value in initialisers.items() if is_weight(part.weights, name)
    }
    for name in hidden:
        initialisers[name].const_value = None
    program.optimize()
    for name, value in hidden.items():
        initialisers[name].const_value = value


def _sizes(source: LoadedModel, stage: Stage) -> tuple[dict[int, Any] | None, ...] | None:
    """What torch is given of a graph's free axes; None for a graph without any."""
    if not stage.free:
        return None
    space, time, _ = source.family.factors(source.vae)
    # A size of 1 would be taken for a constant.
    cells = {name: torch.export.Dim(name, min=2) for name in LATENT_AXES.values()}
    steps = torch.export.Dim("steps", min=1)
    # Frames and pixels come in whole latent cells, but for the first frame.
    video = {
        "clip_frames": time * steps + 1,
        "height": space * cells["rows"],
        "width": space * cells["columns"],
    }
    # A refiner looks at a picture of its own and at small frames, in cells of its own.
    refined = {
        "side": torch.export.Dim("side", min=2),
        "small_height": CELL * torch.export.Dim("small_rows", min=2),
        "small_width": CELL * torch.export.Dim("small_columns", min=2),
    }
    known = {**cells, **video, **refined}
    return tuple(
        {axis: known[name] for axis, name in stage.free.get(key, {}).items()} or None for key in stage.inputs
    )


def _named(model: onnx.ModelProto, stage: Stage) -> onnx.ModelProto:
    """The graph with its free axes under their names, and no others: the tracer has names of its own."""
    for item in model.graph.input:
        if free := stage.free.get(item.name):
            for axis, dim in enumerate(item.type.tensor_type.shape.dim):
                if axis in free:
                    dim.dim_param = free[axis]
                else:
                    dim.dim_value = stage.inputs[item.name].shape[axis]
    return model


def _cause(error: BaseException) -> str:
    """The exporter wraps what went wrong; the innermost line names the operation."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)

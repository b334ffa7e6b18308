"""Graphs and weights apart: initialisers by name, emptied after a trace and filled from a module's state."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto
from torch import Tensor

from export.errors import ExportError

# Of an initialiser without its data; nothing else in a graph has an empty name of a file.
DTYPES = {"torch.float32": TensorProto.FLOAT, "torch.int64": TensorProto.INT64}


def is_weight(weights: Mapping[str, Tensor], name: str) -> bool:
    """Whether an initialiser is the module's own and holds real numbers; whole ones are places and sizes."""
    return name in weights and weights[name].is_floating_point()


def strip(model: onnx.ModelProto, weights: Mapping[str, Tensor]) -> onnx.ModelProto:
    """The graph without the data of `weights`, and without the tracer's remarks on its nodes."""
    for tensor in model.graph.initializer:
        if is_weight(weights, tensor.name):
            for kept in ("raw_data", "float_data"):
                tensor.ClearField(kept)
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        for remark in ("metadata_props", "doc_string"):
            item.ClearField(remark)
    # Shapes that the tracer noted stop the quantiser's own inference.
    graph.ClearField("value_info")
    return model


def fill(model: onnx.ModelProto, name: str, weights: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Put a module's weights in their places; `name` is the part's. The graph itself is changed.

    Raises:
        ExportError: a weight is missing, or has another shape than the graph was traced with.
    """
    for tensor in model.graph.initializer:
        if not is_weight(weights, tensor.name):
            if not is_filled(tensor):
                raise ExportError("trace", f"{name}: the model has no weight {tensor.name}")
            continue
        value = weights[tensor.name].detach().contiguous()
        if list(value.shape) != list(tensor.dims) or DTYPES.get(str(value.dtype)) != tensor.data_type:
            raise ExportError(
                "trace", f"{name}: {tensor.name} is {list(value.shape)}, the graph takes {list(tensor.dims)}"
            )
        tensor.raw_data = value.numpy().tobytes()
    return model


def is_filled(tensor: TensorProto) -> bool:
    """Whether an initialiser has its data; one of no elements needs none."""
    data = ("raw_data", "float_data", "int64_data", "int32_data", "double_data")
    return 0 in tensor.dims or any(len(getattr(tensor, field)) for field in data)

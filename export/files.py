"""Graphs and files: one file is one message, which ends at 2 GiB, so weights of larger ones lie beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import StringStringEntryProto, TensorProto

from model_server.engine.bundle import DATA_SUFFIX

# What one file may hold, with room for the nodes.
LARGEST_BYTES = 2**31 - 2**24
# Shapes and factors stay in the graph, where shape inference looks for them.
SMALLEST_OUTSIDE_BYTES = 1024
# Places in the data file that weights begin at, so that they can be mapped into memory page by page.
PAGE_BYTES = 4096


def is_large(model: onnx.ModelProto) -> bool:
    """Whether its weights need a file of their own."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer) > LARGEST_BYTES


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph; weights of a large one into `path` with DATA_SUFFIX. The model stays as it was."""
    if not is_large(model):
        onnx.save(model, path)
        return
    data = path.with_name(path.name + DATA_SUFFIX)
    # A copy without weights: a copy of all would take as much memory again.
    small = onnx.ModelProto(ir_version=model.ir_version)
    small.opset_import.extend(model.opset_import)
    small.functions.extend(model.functions)
    graph = small.graph
    graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(graph, field).extend(getattr(model.graph, field))
    with data.open("wb") as file:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) < SMALLEST_OUTSIDE_BYTES:
                graph.initializer.append(tensor)
                continue
            file.seek(-(-file.tell() // PAGE_BYTES) * PAGE_BYTES)
            where = {"location": data.name, "offset": file.tell(), "length": len(tensor.raw_data)}
            file.write(tensor.raw_data)
            outside = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
            outside.data_location = TensorProto.EXTERNAL
            outside.external_data.extend(
                StringStringEntryProto(key=key, value=str(value)) for key, value in where.items()
            )
            graph.initializer.append(outside)
    onnx.save(small, path)


def session(model: onnx.ModelProto, options: ort.SessionOptions) -> ort.InferenceSession:
    """The graph on this processor; whatever onnxruntime raises."""
    providers = ["CPUExecutionProvider"]
    if not is_large(model):
        return ort.InferenceSession(model.SerializeToString(), options, providers=providers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        save(model, path)
        return ort.InferenceSession(path, options, providers=providers)


def infer_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with the shapes between its nodes, whatever its size."""
    if not is_large(model):
        return onnx.shape_inference.infer_shapes(model)
    with tempfile.TemporaryDirectory() as folder:
        path, inferred = Path(folder) / "graph.onnx", Path(folder) / "inferred.onnx"
        save(model, path)
        onnx.shape_inference.infer_shapes_path(str(path), str(inferred))
        return onnx.load(inferred)

"""Stage 4: matrix products in int8, their inputs quantised as they come (dynamic); the rest stays float32."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from export.load import ExportError, quietly

TARGETS = ("avx2", "vnni", "arm64")
# Signed weights with full range overflow the 16-bit sums of AVX2's products; 7 bits don't.
REDUCED_RANGE = {"avx2"}
# What enters and leaves the model, and the noise level, which scales every layer: small, and all error shows.
KEPT = ("proj_in", "proj_out", "time_embed")
PRODUCTS = ("MatMul", "Gemm")
# Below this a narrowing node costs more than it saves.
SMALLEST_HALVED = 4096


def quantise(model: onnx.ModelProto, name: str, target: str) -> onnx.ModelProto:
    """The graph with int8 weights per output channel in every product with constant weights but `KEPT`.

    Raises:
        ExportError: the quantiser stopped.
    """
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, before)
        try:
            with quietly():
                quantize_dynamic(
                    before,
                    after,
                    op_types_to_quantize=list(PRODUCTS),
                    per_channel=True,
                    reduce_range=target in REDUCED_RANGE,
                    weight_type=QuantType.QInt8,
                    nodes_to_exclude=kept(model),
                    extra_options={"MatMulConstBOnly": True},
                )
        except Exception as error:
            raise ExportError("quantise", f"{name}: {str(error).strip().splitlines()[0]}") from error
        return onnx.load(after)


def halve(model: onnx.ModelProto, *, lossy: bool) -> onnx.ModelProto:
    """The graph with large float32 weights stored as float16, for half the download; it computes as before.

    The runtime widens them once, when it loads. Unless `lossy`, only weights that lose nothing: those of
    models that were saved in float16.
    """
    narrowed, casts = onnx.ModelProto(), []
    narrowed.CopyFrom(model)
    for tensor in narrowed.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALVED:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.isfinite(half).all() and (lossy or np.array_equal(half, values)):
            name = f"{tensor.name}.half"
            casts.append(onnx.helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT))
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, name))
    nodes = [*casts, *narrowed.graph.node]
    narrowed.graph.ClearField("node")
    narrowed.graph.node.extend(nodes)
    return narrowed


def kept(model: onnx.ModelProto) -> list[str]:
    """Names of the products that stay float32, known by the layer whose weights or bias they read."""
    stored = {tensor.name for tensor in model.graph.initializer}
    ends = {name for name in stored if any(part in name for part in KEPT)}
    return [
        node.name for node in model.graph.node if node.op_type in PRODUCTS and ends.intersection(node.input)
    ]


def integer_products(model: onnx.ModelProto) -> int:
    """How many products of the graph are computed in int8."""
    return sum(node.op_type in ("MatMulInteger", "DynamicQuantizeMatMul") for node in model.graph.node)

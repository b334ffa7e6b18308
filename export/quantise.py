"""Stage 4: matrix products and convolutions in int8; the rest stays float32."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from export.load import ExportError, quietly

Feed = dict[str, NDArray[np.float32]]

TARGETS = ("avx2", "vnni", "arm64")
# Signed weights with full range overflow the 16-bit sums of AVX2's products; 7 bits don't.
REDUCED_RANGE = {"avx2"}
# What enters and leaves the model, and the noise level, which scales every layer: small, and all error shows.
KEPT = ("proj_in", "proj_out", "time_embed")
PRODUCTS = ("MatMul", "Gemm")
# Below this a narrowing node costs more than it saves.
SMALLEST_HALVED = 4096


class _Samples(CalibrationDataReader):
    """The inputs that a graph's ranges are measured on."""

    def __init__(self, samples: Iterable[Feed]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Feed | None:
        return next(self._samples, None)


def quantise_products(model: onnx.ModelProto, name: str, target: str) -> onnx.ModelProto:
    """The graph with int8 weights per output channel in every product with constant weights but `KEPT`.

    Inputs are quantised as they come: their ranges change from step to step.

    Raises:
        ExportError: the quantiser stopped.
    """
    return _quantised(
        quantize_dynamic,
        model,
        name,
        op_types_to_quantize=list(PRODUCTS),
        reduce_range=target in REDUCED_RANGE,
        nodes_to_exclude=kept(model),
        extra_options={"MatMulConstBOnly": True},
    )


def quantise_convolutions(
    model: onnx.ModelProto, name: str, target: str, samples: Iterable[Feed]
) -> onnx.ModelProto:
    """The graph with every convolution in int8, per output channel, in ranges measured on `samples`.

    Raises:
        ExportError: the quantiser stopped.
    """
    return _quantised(
        quantize_static,
        model,
        name,
        calibration_data_reader=_Samples(samples),
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=["Conv"],
        reduce_range=target in REDUCED_RANGE,
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def _quantised(
    quantiser: Callable[..., None], model: onnx.ModelProto, name: str, **options: Any
) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, before)
        try:
            # Some of its advice is printed rather than logged.
            with quietly(), contextlib.redirect_stdout(io.StringIO()):
                quantiser(before, after, per_channel=True, weight_type=QuantType.QInt8, **options)
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


def integer_nodes(model: onnx.ModelProto) -> int:
    """How many products and convolutions of the graph are computed in int8."""
    return sum(node.op_type in ("MatMulInteger", "QLinearConv") for node in model.graph.node)

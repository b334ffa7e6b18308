"""Stage 4: matrix products and convolutions in fewer bits; the rest stays float32 or becomes float16."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
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

from export import files
from export.errors import ExportError, first_line, quietly

Feed = dict[str, NDArray[Any]]

# Signed weights with full range overflow the 16-bit sums of AVX2's products; 7 bits don't.
REDUCED_RANGE = {"avx2"}
PRODUCTS = ("MatMul",)
CONVOLUTIONS = ("Conv",)
# Weights of a block share one scale: 4.5 bits a weight, where 128 would be 4.1 and lose 2 dB.
BLOCK = 32
# Below this a narrowing node costs more than it saves.
SMALLEST_HALVED = 4096
# Sums and squares that leave the range of 16 bits; these stay float32 in a float16 graph.
WIDE = ("Pow", "ReduceMean", "Sqrt", "LayerNormalization", "SimplifiedLayerNormalization", "Softmax")


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """The inputs that a graph's ranges are measured on."""

    def __init__(self, samples: Iterable[Feed]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Feed | None:
        return next(self._samples, None)


def roles(model: onnx.ModelProto, kinds: Collection[str]) -> dict[str, list[str]]:
    """Node names of the products or convolutions with constant weights, by the layer's name without numbers.

    `blocks.3.attn1.out.bias` and `blocks.7.attn1.out.bias` are read by layers of one role,
    blocks.*.attn1.out.
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[str]] = defaultdict(list)
    for node in model.graph.node:
        for source in node.input:
            if node.op_type == "Add":
                readers[source].extend(node.input)
    found: dict[str, list[str]] = defaultdict(list)
    for node in model.graph.node:
        if node.op_type not in kinds or len(node.input) < 2 or node.input[1] not in stored:
            continue
        if node.op_type in CONVOLUTIONS and len(stored[node.input[1]].dims) != 4:
            # No quantised kernel takes a convolution over time.
            continue
        # The weight of a product was turned by the tracer and lost its name; the bias behind it kept its own.
        read = [*node.input, *readers[node.output[0]]]
        named = [name for name in read if name in stored and name.rpartition(".")[2] in ("weight", "bias")]
        layer = named[-1].rpartition(".")[0] if named else node.name
        found[re.sub(r"(?<=\.)\d+(?=\.|$)", "*", layer)].append(node.name)
    return dict(found)


def split(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its products and their biases in nodes of their own.

    The quantisers know no others: given a Gemm, int8 renames it (so that a choice of nodes by name misses it)
    and 4 bits pass it by.
    """
    from onnxruntime.quantization.onnx_model import ONNXModel

    apart = ONNXModel(_copy(model))
    apart.replace_gemm_with_matmul()
    made: onnx.ModelProto = apart.model
    return made


def quantise_products(
    model: onnx.ModelProto, name: str, target: str, nodes: Collection[str]
) -> onnx.ModelProto:
    """The graph with int8 weights per output channel in these products.

    Inputs are quantised as they come: their ranges change from step to step.

    Raises:
        ExportError: the quantiser stopped.
    """
    return _quantised(
        quantize_dynamic,
        model,
        name,
        op_types_to_quantize=list(PRODUCTS),
        nodes_to_quantize=sorted(nodes),
        reduce_range=target in REDUCED_RANGE,
        extra_options={"MatMulConstBOnly": True},
    )


def quantise_convolutions(
    model: onnx.ModelProto,
    name: str,
    target: str,
    nodes: Collection[str],
    samples: Iterable[Feed],
    ranges: Path | None = None,
) -> onnx.ModelProto:
    """The graph with these convolutions in int8, per output channel, in ranges measured on `samples`.

    `ranges` is a file that keeps what was measured for the next choice of nodes of the same graph: fitting
    takes far longer than quantising. Where it is there already, no samples are needed.

    Raises:
        ExportError: the quantiser stopped.
    """
    return _quantised(
        quantize_static,
        model,
        name,
        calibration_data_reader=_Samples(samples),
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=list(CONVOLUTIONS),
        nodes_to_quantize=sorted(nodes),
        reduce_range=target in REDUCED_RANGE,
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax,
        calibration_cache_path=ranges,
    )


def fits_ranges(model: onnx.ModelProto, ranges: bytes) -> bool:
    """Whether ranges that onnxruntime wrote down name every tensor around the graph's convolutions."""
    stored = {tensor.name for tensor in model.graph.initializer}
    around = {
        name
        for node in model.graph.node
        if node.op_type in CONVOLUTIONS
        for name in (*node.input, *node.output)
        if name not in stored
    }
    return all(json.dumps(name).encode() in ranges for name in around)


def quantise_weights(model: onnx.ModelProto, name: str, nodes: Collection[str]) -> onnx.ModelProto:
    """The graph with 4-bit weights in these products (MatMulNBits); they are computed in float32.

    Raises:
        ExportError: the quantiser stopped.
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    wanted = set(nodes)
    others = [node.name for node in model.graph.node if node.op_type == "MatMul" and node.name not in wanted]
    try:
        with quietly(), contextlib.redirect_stdout(io.StringIO()):
            quantiser = MatMulNBitsQuantizer(
                _copy(model), bits=4, block_size=BLOCK, is_symmetric=True, nodes_to_exclude=others
            )
            quantiser.process()
            made: onnx.ModelProto = quantiser.model.model
    except Exception as error:
        raise ExportError("quantise", f"{name}: {first_line(error)}") from error
    return made


def narrow(model: onnx.ModelProto, name: str, *, wide: Collection[str] = ()) -> onnx.ModelProto:
    """The graph computed in float16, with float32 inputs and outputs; node types of `wide` stay float32.

    Raises:
        ExportError: the conversion stopped.
    """
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    try:
        with quietly(), contextlib.redirect_stdout(io.StringIO()):
            made: onnx.ModelProto = convert_float_to_float16(
                # With shapes already there, since the converter's own inference takes no large graph.
                files.infer_shapes(model),
                disable_shape_infer=True,
                keep_io_types=True,
                op_block_list=[*DEFAULT_OP_BLOCK_LIST, *wide],
            )
    except Exception as error:
        raise ExportError("quantise", f"{name}: {first_line(error)}") from error
    made.graph.ClearField("value_info")
    # The converter gives casts of one tensor to several readers the same name.
    for number, node in enumerate(made.graph.node):
        node.name = f"{node.name}.{number}"
    return made


def halve(model: onnx.ModelProto, *, lossy: bool) -> onnx.ModelProto:
    """The graph with large float32 weights stored as float16, for half the download; it computes as before.

    The runtime widens them once, when it loads. Unless `lossy`, only weights that lose nothing: those of
    models that were saved in float16.
    """
    narrowed, casts = _copy(model), []
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


def quantised_nodes(model: onnx.ModelProto) -> int:
    """How many products and convolutions of the graph have weights of fewer bits."""
    return sum(node.op_type in ("MatMulInteger", "QLinearConv", "MatMulNBits") for node in model.graph.node)


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    return made


def _quantised(
    quantiser: Callable[..., None], model: onnx.ModelProto, name: str, **options: Any
) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        files.save(model, before)
        try:
            # Some of its advice is printed rather than logged.
            with quietly(), contextlib.redirect_stdout(io.StringIO()):
                quantiser(
                    before,
                    after,
                    per_channel=True,
                    weight_type=QuantType.QInt8,
                    use_external_data_format=files.is_large(model),
                    **options,
                )
        except Exception as error:
            raise ExportError("quantise", f"{name}: {first_line(error)}") from error
        return onnx.load(after)

"""What this machine's processor does with int8, asked of the runtime that draws: no list of processors."""

from __future__ import annotations

import platform
from functools import cache

import numpy as np
import onnxruntime as ort

# Targets whose weights use all 8 bits: they need products that are summed exactly.
FULL_RANGE = ("vnni", "arm64")
# Precisions with int8 inside: the decoder's convolutions are, where weights have 4 bits.
WITH_INT8 = ("int8", "int4")
INNER, ROWS, COLUMNS = 64, 8, 16
# The largest unsigned input and the largest signed weight: two such products are 64,770, and AVX2 sums pairs
# in 16 bits, which end at 32,767.
INPUT, WEIGHT = 255, 127


@cache
def sums_exactly() -> bool:
    """Whether int8 products keep all their bits here: with AVX-VNNI, AVX512-VNNI or on ARM, not on AVX2."""
    # Costs a tenth of a second, and whoever draws with a bundle of reduced range never asks.
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.full((INNER, COLUMNS), WEIGHT, np.int8), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [ROWS, INNER])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [ROWS, COLUMNS])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.full((ROWS, INNER), INPUT, np.uint8)})
    return bool((found == INPUT * WEIGHT * INNER).all())


def host_target() -> str:
    """The export target that fits this machine: arm64, vnni or avx2."""
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return "arm64"
    return "vnni" if sums_exactly() else "avx2"


def misfit(precision: str, target: str) -> str:
    """Why int8 of this target would be computed wrongly here; empty if it won't."""
    if precision not in WITH_INT8 or target not in FULL_RANGE or sums_exactly():
        return ""
    return f"int8 for {target} overflows on this processor, which has no VNNI: export it with --target avx2"

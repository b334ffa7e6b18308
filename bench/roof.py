"""How close to the chip: this machine's product roof, the denoiser's operations, and where its time goes."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from export.quantise import quantise_products

# Large enough that reading is nothing beside multiplying, small enough for milliseconds.
SIDE = 1024
ROUNDS = 10


def roofs(threads: int, target: str) -> dict[str, float]:
    """Operations a second of one large product with constant weights, float32 and int8: the best of some."""
    weight = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIDE, SIDE]) for name in ("x", "y")]
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    graph = helper.make_graph([node], "roof", values[:1], values[1:], [numpy_helper.from_array(weight, "w")])
    plain = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    made = {"fp32": plain, "int8": quantise_products(plain, "roof", target, ["product"])}
    return {name: 2 * SIDE**3 / _best(model, threads, weight) for name, model in made.items()}


def operations(path: Path) -> float:
    """Of one run of a graph of static shapes: two for each multiply-add of its products."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    known = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for item in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        known[item.name] = [size.dim_value for size in item.type.tensor_type.shape.dim]
    total = 0.0
    for node in model.graph.node:
        if node.op_type in ("MatMul", "MatMulInteger", "Gemm"):
            turned = any(each.name == "transA" and each.i for each in node.attribute)
            inner = known[node.input[0]][-2 if turned else -1]
            total += 2.0 * inner * float(np.prod(known[node.output[0]]))
    return total


def profile(path: Path, threads: int, feeds: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """Share of a graph's time by node type, the largest first."""
    with tempfile.TemporaryDirectory() as folder:
        options = _options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for _ in range(ROUNDS):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    whole = sum(spent.values()) or 1
    return [(name, took / whole) for name, took in spent.most_common()]


def _best(model: onnx.ModelProto, threads: int, x: np.ndarray) -> float:
    session = ort.InferenceSession(
        model.SerializeToString(), _options(threads), providers=["CPUExecutionProvider"]
    )
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        session.run(None, {"x": x})
        times.append(time.perf_counter() - started)
    return min(times)


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options

"""How close to the chip: this machine's product roof, the denoiser's operations, and where its time goes."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from export.quantise import quantise_products
from export.rewrites.graph import optimise
from model_server.engine.bundle import MANIFEST, load_manifest
from model_server.engine.shapes import example_sizes

# Large enough that reading is nothing beside multiplying, small enough for milliseconds.
SIDE = 1024
ROUNDS = 10
PRODUCTS = ("MatMul", "MatMulInteger", "Gemm")

Shape = tuple[str, int, int, int]


class Rate(NamedTuple):
    """Operations a second, by the clock and by the CPU's."""

    wall: float
    cpu: float


class Roofline:
    """One large product with constant weights, in float32 and in int8, measured now and then during a run.

    The best of all rounds counts: what else runs on the machine only takes away.
    """

    def __init__(self, threads: int, target: str) -> None:
        plain = _product(SIDE, SIDE, SIDE)
        made = {"fp32": plain, "int8": quantise_products(plain, "roof", target, ["product"])}
        self._sessions = {name: _session(model, threads) for name, model in made.items()}
        self.rates = dict.fromkeys(made, Rate(0.0, 0.0))

    def measure(self) -> None:
        """Some rounds more."""
        for name, session in self._sessions.items():
            wall, cpu = least(session, _given(SIDE, SIDE))
            work, best = 2.0 * SIDE**3, self.rates[name]
            self.rates[name] = Rate(max(best.wall, work / wall), max(best.cpu, work / cpu))


def fixed(path: Path) -> onnx.ModelProto:
    """A bundle's graph whose free axes have the sizes of the bundle's first shape."""
    model, sizes = onnx.load(path), _usual(path)
    dims = [size for item in model.graph.input for size in item.type.tensor_type.shape.dim if size.dim_param]
    for size in dims:
        size.dim_value = sizes[size.dim_param]
    return optimise(model, path.name) if dims else model


def _usual(path: Path) -> dict[str, int]:
    manifest = path.parent / MANIFEST
    return example_sizes(load_manifest(path.parent).buckets[0]) if manifest.exists() else {}


def shapes(path: Path) -> Counter[Shape]:
    """The products of a graph at its first shape: kind, rows, inner size, columns, with how many there are.

    The kind is float32, int8, or attention: products of two activations, each head counted by itself.
    """
    model = onnx.shape_inference.infer_shapes(fixed(path))
    stored = {tensor.name for tensor in model.graph.initializer}
    known = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for item in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        known[item.name] = [size.dim_value for size in item.type.tensor_type.shape.dim]
    found: Counter[Shape] = Counter()
    for node in model.graph.node:
        if node.op_type in PRODUCTS:
            turned = any(each.name == "transA" and each.i for each in node.attribute)
            inner = known[node.input[0]][-2 if turned else -1]
            *heads, rows, columns = known[node.output[0]]
            kind = "int8" if node.op_type == "MatMulInteger" else "float32"
            if not any(name in stored for name in node.input):
                kind = "attention"
            found[kind, rows, inner, columns] += int(np.prod(heads, dtype=np.int64))
    return found


def operations(path: Path) -> float:
    """Of one run of a graph: two for each multiply-add of its products."""
    return sum(
        2.0 * rows * inner * columns * many for (_, rows, inner, columns), many in shapes(path).items()
    )


def products_alone(path: Path, threads: int, target: str) -> float:
    """CPU seconds that the products with constant weights would take with nothing between them.

    Each is run by itself at its own size; inputs of int8 ones are quantised as they come, as in the graph.
    """
    total = 0.0
    for (kind, rows, inner, columns), many in shapes(path).items():
        if kind != "attention":
            model = _product(rows, inner, columns)
            if kind == "int8":
                model = quantise_products(model, "product", target, ["product"])
            total += many * least(_session(model, threads), _given(rows, inner))[1]
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


def example(path: Path) -> dict[str, np.ndarray]:
    """Inputs at random for a graph, of its first shape."""
    session = ort.InferenceSession(path, _options(1), providers=["CPUExecutionProvider"])
    rng, usual, found = np.random.default_rng(0), _usual(path), {}
    for item in session.get_inputs():
        shape = [usual[size] if isinstance(size, str) else size for size in item.shape]
        found[item.name] = rng.standard_normal(shape).astype(np.float32)
    return found


def least(session: ort.InferenceSession, feeds: dict[str, np.ndarray]) -> tuple[float, float]:
    """The least wall and CPU seconds of some runs."""
    walls, cpus = [], []
    session.run(None, feeds)
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        session.run(None, feeds)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def _product(rows: int, inner: int, columns: int) -> onnx.ModelProto:
    weight = np.random.default_rng(0).standard_normal((inner, columns), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, inner])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, columns])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _given(rows: int, inner: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).standard_normal((rows, inner), dtype=np.float32)}


def _session(model: onnx.ModelProto, threads: int) -> ort.InferenceSession:
    return ort.InferenceSession(
        model.SerializeToString(), _options(threads), providers=["CPUExecutionProvider"]
    )


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options

"""Which products become int8, in which range, and which weights are stored in 16 bits."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.cli import PRECISIONS as CLI_PRECISIONS
from export.cli import TARGETS as CLI_TARGETS
from export.load import ExportError
from export.pack import PRECISIONS
from export.quantise import TARGETS, halve, integer_nodes, kept, quantise_convolutions, quantise_products

SIZE = 96
rng = np.random.default_rng(0)
X = rng.standard_normal((32, SIZE), dtype=np.float32)


def model(names: tuple[str, ...] = ("first", "proj_out")) -> onnx.ModelProto:
    """x @ w1 @ w2 ..., then a product of two activations."""
    nodes, last = [], "x"
    for name in names:
        nodes.append(
            helper.make_node("MatMul", [last, f"{name}.weight"], [f"{name}.y"], name=f"node_{len(nodes)}")
        )
        last = f"{name}.y"
    nodes.append(helper.make_node("Transpose", [last], ["turned"], name="turn", perm=[1, 0]))
    nodes.append(helper.make_node("MatMul", [last, "turned"], ["y"], name="scores"))
    weights = [
        numpy_helper.from_array(rng.standard_normal((SIZE, SIZE), dtype=np.float32), f"{name}.weight")
        for name in names
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [32, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [32, 32])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(made: onnx.ModelProto, x: np.ndarray = X) -> np.ndarray:
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def weights(made: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}


def noise_db(expected: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10(np.square(expected).sum() / np.square(expected - got).sum()))


def test_layers_at_the_ends_stay_float() -> None:
    made = model(("first", "proj_out", "time_embed.linear"))
    assert kept(made) == ["node_1", "node_2"]
    quantised = quantise_products(made, "part", "avx2")
    assert integer_nodes(quantised) == 1
    assert weights(quantised)["proj_out.weight"].dtype == np.float32


def test_products_of_activations_stay_float() -> None:
    assert [
        node.name
        for node in quantise_products(model(), "part", "avx2").graph.node
        if node.op_type == "MatMul"
    ] == [
        "node_1",
        "scores",
    ]


@pytest.mark.parametrize(("target", "largest"), [("avx2", 64), ("vnni", 127), ("arm64", 127)])
def test_the_range_follows_the_target(target: str, largest: int) -> None:
    (packed,) = [
        w
        for w in weights(quantise_products(model(), "part", target)).values()
        if w.ndim == 2 and w.dtype == np.int8
    ]
    assert np.abs(packed.astype(int)).max() in (largest, largest - 1)
    scales = [
        w
        for name, w in weights(quantise_products(model(), "part", target)).items()
        if name.endswith("_scale")
    ]
    assert any(scale.shape == (SIZE,) for scale in scales), "one scale an output channel"


@pytest.mark.parametrize("target", TARGETS)
def test_the_numbers_stay_near(target: str) -> None:
    made = model()
    assert noise_db(run(made), run(quantise_products(made, "part", target))) > 25


def convolution() -> onnx.ModelProto:
    weight = rng.standard_normal((8, 4, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1, 1, 1])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8, 6, 6])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_convolutions_are_fitted_to_the_samples() -> None:
    made = convolution()
    samples = [rng.standard_normal((2, 4, 6, 6), dtype=np.float32) for _ in range(4)]
    quantised = quantise_convolutions(made, "part", "avx2", [{"x": sample} for sample in samples[1:]])
    assert integer_nodes(quantised) == 1
    assert noise_db(run(made, samples[0]), run(quantised, samples[0])) > 25
    narrow = quantise_convolutions(made, "part", "avx2", [{"x": samples[1] * 0.01}])
    assert noise_db(run(made, samples[0]), run(narrow, samples[0])) < 10


def test_a_model_that_stops_the_quantiser() -> None:
    with pytest.raises(ExportError, match="quantise: part: "):
        quantise_products(onnx.ModelProto(), "part", "avx2")


def test_weights_that_lose_nothing_are_halved() -> None:
    made = model()
    exact = weights(made)["first.weight"].astype(np.float16)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(exact.astype(np.float32), "first.weight"))
    narrow = halve(made, lossy=False)
    assert {name: w.dtype for name, w in weights(narrow).items()} == {
        "first.weight.half": np.float16,
        "proj_out.weight": np.float32,
    }
    np.testing.assert_array_equal(run(narrow), run(made))


def test_other_weights_are_halved_only_when_allowed() -> None:
    made = model()
    narrow = halve(made, lossy=True)
    assert narrow.ByteSize() < 0.6 * made.ByteSize()
    assert noise_db(run(made), run(narrow)) > 50


def test_what_16_bits_can_not_hold_stays() -> None:
    made = model()
    huge = np.full((SIZE, SIZE), 1e6, np.float32)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(huge, "first.weight"))
    assert weights(halve(made, lossy=True))["first.weight"].dtype == np.float32


def test_the_command_offers_what_the_stages_know() -> None:
    assert (CLI_TARGETS, CLI_PRECISIONS) == (TARGETS, PRECISIONS)

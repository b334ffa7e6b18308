"""Which products become int8, in which range, and which weights are stored in 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.errors import ExportError
from export.options import PRECISIONS_OF
from export.quantise import (
    CONVOLUTIONS,
    PRODUCTS,
    halve,
    narrow,
    quantise_convolutions,
    quantise_products,
    quantise_weights,
    quantised_nodes,
    roles,
    split,
)
from model_server.engine.host import misfit
from schemas.bundle import PRECISIONS, TARGETS

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


def every(made: onnx.ModelProto) -> list[str]:
    return [node for members in roles(made, PRODUCTS).values() for node in members]


def test_layers_of_one_role_share_a_name() -> None:
    made = model(("blocks.0.out", "blocks.1.out", "proj_out"))
    assert roles(made, PRODUCTS) == {"blocks.*.out": ["node_0", "node_1"], "proj_out": ["node_2"]}


def test_a_product_with_its_bias_is_known_by_the_bias() -> None:
    made = model(("first",))
    bias = numpy_helper.from_array(np.ones(SIZE, np.float32), "first.bias")
    made.graph.initializer.append(bias)
    made.graph.initializer[0].name = made.graph.node[0].input[1] = "val_3"
    gemm = made.graph.node[0]
    gemm.op_type = "Gemm"
    gemm.input.append("first.bias")
    assert roles(made, PRODUCTS) == {}, "the quantisers would miss it by name"
    apart = split(made)
    assert roles(apart, PRODUCTS) == {"first": ["node_0_MatMul"]}
    assert quantised_nodes(quantise_products(apart, "part", "avx2", every(apart))) == 1
    np.testing.assert_allclose(run(apart), run(made), rtol=1e-4, atol=1e-3)


def test_only_the_named_layers_are_quantised() -> None:
    made = model(("first", "proj_out", "time_embed.linear"))
    for quantised in (
        quantise_products(made, "part", "avx2", ["node_0"]),
        quantise_weights(made, "part", ["node_0"]),
    ):
        assert quantised_nodes(quantised) == 1
        assert weights(quantised)["proj_out.weight"].dtype == np.float32


def test_products_of_activations_stay_float() -> None:
    made = model()
    assert every(made) == ["node_0", "node_1"]
    left = quantise_products(made, "part", "avx2", every(made)).graph.node
    assert [node.name for node in left if node.op_type == "MatMul"] == ["scores"]


@pytest.mark.parametrize(("target", "largest"), [("avx2", 64), ("vnni", 127), ("arm64", 127)])
def test_the_range_follows_the_target(target: str, largest: int) -> None:
    (packed,) = [
        w
        for w in weights(quantise_products(model(), "part", target, ["node_0"])).values()
        if w.ndim == 2 and w.dtype == np.int8
    ]
    assert np.abs(packed.astype(int)).max() in (largest, largest - 1)
    scales = [
        w
        for name, w in weights(quantise_products(model(), "part", target, ["node_0"])).items()
        if name.endswith("_scale")
    ]
    assert any(scale.shape == (SIZE,) for scale in scales), "one scale an output channel"


@pytest.mark.parametrize("target", ["avx2", "vnni", "arm64"])
def test_the_numbers_stay_near(target: str) -> None:
    if misfit("int8", target):
        pytest.skip("this processor's sums of full range overflow")
    made = model()
    assert noise_db(run(made), run(quantise_products(made, "part", target, every(made)))) > 25


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
    assert roles(made, CONVOLUTIONS) == {"conv": ["conv"]}
    given = [{"x": sample} for sample in samples[1:]]
    quantised = quantise_convolutions(made, "part", "avx2", ["conv"], given)
    assert quantised_nodes(quantised) == 1
    assert noise_db(run(made, samples[0]), run(quantised, samples[0])) > 25
    narrow = quantise_convolutions(made, "part", "avx2", ["conv"], [{"x": samples[1] * 0.01}])
    assert noise_db(run(made, samples[0]), run(narrow, samples[0])) < 10


def test_ranges_are_fitted_once(tmp_path: Path) -> None:
    made, kept = convolution(), tmp_path / "ranges.json"
    given = [{"x": rng.standard_normal((2, 4, 6, 6), dtype=np.float32)}]
    first = quantise_convolutions(made, "part", "avx2", ["conv"], given, kept)
    # Samples that would fit another range aren't looked at any more.
    again = quantise_convolutions(made, "part", "avx2", ["conv"], [{"x": given[0]["x"] * 9}], kept)
    assert again == first
    assert again != quantise_convolutions(made, "part", "avx2", ["conv"], [{"x": given[0]["x"] * 9}])


def test_a_model_that_stops_the_quantiser() -> None:
    with pytest.raises(ExportError, match="quantise: part: "):
        quantise_products(onnx.ModelProto(), "part", "avx2", ["node_0"])


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


def test_four_bits_a_weight() -> None:
    made = model()
    small = quantise_weights(made, "part", every(made))
    assert {node.op_type for node in small.graph.node} == {"MatMulNBits", "Transpose", "MatMul"}
    # 4 bits and a scale of 32 for each block of 32: 5 of 32 bits.
    assert small.ByteSize() < 0.2 * made.ByteSize()
    assert 15 < noise_db(run(made), run(small)) < 30


def test_sixteen_bits_keep_inputs_and_outputs() -> None:
    made = model(("first",))
    half = narrow(made, "part")
    assert {w.dtype for w in weights(half).values()} == {np.dtype(np.float16)}
    assert half.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert noise_db(run(made), run(half)) > 50


def test_what_is_wide_is_computed_in_32_bits() -> None:
    wide = narrow(model(("first",)), "part", wide=["MatMul"])
    before = {node.output[0]: node for node in wide.graph.node}
    for node in wide.graph.node:
        if node.op_type == "MatMul":
            feeding = [before[name] for name in node.input if name in before]
            assert all(
                each.op_type == "Cast" and each.attribute[0].i == TensorProto.FLOAT for each in feeding
            )
    assert len({node.name for node in wide.graph.node}) == len(wide.graph.node)


def test_every_target_has_its_precisions() -> None:
    assert tuple(PRECISIONS_OF) == TARGETS
    assert {precision for each in PRECISIONS_OF.values() for precision in each} == set(PRECISIONS)

"""Layers stay in higher precision where, and only where, a measurement says that they must."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.measure import WORST_DB, agreement, difference, worst
from export.quantise import PRODUCTS, quantise_products, quantised_nodes, roles
from export.sensitivity import choose, fewest
from export.verify import stated_parity
from schemas.bundle import KeptLayer, Quantised

SIZE = 64
rng = np.random.default_rng(0)
FEEDS = [{"x": rng.standard_normal((16, SIZE), dtype=np.float32)} for _ in range(3)]


def model() -> onnx.ModelProto:
    """Two plain layers, and one before them whose few huge inputs leave no bits for the others."""
    spread = np.ones(SIZE, np.float32)
    spread[0] = 3000.0
    weights = {
        name: rng.standard_normal((SIZE, SIZE), dtype=np.float32) / 8 for name in ("fragile", "a", "b")
    }
    weights["fragile"][0] = 0.0
    names = [f"{name}.weight" for name in weights]
    nodes = [
        helper.make_node("Mul", ["x", "spread"], ["wide"]),
        helper.make_node("MatMul", ["wide", names[0]], ["h0"], name="n0"),
        helper.make_node("MatMul", ["h0", names[1]], ["h1"], name="n1"),
        helper.make_node("MatMul", ["h1", names[2]], ["y"], name="n2"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, SIZE]) for name in ("x", "y")]
    stored = [numpy_helper.from_array(value, f"{name}.weight") for name, value in weights.items()]
    stored.append(numpy_helper.from_array(spread, "spread"))
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def chosen(
    goal_db: float, candidates: Sequence[Sequence[KeptLayer]] = (), said: list[str] | None = None
) -> tuple[onnx.ModelProto, Quantised]:
    made, said = model(), [] if said is None else said
    return choose(
        made,
        "part",
        "int8",
        roles(made, PRODUCTS),
        lambda nodes: quantise_products(made, "part", "avx2", nodes),
        FEEDS,
        goal_db,
        said.append,
        candidates,
    )


def test_an_easy_goal_keeps_nothing() -> None:
    made, found = chosen(-50.0)
    assert (found.kept, found.quantised_nodes, quantised_nodes(made)) == ([], 3, 3)


def test_the_layer_that_costs_most_is_kept() -> None:
    made, found = chosen(25.0)
    assert [layer.role for layer in found.kept] == ["fragile"]
    assert (found.kept[0].nodes, found.quantised_nodes, found.samples) == (1, 2, len(FEEDS))
    assert found.kept[0].alone_db < 25.0 <= found.reached_db
    assert quantised_nodes(made) == 2


def test_a_goal_that_no_quantising_reaches_keeps_everything() -> None:
    made, found = chosen(150.0)
    assert (len(found.kept), found.quantised_nodes, quantised_nodes(made)) == (3, 0, 0)
    assert found.reached_db >= 150.0


def test_a_recorded_choice_that_reaches_the_goal_is_taken_without_measuring_layers() -> None:
    said: list[str] = []
    recorded = [KeptLayer(role=role, nodes=1, alone_db=3.0) for role in ("fragile", "a")]
    made, found = chosen(25.0, [recorded], said)
    assert [(layer.role, layer.alone_db) for layer in found.kept] == [("fragile", 3.0), ("a", 3.0)]
    assert (found.quantised_nodes, quantised_nodes(made), said) == (1, 1, [])
    assert found.reached_db >= 25.0


def test_a_recorded_choice_that_misses_the_goal_is_measured_anew() -> None:
    said: list[str] = []
    _, found = chosen(25.0, [[KeptLayer(role="a", nodes=1, alone_db=3.0)]], said)
    assert [layer.role for layer in found.kept] == ["fragile"]
    assert said[0] == "no recorded choice of layers reaches 25.0 dB: measuring anew"
    assert found.reached_db >= 25.0


def test_a_recorded_choice_of_layers_that_are_not_there_is_measured_anew() -> None:
    _, found = chosen(25.0, [[KeptLayer(role="another trace's", nodes=1, alone_db=3.0)]])
    assert [layer.role for layer in found.kept] == ["fragile"]


def test_of_several_candidates_the_first_that_reaches_the_goal_is_taken() -> None:
    order = [KeptLayer(role=role, nodes=1, alone_db=3.0) for role in ("fragile", "a", "b")]
    said: list[str] = []
    _, found = chosen(25.0, [order[:many] for many in range(4)], said)
    assert ([layer.role for layer in found.kept], said) == (["fragile"], [])
    assert chosen(-50.0, [[], order])[1].kept == []


def test_noise_adds_up() -> None:
    alone = {"a": 20.0, "b": 30.0, "c": 30.0}
    # Two of 30 dB make 27.
    assert fewest(["a", "b", "c"], alone, 26.9) == 1
    assert fewest(["a", "b", "c"], alone, 27.1) == 2
    assert fewest(["a", "b", "c"], alone, 100.0) == 3


def test_what_another_prompt_can_be_held_to() -> None:
    found = [{"sqnr_db": 44.0, "max_error": 0.2}, {"sqnr_db": 45.5, "max_error": 0.1}]
    assert stated_parity(found) == {"sqnr_db": 42.5, "max_error": 0.2, "least_db": 44.0}


def test_differences() -> None:
    ones = np.ones(4)
    assert difference(ones, ones) == {"sqnr_db": 200.0, "max_error": 0.0}
    assert difference(ones * 2, ones)["sqnr_db"] == 6.02
    assert difference(ones, ones * np.nan)["sqnr_db"] == WORST_DB
    assert worst([difference(ones, ones), difference(ones * 2, ones)]) == {"sqnr_db": 6.02, "max_error": 1.0}
    assert agreement([[ones, ones]], [[ones, ones * 2]])["max_error"] == 1.0

"""Folding and cleaning leave standard operators that any runtime takes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.errors import ExportError
from export.rewrites.graph import optimise


def graph(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
        value_info=[helper.make_tensor_value_info("half", TensorProto.FLOAT, [9, 9])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_constants_are_folded_and_noted_shapes_dropped() -> None:
    two = np.full((4,), 2, np.float32)
    model = graph(
        [helper.make_node("Add", ["a", "a"], ["half"]), helper.make_node("Mul", ["x", "half"], ["y"])],
        {"a": two},
    )
    lean = optimise(model, "part")
    assert [node.op_type for node in lean.graph.node] == ["Mul"]
    assert not lean.graph.value_info
    assert {node.domain for node in lean.graph.node} == {""}


def test_a_graph_that_no_runtime_takes() -> None:
    model = graph([helper.make_node("Unheard", ["x"], ["y"])], {})
    with pytest.raises(ExportError, match="rewrite: part: "):
        optimise(model, "part")

"""Graphs and weights apart."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from export.errors import ExportError
from export.graph_weights import fill, is_filled, strip
from export.measure import run


def graph() -> onnx.ModelProto:
    """x W^T + one, whose weight is the module's and whose constant is the graph's own."""
    nodes = [
        helper.make_node("Transpose", ["layer.weight"], ["turned"]),
        helper.make_node("MatMul", ["x", "turned"], ["product"]),
        helper.make_node("Add", ["product", "one"], ["y"]),
    ]
    nodes[0].doc_string = "where it was traced"
    stored = [
        numpy_helper.from_array(np.zeros((2, 3), np.float32), "layer.weight"),
        numpy_helper.from_array(np.ones(1, np.float32), "one"),
    ]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])]
    built = helper.make_graph(nodes, "g", given, made, stored)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def weights() -> dict[str, Tensor]:
    return {"layer.weight": torch.arange(6.0).reshape(2, 3)}


def test_weights_leave_a_graph_and_come_back_by_name() -> None:
    bare = strip(graph(), weights())
    assert [is_filled(tensor) for tensor in bare.graph.initializer] == [False, True]
    assert b"where it was traced" not in bare.SerializeToString()
    filled = fill(bare, "part", weights())
    [[found]] = run(filled, "part", [{"x": np.ones((1, 3), np.float32)}])
    assert found.tolist() == [[4.0, 13.0]]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "part: the model has no weight layer.weight"),
        ({"layer.weight": torch.zeros(3, 2)}, r"part: layer.weight is \[3, 2\], the graph takes \[2, 3\]"),
        ({"layer.weight": torch.zeros(2, 3).half()}, "part: layer.weight is"),
    ],
)
def test_weights_of_another_model_are_refused(given: dict[str, Tensor], named: str) -> None:
    with pytest.raises(ExportError, match=named):
        fill(strip(graph(), weights()), "part", given)

"""Every node's provider is asked for, and work that falls to another than the target's is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import placement
from export.errors import ExportError
from export.placement import placed


def product(path: Path) -> Path:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 8]) for name in ("x", "y")]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="the_product"),
        helper.make_node("Relu", ["m"], ["y"], name="the_rest"),
    ]
    weight = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.mark.parametrize(("target", "means"), [("avx2", True), ("arm64", True), ("web", False)])
def test_where_nodes_run(tmp_path: Path, target: str, means: bool) -> None:
    found = placed(product(tmp_path / "part.onnx"), target)
    assert found.providers == {"CPUExecutionProvider": 2}
    assert found.types == {"MatMul": 1, "Relu": 1}
    assert found.means_something is means


def test_work_on_another_provider_names_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(ort.InferenceSession):
        """A machine whose CUDA provider leaves the product to the processor."""

        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    path = product(tmp_path / "part.onnx")
    monkeypatch.setattr(placement.ort, "InferenceSession", Elsewhere)
    named = r"part: node the_product \(MatMul\) is placed on CPUExecutionProvider, not CUDA"
    with pytest.raises(ExportError, match=named):
        placed(path, "cuda")


def test_a_file_that_no_runtime_takes(tmp_path: Path) -> None:
    (tmp_path / "part.onnx").write_bytes(b"no model")
    with pytest.raises(ExportError, match="verify: part: "):
        placed(tmp_path / "part.onnx", "avx2")

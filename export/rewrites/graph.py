"""The graph after its trace: constants folded, redundant nodes dropped."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort

from export.errors import ExportError, first_line


def optimise(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Fold constants and drop redundant nodes; standard operators only, so that any runtime takes the result.

    Raises:
        ExportError: onnxruntime can't load the traced graph.
    """
    # Shapes that the tracer noted stop the quantiser's own inference.
    model.graph.ClearField("value_info")
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.log_severity_level = 3
        try:
            ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError("rewrite", f"{name}: {first_line(error)}") from error
        return onnx.load(options.optimized_model_filepath)

"""The graph after its trace: constants folded, redundant nodes dropped."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort

from export import files
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
        if files.is_large(model):
            entry = "session.optimized_model_external_initializers_"
            options.add_session_config_entry(f"{entry}file_name", "optimised.data")
            options.add_session_config_entry(f"{entry}min_size_in_bytes", str(files.SMALLEST_OUTSIDE_BYTES))
        try:
            files.session(model, options)
        except Exception as error:
            raise ExportError("rewrite", f"{name}: {first_line(error)}") from error
        return onnx.load(options.optimized_model_filepath)

"""The text encoder as a graph, by optimum's export."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from export.errors import ExportError, first_line, quietly
from export.load import LoadedModel

OPSET = 18


def trace_text(source: LoadedModel) -> onnx.ModelProto:
    """BERT, T5 or UMT5 as a graph: ids and mask [1, T] -> states [1, T, D] as the pipeline has them.

    Raises:
        ExportError: optimum can't export it.
    """
    try:
        with (
            quietly(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder) / "text.onnx"
            _export(source, path)
            model = onnx.load(path)
    except Exception as error:
        raise ExportError("trace", f"text: {first_line(error)}") from error
    _rename(model, {"input_ids": "ids", "attention_mask": "mask", "last_hidden_state": "states"})
    tokens = torch.arange(source.prompt_tokens)[None]
    if torch.equal(source.family.text_mask(tokens, source.pipeline), torch.ones_like(tokens)):
        _see_everything(model, source.prompt_tokens)
    if source.family.text_states(torch.ones(1, 1, 1), torch.zeros(1, 1)).abs().max() == 0:
        _zero_padding(model)
    return model


def _export(source: LoadedModel, path: Path) -> None:
    from optimum.exporters.onnx import export
    from optimum.exporters.onnx.config import TextEncoderOnnxConfig
    from optimum.utils import NormalizedTextConfig

    class Encoder(TextEncoderOnnxConfig):  # type: ignore[misc, unused-ignore]
        """Any encoder of tokens: optimum's own for T5 leaves the mask out, and UMT5 has none."""

        NORMALIZED_CONFIG_CLASS = NormalizedTextConfig

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            axes = {0: "batch_size", 1: "sequence_length"}
            return {"input_ids": axes, "attention_mask": axes}

        @property
        def outputs(self) -> dict[str, dict[int, str]]:
            return {"last_hidden_state": {0: "batch_size", 1: "sequence_length"}}

    encoder = source.text_encoder
    shapes = {"batch_size": 1, "sequence_length": source.prompt_tokens}
    configuration: Any = Encoder(encoder.config, task="feature-extraction")
    # Folded weights would lose their names.
    export(
        encoder,
        configuration,
        path,
        opset=OPSET,
        input_shapes=shapes,
        no_dynamic_axes=True,
        do_constant_folding=False,
    )


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    for node in model.graph.node:
        for side in (node.input, node.output):
            for place, name in enumerate(side):
                side[place] = names.get(name, name)
    for item in (*model.graph.input, *model.graph.output):
        item.name = names.get(item.name, item.name)


def _see_everything(model: onnx.ModelProto, tokens: int) -> None:
    """The encoder sees the padding too: its mask is a constant."""
    for item in list(model.graph.input):
        if item.name == "mask":
            model.graph.input.remove(item)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, tokens), np.int64), "mask"))


def _zero_padding(model: onnx.ModelProto) -> None:
    """States of padding are zero: one product behind the encoder."""
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == "states":
                node.output[place] = "states.all"
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "padding.axis"))
    model.graph.node.extend(
        [
            helper.make_node("Unsqueeze", ["mask", "padding.axis"], ["padding.mask"]),
            helper.make_node("Cast", ["padding.mask"], ["padding.keep"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["states.all", "padding.keep"], ["states"]),
        ]
    )

"""Where onnxruntime puts each node: asked of the runtime, and held against what the target promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from export.errors import ExportError, first_line
from model_server.engine.ort_options import CPU, CUDA, providers

# Node types that are the work; shapes and gathers of a few numbers belong on the processor.
WORK = ("MatMul", "Gemm", "Conv", "Attention", "MatMulNBits", "Softmax", "LayerNormalization", "FusedMatMul")


@dataclass(slots=True)
class Placement:
    """Nodes by provider, and by type."""

    providers: dict[str, int]
    types: dict[str, int]
    # Whether the target's own provider was there to place them.
    means_something: bool


def placed(path: Path, target: str) -> Placement:
    """Load a graph as the server does and ask where its nodes went.

    Raises:
        ExportError: it can't be loaded, or work fell to another provider than the target's.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        session = ort.InferenceSession(path, options, providers=providers(target))
        parts = [
            (part.ep_name, node)
            for part in session.get_provider_graph_assignment_info()
            for node in part.get_nodes()
        ]
    except Exception as error:
        raise ExportError("verify", f"{path.stem}: {first_line(error)}") from error
    main = session.get_providers()[0]
    for provider, node in parts:
        if node.op_type in WORK and provider != main:
            raise ExportError(
                "verify",
                f"{path.stem}: node {node.name} ({node.op_type}) is placed on {provider}, not {main}",
            )
    return Placement(
        dict(Counter(provider for provider, _ in parts)),
        dict(Counter(node.op_type for _, node in parts)),
        main == {"cuda": CUDA, "web": "none of ours"}.get(target, CPU),
    )

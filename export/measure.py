"""Signal to noise of numbers against torch's, and graphs run on what they will really see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from export import files
from export.errors import ExportError, first_line
from export.quantise import Feed
from model_server.engine.cpu_quota import quota_cores

Parity = dict[str, float]
# Stand for "not finite" and "equal".
WORST_DB, BEST_DB = -200.0, 200.0


def difference(expected: NDArray[Any], got: NDArray[Any]) -> Parity:
    """`sqnr_db` within -200..200 (which stand for "not finite" and "equal"), and `max_error`."""
    wanted, error = expected.astype(np.float64), got.astype(np.float64) - expected
    noise, signal = float(np.square(error).sum()), float(np.square(wanted).sum())
    if not np.isfinite(noise + signal):
        return {"sqnr_db": WORST_DB, "max_error": float(np.finfo(np.float64).max)}
    ratio = 10.0 * float(np.log10(max(signal, 1e-30) / max(noise, 1e-60)))
    return {
        "sqnr_db": round(min(BEST_DB, max(WORST_DB, ratio)), 2),
        "max_error": float(np.abs(error).max()),
    }


def worst(found: Iterable[Parity]) -> Parity:
    """The least ratio and the largest error."""
    found = list(found)
    return {
        "sqnr_db": min(item["sqnr_db"] for item in found),
        "max_error": max(item["max_error"] for item in found),
    }


def run(model: onnx.ModelProto, name: str, feeds: Sequence[Feed]) -> list[list[NDArray[Any]]]:
    """All outputs for each feed, on this processor; feeds may hold more than the graph takes.

    Raises:
        ExportError: onnxruntime can't run it; the text names the node where it says so.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # 0: all that there are, which in a container may be many times what it may use.
    options.intra_op_num_threads = quota_cores() or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = files.session(model, options)
        takes = [item.name for item in session.get_inputs()]
        return [session.run(None, {key: feed[key] for key in takes}) for feed in feeds]
    except Exception as error:
        raise ExportError("verify", f"{name}: {first_line(error)}") from error


def agreement(expected: list[list[NDArray[Any]]], got: list[list[NDArray[Any]]]) -> Parity:
    """The worst of all outputs of all feeds."""
    pairs = [pair for one, other in zip(expected, got, strict=True) for pair in zip(one, other, strict=True)]
    return worst(difference(wanted, made) for wanted, made in pairs)

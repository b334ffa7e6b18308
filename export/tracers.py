"""The packages that tracing a model from torch needs: the extra `export`, which serving does without."""

from __future__ import annotations

import importlib.util

from export.errors import ExportError

TRACERS = ("onnxscript", "optimum")


def check_tracers() -> None:
    """Make sure that they are there.

    Raises:
        ExportError: one isn't; the text says how to install it.
    """
    missing = [name for name in TRACERS if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            "trace",
            f"{' and '.join(missing)} can't be found: what isn't the shipped model is traced with the extra"
            " `export`; install it with `make export-extra`",
        )

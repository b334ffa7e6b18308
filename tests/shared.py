"""Folders that take long to make: made once a run, by the worker that needs them first."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

# The workers of one run have the same id; a run without workers is alone.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))


def run_folder(run: str = RUN) -> Path:
    """What the workers of a run share."""
    return Path(tempfile.gettempdir()) / f"riffle-tests-{run}"


def once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, which `make` fills at the path it is given; the others wait until it is whole."""
    folder = run_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            # A maker that fails leaves nothing that looks whole.
            half = run_folder() / "half" / name
            shutil.rmtree(half, ignore_errors=True)
            half.parent.mkdir(exist_ok=True)
            make(half)
            half.rename(folder)
    return folder


def forget(run: str = RUN) -> None:
    """Remove what the run shared."""
    shutil.rmtree(run_folder(run), ignore_errors=True)

"""Folders that are filled beside their place and renamed into it when they are whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def make_work_folder(out: Path) -> Path:
    """A fresh folder next to `out`, so that a rename stays on one file system; named by process."""
    return Path(tempfile.mkdtemp(prefix=f".{out.name}-{os.getpid()}-", dir=out.parent))


def remove_abandoned(out: Path) -> None:
    """Remove the work folders of processes that were killed."""
    for left in out.parent.glob(f".{out.name}-*-*"):
        owner = left.name.removeprefix(f".{out.name}-").split("-")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, PermissionError, OverflowError):
            # Somebody else's.
            continue

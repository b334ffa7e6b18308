"""The library of pictures of a model folder: its prompts are understood by it."""

from __future__ import annotations

from pathlib import Path

from export.errors import ExportError
from model_server.engine.library import Library, LibraryError

# In a model folder, and in a bundle.
LIBRARY = "library.safetensors"


def find_library(folder: Path) -> Path | None:
    """The file of a model folder's library; None if it has none, as real checkpoints.

    Raises:
        ExportError: it can't be read.
    """
    path = folder / "library" / LIBRARY
    if not path.is_file():
        return None
    try:
        Library.load(path)
    except LibraryError as error:
        raise ExportError("load", str(error)) from error
    return path

"""Command-line arguments that name folders, or say how many: a wrong one is an error of one line.

What a folder holds is read here, so that no work begins that a damaged one would end.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from model_server.engine.bundle import load_manifest
from schemas.model_folder import read_model_spec


def model_folder(text: str) -> Path:
    """A folder as `riffle export` takes it: with a riffle.json that can be read.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _readable(_folder_with(text, "riffle.json", "a model folder"), read_model_spec)


def bundle_folder(text: str) -> Path:
    """An exported bundle: with manifest.json, and the files that it was written for.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _readable(_folder_with(text, "manifest.json", "an exported bundle"), load_manifest)


def weights_folder(text: str) -> Path:
    """A folder of one network: with a model.safetensors whose table of contents can be read.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _readable(_folder_with(text, "model.safetensors", "a folder of weights"), _look_at_weights)


def existing_path(text: str) -> Path:
    """A file or folder that is there.

    Raises:
        ArgumentTypeError: it isn't.
    """
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{path} is not there")
    return path


def positive(text: str) -> float:
    """How many times as much: above 0, and finite.

    Raises:
        ArgumentTypeError: it is no such number.
    """
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no float") from None
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _look_at_weights(folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    path = folder / "model.safetensors"
    try:
        with safe_open(path, "np"):
            pass
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _readable(folder: Path, read: Callable[[Path], object]) -> Path:
    """The folder, after `read` could read it: it raises ValueError or OSError where it can't."""
    try:
        read(folder)
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(" ".join(str(error).split())) from None
    return folder


def _folder_with(text: str, file: str, what: str) -> Path:
    path = Path(text)
    if not (path / file).is_file():
        raise argparse.ArgumentTypeError(f"{path} is not {what}: it has no {file}")
    return path

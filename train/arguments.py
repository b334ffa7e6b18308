"""Command-line arguments that name folders: a wrong one is an error of one line."""

import argparse
from pathlib import Path


def model_folder(text: str) -> Path:
    """A folder as `riffle export` takes it: with riffle.json.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _folder_with(text, "riffle.json", "a model folder")


def bundle_folder(text: str) -> Path:
    """An exported bundle: with manifest.json.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _folder_with(text, "manifest.json", "an exported bundle")


def weights_folder(text: str) -> Path:
    """A folder of one network: with model.safetensors.

    Raises:
        ArgumentTypeError: it isn't one.
    """
    return _folder_with(text, "model.safetensors", "a folder of weights")


def existing_path(text: str) -> Path:
    """A file or folder that is there.

    Raises:
        ArgumentTypeError: it isn't.
    """
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{path} is not there")
    return path


def _folder_with(text: str, file: str, what: str) -> Path:
    path = Path(text)
    if not (path / file).is_file():
        raise argparse.ArgumentTypeError(f"{path} is not {what}: it has no {file}")
    return path

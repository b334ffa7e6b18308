"""How commands answer a wrong path: in one line, as a person's mistake and not as a defect."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from export.errors import ExportError, first_line
from model_server.engine.bundle import BundleError
from schemas.model_folder import ModelSpecError

P = ParamSpec("P")
T = TypeVar("T")
# What files, folders and bundles that aren't what they should be raise; anything else is a defect.
WRONG_PATH = (OSError, ExportError, BundleError, ModelSpecError)


def one_line_errors(main: Callable[P, T]) -> Callable[P, T]:
    """A `main` that ends in one line on stderr, and status 1, where a path leads to nothing usable."""

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return main(*args, **kwargs)
        except WRONG_PATH as error:
            sys.exit(say(error))
        except Exception as error:
            # Damaged weights; imported by name, since safetensors takes part in no path of its own.
            if type(error).__name__ == "SafetensorError":
                sys.exit(say(error))
            raise

    return run


def say(error: Exception) -> str:
    """The line; an error of the system names its file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return first_line(error)

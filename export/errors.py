"""How an export says that it can't go on, and how libraries are kept quiet while it works."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


class ExportError(RuntimeError):
    """An export that can't go on: the text names the stage and what it stopped at."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(f"{stage}: {message}")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' advice to their developers off the person's terminal."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


# Libraries end a long message with advice on their own code.
LONGEST = 200


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; of a long one the first sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    if len(line) > LONGEST:
        line = line.split(". ")[0]
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"

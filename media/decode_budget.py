"""How much of an uploaded clip is decoded: pictures times pixels, whatever its length and size say."""

from __future__ import annotations

# A minute of 1920x1080 at 60 pictures a second has 7.5 thousand million; ten seconds of it at 240 have 5, and
# as many of 3840x2160 at 60.
MAX_DECODED_PIXELS = 8_000_000_000


class OverBudget(ValueError):
    """Decoding it whole would take too long."""


class PixelBudget:
    """Counts decoded pixels of one clip."""

    def __init__(self) -> None:
        self._left = MAX_DECODED_PIXELS

    def check_declared(self, frames: int, width: int, height: int) -> None:
        """Refuse what says itself that it is too much, before anything is decoded; 0 frames say nothing.

        Raises:
            OverBudget: it is.
        """
        if frames * width * height > self._left:
            raise _over()

    def spend(self, width: int, height: int) -> None:
        """Count one decoded picture.

        Raises:
            OverBudget: it is one too many.
        """
        self._left -= width * height
        if self._left < 0:
            raise _over()


def _over() -> OverBudget:
    return OverBudget("the clip is too large for its length: send a shorter or a smaller one")

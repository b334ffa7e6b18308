"""Pictures as the library keeps them: WebP of 256x256 with alpha; tones of skin only where they differ."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from schemas.library import PICTURE_SIDE

Pixels = NDArray[np.uint8]
QUALITY, ALPHA_QUALITY = 76, 90
PATCH_QUALITY, PATCH_ALPHA_QUALITY = 50, 30
# Two pictures differ where a channel does by more than this; WebP's own noise stays below.
DIFFERS = 14
# Of 255: darker than this is nothing, so that no veil lies around a subject.
LEAST_ALPHA = 8


def picture(path: Path, label: str) -> Pixels:
    """The picture of a label, corrected where it would lie: uint8 [256, 256, 4]."""
    image = Image.open(path).convert("RGBA")
    if label in CORRECTIONS:
        image = _fit(CORRECTIONS[label](image))
    if image.size != (PICTURE_SIDE, PICTURE_SIDE):
        image = image.resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    pixels = np.array(image)
    pixels[pixels[..., 3] < LEAST_ALPHA] = 0
    return pixels


def encode(pixels: Pixels) -> bytes:
    """A whole picture as WebP."""
    return _webp(pixels, QUALITY, ALPHA_QUALITY)


def encode_patch(base: Pixels, other: Pixels) -> bytes:
    """What of `other` differs from `base`, as WebP that is laid over it."""
    differs = np.abs(base.astype(int) - other.astype(int)).max(-1) > DIFFERS
    wide = differs.copy()
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            wide |= np.roll(differs, (down, right), (0, 1))
    return _webp(np.where(wide[..., None], other, 0).astype(np.uint8), PATCH_QUALITY, PATCH_ALPHA_QUALITY)


def _webp(pixels: Pixels, quality: int, alpha_quality: int) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "WEBP", quality=quality, alpha_quality=alpha_quality, method=6)
    return written.getvalue()


def _fit(image: Image.Image) -> Image.Image:
    """The picture's content as large as the square allows, standing on its lower edge."""
    inside = image.crop(image.getbbox())
    scale = (PICTURE_SIDE - 8) / max(inside.size)
    inside = inside.resize(
        (round(inside.width * scale), round(inside.height * scale)), Image.Resampling.LANCZOS
    )
    square = Image.new("RGBA", (PICTURE_SIDE, PICTURE_SIDE))
    square.paste(inside, ((PICTURE_SIDE - inside.width) // 2, PICTURE_SIDE - 4 - inside.height))
    return square


def _standing_crocodile(image: Image.Image) -> Image.Image:
    """It is drawn from above: without the legs of its far side, and turned onto the others, it stands."""
    far_legs = [(84, 70), (100, 66), (125, 66), (132, 72), (134, 100), (134, 160), (136, 186), (80, 184)]
    ImageDraw.Draw(image).polygon(far_legs, fill=(0, 0, 0, 0))
    return _turned(-82)(image)


def _turned(angle: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.rotate(angle, Image.Resampling.BICUBIC, expand=True)


# What is drawn across its square and stands: from its foot in the lower left, or right, to its top.
_FROM_LOWER_LEFT = (
    *("pencil", "pen", "fountain pen", "crayon", "paintbrush", "broom", "plunger", "key", "old key"),
    *("dagger", "microphone", "carrot", "cucumber", "firecracker", "crutch", "white cane"),
)
_FROM_LOWER_RIGHT = (
    *("closed umbrella", "thermometer", "spoon", "kitchen knife", "toothbrush", "axe", "hammer", "pick"),
    *("screwdriver", "lollipop", "dango"),
)

CORRECTIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "crocodile": _standing_crocodile,
    # From above as well, but along the ground it looks as one expects.
    "lizard": _turned(75),
    # A pad for take-off is level, and its flights are tilted by the layout.
    "rocket": _turned(45),
    "skateboard": _turned(-45),
    **dict.fromkeys(_FROM_LOWER_LEFT, _turned(45)),
    **dict.fromkeys(_FROM_LOWER_RIGHT, _turned(-45)),
    # What is leant against something stands less aslant than it is drawn.
    **dict.fromkeys(("guitar", "violin", "banjo"), _turned(28)),
    **dict.fromkeys(("baguette bread", "hot dog"), _turned(-42)),
    "baby bottle": _turned(-45),
}

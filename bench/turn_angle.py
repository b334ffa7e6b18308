"""How far is a picture turned in a frame? Found by looking, without what the layout says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_server.engine.pixels import Frames
from model_server.engine.resize import Size

# Pixels of the squares that are compared, and degrees between the angles that are tried: at first, then
# around the best.
SIDE, COARSE, FINE, NEAR = 40, 15, 1.0, 14
# A scene of one colour that no picture has: what is as red as it is blue, and not green, by this of 255, is
# this scene, or a shadow on it.
KEY, KEYED = (255, 0, 255), 16
# As good as the best: a ball looks the same at every angle, and counts for upright.
AS_GOOD = 0.01

Pattern = NDArray[np.float32]


def pattern(picture: Frames) -> Pattern:
    """What can be seen of a picture uint8 [H, W, 4], about its middle, at SIDE.

    Float32 [SIDE, SIDE, 4]: premultiplied colour and cover, both 0..1.
    """
    values = picture.astype(np.float32) / np.float32(255)
    values[..., :3] *= values[..., 3:]
    return _centred(values)


def keyed(size: Size, frames: int) -> Frames:
    """A scene of the key's colour, uint8 [F, H, W, 3], to find an actor in."""
    return np.broadcast_to(np.array(KEY, np.uint8), (frames, size[1], size[0], 3)).copy()


def seen(frame: Frames, in_keyed: Frames) -> Pattern | None:
    """The same of the actor in a frame uint8 [H, W, 3]; None where too little of it is in sight.

    `in_keyed` is the frame on a keyed scene, whose colours tell where the actor is.
    """
    red, green, blue = np.moveaxis(in_keyed.astype(np.int16), 2, 0)
    cover = ((abs(red - blue) > KEYED) | (green > KEYED)).astype(np.float32)
    if cover.sum() < SIDE:
        return None
    colours = frame.astype(np.float32) / np.float32(255) * cover[..., None]
    return _centred(np.concatenate((colours, cover[..., None]), axis=2))


def turned(reference: Pattern, found: Pattern) -> float:
    """Degrees in -180..180, clockwise, by which `reference` is to be turned to look most like `found`.

    Of angles as good as the best the smallest. A mirrored picture is turned as if it weren't.
    """
    coarse = _scores(reference, found, np.arange(-180.0, 180.0, COARSE))
    best = max(coarse, key=lambda angle: coarse[angle])
    fine = _scores(reference, found, np.arange(best - NEAR, best + NEAR + FINE, FINE))
    # Near nothing is always looked at: what is turned little is what it is about.
    fine |= _scores(reference, found, np.arange(-NEAR, NEAR + FINE, FINE))
    most = max(fine.values())
    angle = min((each for each, score in fine.items() if score >= most - AS_GOOD), key=abs)
    return (angle + 180) % 360 - 180


def _scores(reference: Pattern, found: Pattern, angles: NDArray[np.floating]) -> dict[float, float]:
    """How alike they are at each angle, 1 at most."""
    image = [Image.fromarray(reference[..., channel]) for channel in range(4)]
    scores = {}
    for angle in angles.tolist():
        # Pillow turns the other way round.
        shown = np.stack(
            [np.asarray(each.rotate(-angle, Image.Resampling.BILINEAR)) for each in image], axis=2
        )
        scores[float(angle)] = _alike(shown, found)
    return scores


def _alike(one: Pattern, other: Pattern) -> float:
    """Correlation of colours, each channel about its mean where both are, times the overlap of the shapes."""
    both = np.minimum(one[..., 3], other[..., 3])
    union = np.maximum(one[..., 3], other[..., 3])
    shared = float(both.sum() / max(union.sum(), 1e-6))
    weight = both[..., None] / max(float(both.sum()), 1e-6)
    a, b = (each[..., :3] - (each[..., :3] * weight).sum((0, 1)) for each in (one, other))
    power = np.sqrt(float((a * a * weight).sum()) * float((b * b * weight).sum()))
    # What has one colour has its shape alone.
    colours = float((a * b * weight).sum()) / power if power > 1e-3 else 1.0
    return shared * (1 + colours) / 2


def _centred(values: Pattern) -> Pattern:
    """Scaled and moved so that the cover has its middle in the square's and one size."""
    cover = values[..., 3]
    total = max(float(cover.sum()), 1e-6)
    rows, columns = np.arange(cover.shape[0]), np.arange(cover.shape[1])
    y, x = float(cover.sum(1) @ rows / total), float(cover.sum(0) @ columns / total)
    spread = np.sqrt(float((cover.sum(1) @ (rows - y) ** 2 + cover.sum(0) @ (columns - x) ** 2) / total))
    # Nearly all of it: two and a half deviations of a shape that fills a square.
    half = max(2.0, 1.9 * spread)
    box = (x - half + 0.5, y - half + 0.5, x + half + 0.5, y + half + 0.5)
    matrix = (2 * half / SIDE, 0.0, box[0], 0.0, 2 * half / SIDE, box[1])
    # Shrunk by parts first, so that no pixel is left out.
    factor = max(1, int(2 * half / SIDE))
    planes = []
    for channel in range(4):
        plane = Image.fromarray(np.ascontiguousarray(values[..., channel]))
        if factor > 1:
            plane = plane.reduce(factor)
        scaled = tuple(value / factor for value in matrix)
        planes.append(
            np.asarray(
                plane.transform((SIDE, SIDE), Image.Transform.AFFINE, scaled, Image.Resampling.BILINEAR)
            )
        )
    return np.stack(planes, axis=2)

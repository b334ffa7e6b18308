"""Which stored sketch a frame is a copy of, however it was mirrored, cropped, padded, turned, scaled or lit.

A cropped copy is found in a window of what is stored: every window that keeps MIN_WINDOW of SIDE cells each
way is tried, first at a quarter of the cells, then finely where that agreed. A padded one is found by what is
left without padding, or by its middle. All of that is tried mirrored too; turns are tried of whole frames.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.sketch import SIDE, Cells, Grey, grid_of, shows_something, sketch

# A crop that keeps less of a side has too few cells to tell it from anything else: 62 %.
MIN_WINDOW = 20
COARSE = SIDE // 2
# `python -m bench.sketch_distance` prints how well copies agree, and the nearest of others. The fewer cells,
# the better they must agree.
NEAR = 0.7
NEAR_SMALL = 0.73
CANDIDATE = 0.45
MAX_CANDIDATES = 8
# A border with no more than this spread of grey levels is padding; JPEG rings beside an edge.
PADDING_LEVELS = 12.0
MIN_LEFT_PX = 8
MIXED_PX = 2
# What is put around a clip leaves it in the middle: shares of each side, down to a tall clip in a wide one.
MIDDLES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5625, 0.5, 0.45, 0.4, 0.35, 0.316)


class Match(NamedTuple):
    """The place of a stored sketch among those that were given, and how well the cells agree, 0..1."""

    place: int
    score: float


class _Window(NamedTuple):
    x: int
    y: int
    width: int
    height: int


def match_whole(frame: Grey, stored: Cells) -> Match | None:
    """The nearest stored sketch that a frame is a copy of, whole or padded; None where it is near to none.

    `stored` has the shape (number, SIDE, SIDE).
    """
    if not len(stored):
        return None
    wanted = [cells for cells in _wholes(frame) if shows_something(cells)]
    if not wanted:
        return None
    scores = _unit(stored) @ _unit(np.stack(wanted)).T
    best = scores.max(axis=1)
    place = int(best.argmax())
    return Match(place, float(best[place])) if best[place] >= NEAR else None


def match_part(frame: Grey, stored: Cells) -> Match | None:
    """The nearest stored sketch that a frame was cropped out of; None where it is near to none."""
    if not len(stored):
        return None
    found = [match for base in _bases(frame) for match in _in_windows(base, stored)]
    return max(found, key=lambda match: match.score, default=None)


def trim(frame: Grey) -> Grey:
    """A frame without the padding of one colour at its edges."""
    top, bottom = _flat_edges(frame)
    left, right = _flat_edges(frame.T)
    height, width = frame.shape
    if min(height - top - bottom, width - left - right) < MIN_LEFT_PX:
        return frame
    return frame[top : height - bottom, left : width - right]


def _flat_edges(frame: Grey) -> tuple[int, int]:
    """How many rows at the top and at the bottom have the one colour of the outermost."""
    flat = frame.max(axis=1) - frame.min(axis=1) <= PADDING_LEVELS
    levels = frame.mean(axis=1)
    ends = []
    for rows, heights in ((flat, levels), (flat[::-1], levels[::-1])):
        # A plain ground inside of the frame is no padding.
        padding = rows & (np.abs(heights - heights[0]) <= PADDING_LEVELS)
        count = 0 if padding.all() else int(np.argmin(padding))
        # What lies next to padding is mixed with it.
        ends.append(count + MIXED_PX if count else 0)
    return ends[0], ends[1]


def _unpadded(frame: Grey) -> list[Grey]:
    trimmed = trim(frame)
    return [frame] if trimmed.shape == frame.shape else [frame, trimmed]


def _bases(frame: Grey) -> Iterator[Grey]:
    for base in _unpadded(frame):
        yield base
        yield base[:, ::-1]


def _wholes(frame: Grey) -> Iterator[Cells]:
    for base in _unpadded(frame):
        for turns in range(4):
            cells = sketch(np.rot90(base, turns))
            yield cells
            yield sketch(np.rot90(base, turns)[:, ::-1])
    height, width = frame.shape
    for across, down in itertools.product(MIDDLES, MIDDLES):
        wide, high = round(width * across), round(height * down)
        if (wide, high) != (width, height) and min(wide, high) >= SIDE // 2:
            x, y = (width - wide) // 2, (height - high) // 2
            middle = frame[y : y + high, x : x + wide]
            yield sketch(middle)
            yield sketch(middle[:, ::-1])


def _in_windows(base: Grey, stored: Cells) -> Iterator[Match]:
    """Stored sketches in some window of which a frame is found."""
    templates, norms = _templates(base)
    coarse = stored.reshape(-1, COARSE, 2, COARSE, 2).sum(axis=(2, 4), dtype=np.float32)
    flat = coarse.reshape(len(stored), -1)
    windows, masks = _windows()
    energy = np.sqrt(np.maximum((flat**2) @ masks.T, 1.0))
    scores = (flat @ templates.T) / (energy * norms)
    best = scores.argmax(axis=1)
    tops = scores[np.arange(len(stored)), best]
    for index in np.argsort(-tops)[:MAX_CANDIDATES]:
        if tops[index] < CANDIDATE:
            return
        score, size = _refined(base, stored[index], windows[best[index]])
        if score >= _threshold(size):
            yield Match(int(index), score)


def _templates(base: Grey) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A frame laid into every window, at a quarter of the cells, and the length of each as a vector."""
    windows, _ = _windows()
    sized = {
        (width, height): grid_of(base, width, height)
        .reshape(height // 2, 2, width // 2, 2)
        .sum(axis=(1, 3), dtype=np.float32)
        for width, height in {(window.width, window.height) for window in windows}
    }
    made = np.zeros((len(windows), COARSE, COARSE), np.float32)
    for number, (x, y, width, height) in enumerate(windows):
        made[number, y // 2 : (y + height) // 2, x // 2 : (x + width) // 2] = sized[width, height]
    flat = made.reshape(len(windows), -1)
    return flat, np.sqrt(np.maximum((flat**2).sum(axis=1), 1.0))


def _refined(base: Grey, cells: Cells, near: _Window) -> tuple[float, int]:
    """The best agreement that is reached from a window by moving its edges a cell at a time; its cells."""
    known: dict[_Window, float] = {near: _score(base, cells, near)}
    at = near
    while True:
        for window in _moved(at):
            if window not in known:
                known[window] = _score(base, cells, window)
        best = max(_moved(at), key=known.__getitem__, default=at)
        if known[best] <= known[at]:
            return known[at], at.width * at.height
        at = best


def _score(base: Grey, cells: Cells, window: _Window) -> float:
    x, y, width, height = window
    template, part = grid_of(base, width, height), cells[y : y + height, x : x + width]
    return _agreement(template, part) if shows_something(template) and shows_something(part) else 0.0


# Each edge by itself, opposite ones together (a shift), and all four (a zoom).
_MOVES = (
    *((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 0), (0, 1, 0, 1)),
    *((1, 1, -1, -1), (1, 0, -1, 0), (0, 1, 0, -1)),
)


def _moved(window: _Window) -> list[_Window]:
    """The windows that are one move away."""
    found = []
    for sign, (left, top, right, bottom) in itertools.product((1, -1), _MOVES):
        x0, y0 = window.x + sign * left, window.y + sign * top
        x1, y1 = window.x + window.width + sign * right, window.y + window.height + sign * bottom
        inside = x0 >= 0 and y0 >= 0 and x1 <= SIDE and y1 <= SIDE
        if inside and min(x1 - x0, y1 - y0) >= MIN_WINDOW:
            found.append(_Window(x0, y0, x1 - x0, y1 - y0))
    return found


def _threshold(cells: int) -> float:
    whole, least = SIDE * SIDE, MIN_WINDOW * MIN_WINDOW
    return NEAR + (NEAR_SMALL - NEAR) * (whole - cells) / (whole - least)


def _agreement(one: Cells, other: Cells) -> float:
    """The cosine of two sketches: 1 where all cells are the same."""
    a, b = one.astype(np.float32).ravel(), other.astype(np.float32).ravel()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else 0.0


def _unit(cells: Cells) -> NDArray[np.float32]:
    flat = cells.reshape(len(cells), -1).astype(np.float32)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1.0), np.float32)


@lru_cache(maxsize=1)
def _windows() -> tuple[list[_Window], NDArray[np.float32]]:
    """The windows that are tried, and which coarse cells each has."""
    sizes = range(MIN_WINDOW, SIDE + 1, 2)
    windows = [
        _Window(x, y, width, height)
        for width, height in itertools.product(sizes, sizes)
        for x in range(0, SIDE - width + 1, 2)
        for y in range(0, SIDE - height + 1, 2)
    ]
    masks = np.zeros((len(windows), COARSE, COARSE), np.float32)
    for number, (x, y, width, height) in enumerate(windows):
        masks[number, y // 2 : (y + height) // 2, x // 2 : (x + width) // 2] = 1
    return windows, masks.reshape(len(windows), -1)

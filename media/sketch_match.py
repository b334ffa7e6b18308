"""Which stored sketch a frame is a copy of, however it was mirrored, cropped, padded, turned, scaled or lit.

Three readings, each tried mirrored too. The frame whole, turned, without its padding, or its middle. What
is set into it, beside or before other things: windows all over it, and the tiles of collages and
spritesheets. And the frame as a part of what is stored, for crops: every window that keeps MIN_WINDOW of
SIDE cells each way. The best of a rough comparison are then laid exactly onto what is stored, until no move
of an edge agrees better; only that decides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from media.sketch import RADIUS, SIDE, Box, Cells, Grey, SummedArea, grid_of, shows_something

# A crop that keeps less of a side has too few cells to tell it from anything else: 62 %.
MIN_WINDOW = 20
COARSE = SIDE // 2
# `python -m bench.sketch_distance` prints how well copies agree, and the nearest of others.
# The more freely a frame is laid onto what is stored, the better it must agree: drawn faces of one make come
# to 0.72 as they are, to 0.88 with edges moved and to 0.95 as crops of each other, most of them to far less.
NEAR = 0.73
NEAR_MIDDLE = 0.87
NEAR_INSET = 0.9
NEAR_PART = 0.92
# Of a rough comparison the nearest so many are laid exactly, if they agree so well.
MAX_CANDIDATES = 6
CANDIDATE = 0.45
# So many places that a crop may be of are followed for each candidate: the first isn't always the right one.
STARTS = 3
# Where whole cells agree so well, the edges of a crop are sought in between them too.
WORTH_FITTING = 0.7
CUT_STEP = 1 / 3
# A border with no more than this spread of grey levels is padding; JPEG rings beside an edge.
PADDING_LEVELS = 12.0
MIN_LEFT_PX = 8
# What lies next to padding is mixed with it: so many pixels, or this share of a side.
MIXED_PX = 2
MIXED_SHARE = 64
# What is put around a clip mostly leaves it in the middle: shares of each side, to a tall one in a wide.
MIDDLES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5625, 0.5, 0.45, 0.4, 0.35, 0.316)
# Windows all over a frame: shares of its sides, and how far apart they lie, in shares of their own.
INSET_SIDES = (1.0, 0.8, 0.63, 0.5, 0.4)
INSET_STEP = 0.13
# Collages of up to so many tiles a side are read tile by tile; of larger ones, such as our own
# spritesheets of six columns, the first row.
MAX_TILES = 4
SHEET_COLUMNS = 6
MAX_SHEET_ROWS = 12
# Edges move by these shares of a side, the larger steps first.
EDGE_STEPS = (1 / 24, 1 / 64)

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
Place = TypeVar("Place")


class Match(NamedTuple):
    """The place of a stored sketch among those that were given, and how well the cells agree, 0..1."""

    place: int
    score: float


class _Window(NamedTuple):
    """Cells of what is stored."""

    x: int
    y: int
    width: int
    height: int

    @property
    def box(self) -> Box:
        return (float(self.x), float(self.y), float(self.x + self.width), float(self.y + self.height))


class _View(NamedTuple):
    """A part of a frame that may be a copy, and its cells."""

    area: SummedArea
    box: Box
    cells: Cells


def match_whole(frame: Grey, stored: Cells) -> Match | None:
    """The stored sketch that a frame is a copy of, whole or padded; None where it is near to none.

    `stored` has the shape (number, SIDE, SIDE).
    """
    views = [view for view in _wholes(frame) if shows_something(view.cells)]
    if not len(stored) or not views:
        return None
    best = (_unit(stored) @ _unit(np.stack([view.cells for view in views])).T).max(axis=1)
    place = int(best.argmax())
    if best[place] >= NEAR:
        return Match(place, float(best[place]))
    return _nearest(itertools.chain(views, _middles(frame)), stored, NEAR_MIDDLE)


def match_inset(frame: Grey, stored: Cells) -> Match | None:
    """The stored sketch that is set into a frame, beside or before other things; None where none is."""
    areas = (SummedArea(base) for base in (frame, frame[:, ::-1]))
    return _nearest((_view(area, box) for area in areas for box in _inset_boxes()), stored, NEAR_INSET)


def _nearest(looks: Iterable[_View], stored: Cells, near: float) -> Match | None:
    """The stored sketch that the best of some views, laid exactly, is a copy of."""
    views = [view for view in looks if shows_something(view.cells)]
    if not len(stored) or not views:
        return None
    scores = _unit(_coarse(stored)) @ _unit(_coarse(np.stack([view.cells for view in views]))).T
    best = scores.argmax(axis=1)
    tops = scores[np.arange(len(stored)), best]
    found: Match | None = None
    for place in np.argsort(-tops)[:MAX_CANDIDATES]:
        if tops[place] < CANDIDATE:
            break
        score = _laid_on(views[best[place]], stored[place])
        if score >= near and (found is None or score > found.score):
            found = Match(int(place), score)
    return found


def match_part(frame: Grey, stored: Cells) -> Match | None:
    """The stored sketch that a frame was cropped out of; None where it is near to none."""
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
    mixed = max(MIXED_PX, len(frame) // MIXED_SHARE)
    ends = []
    for rows, heights in ((flat, levels), (flat[::-1], levels[::-1])):
        # A plain ground inside of the frame is no padding.
        padding = rows & (np.abs(heights - heights[0]) <= PADDING_LEVELS)
        count = 0 if padding.all() else int(np.argmin(padding))
        ends.append(count + mixed if count else 0)
    return ends[0], ends[1]


def _unpadded(frame: Grey) -> list[Grey]:
    trimmed = trim(frame)
    return [frame] if trimmed.shape == frame.shape else [frame, trimmed]


def _bases(frame: Grey) -> Iterator[SummedArea]:
    for base in _unpadded(frame):
        yield SummedArea(base)
        yield SummedArea(base[:, ::-1])


def _wholes(frame: Grey) -> Iterator[_View]:
    for base in _unpadded(frame):
        for turns in range(4):
            turned = np.rot90(base, turns)
            yield _view(SummedArea(turned), WHOLE)
            yield _view(SummedArea(turned[:, ::-1]), WHOLE)


def _middles(frame: Grey) -> Iterator[_View]:
    for area in (SummedArea(frame), SummedArea(frame[:, ::-1])):
        for across, down in itertools.product(MIDDLES, MIDDLES):
            yield _view(area, ((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2))


def _view(area: SummedArea, shares: Box) -> _View:
    """A part of a frame, by shares of its sides."""
    left, top, right, bottom = shares
    box = (left * area.width, top * area.height, right * area.width, bottom * area.height)
    return _View(area, box, grid_of(area, SIDE, SIDE, box))


@lru_cache(maxsize=1)
def _inset_boxes() -> list[Box]:
    """Which parts of a frame are looked at, by shares of its sides."""
    spans = [(at, at + side) for side in INSET_SIDES for at in _steps(side)]
    boxes = [(x0, y0, x1, y1) for (x0, x1), (y0, y1) in itertools.product(spans, spans)]
    for rows, columns in itertools.product(range(1, MAX_TILES + 1), repeat=2):
        boxes += [_tile(row, column, rows, columns) for row in range(rows) for column in range(columns)]
    for rows in range(1, MAX_SHEET_ROWS + 1):
        boxes += [_tile(0, column, rows, SHEET_COLUMNS) for column in range(SHEET_COLUMNS)]
    return [box for box in dict.fromkeys(boxes) if box != WHOLE]


def _steps(side: float) -> list[float]:
    """Where windows of one side begin."""
    count = round((1 - side) / (INSET_STEP * side) + 0.5)
    return [float(at) for at in np.linspace(0, 1 - side, count + 1)] if side < 1 else [0.0]


def _tile(row: int, column: int, rows: int, columns: int) -> Box:
    return (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)


def _laid_on(view: _View, cells: Cells) -> float:
    """The best agreement of a part of a frame with what is stored, over small moves of its edges."""
    width, height = float(view.area.width), float(view.area.height)

    def score(box: Box) -> float:
        mine = grid_of(view.area, SIDE, SIDE, box)
        return _agreement(mine, cells) if shows_something(mine) else 0.0

    at, best = view.box, _agreement(view.cells, cells)
    for share in EDGE_STEPS:
        across, down = share * (at[2] - at[0]), share * (at[3] - at[1])

        def moves(box: Box, across: float = across, down: float = down) -> Iterator[Box]:
            for sign, (left, top, right, bottom) in itertools.product((1, -1), _MOVES):
                moved = (
                    max(0.0, box[0] + sign * left * across),
                    max(0.0, box[1] + sign * top * down),
                    min(width, box[2] + sign * right * across),
                    min(height, box[3] + sign * bottom * down),
                )
                if moved[2] - moved[0] >= MIN_LEFT_PX and moved[3] - moved[1] >= MIN_LEFT_PX:
                    yield moved

        at, best = _climb(at, best, moves, score)
    return best


def _climb(
    at: Place, best: float, moves: Callable[[Place], Iterator[Place]], score: Callable[[Place], float]
) -> tuple[Place, float]:
    """Where no move scores better any more, from a place that scores `best`; and its score."""
    known = {at: best}
    while True:
        around = list(dict.fromkeys(moves(at)))
        for place in around:
            if place not in known:
                known[place] = score(place)
        top = max(around, key=known.__getitem__, default=at)
        if known[top] <= known[at]:
            return at, known[at]
        at = top


def _in_windows(base: SummedArea, stored: Cells) -> Iterator[Match]:
    """Stored sketches in some window of which a frame is found."""
    templates, norms = _templates(base)
    flat = _coarse(stored).reshape(len(stored), -1)
    windows, masks = _windows()
    energy = np.sqrt(np.maximum((flat**2) @ masks.T, 1.0))
    scores = (flat @ templates.T) / (energy * norms)
    tops = scores.max(axis=1)
    for index in np.argsort(-tops)[:MAX_CANDIDATES]:
        if tops[index] < CANDIDATE:
            return
        starts = [windows[place].box for place in np.argsort(-scores[index])[:STARTS]]
        score = _fitted(base, stored[index], starts)
        if score >= NEAR_PART:
            yield Match(int(index), score)


def _templates(base: SummedArea) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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


def _fitted(base: SummedArea, cells: Cells, starts: Sequence[Box]) -> float:
    """The best agreement that is reached from some places that a frame may be cut from, in cells."""
    at, best = max(
        (
            _climb(start, _cut_score(base, cells, start), _cut_moves(1), partial(_cut_score, base, cells))
            for start in starts
        ),
        key=lambda found: found[1],
    )
    if best < WORTH_FITTING:
        return best
    return _climb(at, best, _cut_moves(CUT_STEP), partial(_cut_score, base, cells))[1]


def _cut_score(base: SummedArea, cells: Cells, cut: Box) -> float:
    """How well a frame agrees with what is stored, if it was cut from there."""
    left, top, right, bottom = cut
    x0, y0, x1, y1 = math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom)
    if min(x1 - x0, y1 - y0) < MIN_WINDOW - 2:
        return 0.0
    wide, high = base.width / (right - left), base.height / (bottom - top)
    box = (
        (x0 - left) * wide,
        (y0 - top) * high,
        base.width - (right - x1) * wide,
        base.height - (bottom - y1) * high,
    )
    # Cells beside a cut don't know what was around them; they do at the edge of what is stored.
    rows = slice(RADIUS if top else 0, None if bottom == SIDE else -RADIUS)
    columns = slice(RADIUS if left else 0, None if right == SIDE else -RADIUS)
    mine = grid_of(base, x1 - x0, y1 - y0, box)[rows, columns]
    part = cells[y0:y1, x0:x1][rows, columns]
    return _agreement(mine, part) if shows_something(mine) and shows_something(part) else 0.0


def _cut_moves(step: float) -> Callable[[Box], Iterator[Box]]:
    """The places that are one move of this many cells away."""

    def moves(cut: Box) -> Iterator[Box]:
        for sign, change in itertools.product((step, -step), _MOVES):
            left, top, right, bottom = (
                min(max(edge + sign * by, 0.0), float(SIDE)) for edge, by in zip(cut, change, strict=True)
            )
            if min(right - left, bottom - top) >= MIN_WINDOW - 1:
                yield left, top, right, bottom

    return moves


# Each edge by itself, opposite ones together (a shift), and all four (a zoom).
_MOVES = (
    *((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 0), (0, 1, 0, 1)),
    *((1, 1, -1, -1), (1, 0, -1, 0), (0, 1, 0, -1)),
)


def _agreement(one: Cells, other: Cells) -> float:
    """The cosine of two sketches: 1 where all cells are the same."""
    a, b = one.astype(np.float32).ravel(), other.astype(np.float32).ravel()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else 0.0


def _coarse(cells: Cells) -> NDArray[np.float32]:
    """Sketches at a quarter of their cells."""
    return np.asarray(cells.reshape(-1, COARSE, 2, COARSE, 2).sum(axis=(2, 4), dtype=np.float32), np.float32)


def _unit(cells: Cells | NDArray[np.float32]) -> NDArray[np.float32]:
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

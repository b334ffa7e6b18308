"""Closes and cleans a cut-out's alpha: what is ground, what is one piece, what colour edges have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model_server.engine.pixels import Floats

Mask = NDArray[np.bool_]
# A ground is of one colour where so much of a picture's border is as near to its median, of 255.
PLAIN_SHARE, PLAIN_NEAR = 0.75, 26.0
# Colours as near to a plain ground as the first are ground, as far from it as the second are none.
KEY_LOW, KEY_HIGH = 12.0, 34.0
# An enclosed piece of ground is a gap where its colour is as near and this many pixels large.
GAP_NEAR, LEAST_GAP = 9.0, 24
# A thread of ground as thin as this leads nowhere; a hole as wide is a gap. In pixels, odd.
LEAK, WIDE_HOLE = 5, 9
# Pieces of a subject that are smaller than this part of the largest are dust.
LEAST_PIECE = 0.06
MAX_PIECES = 12
# Colours of a busy picture are compared in this many steps a channel; how often, and how much they count.
BINS, ROUNDS, COLOUR_WEIGHT = 12, 4, 0.8
# How far, in pixels of 256, what is near decides with; how different a colour may be there.
REACH, SMOOTH = 5, 0.006


def closed_alpha(colours: Floats, alpha: Floats) -> Floats:
    """A whole subject's alpha [h, w] of what a matte found of a picture [h, w, 3], all in 0..1."""
    ground = _plain_ground(colours)
    found = _by_colours(colours, alpha) if ground is None else _keyed(colours * 255, alpha, ground * 255)
    whole = _largest(found > 0.5)
    # A hole that no ground shines through is none.
    if ground is None:
        holes = ~_from_border(~whole) & ~whole
        wide = _filled(_shrunk(holes, WIDE_HOLE), holes)
        whole = _opened(whole | (holes & ~wide))
    # Edges as soft as they were found, and nothing apart from them.
    soft = np.where(whole, np.maximum(found, 0.5) if ground is not None else 1.0, found) * _grown(whole, 5)
    return _blurred(soft.astype(np.float32), 0.8)


def clean_colours(colours: Floats, alpha: Floats) -> Floats:
    """Colours [h, w, 3] whose edges have that of the subject behind them, and none of the ground's."""
    out, known = colours.copy(), alpha > 0.97
    weight = _shrunk(known, 3).astype(np.float32)
    if not weight.any():
        return out
    for radius in (1.5, 3.0, 6.0):
        share = _blurred(weight, radius)
        spread = np.stack([_blurred(colours[..., each] * weight, radius) for each in range(3)], -1)
        missing = (weight == 0) & (share > 0.02)
        out[missing] = (spread / np.maximum(share, 1e-3)[..., None])[missing]
        colours, weight = out, np.where(missing, 1.0, weight).astype(np.float32)
    return np.asarray(out, dtype=np.float32)


def _plain_ground(colours: Floats) -> Floats | None:
    """The colour of a ground of one colour; None of a busy one."""
    rim = np.concatenate((colours[0], colours[-1], colours[:, 0], colours[:, -1]))
    middle = np.median(rim, axis=0)
    near = np.abs(rim - middle).max(axis=1) * 255 < PLAIN_NEAR
    return np.asarray(middle, dtype=np.float32) if near.mean() >= PLAIN_SHARE else None


def _keyed(colours: Floats, alpha: Floats, ground: Floats) -> Floats:
    """The alpha of a picture before one colour: what has it as far as that reaches from the border."""
    far = np.linalg.norm(colours - ground, axis=-1)
    like_ground = far < (KEY_LOW + KEY_HIGH) / 2
    # No thread of ground leads into the subject.
    outside = _grown(_from_border(_shrunk(like_ground, LEAK)), LEAK) & like_ground
    gaps = ~outside & (far < GAP_NEAR) & (alpha < 0.5)
    gaps = _opened(gaps) if gaps.sum() >= LEAST_GAP else np.zeros_like(gaps)
    ground_here = outside | gaps
    soft = np.clip((far - KEY_LOW) / (KEY_HIGH - KEY_LOW), 0, 1)
    return np.asarray(np.where(_grown(ground_here, 3), soft * ~gaps, 1.0), dtype=np.float32)


def _by_colours(colours: Floats, alpha: Floats) -> Floats:
    """An alpha whose edges follow those of colours: what has the subject's colours near it is of it."""
    steps = np.minimum((colours * BINS).astype(int), BINS - 1)
    cells = (steps[..., 0] * BINS + steps[..., 1]) * BINS + steps[..., 2]
    rim = np.zeros_like(alpha)
    rim[:2], rim[-2:], rim[:, :2], rim[:, -2:] = 1, 1, 1, 1
    first = np.clip(alpha, 0.08, 0.92) * (1 - 0.5 * rim)
    found = first
    for _ in range(ROUNDS):
        inside = np.bincount(cells.ravel(), found.ravel() ** 2, BINS**3) + 0.5
        outside = np.bincount(cells.ravel(), (1 - found.ravel()) ** 2, BINS**3) + 0.5
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        said = np.log(first / (1 - first)) + COLOUR_WEIGHT * np.clip(ratio[cells], -3, 3)
        found = 1 / (1 + np.exp(-_guided(colours, said.astype(np.float32))))
    return np.asarray(np.clip((found - 0.3) / 0.4, 0, 1), dtype=np.float32)


def _guided(colours: Floats, values: Floats) -> Floats:
    """Values [h, w], smoothed where the picture is smooth (He et al., "Guided image filtering", 2010)."""
    guide = np.asarray(colours.mean(axis=-1), dtype=np.float32)
    mean, mean_values = _boxed(guide), _boxed(values)
    slope = (_boxed(guide * values) - mean * mean_values) / (_boxed(guide * guide) - mean**2 + SMOOTH)
    return _boxed(slope) * guide + _boxed(mean_values - slope * mean)


def _boxed(values: Floats) -> Floats:
    return _mean(values, REACH)


def _blurred(values: Floats, radius: float) -> Floats:
    """Nearly a Gaussian: a mean of means."""
    reach = max(1, round(0.9 * radius))
    return _mean(_mean(values, reach), reach)


def _mean(values: Floats, reach: int) -> Floats:
    for axis in (0, 1):
        padded = np.pad(values, [(reach + 1, reach) if each == axis else (0, 0) for each in (0, 1)], "edge")
        sums = np.cumsum(padded, axis=axis, dtype=np.float64)
        size = values.shape[axis]
        high = np.take(sums, np.arange(2 * reach + 1, 2 * reach + 1 + size), axis=axis)
        low = np.take(sums, np.arange(size), axis=axis)
        values = ((high - low) / (2 * reach + 1)).astype(np.float32)
    return values


def _opened(mask: Mask) -> Mask:
    """Without threads and specks."""
    return _grown(_shrunk(mask, 3), 3)


def _grown(mask: Mask, across: int) -> Mask:
    return _windowed(mask, ImageFilter.MaxFilter(across))


def _shrunk(mask: Mask, across: int) -> Mask:
    return _windowed(mask, ImageFilter.MinFilter(across))


def _windowed(mask: Mask, window: ImageFilter.MaxFilter | ImageFilter.MinFilter) -> Mask:
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).filter(window), dtype=np.uint8) > 0


def _from_border(mask: Mask) -> Mask:
    """What of a mask is joined to the picture's border."""
    start = np.zeros_like(mask)
    start[0], start[-1], start[:, 0], start[:, -1] = mask[0], mask[-1], mask[:, 0], mask[:, -1]
    return _filled(start, mask)


def _filled(start: Mask, mask: Mask) -> Mask:
    """All of a mask that is joined to `start`."""
    found = start & mask
    while True:
        grown = found.copy()
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            grown = _swept(grown, mask, axis, step)
        if (grown == found).all():
            return found
        found = grown


def _swept(found: Mask, mask: Mask, axis: int, step: int) -> Mask:
    """What is found, spread in one direction up to where the mask ends."""
    flipped = (np.swapaxes(found, 0, axis)[::step], np.swapaxes(mask, 0, axis)[::step])
    rows = np.arange(len(flipped[0]))[:, None]
    last_found = np.maximum.accumulate(np.where(flipped[0], rows, -1), axis=0)
    last_wall = np.maximum.accumulate(np.where(flipped[1], -1, rows), axis=0)
    spread = (last_found > last_wall)[::step]
    return np.swapaxes(spread, 0, axis)


def _largest(mask: Mask) -> Mask:
    """The largest piece of a mask, and those that aren't dust beside it."""
    left, pieces = mask.copy(), list[Mask]()
    # A picture has few pieces that are no dust; each round takes one.
    for _ in range(MAX_PIECES):
        if not left.any():
            break
        start = np.zeros_like(mask)
        # From where the most of it is: the widest row's middle.
        row = int(left.sum(axis=1).argmax())
        start[row, np.flatnonzero(left[row])[len(np.flatnonzero(left[row])) // 2]] = True
        piece = _filled(start, left)
        pieces.append(piece)
        left &= ~piece
    least = LEAST_PIECE * max((int(piece.sum()) for piece in pieces), default=0)
    kept = np.zeros_like(mask)
    for piece in pieces:
        if piece.sum() >= least:
            kept |= piece
    return kept

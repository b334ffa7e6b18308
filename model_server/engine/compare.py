"""How near two videos lie to each other: `closeness` in the model's latent space, `fidelity` in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model_server.engine import latents
from model_server.engine.latents import Latents
from model_server.engine.staging import ActorPath, Layout, read_layout

# Fidelity looks at what a person recognises at a glance: pictures of this width, as in a grid of thumbnails.
GLANCE_PX = 16
# Paths that differ by so much, over all that a pose says, are a third alike.
PATHS_APART = 0.4


def clip_closeness(first: bytes, second: bytes) -> float:
    """0..1: how near two stored clips are, by their latents; of composed ones half of it is who is in them.

    The latents of a composed clip are its scene's: they know of no actor.

    Raises:
        ValueError: these bytes are no latents, or they come from different models.
    """
    scenes = closeness(latents.small(first), latents.small(second))
    layouts = [latents.layout(clip) for clip in (first, second)]
    if layouts[0] is None or layouts[1] is None:
        return scenes
    return (scenes + actors_alike(read_layout(layouts[0]), read_layout(layouts[1]))) / 2


def actors_alike(first: Layout, second: Layout) -> float:
    """0..1: 1 = the same pictures on the same paths, 0 = no picture is in both."""
    if not first.actors and not second.actors:
        return 1.0
    left, found = list(second.actors), 0.0
    for actor in first.actors:
        same = [other for other in left if other.picture == actor.picture]
        if same:
            nearest = max(same, key=lambda other: _paths_alike(actor, other))
            left.remove(nearest)
            found += _paths_alike(actor, nearest)
    return found / max(len(first.actors), len(second.actors))


def _paths_alike(first: ActorPath, second: ActorPath) -> float:
    """The same picture counts half, wherever it is."""
    moments = min(len(first.poses), len(second.poses))
    places = [
        np.array([(pose.x, pose.y, pose.lift, pose.size, pose.angle / 360) for pose in each.poses[:moments]])
        for each in (first, second)
    ]
    apart = float(np.abs(places[0] - places[1]).sum(axis=1).mean())
    return 0.5 + 0.5 * float(np.exp(-apart / PATHS_APART))


def closeness(first: Latents, second: Latents) -> float:
    """0..1: 1 = the same video, 0 = as far apart as two unrelated ones.

    Both latents [1, C, F, H, W] are averaged over area to the coarser grid of the two, then closeness is
    2 a.b / (a.a + b.b), cut to 0..1: 1 only for equal vectors (a cosine would ignore contrast), 0 for
    independent ones, since each latent channel is normalised by its mean and deviation. Clips of the drawn
    world in riffle-tiny's space: 0.03 for two scenes at random, 0.5 for the same scene from two seeds.

    Raises:
        ValueError: the two have different channels, so they come from different models.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"latents of {first.shape[1]} and {second.shape[1]} channels can't be compared")
    grid = [min(pair) for pair in zip(first.shape[2:], second.shape[2:], strict=True)]
    a, b = _shrunk(first[0], grid).ravel(), _shrunk(second[0], grid).ravel()
    power = float(a @ a + b @ b)
    return 1.0 if power == 0.0 else float(np.clip(2.0 * float(a @ b) / power, 0.0, 1.0))


def fidelity(
    render: NDArray[np.uint8], preview: NDArray[np.uint8], others: Sequence[NDArray[np.uint8]]
) -> float:
    """0..1: how much of the picked preview a render keeps; all are frames uint8 [F, H, W, 3].

    1 = the same video, 0 = as far as `others`, previews of the same prompt from other seeds:
    1 - d(render, preview) / mean d(other, preview), cut to 0..1, with d = `glance_distance`: the root
    mean square difference of frames averaged over area to GLANCE_PX in width. Added sharpness costs nothing.
    """
    others_apart = float(np.mean([glance_distance(other, preview) for other in others]))
    apart = glance_distance(render, preview)
    if others_apart == 0.0:
        return float(apart == 0.0)
    return float(np.clip(1.0 - apart / others_apart, 0.0, 1.0))


def glance_distance(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Root mean square difference, 0..255, of two videos' frames [F, H, W, 3] at GLANCE_PX in width."""
    a, b = _glance(first), _glance(second)
    frames = min(a.shape[1], b.shape[1])
    return float(np.sqrt(np.mean(np.square(a[:, :frames] - b[:, :frames]))))


def _glance(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    count, height, width, _ = frames.shape
    channels_first = np.moveaxis(frames.astype(np.float32), -1, 0)
    columns = min(GLANCE_PX, width)
    return _shrunk(channels_first, (count, max(1, round(height * columns / width)), columns))


def _shrunk(array: NDArray[np.float32], grid: Sequence[int]) -> NDArray[np.float32]:
    """[C, F, H, W] averaged over area to [C, *grid]."""
    weights = [_area_weights(size, target) for size, target in zip(array.shape[1:], grid, strict=True)]
    return np.asarray(np.einsum("cfhw,xf,yh,zw->cxyz", array, *weights, optimize=True), dtype=np.float32)


def _area_weights(size: int, target: int) -> NDArray[np.float32]:
    """[target, size]: the share of each old cell in each new one; rows sum to 1."""
    edges = np.linspace(0.0, size, target + 1)
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.asarray(np.clip(overlap, 0.0, None) * target / size, dtype=np.float32)

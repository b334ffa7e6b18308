"""Is somebody in a scene? Learned from the drawn world with and without anybody, as a bundle decodes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from bench.imagenet_features import SIDE, ImageNetFeatures
from model_server.engine.pixels import Floats, Frames
from model_server.engine.preview import PreviewEngine
from train.world.clips import draw
from train.world.places import PAINTERS
from train.world.scenes import NOBODY, Scene
from train.world.vocabulary import SUBJECTS, TIMES

# Of the ridge that parts the two, chosen on half of the pictures: 0.03 to 1 differ by four points.
PENALTY = 0.3

Score = Callable[[Floats], Floats]


def whole(frame: Frames) -> Frames:
    """All of a frame as one square: somebody may stand at its edge."""
    return np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def world_pictures(
    engine: PreviewEngine, places: Sequence[str], rounds: int, seed: int
) -> tuple[list[Frames], np.ndarray]:
    """The middle frame of drawn clips of every place and time, encoded and drawn again by a bundle.

    And whether somebody is in it, bool [n]: half of the pictures each.
    """
    rng, pictures, inhabited = random.Random(f"somebody {seed}"), [], []
    bucket = engine.manifest.buckets[0]
    for number, (_, place, time) in enumerate(
        (number, place, time) for number in range(rounds) for place in places for time in TIMES
    ):
        for who in (NOBODY, rng.choice(list(SUBJECTS))):
            scene, at = Scene(who, place, time, "still"), 1_000_000 * seed + 2 * number + (who != NOBODY)
            frames = draw(scene, at, (bucket.width, bucket.height), bucket.frames).frames
            again = engine.draw_latents(engine.encode(frames, bucket).astype(np.float32))
            pictures.append(again[len(again) // 2])
            inhabited.append(who != NOBODY)
    return pictures, np.array(inhabited)


def known_places(vocabulary: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """The places of a model that the drawn world has."""
    return [place for place in vocabulary["places"] if place in PAINTERS]


def ridge(features: Floats, inhabited: np.ndarray) -> Score:
    """A score of features [n, C]: above 0 somebody is there."""
    mean, sides = features.mean(axis=0), np.where(inhabited, 1.0, -1.0)
    about = features - mean
    kernel = about @ about.T + PENALTY * np.eye(len(about))
    weights = about.T @ np.linalg.solve(kernel, sides - sides.mean())
    return lambda given: np.asarray((given - mean) @ weights + sides.mean(), dtype=np.float32)


class SomebodyDetector:
    """Tells scenes in which somebody is from empty ones.

    accuracy: of pictures of the drawn world that it was not made from; alarms: the share of the empty ones of
    those in which it sees somebody.
    """

    def __init__(self, engine: PreviewEngine, features: ImageNetFeatures, rounds: int) -> None:
        self._look = features
        places = known_places(engine.manifest.vocabulary)
        learned, tried = (world_pictures(engine, places, rounds, seed) for seed in (1, 2))
        self._score = ridge(self._features(learned[0]), learned[1])
        found = self.sees(tried[0])
        self.accuracy = float((found == tried[1]).mean())
        self.alarms = float(found[~tried[1]].mean())

    def sees(self, pictures: Sequence[Frames]) -> np.ndarray:
        """Whether somebody is in each of these frames uint8 [H, W, 3]: bool [n]."""
        return np.asarray(self._score(self._features(pictures)) > 0)

    def _features(self, pictures: Sequence[Frames]) -> Floats:
        return self._look([whole(picture) for picture in pictures])

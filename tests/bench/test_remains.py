"""What remains of a subject around its picture, and behind it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.imagenet_features import ImageNetFeatures
from bench.remains import covered, draw_both, remains
from bench.somebody import SomebodyDetector, known_places, ridge
from model_server.engine.layout import ActorPose
from tests.bench.studio import opened
from tests.product import ModelFolders


def test_nothing_differs_outside_of_pictures_and_a_smear_is_found(model_folders: ModelFolders) -> None:
    ((clip,), (empty,)) = draw_both(opened(model_folders), 1)
    assert (clip.frames != empty.frames).any()
    assert remains(clip, empty).share == 0
    smeared = clip.frames.copy()
    smeared[:, :20, :20] = 255 - smeared[:, :20, :20]
    found = remains(clip._replace(frames=smeared), empty)
    assert found.share > 0.01
    assert found.mean > 0.5


def test_what_a_picture_covers_is_found_without_the_composer(model_folders: ModelFolders) -> None:
    ((clip,), _) = draw_both(opened(model_folders), 1)
    assert clip.staging is not None
    actor = clip.staging.actors[0]
    there = covered(actor, ActorPose(0.5, 0.9, 0.0, 0.4), (128, 192))
    higher = covered(actor, ActorPose(0.5, 0.9, 0.7, 0.4), (128, 192))
    assert 0.05 < there.mean() < 0.5
    assert not there[:60].any()
    assert higher[30:100].any()
    # Its shadow stays below.
    assert higher[170:176].any()


def test_pictures_are_parted_by_what_they_have() -> None:
    rng = np.random.default_rng(1)
    inhabited = np.arange(80) % 2 == 1
    features = rng.normal(0, 0.02, (80, 50)).astype(np.float32)
    features[inhabited, 3] += 0.2
    score = ridge(features[:60], inhabited[:60])
    assert ((score(features[60:]) > 0) == inhabited[60:]).all()


@pytest.mark.long
def test_somebody_is_told_from_nobody_in_the_drawn_world(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    assert known_places(studio.card.vocabulary)
    detector = SomebodyDetector(studio.engine, ImageNetFeatures(), 2)
    assert detector.accuracy > 0.8

"""Which two subjects a clip shows."""

import numpy as np

from train.measure.pair_adherence import seen, unseen_pairs
from train.models.likeness import load_likeness
from train.models.vae import as_video
from train.world.clips import draw


def test_both_subjects_of_most_drawn_clips_are_found() -> None:
    # Those that turn or grow into one another are hard: the command's first row says how many.
    scenes = [scene for scene in unseen_pairs(60) if scene.motion in {"still", "jump", "left", "right"}]
    video = as_video(np.stack([draw(scene, number).frames for number, scene in enumerate(scenes)]))
    asked = [{scene.subject, scene.other} for scene in scenes]
    found = seen(load_likeness(), video)
    assert np.mean([one == other for one, other in zip(found, asked, strict=True)]) > 0.5
    # Held against other clips' prompts they are not.
    assert np.mean([one == other for one, other in zip(found, asked[1:] + asked[:1], strict=True)]) < 0.2

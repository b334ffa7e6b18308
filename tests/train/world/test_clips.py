"""The drawn world: deterministic, the same at every size, captioned in every slot, a fifth of it held out."""

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from train.measure.pair_adherence import unseen_pairs
from train.world.captions import caption, plain_caption
from train.world.clips import FRAMES, FULL, FULL_SIZES, LENGTHS, PREVIEW, PREVIEW_SIZES, draw, poses
from train.world.scenes import (
    NOBODY,
    SOMEONE,
    STYLED_SHARE,
    SUBJECT_PLACES,
    Scene,
    all_referred_scenes,
    held_out,
    held_out_pair,
    paired_scenes,
    random_scene,
    training_scenes,
)
from train.world.vocabulary import MOTIONS, PLACES, STYLES, SUBJECTS, TIMES, as_json


def test_the_world_is_as_large_as_promised():
    assert len(SUBJECTS) >= 24
    assert len(PLACES) >= 10
    assert len(TIMES) == 3
    assert len(MOTIONS) >= 8


def test_same_seed_same_clip():
    scene = Scene("cat", "beach", "night", "jump")
    assert np.array_equal(draw(scene, 5).frames, draw(scene, 5).frames)
    assert not np.array_equal(draw(scene, 5).frames, draw(scene, 6).frames)


def test_both_sizes_show_the_same_clip():
    scene = Scene("rocket", "space", "day", "rise")
    small, large = draw(scene, 3, PREVIEW), draw(scene, 3, FULL)
    assert small.frames.shape == (FRAMES, 96, 64, 3)
    assert large.frames.shape == (FRAMES, 192, 128, 3)
    shrunk = large.frames.reshape(FRAMES, 96, 2, 64, 2, 3).mean((2, 4))
    assert np.abs(shrunk - small.frames).mean() < 8


@pytest.mark.parametrize(("small", "large"), zip(PREVIEW_SIZES, FULL_SIZES, strict=True))
def test_every_shape_shows_its_subject_whole(small: tuple[int, int], large: tuple[int, int]):
    scene = Scene("pig", "city", "day", "still")
    clip, enlarged = draw(scene, 2, small, LENGTHS[-1]), draw(scene, 2, large)
    assert clip.frames.shape == (LENGTHS[-1], *small[::-1], 3)
    assert enlarged.frames.shape == (FRAMES, *large[::-1], 3)
    # Nothing of it is beyond an edge, and it's as large as the short side allows.
    covered = clip.cover[0] > 0.5
    assert not covered[[0, -1]].any()
    assert not covered[:, [0, -1]].any()
    assert 0.5 < np.ptp(np.flatnonzero(covered.any(0))) / min(small) < 0.8


def test_a_longer_clip_hops_as_often_and_walks_more_slowly():
    def path(motion: str, frames: int) -> np.ndarray:
        return np.array([(pose.x, pose.y) for pose in poses(motion, random.Random(4), frames)])

    assert np.allclose(path("jump", 41)[:17], path("jump", 17))
    assert np.allclose(path("left", 41)[[0, -1], 0], path("left", 17)[[0, -1], 0])


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_moves_what_it_says(motion: str):
    clip = draw(Scene("pig", "meadow", "day", motion), 1)
    rows, columns = np.indices(clip.cover.shape[1:])
    weight = clip.cover.sum((1, 2))
    x = (clip.cover * columns).sum((1, 2)) / weight
    y = (clip.cover * rows).sum((1, 2)) / weight
    moved = {
        "left": x[0] - x[-1] > 20,
        "right": x[-1] - x[0] > 20,
        "jump": np.ptp(y) > 15 and abs(y[0] - y[-1]) < 4,
        "spin": np.ptp(y) < 5 and not np.array_equal(clip.cover[0], clip.cover[4]),
        "grow": weight[-1] > 3 * weight[0],
        "rise": y[0] - y[-1] > 30,
        "fall": y[-1] - y[0] > 30,
        "pan": np.ptp(x) < 3 and not np.array_equal(clip.frames[0], clip.frames[-1]),
        "still": np.array_equal(clip.frames[0], clip.frames[-1]),
    }
    assert moved[motion]


def test_a_fifth_of_the_combinations_is_held_out():
    every = [Scene(s, p, "day", m) for s in SUBJECTS for p in PLACES for m in MOTIONS]
    share = sum(map(held_out, every)) / len(every)
    assert 0.17 < share < 0.23
    assert not any(map(held_out, training_scenes()))
    rng = random.Random(0)
    assert all(held_out(random_scene(rng, unseen=True)) for _ in range(50))


def test_no_subject_place_or_motion_is_held_out_entirely():
    seen = [scene for scene in training_scenes() if scene.subject != NOBODY]
    assert {scene.subject for scene in seen} == set(SUBJECTS)
    assert {(scene.subject, scene.place) for scene in seen} == {
        (s, p) for s in SUBJECTS for p in SUBJECT_PLACES
    }
    assert {(scene.subject, scene.motion) for scene in seen} == {(s, m) for s in SUBJECTS for m in MOTIONS}


def test_scenes_without_anybody_are_of_every_place_and_time():
    seen = [scene for scene in training_scenes() if scene.subject == NOBODY]
    assert {(scene.place, scene.time) for scene in seen} == {(p, t) for p in PLACES for t in TIMES}
    assert {scene.motion for scene in seen} == {"still", "pan"}


def test_captions_cover_every_wording_and_leave_slots_out():
    rng = random.Random(0)
    scene = Scene("cat", "beach", "sunset", "jump")
    texts = [caption(scene, rng).lower() for _ in range(3000)]
    for word in SUBJECTS["cat"]:
        assert any(word in text for text in texts)
    for phrase in PLACES["beach"] + TIMES["sunset"]:
        assert any(phrase in text for text in texts)
    for pair in MOTIONS["jump"]:
        assert all(any(words in text for text in texts) for words in pair)
    assert any("sunset" not in text and "dusk" not in text and "evening" not in text for text in texts)
    assert len(set(texts)) > 1500
    assert all(text.strip() for text in texts)


def test_the_plain_caption_names_everything():
    assert (
        plain_caption(Scene("elephant", "ocean", "day", "rise"))
        == "an elephant floats up under the sea by day"
    )


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_said_and_seen(style: str):
    scene = Scene("frog", "meadow", "day", "left")
    styled = replace(scene, style=style)
    rng = random.Random(2)
    texts = [caption(styled, rng).lower() for _ in range(60)]
    assert all(any(words in text for words in STYLES[style]) for text in texts)
    assert plain_caption(styled) == f"{plain_caption(scene)} {STYLES[style][0]}"
    red, green, blue = np.moveaxis(draw(styled, 3).frames.astype(int), -1, 0)
    assert {
        "monochrome": (red == green).all() and (green == blue).all(),
        "sepia": (red > green).all() and (green > blue).all(),
        "neon": (blue > green).all(),
        "pastel": min(red.min(), green.min(), blue.min()) >= 127,
    }[style]


def test_a_fifth_of_the_trained_scenes_has_a_style_too():
    scenes = [scene for scene in training_scenes() if not scene.other]
    styled = [scene for scene in scenes if scene.style]
    assert {scene.style for scene in styled} == set(STYLES)
    assert len(styled) / (len(scenes) - len(styled)) == pytest.approx(STYLED_SHARE, abs=0.02)
    assert not any(map(held_out, styled))


def test_a_fifth_of_the_pairs_is_never_shown_together():
    pairs = list(combinations(SUBJECTS, 2))
    hidden = [pair for pair in pairs if held_out_pair(*pair)]
    assert len(hidden) / len(pairs) == pytest.approx(0.2, abs=0.06)
    assert held_out_pair(*hidden[0]) == held_out_pair(*hidden[0][::-1])
    shown = {(scene.subject, scene.other) for scene in paired_scenes()}
    assert shown
    assert not shown & set(hidden)
    assert all((scene.subject, scene.other) in hidden for scene in unseen_pairs(50))


def test_nothing_held_out_stands_beside_someone():
    beside = [scene for scene in all_referred_scenes() if scene.other]
    assert {scene.other for scene in beside} == set(SUBJECTS)
    assert not any(held_out(replace(scene, subject=scene.other, other="")) for scene in beside)


def test_two_subjects_stand_side_by_side():
    scene = Scene("pig", "city", "day", "still")
    alone, both = draw(scene, 4), draw(replace(scene, other="frog"), 4)
    columns = (both.cover[0] > 0.5).any(0)
    assert columns[:32].sum() > 15
    assert columns[32:].sum() > 15
    # Each is smaller than one alone.
    assert columns[:32].sum() < (alone.cover[0] > 0.5).any(0).sum()


def test_captions_of_two_name_both_and_agree():
    scene = Scene("cat", "beach", "night", "still", other="dog")
    rng = random.Random(3)
    texts = [caption(scene, rng).lower() for _ in range(400)]
    assert all(
        any(w in text for w in SUBJECTS["cat"]) and any(w in text for w in SUBJECTS["dog"]) for text in texts
    )
    assert not any(" dog stands" in text for text in texts if " and " in text)
    assert plain_caption(scene) == "a cat and a dog stand still on a beach at night"
    assert plain_caption(replace(scene, motion="pan")).startswith("a cat and a dog are followed")
    assert plain_caption(replace(scene, subject=SOMEONE, motion="rise")).startswith(
        "someone and a dog float up"
    )


def test_the_vocabulary_is_plain_json():
    words = as_json()
    assert set(words) == {"subjects", "places", "times", "motions", "styles", "weathers"}
    assert "kitty" in words["subjects"]["cat"]
    assert all(
        isinstance(phrase, str) for slot in words.values() for phrases in slot.values() for phrase in phrases
    )

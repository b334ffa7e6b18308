"""Sprites beyond the vocabulary."""

import unicodedata

import numpy as np

from export.tiny.captions import caption, plain_caption, referred_scenes
from export.tiny.crowd import HELD_OUT, held_out, unseen_sprites
from export.tiny.vocabulary import MOTIONS, PLACES, REFERRED, SUBJECTS, TIMES
from export.tiny.world import PREVIEW, draw, portrait


def test_the_kept_sprites_are_held_out_of_training() -> None:
    sprites = unseen_sprites()
    assert len(sprites) == 16
    for name, sprite in sprites.items():
        character = unicodedata.lookup(name.upper().replace("-", " "))
        assert held_out(character)
        assert sprite.size == (96, 96)
        assert np.asarray(sprite)[..., 3].mean() > 40


def test_a_fifth_is_held_out() -> None:
    share = np.mean([held_out(chr(code)) for code in range(0x1F300, 0x1FAFF)])
    assert abs(share - HELD_OUT) < 0.03


def test_every_place_time_and_motion_is_told_of_someone() -> None:
    scenes = referred_scenes()
    assert len(set(scenes)) == len(PLACES) * len(TIMES) * len(MOTIONS)
    assert plain_caption(scenes[0]).startswith("someone ")


def test_captions_of_someone_name_no_subject() -> None:
    import random

    rng = random.Random(4)
    texts = [caption(rng.choice(referred_scenes()), rng).lower() for _ in range(300)]
    assert sum(any(word in text for word in REFERRED) for text in texts) > 250
    words = {word for names in SUBJECTS.values() for word in names}
    assert not [text for text in texts if words & set(text.replace(",", " ").split())]
    assert not [text for text in texts if "a someone" in text or "a my" in text]


def test_a_portrait_shows_the_sprite_before_one_colour() -> None:
    sprite = unseen_sprites()["cow-face"]
    picture = portrait(sprite, 3)
    assert (picture.shape, picture.dtype) == ((PREVIEW[1], PREVIEW[0], 3), np.uint8)
    assert len(np.unique(picture[:4].reshape(-1, 3), axis=0)) == 1
    assert picture[30:60].std() > 20
    np.testing.assert_array_equal(picture, portrait(sprite, 3))


def test_a_stranger_walks_where_the_subject_would() -> None:
    scene = referred_scenes()[0]
    one, other = (draw(scene, 7, sprite=unseen_sprites()[name]) for name in ("cow-face", "lock"))
    assert np.abs(one.frames.astype(int) - other.frames).max() > 50
    # Behind them is the same place.
    bare = (one.cover == 0) & (other.cover == 0)
    np.testing.assert_array_equal(one.frames[bare], other.frames[bare])

"""Sprites beyond the vocabulary."""

import random
import unicodedata

import numpy as np
from PIL import Image

from train.world.captions import caption, plain_caption
from train.world.clips import PREVIEW, draw, reference_picture
from train.world.emoji_sprites import HELD_OUT, SIDE, held_out, held_out_sprites, vary_sprite
from train.world.scenes import SUBJECT_PLACES, referred_scenes
from train.world.vocabulary import MOTIONS, REFERRED, SUBJECTS, TIMES


def test_the_kept_sprites_are_held_out_of_training() -> None:
    sprites = held_out_sprites()
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
    assert len(set(scenes)) == len(SUBJECT_PLACES) * len(TIMES) * len(MOTIONS)
    assert plain_caption(scenes[0]).startswith("someone ")


def test_captions_of_someone_name_no_subject() -> None:
    rng = random.Random(4)
    texts = [caption(rng.choice(referred_scenes()), rng).lower() for _ in range(300)]
    assert sum(any(word in text for word in REFERRED) for text in texts) > 250
    words = {word for names in SUBJECTS.values() for word in names}
    assert not [text for text in texts if words & set(text.replace(",", " ").split())]
    assert not [text for text in texts if "a someone" in text or "a my" in text]


def test_a_portrait_shows_the_sprite_before_one_colour() -> None:
    sprite = held_out_sprites()["cow-face"]
    picture = reference_picture(sprite, 3)
    assert (picture.shape, picture.dtype) == ((PREVIEW[1], PREVIEW[0], 3), np.uint8)
    assert len(np.unique(picture[:4].reshape(-1, 3), axis=0)) == 1
    assert picture[30:60].std() > 20
    np.testing.assert_array_equal(picture, reference_picture(sprite, 3))


def test_a_stranger_walks_where_the_subject_would() -> None:
    scene = referred_scenes()[0]
    one, other = (draw(scene, 7, sprite=held_out_sprites()[name]) for name in ("cow-face", "lock"))
    assert np.abs(one.frames.astype(int) - other.frames).max() > 50
    # Behind them is the same place.
    bare = (one.cover == 0) & (other.cover == 0)
    np.testing.assert_array_equal(one.frames[bare], other.frames[bare])


def test_a_varied_sprite_is_someone_else_on_the_same_square() -> None:
    sprite, rng = held_out_sprites()["cow-face"], random.Random(1)
    looks = [vary_sprite(sprite, sprite, rng) for _ in range(12)]
    assert {(look.mode, look.size) for look in looks} == {("RGBa", (SIDE, SIDE))}
    assert len({look.tobytes() for look in looks}) == 12
    plain = np.asarray(sprite.convert("RGBa"), dtype=float)
    coloured = plain[plain[..., 3] > 250, :3].mean(0)
    turned = [np.asarray(look, dtype=float) for look in looks]
    moved = [np.abs(one[one[..., 3] > 250, :3].mean(0) - coloured).max() for one in turned]
    # About half keep their colours.
    assert 2 <= sum(each < 4 for each in moved) <= 10
    # Nobody grows beyond what a clip makes room for.
    assert all(0.7 < (one[..., 3].sum() / plain[..., 3].sum()) < 1.02 for one in turned)


def test_a_varied_sprite_is_the_same_from_the_same_lot() -> None:
    sprite, other = held_out_sprites()["lock"], held_out_sprites()["cow-face"]
    one, again = (vary_sprite(sprite, other, random.Random(9)).tobytes() for _ in range(2))
    assert one == again


def test_some_varied_sprites_end_as_another() -> None:
    white, black = (Image.new("RGBa", (SIDE, SIDE), (level, level, level, 255)) for level in (255, 0))
    looks = [np.asarray(vary_sprite(white, black, random.Random(seed)).convert("L")) for seed in range(60)]
    seen = [(look[10:30, 48].max(), look[66:80, 48].max()) for look in looks]
    assert all(upper == 255 for upper, _ in seen)
    spliced = sum(lower == 0 for _, lower in seen)
    assert 12 <= spliced <= 36
    assert spliced + sum(lower == 255 for _, lower in seen) == 60

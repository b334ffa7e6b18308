"""Who is in a clip: by the recipe's pictures, going on where another clip left them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from model_server.engine import latents
from model_server.engine.staging import Layout, Staging, read_layout, stage
from schemas.videos import Recipe, Understood, UnderstoodSubject
from tests.model_server.engine.actors import Sprites, disc


def understood(*pictures: str, **slots: str | None) -> Understood:
    subjects = [UnderstoodSubject(phrase=each, name=each, picture=each, score=1.0) for each in pictures]
    return Understood(subjects=subjects, **slots)  # type: ignore[arg-type]


def recipe(said: Understood, **changes: object) -> Recipe:
    given = {"model": "m", "prompt": "p", "width": 128, "height": 192, "frames": 17, "fps": 8, "seed": 5}
    return Recipe(**{**given, "understood": said, **changes})  # type: ignore[arg-type]


def staged(said: Understood, source: Staging | None = None, at: int = 0, **changes: object) -> Staging:
    layout = None if source is None else read_layout(source.packed())
    return stage(recipe(said, **changes), said, Sprites(), source=layout, continued_frame=at)


def test_a_recipe_names_its_actors() -> None:
    made = staged(understood("fox", "bus", motion="left", place="city", time="night", style="sepia"))
    assert list(made.pictures) == ["fox", "bus"]
    assert [actor.figure.faces for actor in made.actors] == ["front", "left"]
    assert [len(path) for path in made.paths] == [17, 17]
    assert (made.look.place, made.look.time, made.look.style) == ("city", "night", "sepia")
    scene = np.full((17, 192, 128, 3), 99, np.uint8)
    clip = made.compose(scene)
    assert clip.shape == scene.shape
    assert np.abs(made.compose_moment(scene[8], 8).astype(int) - clip[8]).mean() < 0.5


def test_nobody_is_staged_too() -> None:
    made = staged(understood(style="monochrome"))
    scene = np.random.default_rng(1).integers(0, 255, (17, 192, 128, 3), dtype=np.uint8)
    clip = made.compose(scene)
    assert (clip == clip[..., :1]).all()
    assert read_layout(made.packed()) == Layout([])


def test_a_remix_keeps_where_everyone_is() -> None:
    source = staged(understood("fox", motion="jump"))
    remix = staged(understood("dog", motion="jump"), seed=99, layout_seed=5)
    other = staged(understood("dog", motion="jump"), seed=99)
    assert [pose.x for pose in remix.paths[0]] == [pose.x for pose in source.paths[0]]
    assert [pose.x for pose in other.paths[0]] != [pose.x for pose in source.paths[0]]


@pytest.mark.parametrize("at", [16, 9])
def test_an_extension_goes_on_where_the_source_was_left(at: int) -> None:
    source = staged(understood("fox", "bus", motion="left"))
    said = understood("bus", "fox", motion="jump")
    more = staged(said, source, at, seed=8, repeats=5)
    for number, before in ((0, 1), (1, 0)):
        assert list(more.paths[number][:5]) == list(source.paths[before][at - 4 : at + 1])
        assert more.paths[number][-1].lift >= 0
    # It is the layout that a third one goes on from.
    third = staged(understood("fox", motion="still"), more, 16, seed=9, repeats=5)
    assert list(third.paths[0][:5]) == list(more.paths[1][12:17])


def test_a_moving_camera_follows_one_who_walks() -> None:
    still, panned = (
        staged(understood("fox", motion="still", camera=camera)).paths[0] for camera in (None, "pan")
    )
    assert np.ptp([pose.lift for pose in panned]) > 0.01 > np.ptp([pose.lift for pose in still])
    assert np.ptp([pose.x for pose in panned]) == 0
    moves = [camera for camera in (None, "close", "pan") if not staged(understood(camera=camera)).still]
    assert moves == ["pan"]


def test_a_cameo_is_shown_by_its_own_picture() -> None:
    said = understood("cameo:ada", "fox")
    made = stage(recipe(said, likeness="ada"), said, Sprites(), disc((200, 90, 90)))
    assert (made.actors[0].picture == disc((200, 90, 90))).all()
    for cameo, likeness in ((None, "ada"), (disc((1, 1, 1)), "bob"), (disc((1, 1, 1)), None)):
        with pytest.raises(ValueError, match="no picture of cameo:ada"):
            stage(recipe(said, likeness=likeness), said, Sprites(), cameo)


def test_pictures_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no picture 'dragon'"):
        staged(understood("dragon"))
    said = understood("fox")
    with pytest.raises(ValueError, match="no picture 'fox'"):
        stage(recipe(said), said, None)
    with pytest.raises(ValueError, match="at most 3"):
        staged(understood("fox", "fox", "fox", "fox"))


def test_a_layout_travels_with_the_latents() -> None:
    made = staged(understood("fox", motion="spin"))
    native, small = np.ones((1, 4, 2, 3, 2)), np.ones((1, 4, 2, 2, 2))
    data = latents.pack(native, small, made.packed())
    assert set(latents.unpack(data)) == {latents.NATIVE, latents.SMALL}
    stored = latents.layout(data)
    assert stored is not None
    assert [list(actor.poses) for actor in read_layout(stored).actors] == [list(path) for path in made.paths]
    assert latents.layout(latents.pack(native)) is None
    assert latents.small(data).shape == small.shape


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"actors": [{"picture": "fox", "poses": []}]}),
        msgspec.msgpack.encode({"actors": [{"picture": "fox", "poses": [[float("nan"), 0, 0, 1]]}]}),
        msgspec.msgpack.encode({"actors": [{"picture": "fox", "poses": [[0.5, 0.8, 0.0, 0.5]]}] * 4}),
        msgspec.msgpack.encode({"actors": [{"picture": "fox", "poses": [[0.5, "low", 0.0, 0.5]]}]}),
    ],
)
def test_a_damaged_layout_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="layout of the source"):
        read_layout(data)


def test_a_layout_that_is_none_is_refused() -> None:
    floats = latents.pack(np.ones((1, 4, 2, 3, 2)), layout=b"x" * (latents.MAX_LAYOUT_BYTES + 1))
    with pytest.raises(ValueError, match="layout must be up to"):
        latents.layout(floats)

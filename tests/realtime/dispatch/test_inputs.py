"""What the model server is sent for each relation, cut to the very frames, and for a cameo's picture."""

from __future__ import annotations

import asyncio
import functools
import io
from collections.abc import Sequence
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from db import engine
from domain import media_keys
from domain.clock import utc_now
from domain.consent import cameos
from media import provenance
from media.store import MediaStore
from model_server.media import encode
from realtime import limits
from realtime.dispatch import inputs
from realtime.sweeper import Sweeper
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.videos import Recipe, Relation, Source, Tier, Understood
from schemas.work import Inputs, Media, Render
from tests.build import recipe, source
from tests.realtime.jobs import dispatching, ended, names
from tests.realtime.models import Models, done, step
from tests.realtime.world import new_cameo, new_person, new_video, now

PICTURE = b"RIFF a picture"


@functools.cache
def clip(seed: int) -> bytes:
    """17 frames of noise, so that each is like no other."""
    noise = np.random.default_rng(seed).integers(0, 255, (17, 12, 8, 3), dtype=np.uint8)
    return encode.mp4(noise.repeat(8, 1).repeat(8, 2), 8)


async def film(models: Models, render: Render) -> None:
    """Each video is a clip of its own, by the number of jobs before it."""
    video = clip(len(models.renders) % 4)
    made = Media(video=video, thumbnail=b"webp", spritesheet=b"jpg")
    await models.send(step(render, 1))
    await models.send(msgspec.structs.replace(done(render), media=made))


@pytest.fixture(autouse=True)
def films(models: Models) -> None:
    models.script = film


class Maker:
    """Draws one video after another."""

    def __init__(self, models: Models, store: MediaStore) -> None:
        self.models, self.store, self.person = models, store, ""

    async def draw(self, made: Source | None = None, tier: Tier = Tier.PREVIEW, **more: Any) -> str:
        self.person = self.person or await new_person()
        if made is not None and made.relation is Relation.EXTEND:
            more.setdefault("recipe", recipe(repeats=5))
        async with dispatching(self.models, self.store):
            video = await new_video(self.person, tier, source=made, **more)
            assert names(await ended(video))[-1] == "completed"
        return video

    async def stored(self, video: str) -> bytes:
        return await self.store.get(f"videos/{video}/1/video.mp4")

    @property
    def sent(self) -> Inputs:
        return self.models.renders[-1].inputs


@pytest.fixture
def maker(models: Models, store: MediaStore) -> Maker:
    return Maker(models, store)


def frames(video: bytes) -> list[NDArray[Any]]:
    with av.open(io.BytesIO(video), "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def same(found: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


def given(sent: Inputs) -> set[str]:
    return {name for name in sent.__struct_fields__ if getattr(sent, name) is not None}


async def test_an_extension_begins_with_its_source_and_so_does_its_render(maker: Maker) -> None:
    first = await maker.draw()
    video = await maker.stored(first)
    extension = await maker.draw(source(Relation.EXTEND, first))
    assert (given(maker.sent), maker.sent.begin) == ({"begin"}, video)
    await maker.draw(source(Relation.RENDER, extension), Tier.FULL, recipe=recipe(repeats=5))
    assert (given(maker.sent), maker.sent.begin) == ({"preview", "begin"}, video)
    await maker.draw(source(Relation.EXTEND, first, from_s=0.5, to_s=1.0))
    assert maker.sent.begin is not None
    assert same(frames(maker.sent.begin), frames(video)[4:9])
    # A part too short for a movement is gone on from by its last picture.
    still = recipe(repeats=1)
    for moment in ({"from_s": 0.75, "to_s": 0.875}, {"to_s": 0.875}):
        await maker.draw(source(Relation.EXTEND, first, **moment), recipe=still)
        assert maker.sent.begin is not None
        assert same(frames(maker.sent.begin), frames(video)[7:8])


async def test_an_extension_of_a_composed_clip_goes_on_from_its_scene(maker: Maker) -> None:
    said = Understood(place="beach")
    first = await maker.draw(recipe=recipe(understood=said))
    latents = await maker.store.get(f"videos/{first}/1/latents.npz")
    more = recipe(repeats=5, understood=said)
    extension = await maker.draw(source(Relation.EXTEND, first), recipe=more)
    assert given(maker.sent) == {"source", "continued_frame"}
    assert (maker.sent.source, maker.sent.continued_frame) == (latents, 16)
    await maker.draw(source(Relation.RENDER, extension), Tier.FULL, recipe=more)
    assert given(maker.sent) == {"preview", "source", "continued_frame"}
    await maker.draw(source(Relation.EXTEND, first, to_s=1.0), recipe=more)
    assert maker.sent.continued_frame == 8
    # Whom the model draws goes on from what was seen.
    await maker.draw(source(Relation.EXTEND, first))
    assert given(maker.sent) == {"begin"}


async def test_a_bridge_begins_with_one_and_ends_with_the_other(maker: Maker) -> None:
    first, second = await maker.draw(), await maker.draw()
    videos = [await maker.stored(video) for video in (first, second)]
    bridge = await maker.draw(source(Relation.EXTEND, first, second))
    assert (maker.sent.begin, maker.sent.end) == tuple(videos)
    await maker.draw(source(Relation.RENDER, bridge), Tier.FULL, recipe=recipe(repeats=5))
    assert given(maker.sent) == {"preview", "begin", "end"}
    await maker.draw(source(Relation.EXTEND, first, second, to_s=1.0, from_s=1.5))
    assert maker.sent.begin is not None
    assert maker.sent.end is not None
    assert same(frames(maker.sent.begin), frames(videos[0])[4:9])
    with Image.open(io.BytesIO(maker.sent.end)) as met:
        assert same([np.asarray(met)], [frames(videos[1])[12]])


async def test_a_reference_is_the_clip_or_one_moment_of_it(maker: Maker) -> None:
    first = await maker.draw()
    video = await maker.stored(first)
    likened = await maker.draw(source(Relation.REFERENCE, first))
    assert (given(maker.sent), maker.sent.reference) == ({"reference"}, video)
    await maker.draw(source(Relation.RENDER, likened), Tier.FULL)
    assert (given(maker.sent), maker.sent.reference) == ({"preview", "reference"}, video)
    await maker.draw(source(Relation.REFERENCE, first, from_s=0.25))
    assert maker.sent.reference is not None
    with Image.open(io.BytesIO(maker.sent.reference)) as moment:
        assert same([np.asarray(moment)], [frames(video)[2]])


async def test_a_stitch_sends_its_clips_and_what_to_leave_out(maker: Maker) -> None:
    first = await maker.draw()
    second = await maker.draw(source(Relation.EXTEND, first))
    again = recipe(repeats=5)
    rendered = await maker.draw(source(Relation.RENDER, second), Tier.FULL, recipe=again)
    stitch = await maker.draw(source(Relation.STITCH, first, rendered, first))
    sent = maker.sent
    assert given(sent) == {"clips"}
    assert sent.clips is not None
    assert [part.video for part in sent.clips] == [
        await maker.stored(one) for one in (first, rendered, first)
    ]
    assert [part.skip for part in sent.clips] == [0, 5, 0]
    # Each clip is one ingredient of its credentials.
    store = provenance.read_manifests(await maker.stored(stitch))
    assert store is not None
    manifest = store["manifests"][store["active_manifest"]]
    assert [item["title"] for item in manifest["ingredients"]] == [first, rendered]


@pytest.mark.parametrize("relation", [Relation.EXTEND, Relation.REFERENCE, Relation.EDIT, Relation.REROLL])
async def test_parents_are_ingredients(maker: Maker, relation: Relation) -> None:
    first = await maker.draw()
    made = await maker.draw(source(relation, first))
    store = provenance.read_manifests(await maker.stored(made))
    assert store is not None
    manifest = store["manifests"][store["active_manifest"]]
    assert [item["title"] for item in manifest["ingredients"]] == [first]


async def pictured(store: MediaStore, owner: str, data: bytes = PICTURE) -> str:
    cameo = await new_cameo(owner)
    await give_picture(store, owner, cameo, data)
    return cameo


async def give_picture(store: MediaStore, owner: str, cameo: str, data: bytes) -> None:
    key = f"cameos/{cameo}/{len(data)}.webp"
    await media_keys.reserve([key])
    await store.put(key, data)
    await cameos.set_reference(cameo, owner, key, "0" * 64, now=now())


def likeness(cameo: str) -> Recipe:
    return recipe(likeness=cameo, repeats=5)


async def test_a_cameo_is_drawn_from_its_picture_in_preview_and_render(
    maker: Maker, store: MediaStore
) -> None:
    owner = await new_person()
    cameo = await pictured(store, owner)
    preview = await maker.draw(cameos=[cameo], recipe=likeness(cameo))
    assert (given(maker.sent), maker.sent.reference) == ({"reference"}, PICTURE)
    await maker.draw(source(Relation.RENDER, preview), Tier.FULL, recipe=likeness(cameo))
    assert (given(maker.sent), maker.sent.reference) == ({"preview", "reference"}, PICTURE)
    # A new picture is what its owner wants to be seen by from now on.
    await give_picture(store, owner, cameo, PICTURE + b"!")
    await Sweeper(store, utc_now).sweep()
    await maker.draw(source(Relation.EXTEND, preview), cameos=[cameo], recipe=likeness(cameo))
    assert (given(maker.sent), maker.sent.reference) == ({"begin", "reference"}, PICTURE + b"!")
    await maker.draw(cameos=[cameo])
    assert given(maker.sent) == set()


@pytest.mark.parametrize("how", ["dropped", "revoked"])
async def test_without_its_picture_nothing_is_drawn(
    how: str, maker: Maker, models: Models, store: MediaStore
) -> None:
    owner = await new_person()
    cameo = await pictured(store, owner)
    video = await new_video(await new_person(), cameos=[cameo], recipe=likeness(cameo))
    if how == "revoked":
        await cameos.revoke(cameo, owner, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=now())
    else:
        await engine.fetch("UPDATE cameos SET reference_key = NULL WHERE id = $1", cameo)
    async with dispatching(models, store):
        found = await ended(video)
    assert found[-1].data["code"] == "consent_revoked"
    assert models.renders == []


async def test_a_picture_that_is_replaced_meanwhile_is_read_again(
    maker: Maker, store: MediaStore, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FAULT_BACKOFF_S", 0.3)
    owner = await new_person()
    cameo = await pictured(store, owner)
    await store.delete(f"cameos/{cameo}/{len(PICTURE)}.webp")
    async with dispatching(models, store):
        video = await new_video(await new_person(), cameos=[cameo], recipe=likeness(cameo))
        await asyncio.sleep(0.2)
        await give_picture(store, owner, cameo, b"a newer one")
        assert names(await ended(video))[-1] == "completed"
    assert [render.inputs.reference for render in models.renders] == [b"a newer one"]


@pytest.mark.parametrize("relation", [Relation.EXTEND, Relation.REFERENCE, Relation.STITCH])
async def test_a_source_that_is_gone_is_a_failure_with_a_reason(
    relation: Relation, maker: Maker, models: Models, store: MediaStore
) -> None:
    first = await maker.draw()
    await store.delete(f"videos/{first}/1/video.mp4")
    drawn = len(models.renders)
    clips = [first, first] if relation is Relation.STITCH else [first]
    async with dispatching(models, store):
        found = await ended(await new_video(maker.person, source=source(relation, *clips)))
    assert found[-1].data["code"] == "generation_failed"
    assert "gone" in found[-1].data["message"]
    assert len(models.renders) == drawn


async def test_more_than_a_frame_holds_is_refused(
    maker: Maker, models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await maker.draw()
    size = len(await maker.stored(first))
    monkeypatch.setattr(inputs, "MAX_INPUT_BYTES", 2 * size - 1)
    await maker.draw(source(Relation.EXTEND, first))
    async with dispatching(models, store):
        found = await ended(await new_video(maker.person, source=source(Relation.STITCH, first, first)))
    assert found[-1].data["code"] == "generation_failed"
    assert "MB" in found[-1].data["message"]

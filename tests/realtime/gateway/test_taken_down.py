"""What was taken down is not drawn again: not as a copy that comes out, nor as one that already waits."""

from __future__ import annotations

import msgspec

from domain.accounts import credits
from domain.safety import fingerprints, reports, takedowns
from domain.videos import visibility
from media import fingerprint
from media.store import MediaStore
from schemas.events import EventName
from schemas.videos import Status
from schemas.work import Media, Render
from tests import clips
from tests.build import takedown_of
from tests.realtime.jobs import dispatching, ended, names, stored
from tests.realtime.models import Models, done, step
from tests.realtime.world import new_person, new_video, now


def drawing_scene(models: Models, seed: int, **how: int) -> None:
    """Every video comes out as this scene."""
    clip = clips.mp4(clips.scene(seed), **how)  # type: ignore[arg-type]

    async def draw(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        end = done(render)
        await models.send(
            msgspec.structs.replace(end, media=Media(video=clip, thumbnail=b"webp", spritesheet=b"jpg"))
        )

    models.script = draw


async def test_every_video_is_remembered_and_a_copy_of_a_taken_down_one_fails(
    models: Models, store: MediaStore
) -> None:
    drawing_scene(models, 51)
    person, other = await new_person(), await new_person()
    async with dispatching(models, store):
        first = await new_video(person)
        await ended(first)
        assert await fingerprints.fingerprint_of(first) == fingerprint.fingerprint_of(
            clips.mp4(clips.scene(51))
        )
        filed = await takedowns.file(takedown_of(first), now=now())
        drawing_scene(models, 51, crf=30)
        # While it is open a copy is drawn, and comes under it.
        second = await new_video(other)
        assert names(await ended(second))[-1] == "completed"
        assert (await takedowns.get(filed.id)).copies == 1
        await takedowns.decide(filed.id, "upheld", "clear", "a moderator", now=now())
        assert await visibility.is_taken_down([first, second], now()) == {first, second}
        before = await credits.balance(other)
        third = await new_video(other)
        found = await ended(third)
        assert found[-1].name == EventName.VIDEO_FAILED
        assert found[-1].data["code"] == "taken_down"
        assert await stored(store, third, 1) == set()
        assert await credits.balance(other) == before
        drawing_scene(models, 52)
        assert names(await ended(await new_video(other)))[-1] == "completed"


async def test_what_was_hidden_while_it_waited_is_not_drawn(models: Models, store: MediaStore) -> None:
    person = await new_person()
    video = await new_video(person)
    await reports.hide(video, "a test", "a moderator", now=now())
    async with dispatching(models, store):
        found = await ended(video)
    assert found[-1].data["code"] == "taken_down"
    assert not models.renders
    assert (await visibility.get_viewable(video, person, now())).status is Status.FAILED

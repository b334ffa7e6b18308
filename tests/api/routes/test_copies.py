"""What was made here, or shows somebody else here, becomes nobody's likeness; and whose it is hears of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from db.engine import fetch
from domain.events import stream
from domain.safety import sketches
from media import fingerprint, sketch
from media.credentials import credentials
from media.decode_pool import DecodePool
from media.provenance import Claims, Signer
from media.store import MediaStore
from schemas.events import EventName, inbox_stream
from tests import clips
from tests.api.people import Person, refused
from tests.build import finish

JPEG = {"content-type": "image/jpeg"}
MP4 = {"content-type": "video/mp4"}
Change = Callable[[Image.Image], Image.Image]
CHANGES: dict[str, Change] = {
    "as it is": lambda picture: picture,
    "mirrored": ImageOps.mirror,
    "cropped": lambda picture: picture.crop((15, 10, 150, 148)),
    "padded": lambda picture: ImageOps.expand(picture, (40, 70), "black"),
}


def shot(seed: int) -> Image.Image:
    return Image.fromarray(clips.scene(seed, 1, 160)[0])


def jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()


async def cameo_of(person: Person, audience: str = "people_i_approve") -> dict[str, Any]:
    return await person.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": audience})  # type: ignore[no-any-return]


async def give(person: Person, cameo: dict[str, Any], data: bytes, kind: dict[str, str]) -> httpx.Response:
    return await person.call("PUT", f"/v1/cameos/{cameo['id']}/reference", content=data, headers=kind)


async def copy_events(person: Person) -> list[dict[str, Any]]:
    log = await stream.since(inbox_stream(person.id), 0, 100)
    return [event.data for event in log if event.name == EventName.CAMEO_COPIED]


async def video_of(person: Person, cameo: dict[str, Any] | None, media: MediaStore, seed: int) -> str:
    """A completed video, with a cameo or without, that looks like a scene."""
    cameos = [cameo["id"]] if cameo else []
    video = await person.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": cameos})
    await finish(video["id"], media)
    small = [frame for _, frame in fingerprint.small_frames(clips.mp4(clips.scene(seed, 8, 160)))]
    await sketches.save_video(video["id"], sketch.sketches_of(small))
    return str(video["id"])


@pytest.mark.parametrize("how", CHANGES)
async def test_the_picture_of_anothers_cameo_is_refused(ada: Person, bob: Person, how: str) -> None:
    seed = 500 + list(CHANGES).index(how)
    hers, his = await cameo_of(ada), await cameo_of(bob)
    assert (await give(ada, hers, jpeg(shot(seed)), JPEG)).status_code == 200
    copy = jpeg(CHANGES[how](shot(seed)))
    error = refused(await give(bob, his, copy, JPEG), 403, "likeness_protected")
    assert "moderator" in error["message"]
    assert (await bob.ok("GET", f"/v1/cameos/{his['id']}"))["has_reference"] is False
    assert await copy_events(ada) == [
        {
            "cameo_id": hers["id"],
            "cameo_name": "Me",
            "by": bob.handle,
            "upload": "reference",
            "found_by": "picture",
            "video_id": None,
        }
    ]
    # Told once; and one's own picture is one's own.
    refused(await give(bob, his, copy, JPEG), 403, "likeness_protected")
    assert len(await copy_events(ada)) == 1
    second = await cameo_of(ada)
    assert (await give(ada, second, copy, JPEG)).status_code == 200
    assert (await give(bob, his, jpeg(shot(seed + 50)), JPEG)).status_code == 200


@pytest.mark.parametrize("how", CHANGES)
async def test_a_frame_or_a_clip_of_a_video_with_a_cameo_is_refused(
    ada: Person, bob: Person, media: MediaStore, how: str
) -> None:
    seed = 600 + list(CHANGES).index(how)
    hers, his = await cameo_of(ada), await cameo_of(bob)
    video = await video_of(ada, hers, media, seed)
    frames = [Image.fromarray(frame) for frame in clips.scene(seed, 8, 160)]
    refused(await give(bob, his, jpeg(CHANGES[how](frames[5])), JPEG), 403, "likeness_protected")
    assert [(event["video_id"], event["found_by"]) for event in await copy_events(ada)] == [
        (video, "picture")
    ]
    changed = [np.asarray(CHANGES[how](frame)) for frame in frames]
    size = (changed[0].shape[1] // 2 * 2, changed[0].shape[0] // 2 * 2)
    refused(await give(bob, his, clips.mp4(changed, size=size, crf=26), MP4), 403, "likeness_protected")
    # Her own face is hers to give, however she came by the picture.
    assert (await give(ada, hers, jpeg(frames[5]), JPEG)).status_code == 200


async def test_a_copy_is_refused_after_the_video_was_deleted(
    ada: Person, bob: Person, media: MediaStore
) -> None:
    hers, his = await cameo_of(ada), await cameo_of(bob)
    video = await video_of(ada, hers, media, 700)
    await ada.ok("POST", f"/v1/cameos/{hers['id']}/revoke", {"mode": "tombstone"})
    await ada.ok("DELETE", f"/v1/videos/{video}")
    refused(await give(bob, his, clips.mp4(clips.scene(700, 8, 160)), MP4), 403, "likeness_protected")


async def test_our_content_credentials_are_refused_whatever_it_shows(
    ada: Person, bob: Person, media: MediaStore, home: Path
) -> None:
    hers, his = await cameo_of(ada), await cameo_of(bob)
    video = await video_of(ada, hers, media, 710)
    signer = Signer(credentials(home))
    signed = signer.sign(clips.mp4(clips.scene(711)), Claims(video_id=video, model="m"))
    error = refused(await give(bob, his, signed, MP4), 403, "likeness_protected")
    assert "made here" in error["message"]
    assert [(event["video_id"], event["found_by"]) for event in await copy_events(ada)] == [
        (video, "credentials")
    ]
    # A signature that was broken, and a file that only names it as what it was made from.
    broken = bytearray(signed)
    broken[broken.index(b"mdat") + 200] ^= 1
    refused(await give(bob, his, bytes(broken), MP4), 403, "likeness_protected")
    foreign = home / "another"
    foreign.mkdir()
    edited = Signer(credentials(foreign)).sign(
        clips.mp4(clips.scene(712)), Claims(video_id="edited", model="m", parents=[video])
    )
    refused(await give(bob, his, edited, MP4), 403, "likeness_protected")
    # Of a video that is no longer known here, by the signature alone.
    unknown = signer.sign(clips.mp4(clips.scene(713)), Claims(video_id="video_0", model="m"))
    refused(await give(bob, his, unknown, MP4), 403, "likeness_protected")
    assert (await give(bob, his, clips.mp4(clips.scene(711)), MP4)).status_code == 200


async def test_a_proof_is_no_copy_of_anothers_video(ada: Person, bob: Person, media: MediaStore) -> None:
    hers, his = await cameo_of(ada), await cameo_of(bob)
    await video_of(ada, hers, media, 720)
    clip = clips.mp4([frame[:, ::-1] for frame in clips.scene(720, 40, 160)])
    reply = await bob.call("PUT", f"/v1/cameos/{his['id']}/proof", content=clip, headers=MP4)
    refused(reply, 403, "likeness_protected")
    assert [event["upload"] for event in await copy_events(ada)] == ["proof"]
    (found,) = await fetch("SELECT account_id, upload FROM refused_copies WHERE cameo_id = $1", hers["id"])
    assert (found["account_id"], found["upload"]) == (bob.id, "proof")


@pytest.mark.parametrize("how", CHANGES)
async def test_provenance_knows_changed_copies(ada: Person, media: MediaStore, how: str) -> None:
    seed = 730 + list(CHANGES).index(how)
    video = await video_of(ada, None, media, seed)
    await ada.ok("POST", "/v1/posts", {"video_id": video})
    frames = [np.asarray(CHANGES[how](Image.fromarray(frame))) for frame in clips.scene(seed, 8, 160)]
    size = (frames[0].shape[1] // 2 * 2, frames[0].shape[0] // 2 * 2)
    reply = await ada.client.post("/v1/provenance", content=clips.mp4(frames, size=size), headers=MP4)
    found = reply.json()
    assert (found["made_here"], found["by"], found["video_id"]) == (True, "perceptual_hash", video)


@pytest.mark.parametrize("task", ["claimed_videos", "look_at"])
async def test_what_takes_too_long_in_any_task_is_refused_and_no_error_of_ours(
    ada: Person, task: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def killed(*_: Any, **__: Any) -> Any:
        raise fingerprint.UnreadableVideo("it takes too long or too much memory to decode")

    monkeypatch.setattr(DecodePool, task, killed)
    cameo = await cameo_of(ada)
    photo = jpeg(shot(1))
    fields = {"prompt": "a cat on a beach"}
    for reply in (
        await give(ada, cameo, photo, JPEG),
        await ada.call("PUT", f"/v1/cameos/{cameo['id']}/proof", content=clips.proof(7), headers=MP4),
        await ada.call("POST", "/v1/videos", data=fields, files={"input_reference": ("a.jpg", photo)}),
    ):
        assert "too long" in refused(reply, 400, "invalid_request")["message"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []

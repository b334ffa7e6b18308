"""Did you make this? By manifest, by looks, and no claim beyond that."""

from __future__ import annotations

from pathlib import Path

import httpx

from domain.safety import fingerprints
from media import fingerprint
from media.credentials import credentials
from media.provenance import Claims, Signer
from media.store import MediaStore
from tests import clips
from tests.api.people import Person, refused
from tests.build import finish

ROUTE = "/v1/provenance"
MP4 = {"content-type": "video/mp4"}


async def test_our_manifest_is_known(anyone: httpx.AsyncClient, home: Path) -> None:
    clip = clips.mp4(clips.scene(1))
    signed = Signer(credentials(home)).sign(clip, Claims(video_id="video_1", model="m", parents=["video_0"]))
    found = (await anyone.post(ROUTE, content=signed, headers=MP4)).json()
    assert (found["made_here"], found["by"], found["video_id"]) == (True, "manifest", "video_1")
    assert found["manifest"] == {"state": "trusted", "title": "video_1", "parents": ["video_0"]}
    as_form = await anyone.post(ROUTE, files={"file": ("clip.mp4", signed, "video/mp4")})
    assert as_form.json() == found


async def test_a_foreign_or_broken_manifest_is_not_ours(anyone: httpx.AsyncClient, home: Path) -> None:
    clip = clips.mp4(clips.scene(2))
    foreign = home / "foreign"
    foreign.mkdir()
    signed = Signer(credentials(foreign)).sign(clip, Claims(video_id="video_1", model="m"))
    found = (await anyone.post(ROUTE, content=signed, headers=MP4)).json()
    assert (found["made_here"], found["by"], found["manifest"]["state"]) == (False, None, "valid")
    assert {item["name"]: item["result"] for item in found["checks"]} == {
        "manifest": "not_ours",
        "mark": "not_checked",
        "perceptual_hash": "not_found",
    }
    ours = bytearray(Signer(credentials(home)).sign(clip, Claims(video_id="video_1", model="m")))
    ours[ours.index(b"mdat") + 200] ^= 1
    found = (await anyone.post(ROUTE, content=bytes(ours), headers=MP4)).json()
    assert found["made_here"] is False
    assert found["checks"][0]["result"] == "tampered"


async def test_a_stripped_copy_is_known_by_its_looks(
    anyone: httpx.AsyncClient, ada: Person, media: MediaStore
) -> None:
    bits = fingerprint.fingerprint_of(clips.mp4(clips.scene(3)))
    assert bits is not None
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat on a beach"})
    await finish(video["id"], media)
    await fingerprints.save(video["id"], bits)
    copy = clips.mp4(clips.scene(3), crf=32, size=(96, 96))
    found = (await anyone.post(ROUTE, content=copy, headers=MP4)).json()
    assert (found["made_here"], found["by"]) == (True, "perceptual_hash")
    # A draft is nobody's business.
    assert found["video_id"] is None
    assert found["distance"] <= 12
    await ada.ok("POST", "/v1/posts", {"video_id": video["id"]})
    found = (await anyone.post(ROUTE, content=copy, headers=MP4)).json()
    assert found["video_id"] == video["id"]
    other = (await anyone.post(ROUTE, content=clips.mp4(clips.scene(4)), headers=MP4)).json()
    assert other["made_here"] is False


async def test_uploads_that_are_no_clips(anyone: httpx.AsyncClient) -> None:
    found = (await anyone.post(ROUTE, content=b"not a video at all", headers=MP4)).json()
    assert found["made_here"] is False
    assert found["checks"][-1]["result"] == "unreadable"
    refused(await anyone.post(ROUTE, content=b"", headers=MP4), 400, "invalid_request")
    reply = await anyone.post(ROUTE, content=b"x", headers={"content-type": "text/html"})
    refused(reply, 415, "unsupported_media_type")
    reply = await anyone.post(ROUTE, files={"clip": ("a.mp4", b"x", "video/mp4")})
    refused(reply, 400, "unknown_field", "clip")
    two = [("file", ("a.mp4", b"x", "video/mp4")), ("file", ("b.mp4", b"y", "video/mp4"))]
    refused(await anyone.post(ROUTE, files=two), 400, "invalid_request", "file")
    large = b"x" * (32 * 1024 * 1024 + 1)
    refused(await anyone.post(ROUTE, content=large, headers=MP4), 413, "body_too_large")

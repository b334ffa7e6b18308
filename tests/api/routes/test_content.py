"""The media of a finished video, whole and in ranges."""

from __future__ import annotations

import io
from typing import Any

import av
import pytest

from tests.api.people import Person, refused
from tests.build import SHEET, THUMBNAIL, VIDEO, finish


@pytest.fixture
async def path(ada: Person, media: Any) -> str:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    await finish(video["id"], media)
    return f"/v1/videos/{video['id']}/content"


async def test_the_three_variants(ada: Person, path: str) -> None:
    for query, kind, data in (
        ("", "video/mp4", VIDEO),
        ("?variant=video", "video/mp4", VIDEO),
        ("?variant=thumbnail", "image/webp", THUMBNAIL),
        ("?variant=spritesheet", "image/jpeg", SHEET),
    ):
        reply = await ada.call("GET", path + query)
        assert reply.status_code == 200
        assert reply.headers["content-type"] == kind
        assert reply.headers["content-length"] == str(len(data))
        assert reply.headers["accept-ranges"] == "bytes"
        ending = {"video/mp4": "mp4", "image/webp": "webp", "image/jpeg": "jpg"}[kind]
        named = f'inline; filename="a-cat-{path.split("/")[3][-8:]}.{ending}"'
        assert reply.headers["content-disposition"] == named
        assert reply.content == data
    with av.open(io.BytesIO((await ada.call("GET", path)).content), "r") as container:
        assert len(list(container.decode(video=0))) == 4


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-3", VIDEO[:4], f"bytes 0-3/{len(VIDEO)}"),
        ("bytes=10-", VIDEO[10:], f"bytes 10-{len(VIDEO) - 1}/{len(VIDEO)}"),
        ("bytes=-5", VIDEO[-5:], f"bytes {len(VIDEO) - 5}-{len(VIDEO) - 1}/{len(VIDEO)}"),
        (f"bytes=0-{10**9}", VIDEO, f"bytes 0-{len(VIDEO) - 1}/{len(VIDEO)}"),
    ],
)
async def test_one_range(ada: Person, path: str, asked: str, part: bytes, content_range: str) -> None:
    reply = await ada.call("GET", path, headers={"range": asked})
    assert (reply.status_code, reply.content) == (206, part)
    assert reply.headers["content-range"] == content_range
    assert reply.headers["content-length"] == str(len(part))


async def test_ranges_in_small_pieces_come_out_whole(
    ada: Person, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.content.CHUNK_BYTES", 100)
    assert (await ada.call("GET", path)).content == VIDEO
    assert (await ada.call("GET", path, headers={"range": "bytes=50-349"})).content == VIDEO[50:350]


async def test_a_range_outside_is_416_with_the_size(ada: Person, path: str) -> None:
    reply = await ada.call("GET", path, headers={"range": f"bytes={len(VIDEO)}-"})
    refused(reply, 416, "range_not_satisfiable")
    assert reply.headers["content-range"] == f"bytes */{len(VIDEO)}"


async def test_tags(ada: Person, path: str) -> None:
    etag = (await ada.call("GET", path)).headers["etag"]
    same = await ada.call("GET", path, headers={"if-none-match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    part = {"range": "bytes=0-3"}
    assert (await ada.call("GET", path, headers={**part, "if-range": etag})).status_code == 206
    assert (await ada.call("GET", path, headers={**part, "if-range": '"other"'})).status_code == 200


async def test_what_is_another_one_by_now_is_not_sent(ada: Person, path: str) -> None:
    etag = (await ada.call("GET", path)).headers["etag"]
    for method in ("GET", "HEAD"):
        for same in ("*", etag):
            assert (await ada.call(method, path, headers={"if-match": same})).status_code == 200
        other = await ada.call(method, path, headers={"if-match": '"other"', "range": "bytes=0-3"})
        assert other.status_code == 412
    refused(await ada.call("GET", path, headers={"if-match": f"W/{etag}"}), 412, "precondition_failed")


async def test_a_unit_is_read_in_any_case(ada: Person, path: str) -> None:
    assert (await ada.call("GET", path, headers={"range": "BYTES=0-3"})).content == VIDEO[:4]


async def test_head_says_what_get_would(ada: Person, path: str) -> None:
    reply = await ada.call("HEAD", path)
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-length"] == str(len(VIDEO))
    assert reply.headers["etag"]
    assert (await ada.call("HEAD", path, headers={"range": "bytes=0-3"})).status_code == 200


async def test_nothing_to_read_yet(ada: Person) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    refused(await ada.call("GET", f"/v1/videos/{video['id']}/content"), 409, "not_ready")
    refused(
        await ada.call("GET", f"/v1/videos/{video['id']}/content?variant=gif"),
        400,
        "invalid_request",
        "variant",
    )


async def test_media_that_was_lost_is_404_not_500(ada: Person, media: Any) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    keys = await finish(video["id"], media)
    await media.delete(*keys)
    refused(await ada.call("GET", f"/v1/videos/{video['id']}/content"), 404, "not_found")


async def test_others_read_it_once_it_is_posted(ada: Person, bob: Person, path: str) -> None:
    refused(await bob.call("GET", path), 404, "not_found")
    await ada.ok("POST", "/v1/posts", {"video_id": path.split("/")[3]})
    assert (await bob.call("GET", path)).content == VIDEO

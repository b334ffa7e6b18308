"""One reader of multipart bodies: parts in order, or one clear refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.http import form, multipart, upload
from api.http.multipart import FormPart, media_type, read_parts
from schemas.errors import Code, RiffleError
from tests.api.people import Person

TYPE = "multipart/form-data; boundary=b"


def part(headers: str, data: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + headers.encode() + b"\r\n\r\n" + data + b"\r\n"


def test_parts_come_in_order_with_their_names_and_bytes() -> None:
    raw = part('name="a"', b"") + part('name="b"; filename="c.mp4"', b"\0\xff\r\n--") + b"--b--\r\n"
    assert list(read_parts(raw, TYPE, max_parts=2)) == [
        FormPart("a", None, b""),
        FormPart("b", "c.mp4", b"\0\xff\r\n--"),
    ]


def test_one_part_too_many_is_refused() -> None:
    raw = part('name="a"', b"1") * 3 + b"--b--\r\n"
    with pytest.raises(RiffleError) as caught:
        list(read_parts(raw, TYPE, max_parts=2))
    assert caught.value.code is Code.INVALID_REQUEST


@pytest.mark.parametrize("raw", [b"", b"no parts", part('name="a"', b"1")])
def test_a_broken_body_is_refused(raw: bytes) -> None:
    with pytest.raises(RiffleError, match="broken"):
        list(read_parts(raw, TYPE, max_parts=2))


def test_a_body_without_a_boundary_is_refused() -> None:
    with pytest.raises(RiffleError, match="boundary"):
        list(read_parts(b"x", "multipart/form-data", max_parts=2))


def test_a_media_type_has_no_parameters_and_no_case() -> None:
    assert media_type("Multipart/Form-Data; boundary=b") == "multipart/form-data"
    assert media_type("") == ""


@pytest.mark.parametrize("path", ["/v1/videos/edits", "/v1/provenance"])
async def test_a_large_file_is_taken_apart_beside_the_event_loop(
    anyone: httpx.AsyncClient, ada: Person, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    real = multipart.read_parts

    def noting(*given: Any, **named: Any) -> Iterator[FormPart]:
        threads.append(threading.get_ident())
        return real(*given, **named)

    for module in (form, upload):
        monkeypatch.setattr(module, "read_parts", noting)
    fields = {"prompt": "a cat on a beach"} if path.endswith("edits") else {}
    name = "video" if fields else "file"
    headers = {"idempotency-key": "large"} if fields else {}
    large = {name: ("a.mp4", b"\r\n--" * 100_000)}
    replies = [await ada.call("POST", path, data=fields, files=large, headers=headers) for _ in range(2)]
    # It was read whole, and is no video.
    assert [reply.json()["error"]["param"] if fields else reply.status_code for reply in replies] == (
        ["video", "video"] if fields else [200, 200]
    )
    assert threads
    assert threading.get_ident() not in threads

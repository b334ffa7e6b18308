"""One reader of multipart bodies: parts in order, or one clear refusal."""

from __future__ import annotations

import pytest

from api.http.multipart import FormPart, media_type, read_parts
from schemas.errors import Code, RiffleError

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

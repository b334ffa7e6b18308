"""Whatever bytes a body holds, it is decoded or refused in the one error shape."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.body import decode
from api.http.multipart import read_parts
from api.http.ranges import RangeNotSatisfiable, parse_range
from domain.feed.cursors import decode_position
from schemas.accounts import CreateAccount
from schemas.cameos import ConsentCheck, CreateCameo
from schemas.errors import RiffleError
from schemas.takedowns import CreateTakedown
from schemas.videos import CreateVideo

TYPES = (CreateAccount, CreateVideo, ConsentCheck, CreateCameo, CreateTakedown, dict[str, Any], list[Any])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DEEP = st.sampled_from([b"[", b'{"a":', b'{"prompt":[', b'[{"cameos":']).map(lambda opener: opener * 20_000)
BOUNDARY = "riffle"
CONTENT_TYPES = st.sampled_from(
    [
        "application/json",
        "",
        "application/x-www-form-urlencoded",
        f"multipart/form-data; boundary={BOUNDARY}",
        "multipart/form-data; boundary=\u00e9",
        "multipart/form-data; boundary*=utf-9''x",
        "application/problem+json; charset=utf-99",
    ]
)
PART = st.tuples(
    st.sampled_from(
        [
            b'form-data; name="prompt"',
            b'form-data; name="file"; filename="a"',
            b"form-data; name*=nope''%ff",
            b'form-data; name="source[video_ids][]"',
            b"\xff\xfe",
            b"",
        ]
    ),
    st.binary(max_size=40),
)
MULTIPART = st.lists(PART, max_size=4).map(
    lambda parts: (
        b"".join(
            b"--riffle\r\nContent-Disposition: " + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts
        )
        + b"--riffle--\r\n"
    )
)
BYTES = st.binary(max_size=200) | JSON.map(msgspec.json.encode) | DEEP | MULTIPART


@settings(max_examples=300, deadline=None)
@given(raw=BYTES, body_type=st.sampled_from(TYPES), content_type=CONTENT_TYPES)
def test_bodies(raw: bytes, body_type: Any, content_type: str) -> None:
    with suppress(RiffleError):
        decode(raw, body_type, content_type)


@settings(max_examples=200, deadline=None)
@given(raw=MULTIPART | st.binary(max_size=200), content_type=CONTENT_TYPES)
def test_uploads(raw: bytes, content_type: str) -> None:
    with suppress(RiffleError):
        list(read_parts(raw, content_type, max_parts=4))


@settings(max_examples=300, deadline=None)
@given(
    cursor=st.text()
    | st.binary().map(lambda raw: raw.hex())
    | DEEP.map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_cursors(cursor: str) -> None:
    with pytest.raises(RiffleError):
        decode_position("feed:fresh", cursor, float)


@settings(max_examples=300, deadline=None)
@given(
    header=st.text() | st.from_regex(r"bytes=[0-9]{0,40}-[0-9]{0,40}", fullmatch=True),
    size=st.integers(0, 10**6),
)
def test_ranges(header: str, size: int) -> None:
    try:
        span = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= size

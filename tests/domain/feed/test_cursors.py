"""Cursors come back as they were, and only to the listing that made them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feed.cursors import Key, decode_cursor, decode_position, encode_cursor, encode_position
from schemas.errors import Code, RiffleError

keys = st.tuples(
    st.integers(-(2**62), 2**62),
    st.floats(-1e15, 1e15, allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)


@given(keys)
def test_a_cursor_comes_back_as_it_was(key: tuple[int, float, str]) -> None:
    cursor = encode_cursor("feed:fresh", list(key))
    assert cursor.isascii()
    assert decode_cursor("feed:fresh", cursor, int, float, str) == list(key)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ([1, "x"], (int,)),
        ([1], (int, str)),
        (["x", "x"], (int, str)),
        ([1, 1], (int, str)),
        ([1.5, "x"], (int, str)),
        ([2**63, "x"], (int, str)),
        ([2**63, "x"], (float, str)),
        ([1, "a\0b"], (int, str)),
    ],
)
def test_keys_that_fit_no_listing(key: Key, parts: tuple[type, ...]) -> None:
    with pytest.raises(RiffleError) as caught:
        decode_cursor("k", encode_cursor("k", key), *parts)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_CURSOR, "cursor")


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(RiffleError):
        decode_cursor("k", text, int, str)
    with pytest.raises(RiffleError):
        decode_cursor("k", encode_cursor("other", [1, "x"]), int, str)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))
def test_a_position_keeps_its_microsecond(instant: datetime) -> None:
    key = instant.replace(tzinfo=UTC)
    assert decode_position("k", encode_position("k", key, "post_1"), datetime) == (key, "post_1")
    assert decode_position("k", None, datetime) == (None, None)


def test_a_position_beyond_all_calendars_is_refused() -> None:
    with pytest.raises(RiffleError) as caught:
        decode_position("k", encode_cursor("k", [2**62, "x"]), datetime)
    assert caught.value.code is Code.INVALID_CURSOR

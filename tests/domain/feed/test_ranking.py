"""Cursors, the trending score and prompt diffs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feed.ranking import HOT_DECADE_S, Key, decode_cursor, encode_cursor, hot, prompt_diff
from schemas.errors import Code, RiffleError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
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


def test_the_score_grows_with_points_and_later_beginnings() -> None:
    assert hot(0, NOW) < hot(1, NOW) < hot(100, NOW)
    assert hot(-5, NOW) == hot(0, NOW)
    assert hot(99, NOW) == pytest.approx(hot(9, NOW + timedelta(seconds=HOT_DECADE_S)))


def test_a_diff() -> None:
    parts = prompt_diff("a cat sits on a beach", "a dog sits on a beach at night")
    assert [(part.op, part.text) for part in parts] == [
        ("keep", "a"),
        ("remove", "cat"),
        ("add", "dog"),
        ("keep", "sits on a beach"),
        ("add", "at night"),
    ]
    assert prompt_diff("", "") == []


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_a_diff_tells_both_sides(before: list[str], after: list[str]) -> None:
    parts = prompt_diff(" ".join(before), " ".join(after))

    def side(without: str) -> list[str]:
        return [word for part in parts if part.op != without for word in part.text.split()]

    assert side("add") == before
    assert side("remove") == after

"""Byte ranges, one by one."""

from __future__ import annotations

import pytest

from api.http.ranges import ByteRange, RangeNotSatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=2-5", ByteRange(2, 6)),
        ("bytes=4-", ByteRange(4, 10)),
        ("bytes=4-99", ByteRange(4, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-99", ByteRange(0, 10)),
        ("bytes = 1 - 2", ByteRange(1, 3)),
        ("bytes=" + "0" * 30 + "1-2", ByteRange(1, 3)),
        ("bytes=2-" + "9" * 30, ByteRange(2, 10)),
        ("bytes=-" + "9" * 5000, ByteRange(0, 10)),
    ],
)
def test_one_range(header: str, span: ByteRange) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,4-5", "bytes=a-b"]
)
def test_what_is_no_single_range_means_the_whole(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_outside_is_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 10)


def test_an_empty_object_has_no_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range("bytes=0-", 0)


@pytest.mark.parametrize("digits", [2, 18, 19, 23, 5000])
def test_what_begins_behind_the_end_is_nowhere(digits: int) -> None:
    for last in ("", "9" * digits):
        with pytest.raises(RangeNotSatisfiable):
            parse_range(f"bytes={'9' * digits}-{last}", 10)

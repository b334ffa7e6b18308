"""Byte ranges, one by one."""

from __future__ import annotations

import pytest

from api.http.ranges import Span, Unsatisfiable, wanted


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-5", Span(2, 6)),
        ("bytes=4-", Span(4, 10)),
        ("bytes=4-99", Span(4, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes = 1 - 2", Span(1, 3)),
    ],
)
def test_one_range(header: str, span: Span) -> None:
    assert wanted(header, 10) == span


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,4-5", "bytes=a-b"]
)
def test_what_is_no_single_range_means_the_whole(header: str | None) -> None:
    assert wanted(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_outside_is_refused(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted(header, 10)


def test_an_empty_object_has_no_range() -> None:
    with pytest.raises(Unsatisfiable):
        wanted("bytes=0-", 0)

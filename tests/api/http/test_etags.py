"""Which clients have what they ask for."""

from __future__ import annotations

import pytest

from api.http.etags import is_known, is_wanted


@pytest.mark.parametrize("header", ["*", " * ", '"a"', 'W/"a"', '"b", "a"', '"b",W/"a" , "c"'])
def test_known(header: str) -> None:
    assert is_known([header], '"a"')


@pytest.mark.parametrize("header", ["", "a", '"b"', '"ab"', 'W/"b"', '"*"', "*, *"])
def test_unknown(header: str) -> None:
    assert not is_known([header], '"a"')
    assert not is_known([], '"a"')


def test_a_list_may_come_in_several_lines() -> None:
    assert is_known(['"b"', '"a"'], '"a"')
    assert is_wanted(['"b"', '"a", "c"'], '"a"')


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [([], True), (["*"], True), (['"a"'], True), (['"b"'], False), (['W/"a"'], False), ([""], False)],
)
def test_wanted(lines: list[str], wanted: bool) -> None:
    assert is_wanted(lines, '"a"') is wanted

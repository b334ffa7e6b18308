"""Which clients have what they ask for."""

from __future__ import annotations

import pytest

from api.http.etags import is_known


@pytest.mark.parametrize("header", ["*", " * ", '"a"', 'W/"a"', '"b", "a"', '"b",W/"a" , "c"'])
def test_known(header: str) -> None:
    assert is_known(header, '"a"')


@pytest.mark.parametrize("header", [None, "", "a", '"b"', '"ab"', 'W/"b"', '"*"', "*, *"])
def test_unknown(header: str | None) -> None:
    assert not is_known(header, '"a"')

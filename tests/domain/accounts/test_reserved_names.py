"""Names that speak for the service are nobody's."""

from __future__ import annotations

import pytest

from domain.accounts import reserved_names
from schemas.errors import Code, RiffleError


@pytest.mark.parametrize(
    "name",
    [
        "admin",
        "Riffle",
        "r1ffle",
        "riffle_support",
        "Riffle Support",
        "M0derator",
        "the.admin",
        "ADMIN_7",
        "аdmin",
    ],
)
def test_names_of_the_service_are_kept(name: str) -> None:
    with pytest.raises(RiffleError) as caught:
        reserved_names.check(name, "handle")
    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.param == "handle"


@pytest.mark.parametrize(
    "name", ["ada", "riffles_of_rain", "madam_in", "stafford", "supportive", "sysadmin_ada", "Rifflebird"]
)
def test_other_names_are_free(name: str) -> None:
    reserved_names.check(name, "handle")

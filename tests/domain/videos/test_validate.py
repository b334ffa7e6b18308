"""Which requests are refused, and by which code."""

from __future__ import annotations

import msgspec
import pytest

from domain.videos.validate import check_request, find_card
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_PROMPT_CHARS, Tier
from tests.domain.videos.test_recipes import CARD, asking


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"prompt": ""}, Code.INVALID_REQUEST, "prompt"),
        ({"prompt": " \n"}, Code.INVALID_REQUEST, "prompt"),
        ({"prompt": "x" * (MAX_PROMPT_CHARS + 1)}, Code.PROMPT_TOO_LONG, "prompt"),
        ({"n": 0}, Code.INVALID_N, "n"),
        ({"n": 17}, Code.INVALID_N, "n"),
        ({"n": -1}, Code.INVALID_N, "n"),
        ({"size": "64x97"}, Code.INVALID_SIZE, "size"),
        ({"size": "128x192"}, Code.INVALID_SIZE, "size"),
        ({"size": "64x96", "tier": Tier.FULL}, Code.INVALID_SIZE, "size"),
        ({"seconds": "3"}, Code.INVALID_REQUEST, "seconds"),
        ({"seconds": 0}, Code.INVALID_REQUEST, "seconds"),
        ({"model": "sora-2"}, Code.UNKNOWN_MODEL, "model"),
    ],
)
def test_what_is_refused(changes: dict[str, object], code: Code, param: str) -> None:
    with pytest.raises(RiffleError) as caught:
        check_request(asking(**changes), CARD)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_a_model_without_a_tier_refuses_it() -> None:
    with pytest.raises(RiffleError, match="takes nothing"):
        check_request(asking(tier=Tier.FULL), msgspec.structs.replace(CARD, sizes={"preview": ["64x96"]}))


def test_what_is_at_the_bounds_is_allowed() -> None:
    for fine in (
        asking(),
        asking(n=16, seconds=4, size="96x64", model="riffle-tiny", prompt="x" * MAX_PROMPT_CHARS),
    ):
        check_request(fine, CARD)


def test_the_first_card_is_the_default() -> None:
    other = msgspec.structs.replace(CARD, id="other")
    assert find_card([CARD, other], None) is CARD
    assert find_card([CARD, other], "other") is other
    with pytest.raises(RiffleError) as caught:
        find_card([CARD], "other")
    assert (caught.value.code, caught.value.param) == (Code.UNKNOWN_MODEL, "model")

"""Follows and blocks."""

from __future__ import annotations

import pytest

from domain.accounts import social
from tests.api.people import Person, refused


async def test_follows_and_blocks_can_be_repeated_and_undone(ada: Person, bob: Person) -> None:
    for noun in ("follows", "blocks"):
        for method in ("PUT", "PUT", "DELETE", "DELETE"):
            assert (await ada.call(method, f"/v1/{noun}/{bob.handle}")).status_code == 204


@pytest.mark.parametrize("noun", ["follows", "blocks"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_nobody_and_oneself(ada: Person, noun: str, method: str) -> None:
    refused(await ada.call(method, f"/v1/{noun}/nobody_at_all"), 404, "not_found", "handle")
    refused(await ada.call(method, f"/v1/{noun}/{ada.handle}"), 400, "invalid_request", "handle")


async def test_who_is_blocked_can_not_follow(ada: Person, bob: Person) -> None:
    await ada.call("PUT", f"/v1/blocks/{bob.handle}")
    # Nothing tells them: the answer is that of one who may.
    assert (await bob.call("PUT", f"/v1/follows/{ada.handle}")).status_code == 204
    assert not (await social.relationship(bob.id, ada.id)).follows
    refused(await ada.call("PUT", f"/v1/follows/{bob.handle}"), 409, "invalid_state", "handle")

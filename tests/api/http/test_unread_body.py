"""What a route doesn't read isn't swallowed."""

from __future__ import annotations

import httpx
import pytest

from tests.api.people import Person, refused


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/cameo-requests/grant_0/accept"),
        ("POST", "/v1/cameo-requests/grant_0/refuse"),
        ("DELETE", "/v1/posts/post_0"),
        ("PUT", "/v1/posts/post_0/like"),
        ("POST", "/v1/realtime/ticket"),
        ("DELETE", "/v1/me/sessions/sess_0"),
    ],
)
async def test_fields_that_nobody_reads_are_refused(ada: Person, method: str, path: str) -> None:
    error = refused(await ada.call(method, path, {"scope": {"post": True}}), 400, "unknown_field")
    assert error["param"] == "scope"
    for empty in (None, {}):
        assert (await ada.call(method, path, empty)).status_code in (200, 201, 204, 404)


async def test_what_is_no_json_is_refused(ada: Person) -> None:
    headers = {"authorization": f"Bearer {ada.session['access_token']}"}
    reply = await ada.client.post("/v1/realtime/ticket", content=b"{[", headers=headers)
    refused(reply, 400, "invalid_json")


async def test_a_stranger_is_told_to_sign_in_first(anyone: httpx.AsyncClient) -> None:
    refused(await anyone.post("/v1/realtime/ticket", content=b"{["), 401, "unauthenticated")

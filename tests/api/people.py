"""People as HTTP clients, and what the tests of several routes ask of them."""

from __future__ import annotations

from typing import Any

import httpx

PASSWORD = "correct horse"


class Person:
    """A signed-in account; calls carry its token."""

    def __init__(self, client: httpx.AsyncClient, signed_in: dict[str, Any]) -> None:
        self.client = client
        self.id: str = signed_in["account"]["id"]
        self.handle: str = signed_in["account"]["handle"]
        self.session: dict[str, Any] = signed_in["session"]

    async def call(self, method: str, path: str, body: Any = None, **extra: Any) -> httpx.Response:
        """One request with the token."""
        headers = {"authorization": f"Bearer {self.session['access_token']}", **extra.pop("headers", {})}
        if body is not None:
            extra["json"] = body
        return await self.client.request(method, path, headers=headers, **extra)

    async def ok(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        """The JSON of a request that must succeed."""
        reply = await self.call(method, path, body, **extra)
        assert reply.is_success, reply.text
        return reply.json() if reply.content else None


async def sign_up(client: httpx.AsyncClient, handle: str) -> Person:
    """A new account, signed in."""
    reply = await client.post("/v1/accounts", json={"handle": handle, "password": PASSWORD})
    assert reply.status_code == 201, reply.text
    return Person(client, reply.json())


def refused(reply: httpx.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Check that a reply is the one error shape with this code; its body."""
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"error"}, reply.text
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"code", "message", "param", "type", "request_id"}
    assert error["code"] == code, error
    assert error["message"]
    assert error["request_id"] == reply.headers["x-request-id"]
    if param is not None:
        assert error["param"] == param, error
    return error

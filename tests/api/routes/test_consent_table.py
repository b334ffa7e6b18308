"""The table of who may do what with a likeness, lived through by HTTP: every cell as a client meets it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.consent.policy import Action, Verdict, public_reason
from domain.consent.policy_table import Standing, table_verdict
from media.store import MediaStore
from schemas.cameos import Audience
from tests.api.conftest import HANDLES
from tests.api.people import Person, sign_up
from tests.build import finish

PROMPT = {"prompt": "a cat on a beach"}


class Scene:
    """Ada's cameo and post, and a preview that somebody drew while everyone could."""

    def __init__(self, ada: Person, other: Person, media: MediaStore) -> None:
        self.ada, self.other, self.media = ada, other, media

    async def drawn(self, person: Person) -> str:
        video = await person.ok("POST", "/v1/videos", {**PROMPT, "cameos": [self.cameo]})
        await finish(video["id"], self.media)
        return str(video["id"])

    async def prepare(self, audience: Audience, standing: Standing, by: str = "owner") -> None:
        """Everything up to the question; `by` says who blocks whom."""
        payload = {"display_name": "Ada", "audience": "everyone"}
        self.cameo = (await self.ada.ok("POST", "/v1/cameos", payload))["id"]
        self.root = await self.drawn(self.ada)
        self.post = (await self.ada.ok("POST", "/v1/posts", {"video_id": self.root}))["id"]
        self.preview = self.root if standing is Standing.SELF else await self.drawn(self.other)
        if standing is Standing.SELF:
            # What is posted can't be posted again.
            self.preview = await self.drawn(self.ada)
        if standing is Standing.APPROVED:
            grant = await self.other.ok("POST", f"/v1/cameos/{self.cameo}/requests", {})
            await self.ada.ok("POST", f"/v1/cameo-requests/{grant['id']}/accept")
        if standing in (Standing.MUTUAL, Standing.FOLLOWER):
            await self.other.ok("PUT", f"/v1/follows/{self.ada.handle}")
        if standing is Standing.MUTUAL:
            await self.ada.ok("PUT", f"/v1/follows/{self.other.handle}")
        if standing is Standing.BLOCKED:
            blocker, blocked = (self.ada, self.other) if by == "owner" else (self.other, self.ada)
            await blocker.ok("PUT", f"/v1/blocks/{blocked.handle}")
        await self.ada.ok("PATCH", f"/v1/cameos/{self.cameo}", {"audience": audience})

    def request(self, action: Action) -> tuple[str, str, Any]:
        """The request by which a client does this."""
        return {
            Action.PREVIEW: ("POST", "/v1/videos", {**PROMPT, "cameos": [self.cameo]}),
            Action.RENDER: ("POST", f"/v1/videos/{self.preview}/render", None),
            Action.POST: ("POST", "/v1/posts", {"video_id": self.preview}),
            Action.REMIX: ("POST", f"/v1/videos/{self.root}/remix", PROMPT),
            Action.READ: ("GET", f"/v1/posts/{self.post}", None),
        }[action]


def agrees(reply: httpx.Response, verdict: Verdict, standing: Standing, action: Action) -> bool:
    """Whether a client was told what the table says."""
    if verdict.allowed:
        return reply.status_code in (200, 201)
    error = reply.json()["error"]
    if standing is Standing.ANONYMOUS:
        return bool(error["code"] == "unauthenticated")
    if standing is Standing.BLOCKED and action in (Action.PREVIEW, Action.REMIX, Action.READ):
        # Nor is told that there is something.
        return bool(error["code"] == "not_found")
    return bool(error["code"] == "consent_refused" and public_reason(verdict.reason) in error["message"])


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize(
    ("standing", "by"),
    [*((standing, "owner") for standing in Standing), (Standing.BLOCKED, "other")],
    ids=lambda value: str(value),
)
async def test_every_cell_by_http(
    audience: Audience,
    standing: Standing,
    by: str,
    anyone: httpx.AsyncClient,
    ada: Person,
    bob: Person,
    media: MediaStore,
) -> None:
    scene = Scene(ada, bob, media)
    await scene.prepare(audience, standing, by)
    before = (await bob.ok("GET", "/v1/me/credits"))["balance"]
    made: list[Any] = []
    for action in (Action.PREVIEW, Action.RENDER, Action.REMIX, Action.READ, Action.POST):
        verdict = table_verdict(audience, standing, action)
        method, path, body = scene.request(action)
        if standing is Standing.ANONYMOUS:
            reply = await anyone.request(method, path, json=body)
        else:
            reply = await (ada if standing is Standing.SELF else bob).call(method, path, body)
        assert agrees(reply, verdict, standing, action), (action, verdict, reply.text)
        if verdict.allowed and action is not Action.READ and action is not Action.POST:
            made.append(reply.json())
        if action in (Action.PREVIEW, Action.REMIX) and standing is not Standing.ANONYMOUS:
            await said_before(scene, ada if standing is Standing.SELF else bob, action, verdict)
    if standing is not Standing.SELF:
        assert (await bob.ok("GET", "/v1/me/credits"))["balance"] == before - sum(
            video["cost"]["credits"] for video in made
        )
    for video in made:
        await (ada if standing is Standing.SELF else bob).ok("POST", f"/v1/videos/{video['id']}/cancel")


async def said_before(scene: Scene, person: Person, action: Action, verdict: Verdict) -> None:
    """The free question gets the same answer."""
    payload: dict[str, Any] = dict(PROMPT)
    if action is Action.PREVIEW:
        payload["cameos"] = [scene.cameo]
    else:
        payload["source"] = {"relation": "remix", "video_ids": [scene.root]}
    reply = await person.call("POST", "/v1/consent/check", payload)
    if reply.status_code == 404:
        assert verdict.reason == "blocked"
        return
    (decision,) = reply.json()["decisions"]
    assert (decision["allowed"], decision["reason"]) == (verdict.allowed, public_reason(verdict.reason))


async def test_a_stranger_sees_no_draft_and_no_cameo_beyond_its_name(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    scene = Scene(ada, bob, media)
    await scene.prepare(Audience.EVERYONE, Standing.STRANGER)
    eve = await sign_up(anyone, next(HANDLES))
    paths = (
        *("", "/content", "/receipts", "/lineage", "/content?variant=thumbnail"),
        *("/content?variant=spritesheet",),
    )
    for path in paths:
        reply = await eve.call("GET", f"/v1/videos/{scene.preview}{path}")
        assert reply.status_code == 404, (path, reply.text)
        assert (await ada.call("GET", f"/v1/videos/{scene.preview}{path}")).status_code == 200
    for path in ("uses", "ledger", "proofs", "reference", "reach", "reach?mode=tombstone"):
        reply = await eve.call("GET", f"/v1/cameos/{scene.cameo}/{path}")
        assert reply.status_code in (403, 404), (path, reply.text)
    assert (await eve.ok("GET", f"/v1/cameos/{scene.cameo}"))["restrictions"] is None
    for method, path, body in (
        ("PATCH", "", {"audience": "only_me"}),
        ("POST", "/revoke", {"mode": "hide_posts"}),
        ("POST", "/challenge", None),
        ("DELETE", f"/uses/{scene.preview}", None),
    ):
        reply = await eve.call(method, f"/v1/cameos/{scene.cameo}{path}", body)
        assert reply.status_code == 404, (path, reply.text)

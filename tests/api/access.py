"""Every route of the api and what a client sends to it, about things of one owner."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
from PIL import Image

from domain.accounts import sessions
from domain.safety import registry, takedowns
from domain.safety.name_match import NameKind, RegistryEntry
from media.store import MediaStore
from schemas.cameos import Audience
from schemas.registry import CreateRegistryGrant, Role
from tests import build, clips
from tests.api.people import Person


@dataclass
class Things:
    """What an owner has, people beside them, and what routes are asked about it by."""

    owner: Person
    stranger: Person
    blocked: Person
    ids: dict[str, str]

    def path(self, template: str) -> str:
        """A route's path with the ids of these things."""
        return template.format(**self.ids)


@dataclass(frozen=True)
class Ask:
    """A valid request of an owner; `what` says which of their things it is about."""

    body: Callable[[Things], Any] = lambda _: None
    content: tuple[bytes, str] | None = None
    what: str = ""
    ids: dict[str, str] = field(default_factory=dict)


def now() -> datetime:
    return datetime.now(UTC)


async def person(client: httpx.AsyncClient) -> Person:
    account = await build.person(now())
    tokens = await sessions.issue(account.id, "a test", now())
    session = dict(zip(("access_token", "refresh_token"), tokens, strict=False))
    return Person(client, {"account": {"id": account.id, "handle": account.handle}, "session": session})


async def things(client: httpx.AsyncClient, media: MediaStore) -> Things:
    """New people, and new things of their owner."""
    owner, stranger, blocked, friend = [await person(client) for _ in range(4)]
    asking = await build.cameo(owner.id, Audience.PEOPLE_I_APPROVE, now=now())
    public = await build.cameo(owner.id, now=now())
    grant = await friend.ok("POST", f"/v1/cameos/{asking.id}/requests", {})
    video = {}
    for name in ("draft", "posted", "spare"):
        (row,) = await build.queue(owner.id, now=now())
        await build.finish(row.id, media)
        video[name] = row.id
    post = await owner.ok("POST", "/v1/posts", {"video_id": video["posted"]})
    (used,) = await build.queue(friend.id, cameos=[public.id], now=now())
    await build.finish(used.id, media)
    filed = await takedowns.file(build.takedown_of(video["posted"]), now=now())
    (queued,) = await build.queue(owner.id, now=now())
    other = await sessions.issue(owner.id, "another device", now())
    _, session = await sessions.authenticate(other[0], now())
    await owner.ok("PUT", f"/v1/blocks/{blocked.handle}")
    entry = f"entry_{uuid4().hex[:8]}"
    named = RegistryEntry(id=entry, name="Ada Example", kind=NameKind.PUBLIC, names=[f"Ada {entry}"])
    await registry.put_entry(named, "a moderator", now=now())
    await registry.set_representative(entry, owner.handle, Role.SELF, "a moderator", now=now())
    granted = CreateRegistryGrant(grantee=stranger.handle)
    name_grant = await registry.grant(entry, owner.id, granted, now=now())
    ids = {
        "draft": video["draft"],
        "posted": video["posted"],
        "spare": video["spare"],
        "queued": queued.id,
        "used": used.id,
        "asking": asking.id,
        "public": public.id,
        "post_id": post["id"],
        "trend_id": post["trend_id"],
        "grant_id": grant["id"],
        "takedown_id": filed.id,
        "session_id": session,
        "handle": owner.handle,
        "entry_id": entry,
        "name_grant": name_grant.id,
        "model_id": build.CARD.id,
        "picture": "1f408",
        "cameo_id": asking.id,
        "character_id": asking.id,
        "video_id": video["draft"],
    }
    return Things(owner, stranger, blocked, ids)


def new_account(_: Things) -> dict[str, str]:
    return {"handle": f"n{uuid4().hex[:12]}", "password": "correct horse battery"}


def prompted(_: Things) -> dict[str, str]:
    return {"prompt": "a cat on a beach"}


def continued(name: str, **more: str) -> Callable[[Things], Any]:
    """The body of what goes on from a video."""
    return lambda things: {"video": {"id": things.ids[name]}, **prompted(things), **more}


DRAFT, POSTED = {"video_id": "draft"}, {"video_id": "posted"}
USED, PUBLIC = {"cameo_id": "public", "video_id": "used"}, {"cameo_id": "public"}
CLIP = (build.VIDEO, "video/mp4")


def character(_: Things) -> dict[str, str]:
    """A clip that nobody has sent before."""
    clip = clips.mp4(clips.scene(uuid4().int % 2**32))
    return {"name": "Face", "video": base64.b64encode(clip).decode()}


def picture() -> bytes:
    written = BytesIO()
    Image.fromarray(clips.scene(3)[0]).save(written, "PNG")
    return written.getvalue()


def of_both(body: Callable[[Things], Any] = lambda _: None) -> list[Ask]:
    return [Ask(body, what="a draft", ids=DRAFT), Ask(body, what="a posted video", ids=POSTED)]


# By method and template of the path.
ASKS: dict[str, list[Ask]] = {
    "GET /health": [Ask()],
    "GET /ready": [Ask()],
    "GET /v1/models": [Ask()],
    "GET /v1/models/{model_id}": [Ask()],
    "GET /v1/models/{model_id}/subjects": [Ask()],
    "GET /v1/models/{model_id}/subjects/{picture}": [Ask()],
    "GET /v1/models/{model_id}/subjects/{picture}/picture": [Ask()],
    "POST /v1/prompts/understand": [Ask(prompted)],
    "POST /v1/accounts": [Ask(new_account)],
    "POST /v1/sessions": [Ask(lambda things: {"handle": things.owner.handle, "password": "not this one"})],
    "POST /v1/sessions/refresh": [
        Ask(lambda things: {"refresh_token": things.stranger.session["refresh_token"]}, what="a token")
    ],
    "DELETE /v1/sessions": [Ask()],
    "GET /v1/me": [Ask()],
    "PATCH /v1/me": [Ask(lambda _: {"display_name": "New"})],
    "GET /v1/me/credits": [Ask()],
    "POST /v1/me/export": [Ask()],
    "POST /v1/me/password": [Ask(lambda _: {"password": "not this one", "new_password": "another horse"})],
    "GET /v1/me/sessions": [Ask()],
    "DELETE /v1/me/sessions": [Ask()],
    "DELETE /v1/me/sessions/{session_id}": [Ask(what="a session")],
    "DELETE /v1/me": [Ask(lambda _: {})],
    "GET /v1/videos": [Ask()],
    "POST /v1/videos": [Ask(prompted)],
    "POST /v1/videos/edits": [
        Ask(continued("draft"), what="a draft"),
        Ask(continued("posted"), what="a posted video"),
    ],
    "POST /v1/videos/extensions": [
        Ask(continued("draft", seconds="2"), what="a draft"),
        Ask(continued("posted", seconds="2"), what="a posted video"),
    ],
    "GET /v1/videos/{video_id}": of_both(),
    "GET /v1/videos/{video_id}/content": of_both(),
    "HEAD /v1/videos/{video_id}/content": of_both(),
    "GET /v1/videos/{video_id}/lineage": of_both(),
    "GET /v1/videos/{video_id}/receipts": of_both(),
    "POST /v1/videos/{video_id}/remix": of_both(prompted),
    "POST /v1/videos/{video_id}/render": of_both(),
    "POST /v1/videos/{video_id}/cancel": [Ask(what="a queued video", ids={"video_id": "queued"})],
    "DELETE /v1/videos/{video_id}": of_both(),
    "POST /v1/posts": [Ask(lambda things: {"video_id": things.ids["spare"]}, what="a draft")],
    "GET /v1/posts/{post_id}": [Ask(what="a post")],
    "PUT /v1/posts/{post_id}/like": [Ask(what="a post")],
    "DELETE /v1/posts/{post_id}/like": [Ask(what="a post")],
    "DELETE /v1/posts/{post_id}": [Ask(what="a post")],
    "GET /v1/feed": [Ask()],
    "GET /v1/trends/{trend_id}/lane": [Ask(what="a trend")],
    "PUT /v1/follows/{handle}": [Ask(what="a person")],
    "DELETE /v1/follows/{handle}": [Ask(what="a person")],
    "PUT /v1/blocks/{handle}": [Ask(what="a person")],
    "DELETE /v1/blocks/{handle}": [Ask(what="a person")],
    "GET /v1/cameos": [Ask()],
    "POST /v1/cameos": [Ask(lambda _: {"display_name": "Face", "audience": "only_me"})],
    "GET /v1/cameos/{cameo_id}": [Ask(what="a cameo")],
    "POST /v1/videos/characters": [Ask(character)],
    "GET /v1/videos/characters/{character_id}": [Ask(what="a cameo")],
    "PATCH /v1/cameos/{cameo_id}": [Ask(lambda _: {"display_name": "New"}, what="a cameo")],
    "POST /v1/cameos/{cameo_id}/challenge": [Ask(what="a cameo")],
    "GET /v1/cameos/{cameo_id}/proofs": [Ask(what="a cameo")],
    "PUT /v1/cameos/{cameo_id}/proof": [Ask(content=CLIP, what="a cameo")],
    "GET /v1/cameos/{cameo_id}/reference": [Ask(what="a cameo")],
    "PUT /v1/cameos/{cameo_id}/reference": [Ask(content=(picture(), "image/png"), what="a cameo")],
    "DELETE /v1/cameos/{cameo_id}/reference": [Ask(what="a cameo")],
    "GET /v1/cameos/{cameo_id}/ledger": [Ask(what="a cameo")],
    "GET /v1/cameos/{cameo_id}/reach": [Ask(what="a cameo", ids=PUBLIC)],
    "GET /v1/cameos/{cameo_id}/uses": [Ask(what="a cameo", ids=PUBLIC)],
    "DELETE /v1/cameos/{cameo_id}/uses/{video_id}": [Ask(what="a use", ids=USED)],
    "POST /v1/cameos/{cameo_id}/requests": [Ask(lambda _: {}, what="a cameo")],
    "GET /v1/cameo-requests": [Ask()],
    "POST /v1/cameo-requests/{grant_id}/accept": [Ask(what="a request")],
    "POST /v1/cameo-requests/{grant_id}/refuse": [Ask(what="a request")],
    "POST /v1/cameos/{cameo_id}/revoke": [Ask(lambda _: {"mode": "block_new"}, what="a cameo")],
    "POST /v1/consent/check": [
        Ask(lambda things: {"cameos": [things.ids["asking"]], **prompted(things)}, what="a cameo")
    ],
    "POST /v1/provenance": [Ask(content=CLIP)],
    "POST /v1/takedowns": [
        Ask(
            lambda things: {
                "claimant": "Grace Example",
                "role": "self",
                "contact": "grace@example.org",
                "identification": "My face, all through it",
                "statement": "I did not permit this.",
                "good_faith": True,
                "signature": "Grace Example",
                "videos": [things.ids["posted"]],
            },
            what="a posted video",
        )
    ],
    "GET /v1/takedowns": [Ask()],
    "GET /v1/takedowns/{takedown_id}": [Ask(what="a takedown of theirs")],
    "POST /v1/takedowns/{takedown_id}/counter-notice": [
        Ask(
            lambda _: {
                "statement": "It is mine.",
                "good_faith": True,
                "signature": "Ada Example",
                "contact": "ada@example.org",
            },
            what="a takedown of theirs",
        )
    ],
    "GET /v1/reports": [Ask()],
    "POST /v1/reports": [
        Ask(lambda things: {"kind": "post", "id": things.ids["post_id"], "reason": "spam"}, what="a post")
    ],
    "GET /v1/appeals": [Ask()],
    "POST /v1/appeals": [Ask(lambda _: {"request_id": "req_0", "reason": "mistake"}, what="a refusal")],
    "GET /v1/registry/{entry_id}": [Ask(what="a name")],
    "GET /v1/registry/{entry_id}/grants": [Ask(what="a name")],
    "POST /v1/registry/{entry_id}/grants": [
        Ask(lambda things: {"grantee": things.stranger.handle}, what="a name")
    ],
    "DELETE /v1/registry/{entry_id}/grants/{grant_id}": [Ask(what="a name", ids={"grant_id": "name_grant"})],
    "POST /v1/realtime/ticket": [Ask()],
}

"""The first trends: a demo account asks the model for them through the public API, as any stranger could.

What it has posted already is asked of the API too: a seeding that was cut off goes on where it stopped, and a
finished one repeats no work.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

import logs
from api import demo_trends
from api.demo_trends import DemoPost
from db import engine
from domain.accounts import accounts, sessions
from schemas.errors import Code, RiffleError
from settings import Settings, load

log = logging.getLogger(__name__)
HANDLE = "riffle_demo"
# What stands in the feed at once, as previews that are rendered meanwhile: in a minute or two on two cores.
FIRST = 12
# Of the rest at most so many wait for their renders, so that the feed is not full of previews.
WAITING = 2
# All of it, and some more.
PAGE = 100
POLL_S = 0.5
RENDER_POLL_S = 1.0
GIVE_UP_AFTER_S = 600.0
RETRY_S = 2.0
TIMEOUT_S = 30.0


class SeedClient:
    """A minimal JSON client of our own API, as any stranger could write it."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
        )

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Any:
        """One request, repeated while the service is busy or restarting, until GIVE_UP_AFTER_S."""
        headers = {"idempotency-key": key} if key else {}
        deadline = time.monotonic() + GIVE_UP_AFTER_S
        while True:
            try:
                reply = self._client.request(method, path, json=body, headers=headers)
                if reply.status_code not in (429, 503) or time.monotonic() > deadline:
                    return reply.raise_for_status().json()
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_S)

    def finish(self, video_id: str) -> dict[str, Any] | None:
        """Wait for the end of a video; None where it did not complete."""
        deadline = time.monotonic() + GIVE_UP_AFTER_S
        while time.monotonic() < deadline:
            video = self.call("GET", f"/v1/videos/{video_id}")
            if video["status"] not in ("queued", "in_progress"):
                return dict(video) if video["status"] == "completed" else None
            time.sleep(POLL_S)
        return None

    def own_videos(self) -> list[dict[str, Any]]:
        """All videos of the account, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = f"&after={found[-1]['id']}" if found else ""
            page = self.call("GET", f"/v1/videos?order=asc&limit={PAGE}{after}")
            found += page["data"]
            if not page["has_more"]:
                return found


class Seeding:
    """Draws and posts what is not there yet."""

    def __init__(self, client: SeedClient, *, rendered: bool = True) -> None:
        """`rendered`: posted previews are drawn in full here, which is waited for."""
        self._client = client
        self._rendered = rendered
        # By prompt: what the account has posted, what it has drawn, and the ids of posts.
        self._posted: dict[str, str] = {}
        self._drawn: dict[str, str] = {}
        self._waiting: list[str] = []

    def run(self, wanted: Sequence[DemoPost]) -> int:
        """Post all of it, the first FIRST at once; how many of it stand in the feed in the end."""
        for video in self._client.own_videos():
            if video["post_id"] is not None:
                self._posted[video["prompt"]] = video["id"]
            elif video["tier"] == "preview" and video["status"] in ("queued", "in_progress", "completed"):
                self._drawn[video["prompt"]] = video["id"]
        first = [each for each in wanted[:FIRST] if each.prompt not in self._posted]
        for each in first:
            self._attempt(self._ask_for, each)
        for each in first:
            self._attempt(self._post, each)
        self._wait(0)
        for each in wanted:
            if each.prompt not in self._posted:
                self._attempt(self._post, each)
                self._wait(WAITING)
        return sum(each.prompt in self._posted for each in wanted)

    def _attempt(self, work: Callable[[DemoPost], object], post: DemoPost) -> None:
        """One that is refused keeps no other from being posted."""
        try:
            work(post)
        except httpx.HTTPStatusError as refusal:
            log.warning("%r is left out: %s", post.prompt, refusal.response.text)

    def _ask_for(self, post: DemoPost) -> str:
        """The video of a post, which is queued now unless it was before."""
        if post.prompt in self._drawn:
            return self._drawn[post.prompt]
        path = "/v1/videos"
        if post.source is not None:
            path = f"/v1/videos/{self._posted[post.source]}/remix"
        body = {"prompt": post.prompt, "seed": post.seed}
        video = self._client.call("POST", path, body, f"seed-{_digest(post.prompt)}")
        self._drawn[post.prompt] = video["id"]
        return str(video["id"])

    def _post(self, post: DemoPost) -> None:
        if post.source is not None and post.source not in self._posted:
            return
        video = self._client.finish(self._ask_for(post))
        if video is None:
            log.warning("%r did not complete: it is left out", post.prompt)
            return
        body = {"video_id": video["id"], "caption": post.caption}
        made = self._client.call("POST", "/v1/posts", body, f"seed-{_digest(post.prompt)}-post")
        self._posted[post.prompt] = video["id"]
        self._waiting.append(made["id"])

    def _wait(self, most: int) -> None:
        """Wait until at most so many posts show previews still; where that takes too long, never again."""
        deadline = time.monotonic() + GIVE_UP_AFTER_S
        while self._rendered and len(self._waiting) > most:
            time.sleep(RENDER_POLL_S)
            shown = [self._client.call("GET", f"/v1/posts/{post_id}") for post_id in self._waiting]
            self._waiting = [post["id"] for post in shown if post["video"]["tier"] != "full"]
            if time.monotonic() > deadline:
                log.warning(
                    "%d posts show previews still: the others don't wait for them", len(self._waiting)
                )
                self._rendered = False


def _digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


async def account(settings: Settings) -> str:
    """An access token of the demo account, which is made on the first call; nobody can sign in to it."""
    now = datetime.now(UTC)
    await engine.open(settings)
    try:
        found = await accounts.by_handle(HANDLE)
        if found is None:
            try:
                found = await accounts.create(
                    handle=HANDLE,
                    display_name="Riffle demo",
                    password_hash=f"!{secrets.token_hex(16)}",
                    demo=True,
                    now=now,
                )
            except RiffleError as error:
                if error.code is not Code.HANDLE_TAKEN:
                    raise
                found = await accounts.by_handle(HANDLE)
                assert found is not None
        access, _, _ = await sessions.issue(found.id, "demo content", now)
        return access
    finally:
        await engine.close()


def main() -> None:
    """Seed a running Riffle."""
    settings = load()
    logs.configure(settings, "seed")
    token = asyncio.run(account(settings))
    client = SeedClient(f"http://127.0.0.1:{settings.api_port}", token)
    seeding = Seeding(client, rendered=settings.render_posts == "on")
    posts = seeding.run(demo_trends.in_order(demo_trends.read()))
    log.info("the feed has %d seeded posts", posts)

"""The first trends: a demo account asks the model for them through the public API, one at a time.

Every request carries an Idempotency-Key: a seeding that was cut off goes on where it stopped; a finished one
repeats no work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx

import logs
from db import engine
from domain.accounts import accounts, sessions
from schemas.errors import Code, RiffleError
from settings import Settings, load

log = logging.getLogger(__name__)
HANDLE = "riffle_demo"
# (subject, place, time, motion) by their place in the model's vocabulary, so that any model's words will do.
# The first of a row is the trend, the others are its remixes, each changing more.
TRENDS = (
    ((5, 0, 0, 2), (5, 0, 2, 2), (4, 0, 0, 2), (7, 0, 0, 1)),
    ((19, 6, 2, 5), (19, 6, 0, 5), (20, 6, 2, 5)),
    ((4, 4, 0, 1), (4, 4, 1, 1), (5, 4, 0, 2)),
    ((15, 2, 2, 0), (16, 2, 2, 0), (15, 3, 1, 0)),
    ((2, 1, 0, 4), (2, 1, 2, 4), (3, 1, 0, 2)),
)
POLL_S = 0.5
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

    def draw(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any] | None:
        """Make one video and wait for its end; None where it did not complete."""
        video = self.call("POST", path, body, key)
        deadline = time.monotonic() + GIVE_UP_AFTER_S
        while time.monotonic() < deadline:
            video = self.call("GET", f"/v1/videos/{video['id']}")
            if video["status"] not in ("queued", "in_progress"):
                break
            time.sleep(POLL_S)
        return dict(video) if video["status"] == "completed" else None


def prompt(vocabulary: dict[str, dict[str, list[str]]], slots: tuple[int, int, int, int]) -> str:
    """A sentence of the model's plainest words, such as "a cat jumps on a beach at sunset"."""
    chosen = []
    for name, place in zip(("subjects", "places", "times", "motions"), slots, strict=True):
        words = list(vocabulary[name].values())
        chosen.append(words[place % len(words)][0])
    subject, place_words, time_words, motion = chosen
    article = "an" if subject[0] in "aeiou" else "a"
    return f"{article} {subject} {motion} {place_words} {time_words}"


def seed(client: SeedClient) -> int:
    """Make and post every trend and remix; returns how many posts there are."""
    vocabulary = client.call("GET", "/v1/models")["data"][0]["vocabulary"]
    posts = 0
    for number, (root, *remixes) in enumerate(TRENDS):
        root_video = None
        for index, slots in enumerate((root, *remixes)):
            key = f"seed-{number}-{index}"
            path = f"/v1/videos/{root_video['id']}/remix" if root_video else "/v1/videos"
            video = client.draw(
                path, {"prompt": prompt(vocabulary, slots), "seed": 100 * number + index}, key
            )
            if video is None:
                log.warning("%s did not complete: left out", key)
                if root_video is None:
                    break
                continue
            root_video = root_video or video
            client.call("POST", "/v1/posts", {"video_id": video["id"]}, f"{key}-post")
            posts += 1
    return posts


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
    posts = seed(SeedClient(f"http://127.0.0.1:{settings.api_port}", token))
    log.info("the feed has %d seeded posts", posts)

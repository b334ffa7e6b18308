"""Revocations against uses on the whole running product: nothing new after the owner was told."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from settings import PROJECT
from tests.product import Product

# Six: each mode, by person and whole.
ROUNDS, ROUNDS_LONG = 6, 200
# Rounds at once: several previews are always in flight, and the order in which they are met is not ours.
LANES = 4
# At most 5 videos a round: all of a person's stand on one page of 100.
ROUNDS_PER_PAIR = 15
SWARM = 3
MODES = ("block_new", "hide_posts", "tombstone")
USES = ("create", "lease", "completion", "post")
ENDED = ("completed", "failed", "cancelled")
# A preview of a swarm of four lanes on two busy cores.
DRAWN_WITHIN_S = 120.0
BEGIN = 1000


class Person:
    """Somebody's phone."""

    def __init__(self, client: httpx.AsyncClient, token: str, handle: str) -> None:
        self._client, self.handle = client, handle
        self._headers = {"authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request: its status and the JSON, or None for media."""
        reply = await self._client.request(method, "/v1" + path, json=body, headers=self._headers)
        is_json = "json" in reply.headers.get("content-type", "")
        return reply.status_code, reply.json() if is_json else None

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request that must succeed."""
        status, reply = await self.call(method, path, body)
        assert status < 300, (method, path, status, reply)
        return reply

    async def video(self, video_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ok("GET", f"/videos/{video_id}")
        return found

    async def ended(self, video_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + DRAWN_WITHIN_S
        while (found := await self.video(video_id))["status"] not in ENDED:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)
        return found


async def sign_up(client: httpx.AsyncClient) -> Person:
    handle = "r" + uuid4().hex[:12]
    reply = await client.post("/v1/accounts", json={"handle": handle, "password": uuid4().hex})
    assert reply.status_code == 201, reply.text
    return Person(client, reply.json()["session"]["access_token"], handle)


class Pair:
    """An owner, who uses her cameos, and somebody who only looks."""

    def __init__(self, owner: Person, user: Person, viewer: Person) -> None:
        self.owner, self.user, self.viewer = owner, user, viewer
        self.drawing_s = 0.0
        self.videos: set[str] = set()

    async def time_drawing(self) -> None:
        """How long a swarm takes from the request to its end, beside all else that runs."""
        began = time.monotonic()
        made = await self.viewer.ok("POST", "/videos", {"prompt": "a cat on a beach", "n": SWARM})
        for video in made["swarm"]["video_ids"]:
            await self.viewer.ended(video)
        self.drawing_s = time.monotonic() - began

    async def check_credits(self) -> None:
        """What was not finished was not paid."""
        credits = await self.user.ok("GET", "/me/credits")
        page = await self.user.ok("GET", "/videos?limit=100")
        assert {video["id"] for video in page["data"]} == self.videos
        done = sum(video["status"] == "completed" for video in page["data"])
        assert (credits["held"], credits["balance"]) == (0, BEGIN - done)


class Round:
    """One race: `uses` are what was begun beside the revocation."""

    def __init__(self, pair: Pair, what: str, number: int) -> None:
        self.pair, self.what = pair, what
        self.mode = MODES[number % len(MODES)]
        self.whole = number // len(MODES) % 2 == 0
        self.videos: list[str] = []

    async def run(self) -> bool:
        """Race and check; whether some use was seen to come first."""
        owner = self.pair.owner
        payload = {"display_name": "Ada", "audience": "everyone"}
        self.cameo = (await owner.ok("POST", "/cameos", payload))["id"]
        act = {"create": self._create, "lease": self._wait, "completion": self._wait, "post": self._post}
        if self.what != "create":
            await self._draw()
        if self.what == "post":
            for video in self.videos:
                assert (await self.pair.user.ended(video))["status"] == "completed"
        results, acknowledged = await asyncio.gather(
            asyncio.gather(*(self._begin(act[self.what], nr) for nr in range(SWARM))), self._revoke()
        )
        return await self._check(results, acknowledged)

    async def _begin(self, act: Callable[[int], Awaitable[Any]], number: int) -> tuple[float, Any]:
        await asyncio.sleep(random.uniform(0, 0.06))
        return time.monotonic(), await act(number)

    async def _draw(self) -> None:
        payload = {"prompt": "a cat on a beach", "n": SWARM, "cameos": [self.cameo]}
        self._take(await self.pair.user.ok("POST", "/videos", payload))

    def _take(self, first: dict[str, Any]) -> None:
        self.videos += first["swarm"]["video_ids"]
        self.pair.videos |= set(first["swarm"]["video_ids"])

    async def _create(self, number: int) -> tuple[int, Any]:
        payload = {"prompt": f"a dog {number}", "n": 1 + number % 2, "cameos": [self.cameo]}
        status, made = await self.pair.user.call("POST", "/videos", payload)
        if status == 200:
            self._take(made)
        return status, made

    async def _post(self, number: int) -> tuple[int, Any]:
        return await self.pair.user.call("POST", "/posts", {"video_id": self.videos[number]})

    async def _wait(self, number: int) -> tuple[int, Any]:
        return await self.pair.user.call("GET", f"/videos/{self.videos[number]}")

    async def _revoke(self) -> tuple[float, list[dict[str, Any]]]:
        """Revoke at some moment; when its 200 was there, and the user's videos with the cameo just after."""
        # Leases come within some milliseconds.
        latest = {"completion": 1.2 * self.pair.drawing_s, "lease": 0.15}.get(self.what, 0.08)
        await asyncio.sleep(random.uniform(0, latest))
        payload = {"mode": self.mode} | ({} if self.whole else {"grantee": self.pair.user.handle})
        await self.pair.owner.ok("POST", f"/cameos/{self.cameo}/revoke", payload)
        acknowledged = time.monotonic()
        page = await self.pair.user.ok("GET", "/videos?limit=100")
        return acknowledged, [video for video in page["data"] if self.cameo in video["cameos"]]

    async def _check(
        self, results: list[tuple[float, Any]], acknowledged: tuple[float, list[dict[str, Any]]]
    ) -> bool:
        at, then = acknowledged
        known = {video["id"]: video for video in then}
        # Told means ended: nothing is drawn any more, and nothing appears later.
        assert {video["status"] for video in then} <= {"completed", "failed"}, then
        assert set(self.videos) <= set(known)
        for began, (status, reply) in results:
            if self.what in ("create", "post"):
                assert status in (200, 201) or reply["error"]["code"] in ("consent_refused", "gone"), reply
                assert began < at or status >= 400, (began, at, reply)
            if self.what == "post" and status == 201:
                assert known[reply["video"]["id"]]["post_id"] is not None
        await self._check_later(known)
        await self._check_ledger()
        again = {"prompt": "a cat", "cameos": [self.cameo]}
        assert (await self.pair.user.call("POST", "/videos", again))[0] == 403
        if self.what == "lease":
            return any(reply["status"] == "in_progress" for _, (_, reply) in results)
        if self.what == "completion":
            return any(video["status"] == "completed" for video in then)
        return any(status < 400 for _, (status, _) in results)

    async def _check_later(self, known: dict[str, dict[str, Any]]) -> None:
        """Some time after: what stood then stands, and nobody is shown what the mode took."""
        await asyncio.sleep(random.uniform(0.3, 1.0))
        user, viewer, owner = self.pair.user, self.pair.viewer, self.pair.owner
        for video_id, video in known.items():
            now = await user.video(video_id)
            assert now["status"] == video["status"], (video, now)
            if now["status"] == "failed":
                assert now["error"]["code"] == "consent_revoked"
            content = f"/videos/{video_id}/content"
            kept = now["status"] == "completed" and self.mode != "tombstone"
            assert ((await user.call("GET", content))[0] == 200) is kept, (self.mode, now)
            posted = video["post_id"] is not None and self.mode == "block_new"
            assert ((await viewer.call("GET", content))[0] == 200) is posted, (self.mode, now)
            status, reply = await user.call("POST", "/posts", {"video_id": video_id})
            assert status in (403, 409, 410), reply
            status, reply = await user.call("POST", f"/videos/{video_id}/remix", {"prompt": "a dog"})
            assert status in (403, 409, 410), reply
        uses = await owner.ok("GET", f"/cameos/{self.cameo}/uses")
        assert {use["video_id"] for use in uses["data"]} <= set(known)

    async def _check_ledger(self) -> None:
        entries = (await self.pair.owner.ok("GET", f"/cameos/{self.cameo}/ledger"))["data"]
        kinds = [entry["kind"] for entry in entries]
        assert kinds.count("revocation") == 1
        assert "receipt" not in kinds[kinds.index("revocation") :], kinds


async def race(product: Product, what: str, rounds: int) -> list[bool]:
    """Whether the use came first, for each round."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=product.url, timeout=60, limits=limits) as client:

        async def lane(numbers: range) -> list[bool]:
            first: list[bool] = []
            for place, number in enumerate(numbers):
                if place % ROUNDS_PER_PAIR == 0:
                    pair = Pair(*[await sign_up(client) for _ in range(3)])
                    if what == "completion":
                        await pair.time_drawing()
                first.append(await Round(pair, what, number).run())
                await pair.check_credits()
            return first

        lanes = await asyncio.gather(*(lane(range(nr, rounds, LANES)) for nr in range(LANES)))
    return [first for results in lanes for first in results]


def verified(product: Product) -> None:
    """The ledger of all that happened adds up."""
    env = {**os.environ, "RIFFLE_HOME": str(product.home)}
    said = subprocess.run(
        [sys.executable, "-m", "riffle", "db", "verify-ledger"],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("what", USES)
async def test_nothing_is_used_after_a_revocation_was_acknowledged(product: Product, what: str) -> None:
    assert len(await race(product, what, ROUNDS)) == ROUNDS


@pytest.mark.long
@pytest.mark.parametrize("what", USES)
async def test_nothing_is_used_after_two_hundred_revocations(product: Product, what: str) -> None:
    first = await race(product, what, ROUNDS_LONG)
    print(f"{what}: some use came first {sum(first)} times of {len(first)}")
    # Both orders came up, or nothing was raced.
    assert 0 < sum(first) < ROUNDS_LONG
    verified(product)


@pytest.mark.parametrize("what", ["cameo", "grant"])
async def test_what_runs_out_while_it_is_drawn_ends(product: Product, what: str) -> None:
    async with httpx.AsyncClient(base_url=product.url, timeout=60) as client:
        owner, user = [await sign_up(client) for _ in range(2)]
        audience = "everyone" if what == "cameo" else "people_i_approve"
        made = await owner.ok("POST", "/cameos", {"display_name": "Ada", "audience": audience})
        cameo = made["id"]
        until = int(time.time()) + 5
        if what == "cameo":
            await owner.ok("PATCH", f"/cameos/{cameo}", {"restrictions": {"until": until}})
        else:
            grant = await user.ok("POST", f"/cameos/{cameo}/requests", {"scope": {"until": until}})
            await owner.ok("POST", f"/cameo-requests/{grant['id']}/accept")
        payload = {"prompt": "a cat on a beach", "n": 16, "cameos": [cameo]}
        ids: list[str] = []
        # More is asked for than is drawn, up to the moment itself.
        while (asked := await user.call("POST", "/videos", payload))[0] == 200:
            ids += asked[1]["swarm"]["video_ids"]
            await asyncio.sleep(0.5)
        assert time.time() >= until
        assert f"{what}_expired" in asked[1]["error"]["message"]
        ended = [await user.ended(video) for video in ids]
        failed = [video for video in ended if video["status"] == "failed"]
        assert failed
        for video in ended:
            if video["status"] == "completed":
                assert video["completed_at"] < until
            else:
                assert video["error"]["code"] == "consent_revoked"
                assert f"{what}_expired" in video["error"]["message"]
        credits = await user.ok("GET", "/me/credits")
        assert (credits["held"], credits["balance"]) == (0, BEGIN - len(ended) + len(failed))

"""A process that does one thing at a given moment, and then the next: `python -m tests.domain.consent.racer`.

Each line in is `{"what", "args", "at"}`, `at` by the monotonic clock; each line out says how it went.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from db import engine
from domain.consent import cameos
from domain.feed import posts
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.errors import RiffleError
from settings import load
from tests.build import at, complete, lease_all, queue


async def revoke(cameo: str, owner: str, mode: str) -> bool:
    await cameos.revoke(cameo, owner, RevokeCameo(mode=RevokeMode(mode)), now=at(5))
    return True


async def create(person: str, cameo: str) -> bool:
    await queue(person, cameos=(cameo,))
    return True


async def lease(video: str) -> bool:
    return video in {job.id for job in await lease_all()}


async def finish(video: str) -> bool:
    return await complete(video, 1)


async def post(video: str, person: str) -> bool:
    await posts.post(video, person, None, at(3))
    return True


ACTS: dict[str, Callable[..., Awaitable[bool]]] = {
    "revoke": revoke,
    "create": create,
    "lease": lease,
    "finish": finish,
    "post": post,
}


async def main() -> None:
    await engine.open(load())
    await engine.fetch("SELECT 1")
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        task: dict[str, Any] = json.loads(line)
        await asyncio.sleep(max(0.0, task["at"] - time.monotonic()))
        began = time.monotonic()
        try:
            done, code = await ACTS[task["what"]](*task["args"]), None
        except RiffleError as refused:
            done, code = False, refused.code
        print(json.dumps({"done": done, "code": code, "began": began, "ended": time.monotonic()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

"""Short ways to the things that the tests of db are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from db.engine import fetch, transaction
from domain.accounts import accounts
from domain.accounts.accounts import AccountRow
from domain.consent import cameos
from domain.videos import create, leases, visibility
from domain.videos.drafts import Draft
from domain.videos.ingredients import lock_ingredients
from domain.videos.record import VideoRow, in_order
from schemas.cameos import Audience, Cameo, CreateCameo, Restrictions
from schemas.errors import Code, RiffleError
from schemas.videos import Recipe, Relation, Source, Tier

START = datetime(2026, 1, 1, tzinfo=UTC)
TTL_S = 10.0
# When things are read, where it does not matter: long after everything has happened.
NOW = START + timedelta(days=300)


def at(seconds: float) -> datetime:
    """An instant of the tests' own clock."""
    return START + timedelta(seconds=seconds)


async def person(now: datetime = START) -> AccountRow:
    handle = f"p{uuid4().hex[:12]}"
    return await accounts.create(handle=handle, display_name="P", password_hash="!", demo=False, now=now)


async def queue(
    account: str,
    n: int = 1,
    *,
    tier: Tier = Tier.PREVIEW,
    prompt: str = "a cat on a beach",
    source: Source | None = None,
    cameos: tuple[str, ...] = (),
    price: int = 1,
    now: datetime = START,
) -> list[VideoRow]:
    recipes = [
        Recipe(model="riffle-tiny", prompt=prompt, width=64, height=96, frames=17, fps=8, seed=seed)
        for seed in range(n)
    ]
    draft = Draft(prompt=prompt, recipes=recipes, tier=tier, price_each=price, source=source)
    async with transaction():
        sources = await in_order(source.video_ids if source else [])
        rows, _ = await create.queue(account, draft, await lock_ingredients(sources, cameos), now)
    return rows


async def lease_all(worker: str = "w", now: datetime = START) -> list[leases.LeasedJob]:
    return await leases.lease(worker, limit_preview=100, limit_full=100, now=now, ttl_s=TTL_S)


async def complete(
    video_id: str,
    attempt: int,
    now: datetime = START,
    closeness: dict[str, float] | None = None,
    look: str | None = None,
) -> bool:
    return await leases.complete(
        video_id,
        attempt,
        media=[f"{video_id}/{name}" for name in ("video.mp4", "thumbnail.webp", "spritesheet.jpg")],
        latents_key=f"{video_id}/latents.npz",
        cpu_seconds=1.5,
        fidelity=None,
        closeness=closeness or {},
        now=now,
        look=look,
    )


async def drawn(
    account: str,
    *,
    prompt: str = "a cat on a beach",
    source: str | None = None,
    relation: Relation = Relation.REMIX,
    cameos: tuple[str, ...] = (),
    closeness: dict[str, float] | None = None,
    tier: Tier = Tier.PREVIEW,
    now: datetime = START,
) -> VideoRow:
    """A completed video."""
    wish = None if source is None else Source(relation=relation, video_ids=[source])
    (row,) = await queue(account, prompt=prompt, source=wish, cameos=cameos, tier=tier, now=now)
    for job in await lease_all(now=now):
        assert await complete(job.id, job.attempt, now, closeness if job.id == row.id else None)
    return await visibility.get_viewable(row.id, account, NOW)


async def cameo(
    owner: str, audience: Audience = Audience.EVERYONE, restrictions: Restrictions | None = None
) -> Cameo:
    wish = CreateCameo(display_name="Face", audience=audience, restrictions=restrictions or Restrictions())
    return await cameos.create(owner, wish, START)


async def ledger_adds_up(account: str) -> int:
    """The balance, after checking it against the entries and the running videos."""
    (found,) = await fetch(
        """
        SELECT balance, (SELECT sum(amount) FROM credit_entries WHERE account_id = $1) AS entries, (
            SELECT coalesce(-sum(amount), 0) FROM credit_entries h WHERE account_id = $1 AND kind = 'hold'
            AND NOT EXISTS (SELECT FROM credit_entries e WHERE e.video_id = h.video_id AND e.kind <> 'hold')
        ) AS open_holds, (
            SELECT coalesce(sum(price), 0) FROM videos
            WHERE account_id = $1 AND status IN ('queued', 'in_progress')
        ) AS running FROM accounts WHERE id = $1
        """,
        account,
    )
    assert found["balance"] == found["entries"]
    assert found["open_holds"] == found["running"]
    return int(found["balance"])


async def refused(code: Code, doing: object) -> RiffleError:
    """Check that what is awaited is refused by this code; the error."""
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    assert caught.value.code is code
    return caught.value

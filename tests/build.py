"""People, cameos, videos and their completions, made as the product makes them: for all tests.

Instants are arguments; the defaults are those of the tests' own clock, which begins at `START`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from db.engine import fetch, transaction
from domain import media_keys
from domain.accounts import accounts
from domain.accounts.accounts import AccountRow
from domain.consent import cameos
from domain.videos import create, leases, visibility
from domain.videos.drafts import Draft
from domain.videos.ingredients import lock_ingredients
from domain.videos.record import VideoRow, in_order
from media.store import MediaStore
from schemas.cameos import Audience, Cameo, CreateCameo, Restrictions
from schemas.errors import Code, RiffleError
from schemas.model_folder import read_model_spec
from schemas.takedowns import CreateTakedown
from schemas.videos import ModelCard, Recipe, Relation, Source, Tier
from settings import PROJECT
from tests import clips

START = datetime(2026, 1, 1, tzinfo=UTC)
# Of leases, by the database's clock: longer than any test takes.
TTL_S = 1000.0
# When things are read, where it does not matter: long after everything has happened.
NOW = START + timedelta(days=300)
MODEL = read_model_spec(PROJECT / "export" / "weights" / "teacher")
# What people see is so many times as wide and high as what its autoencoder draws.
ENLARGEMENT = 2
SIZES = {
    tier: (ENLARGEMENT * size[0], ENLARGEMENT * size[1])
    for tier, size in ((Tier.PREVIEW, MODEL.preview.size), (Tier.FULL, MODEL.full.size))
}
CARD = ModelCard(
    id=MODEL.name,
    created=1_700_000_000,
    sizes={
        name: [f"{ENLARGEMENT * width}x{ENLARGEMENT * height}" for width, height in tier.sizes]
        for name, tier in (("preview", MODEL.preview), ("full", MODEL.full))
    },
    seconds=[str((frames - 1) // MODEL.fps) for frames in MODEL.lengths],
    fps=MODEL.fps,
    price={"preview": 1, "full": 8},
    vocabulary={
        "subjects": {"cat": ["cat", "kitty"]},
        "places": {"beach": ["on a beach"]},
        "motions": {"jump": ["jumps", "jumping"], "pan": ["in a panning shot"], "still": ["stands still"]},
        "times": {"day": ["by day"], "night": ["at night"]},
    },
    conditions=MODEL.conditions,
    overlap=5,
)
PROMPT = "a cat on a beach"
FILES = ("video.mp4", "thumbnail.webp", "spritesheet.jpg", "latents.npz")
# What `finish` stores: an MP4 that any player opens, and bytes that only look like pictures.
VIDEO = clips.mp4(clips.grey(*MODEL.preview.size), fps=MODEL.fps)
THUMBNAIL = b"RIFF----WEBP"
SHEET = b"\xff\xd8\xff spritesheet"


def at(seconds: float) -> datetime:
    """An instant of the tests' own clock."""
    return START + timedelta(seconds=seconds)


def recipe(prompt: str = PROMPT, seed: int = 1, tier: Tier = Tier.PREVIEW, **changes: Any) -> Recipe:
    """A recipe of the shipped model's sizes."""
    width, height = SIZES[tier]
    size = {"width": width, "height": height, "frames": MODEL.frames, "fps": MODEL.fps}
    return Recipe(**{"model": MODEL.name, "prompt": prompt, "seed": seed, **size, **changes})


def source(relation: Relation, *videos: str, **moments: float) -> Source:
    """What a video is made of."""
    return Source(relation=relation, video_ids=list(videos), **moments)


async def person(now: datetime = START) -> AccountRow:
    """A new account."""
    handle = f"p{uuid4().hex[:12]}"
    return await accounts.create(handle=handle, display_name="P", password_hash="!", demo=False, now=now)


async def cameo(
    owner: str,
    audience: Audience = Audience.EVERYONE,
    restrictions: Restrictions | None = None,
    now: datetime = START,
) -> Cameo:
    """A new cameo."""
    asked = CreateCameo(display_name="Face", audience=audience, restrictions=restrictions or Restrictions())
    return await cameos.create(owner, asked, now=now)


async def queue(
    account: str,
    n: int = 1,
    *,
    tier: Tier = Tier.PREVIEW,
    prompt: str = PROMPT,
    source: Source | None = None,
    cameos: Sequence[str] = (),
    price: int = 1,
    recipes: Sequence[Recipe] = (),
    now: datetime = START,
) -> list[VideoRow]:
    """A swarm of `n` queued videos, or one of these recipes."""
    wanted = list(recipes) or [recipe(prompt, seed) for seed in range(n)]
    draft = Draft(prompt=prompt, recipes=wanted, tier=tier, price_each=price, source=source)
    async with transaction():
        sources = await in_order(source.video_ids if source else [])
        rows, _ = await create.queue(account, draft, await lock_ingredients(sources, cameos), now)
    return rows


async def lease_all(worker: str = "w", now: datetime = START) -> list[leases.LeasedJob]:
    """Lease all that is queued."""
    return await leases.lease(worker, limit_preview=100, limit_full=100, now=now, ttl_s=TTL_S)


def media_of(video_id: str) -> list[str]:
    """Keys for the media of a video, other ones each time."""
    return [f"videos/{video_id}/{uuid4().hex}/{name}" for name in FILES]


async def loose() -> set[str]:
    """The keys of media that no row owns (any more)."""
    return {row["key"] for row in await fetch("SELECT key FROM loose_media")}


async def pass_s(seconds: float) -> None:
    """Let time pass by the database's clock, for leases alone."""
    await fetch("UPDATE videos SET lease_until = lease_until - make_interval(secs => $1)", seconds)


async def complete(
    video_id: str,
    attempt: int,
    now: datetime = START,
    closeness: dict[str, float] | None = None,
    fingerprint: str | None = None,
    keys: Sequence[str] = (),
) -> bool:
    """Complete a leased video; False where the attempt is over."""
    *media, latents = keys or media_of(video_id)
    await media_keys.reserve([*media, latents])
    return await leases.complete(
        video_id,
        attempt,
        media=media,
        latents_key=latents,
        cpu_seconds=1.5,
        fidelity=None,
        closeness=closeness or {},
        now=now,
        fingerprint=fingerprint,
    )


async def completed(
    account: str,
    *,
    prompt: str = PROMPT,
    source: str | None = None,
    relation: Relation = Relation.REMIX,
    cameos: Sequence[str] = (),
    closeness: dict[str, float] | None = None,
    tier: Tier = Tier.PREVIEW,
    now: datetime = START,
) -> VideoRow:
    """A completed video."""
    made_of = None if source is None else Source(relation=relation, video_ids=[source])
    (row,) = await queue(account, prompt=prompt, source=made_of, cameos=cameos, tier=tier, now=now)
    for job in await lease_all(now=now):
        assert await complete(job.id, job.attempt, now, closeness if job.id == row.id else None)
    return await visibility.get_viewable(row.id, account, NOW)


async def finish(video_id: str, store: MediaStore, now: datetime | None = None) -> list[str]:
    """Complete a queued video with media in a store, and leave the others queued; returns its keys."""
    now = now or datetime.now(UTC)
    attempts = {job.id: job.attempt for job in await lease_all(now=now)}
    for other, attempt in attempts.items():
        if other != video_id:
            await leases.release(other, attempt, now=now)
    keys = media_of(video_id)
    for key, data in zip(keys, (VIDEO, THUMBNAIL, SHEET, b"latents"), strict=True):
        await store.put(key, data)
    assert await complete(video_id, attempts[video_id], now, keys=keys)
    return keys


def takedown_of(*videos: str) -> CreateTakedown:
    """What somebody outside files who sees their face in them."""
    return CreateTakedown(
        claimant="Grace Example",
        role="self",
        contact="grace@example.org",
        identification="My face, all through it",
        statement="I did not permit this use.",
        good_faith=True,
        signature="Grace Example",
        videos=list(videos),
    )


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

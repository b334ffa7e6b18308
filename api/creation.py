"""Turns a wish into queued videos: what it is made from and costs; db.videos asks for consent on the way."""

from __future__ import annotations

import secrets

import db.takedowns
import db.videos
from api.auth import Authed
from api.clock import now
from api.models import named
from api.screen import Screen
from core.consent import Reason
from core.ids import new_id
from core.limits import check_create, rendered, resolve
from core.quota import price
from db.videos import VideoRow
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.videos import (
    MAX_SEED,
    CreateVideo,
    ModelCard,
    Recipe,
    Relation,
    Source,
    Status,
    Tier,
    Tombstone,
    Video,
)


async def screened(
    request: Authed, wish: CreateVideo, cards: list[ModelCard], screen: Screen
) -> list[ModelCard]:
    """Refuse a wish for its words, its likenesses or what it rests on, outside of any transaction.

    Returns `cards`, which making it needs.

    Raises:
        RiffleError: anything that makes the wish impossible by itself, or what `screen` refuses.
    """
    check_create(wish, named(cards, wish.model, Code.UNKNOWN_MODEL))
    await screen.video(request, wish.prompt, wish.source.video_ids if wish.source else [], wish.cameos)
    return cards


async def make_videos(account: str, wish: CreateVideo, cards: list[ModelCard]) -> Video:
    """Queue what `POST /v1/videos` asks for; the first video of the swarm. Runs in the caller's transaction.

    Raises:
        RiffleError: anything that makes the wish impossible; nothing is charged then.
    """
    card = named(cards, wish.model, Code.UNKNOWN_MODEL)
    check_create(wish, card)
    recipes = resolve(wish, card, secrets.randbelow(MAX_SEED + 1))
    return await _queue(account, recipes, wish.tier, wish.source, wish.cameos)


async def make_render(account: str, video_id: str, cards: list[ModelCard]) -> Video:
    """Queue the full render of an own preview. Runs in the caller's transaction.

    Raises:
        RiffleError: there is no such completed preview, or consent or credits are missing.
    """
    preview = await db.videos.get(video_id, account)
    if preview.account_id != account:
        raise RiffleError(Code.NOT_FOUND, f"there is no video `{video_id}` of yours")
    if preview.tier is not Tier.PREVIEW:
        raise RiffleError(Code.INVALID_STATE, "this is a full video already: only previews are rendered")
    card = named(cards, preview.model, Code.UNKNOWN_MODEL)
    source = Source(relation=Relation.RENDER, video_ids=[video_id])
    return await _queue(account, [rendered(preview.recipe, card)], Tier.FULL, source, [])


async def _queue(
    account: str, recipes: list[Recipe], tier: Tier, source: Source | None, cameos: list[str]
) -> Video:
    for video_id in source.video_ids if source else ():
        _check_usable(await db.videos.get(video_id, account))
    await db.takedowns.check_recipes(recipes, now())
    rows = await db.videos.create(
        account,
        recipes=recipes,
        tier=tier,
        price_each=price(tier, 1),
        swarm_id=new_id("swarm"),
        source=source,
        receipts=cameos,
        now=now(),
        model=recipes[0].model,
    )
    return await db.videos.to_video(rows[0])


def _check_usable(source: VideoRow) -> None:
    """A source must have latents to start from, and must not be withdrawn."""
    if source.withheld is RevokeMode.TOMBSTONE:
        raise RiffleError(Code.GONE, f"source {source.id}: {Tombstone().reason}")
    if source.withheld is not None:
        raise RiffleError(Code.CONSENT_REFUSED, f"source {source.id} may not be used: {Reason.WITHDRAWN}")
    if source.status in (Status.QUEUED, Status.IN_PROGRESS):
        raise RiffleError(
            Code.NOT_READY, f"source {source.id} is {source.status}: wait until it is completed"
        )
    if source.status is not Status.COMPLETED:
        raise RiffleError(
            Code.INVALID_STATE, f"source {source.id} is {source.status}: nothing is there to use"
        )

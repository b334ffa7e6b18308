"""Creating videos: read what they are made from, check it, decide on consent, write them down.

`create_video` answers `POST /v1/videos` and remixes, `render_video` renders of previews. They differ in how a
`Draft` comes about; from there on both are `queue`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from db.engine import transaction
from domain.accounts import credits
from domain.consent import facts, receipts
from domain.consent.facts import LineageFacts
from domain.consent.policy import Reason, action_of
from domain.events import stream
from domain.ids import new_id
from domain.safety import takedowns
from domain.videos import inputs, record, transitions
from domain.videos.mentions import CameoIdentity, model_prompt
from domain.videos.pricing import STITCH_PRICE, price
from domain.videos.recipes import rendered, resolve
from domain.videos.record import VideoRow, no_such_video
from domain.videos.relations import check_shape, check_times, conditions, joined_recipe
from domain.videos.steer import apply_steer
from domain.videos.validate import find_card
from domain.videos.visibility import can_view, get_viewable
from domain.videos.wire import with_place
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import inbox_stream
from schemas.videos import (
    MAX_SEED,
    CreateVideo,
    ModelCard,
    QueuePlace,
    Recipe,
    Relation,
    Source,
    Status,
    Tier,
    Tombstone,
    Video,
)

# A row of about 300 bytes for each ancestor: 0.3 MB for the deepest video, and 1 MB of prompts to read.
MAX_ANCESTORS = 1000


class Ingredients(msgspec.Struct, kw_only=True, frozen=True):
    """What videos are made from: their sources, the cameos (locked), and what the lineage says."""

    sources: list[VideoRow]
    cameos: list[CameoIdentity]
    lineage: LineageFacts


class Draft(msgspec.Struct, kw_only=True, frozen=True):
    """The videos of one swarm, decided but for consent and credits; `prompt` is what was typed."""

    prompt: str
    recipes: list[Recipe]
    tier: Tier
    price_each: int
    source: Source | None = None


async def create_video(
    account: str, request: CreateVideo, cards: Sequence[ModelCard], now: datetime
) -> Video:
    """Queue what was requested; the first video of the swarm.

    `request` has passed `validate.check_request` and the screen, which run outside of the transaction.

    Raises:
        RiffleError: anything that makes the request impossible; nothing is charged then.
    """
    seed = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
    async with transaction():
        sources = await _usable_sources(account, request.source, now)
        if request.source is not None:
            check_times(request.source, [row.recipe for row in sources])
        ingredients = await lock_ingredients(sources, request.cameos)
        if request.source is not None and request.source.relation is Relation.STITCH:
            draft = await _stitch(request, request.source, cards, sources, seed)
        else:
            draft = _draft(request, find_card(cards, request.model), ingredients, seed)
        return await _queue_first(account, draft, ingredients, now)


async def render_video(account: str, video_id: str, cards: Sequence[ModelCard], now: datetime) -> Video:
    """Queue the full render of an own preview.

    Raises:
        RiffleError: there is no such completed preview, what it was made from is gone, or consent or credits
            are missing.
    """
    async with transaction():
        preview = await get_viewable(video_id, account, now)
        if preview.account_id != account:
            raise RiffleError(Code.NOT_FOUND, f"there is no video `{video_id}` of yours")
        if preview.tier is not Tier.PREVIEW:
            raise RiffleError(Code.INVALID_STATE, "this is a full video already: only previews are rendered")
        if preview.relation is Relation.STITCH:
            raise RiffleError(Code.INVALID_STATE, "a stitch is not drawn: render its clips and stitch those")
        card = find_card(cards, preview.model)
        _check_usable(preview)
        await _check_media(preview)
        ingredients = await lock_ingredients([preview], [])
        _check_likeness(preview, ingredients.cameos)
        recipe = rendered(preview.recipe, card)
        draft = Draft(
            prompt=preview.prompt,
            recipes=[recipe],
            tier=Tier.FULL,
            price_each=price(Tier.FULL, recipe),
            source=Source(relation=Relation.RENDER, video_ids=[video_id]),
        )
        return await _queue_first(account, draft, ingredients, now)


async def lock_ingredients(sources: Sequence[VideoRow], cameo_ids: Sequence[str]) -> Ingredients:
    """The sources with the cameos in them and those named, which stay locked until the transaction ends.

    So consent is decided either before or after a revocation of the same moment.

    Raises:
        RiffleError: not_found (a cameo).
    """
    inherited = sorted({cameo for row in sources for cameo in row.cameos})
    cameos = await receipts.lock(list(dict.fromkeys([*cameo_ids, *inherited])))
    (lineage,) = await facts.lineage_facts([[row.id for row in sources]])
    return Ingredients(sources=list(sources), cameos=cameos, lineage=lineage)


async def queue(
    account: str, draft: Draft, ingredients: Ingredients, now: datetime
) -> tuple[list[VideoRow], dict[str, QueuePlace]]:
    """Decide on consent and queue a draft, in seed order: rows, receipts, credits and events.

    Runs in the transaction that holds the ingredients' locks.

    Raises:
        RiffleError: consent_refused, insufficient_credits; invalid_state, where it would come from too many
            others.
    """
    source, lineage = draft.source, ingredients.lineage
    cameo_ids = [cameo.id for cameo in ingredients.cameos]
    verdicts = await facts.verdicts_for(
        account,
        cameo_ids,
        source,
        draft.tier,
        draft.prompt,
        now,
        lineage=lineage,
        extra_texts=[draft.recipes[0].prompt],
    )
    receipts.refuse(verdicts, "used", "cameos")
    if lineage.ancestors > MAX_ANCESTORS:
        raise RiffleError(
            Code.INVALID_STATE, f"this comes from more than {MAX_ANCESTORS} videos: start from an earlier one"
        )
    rows = _rows(account, draft, cameo_ids, lineage, now)
    await record.insert_swarm(rows)
    video_ids = [row.id for row in rows]
    await receipts.receive(video_ids, verdicts, "draw", now)
    await credits.reserve(account, video_ids, draft.price_each, now)
    places = await transitions.announce_queued(rows, now)
    action = action_of(draft.tier, source.relation if source else None)
    for owner, used in await receipts.notices(rows, action):
        await stream.append(inbox_stream(owner), used, now=now)
    return rows, places


async def _queue_first(account: str, draft: Draft, ingredients: Ingredients, now: datetime) -> Video:
    await takedowns.check_recipes(draft.recipes, now)
    rows, places = await queue(account, draft, ingredients, now)
    return with_place(rows[0], places[rows[0].id])


def _rows(
    account: str, draft: Draft, cameo_ids: list[str], lineage: LineageFacts, now: datetime
) -> list[VideoRow]:
    swarm_id, ids = new_id("swarm"), [new_id("video") for _ in draft.recipes]
    return [
        VideoRow(
            id=video_id,
            account_id=account,
            swarm_id=swarm_id,
            swarm_ids=ids,
            tier=draft.tier,
            status=Status.QUEUED,
            model=recipe.model,
            prompt=draft.prompt,
            recipe=recipe,
            source=draft.source,
            relation=None if draft.source is None else draft.source.relation,
            cameos=cameo_ids,
            price=draft.price_each,
            created_at=now,
            remixed=facts.is_remixed(lineage, draft.source),
            trend_id=lineage.trend,
        )
        for video_id, recipe in zip(ids, draft.recipes, strict=True)
    ]


def _draft(request: CreateVideo, card: ModelCard, ingredients: Ingredients, seed: int) -> Draft:
    source, parents = request.source, [row.recipe for row in ingredients.sources]
    likeness = _likeness(request, card, ingredients.cameos)
    conditioned = likeness is not None or (source is not None and source.relation is Relation.REFERENCE)
    words = model_prompt(request.prompt, ingredients.cameos, card.vocabulary, conditioned=conditioned)
    if request.steer is not None:
        words = apply_steer(words, request.steer, card.vocabulary)
    recipes = resolve(
        request, card, seed, source=parents[0] if parents else None, prompt=words, likeness=likeness
    )
    if source is not None:
        check_shape(source, recipes[0], parents)
    return Draft(
        prompt=request.prompt.strip(),
        recipes=recipes,
        tier=request.tier,
        price_each=price(request.tier, recipes[0]),
        source=source,
    )


async def _stitch(
    request: CreateVideo, source: Source, cards: Sequence[ModelCard], sources: Sequence[VideoRow], seed: int
) -> Draft:
    pieces = await inputs.pieces(sources)
    card = find_card(cards, request.model or pieces[0].recipe.model)
    recipe, tier = joined_recipe(request, card, pieces, seed)
    return Draft(prompt=recipe.prompt, recipes=[recipe], tier=tier, price_each=STITCH_PRICE, source=source)


def _likeness(request: CreateVideo, card: ModelCard, cameos: Sequence[CameoIdentity]) -> str | None:
    """The cameo whose picture conditions the drawing: of those that the request names the first with one."""
    if "reference" not in card.conditions:
        return None
    found = next((cameo.id for cameo in cameos if cameo.pictured and cameo.id in request.cameos), None)
    if found is not None and request.source is not None and request.source.relation is Relation.REFERENCE:
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"a model is shown one reference: leave out the source, or cameo {found}, which has a picture",
            param="cameos",
        )
    return found


async def _usable_sources(account: str, source: Source | None, now: datetime) -> list[VideoRow]:
    """The videos of a source, in its order, each fit to be used."""
    if source is None:
        return []
    rows = await record.select("v.id = ANY ($1::text[]) AND v.deleted_at IS NULL", source.video_ids)
    viewable = await can_view(rows, account, now)
    by_id = {row.id: row for row in rows if row.id in viewable}
    for video_id in source.video_ids:
        if video_id not in by_id:
            raise no_such_video(video_id)
    for video_id in source.video_ids:
        _check_usable(by_id[video_id])
    return [by_id[video_id] for video_id in source.video_ids]


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


async def _check_media(preview: VideoRow) -> None:
    """Refuse a render where a video that conditioned its preview is gone."""
    if preview.source is not None and conditions(preview.source):
        for found in await inputs.source_inputs(preview.id):
            if any(row.video_key is None for row in found.parents):
                raise RiffleError(Code.INVALID_STATE, "what this preview was made from is gone")


def _check_likeness(preview: VideoRow, cameos: Sequence[CameoIdentity]) -> None:
    """Refuse a render where the picture that conditioned its preview is gone."""
    likeness = preview.recipe.likeness
    if likeness is not None and not any(cameo.pictured for cameo in cameos if cameo.id == likeness):
        raise RiffleError(Code.CONSENT_REFUSED, f"cameo {likeness} has no picture any more", param="cameos")

"""Creating videos: read what they are made from, check it, decide on consent, write them down.

`create_video` answers `POST /v1/videos` and remixes, `render_video` renders of previews. They differ in how a
`Draft` comes about; from there on both are `queue`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from db.engine import transaction
from domain import media_keys
from domain.accounts import credits
from domain.consent import receipts, verdicts
from domain.consent.facts import LineageFacts
from domain.consent.mentioned import with_mentioned
from domain.consent.policy import action_of
from domain.events import stream
from domain.ids import new_id
from domain.safety import takedowns
from domain.videos import inputs, record, transitions
from domain.videos.drafts import Draft, ReadWords, draft_render, draft_stitch, draft_video
from domain.videos.ingredients import (
    Ingredients,
    check_likeness,
    check_media,
    check_usable,
    lock_ingredients,
    usable_sources,
)
from domain.videos.record import VideoRow
from domain.videos.relations import check_times
from domain.videos.to_wire import with_place
from domain.videos.validate import MAX_ANCESTORS, find_card
from domain.videos.visibility import get_viewable
from schemas.errors import Code, RiffleError
from schemas.events import inbox_stream
from schemas.videos import (
    MAX_SEED,
    CreateVideo,
    ModelCard,
    QueuePlace,
    Relation,
    Status,
    Tier,
    Video,
)


async def create_video(
    account: str,
    request: CreateVideo,
    cards: Sequence[ModelCard],
    now: datetime,
    pictures: Mapping[str, str] = MappingProxyType({}),
    words: ReadWords | None = None,
) -> Video:
    """Queue what was requested; the first video of the swarm.

    `pictures` are the ids of its videos, and the keys of the first picture of each, where there is one;
    `words` is what its prompt says, where its model has a library of pictures. `request` has passed
    `validate.check_request` and the screen, which run outside of the transaction.

    Raises:
        RiffleError: anything that makes the request impossible; nothing is charged then.
    """
    source = request.source
    seed = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
    async with transaction():
        rows = await usable_sources(account, source, now)
        # Who is in a source already is shown by that.
        shown = {cameo for row in rows for cameo in row.cameos}.difference(request.cameos)
        named = request.cameos
        mentioned = await with_mentioned(named, [request.prompt])
        request = msgspec.structs.replace(
            request, cameos=[cameo for cameo in mentioned if cameo not in shown]
        )
        recipes = [row.recipe for row in rows]
        if source is not None:
            check_times(source, recipes)
        ingredients = await lock_ingredients(rows, request.cameos)
        if source is not None and source.relation is Relation.STITCH:
            pieces = await inputs.pieces(rows)
            card = find_card(cards, request.model or recipes[0].model)
            draft = draft_stitch(request, source, card, pieces, seed)
        else:
            card = find_card(cards, request.model)
            draft = draft_video(request, card, recipes, ingredients.cameos, seed, words)
            draft = msgspec.structs.replace(
                draft, pictures=dict(pictures), steered=draft.steered or bool(pictures)
            )
        return await _queue_first(account, draft, ingredients, now, named)


async def render_video(
    account: str, video_id: str, cards: Sequence[ModelCard], now: datetime, *, background: bool = False
) -> Video:
    """Queue the full render of an own preview; in the `background` for the feed, which costs nothing.

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
        check_usable(preview)
        await check_media(preview)
        ingredients = await lock_ingredients([preview], [])
        check_likeness(preview, ingredients.cameos)
        draft = draft_render(
            preview.id,
            preview.prompt,
            preview.recipe,
            card,
            steered=preview.steered,
            background=background,
        )
        return await _queue_first(account, draft, ingredients, now)


async def queue(
    account: str, draft: Draft, ingredients: Ingredients, now: datetime, named: Sequence[str] = ()
) -> tuple[list[VideoRow], dict[str, QueuePlace]]:
    """Decide on consent and queue a draft, in seed order: rows, receipts, credits and events.

    Runs in the transaction that holds the ingredients' locks. `named` are the cameos asked for by id.

    Raises:
        RiffleError: consent_refused, insufficient_credits; invalid_state, where it would come from too many
            others.
    """
    source, lineage = draft.source, ingredients.lineage
    cameo_ids = [cameo.id for cameo in ingredients.cameos]
    permitted = await verdicts.of_request(
        account,
        cameo_ids,
        source,
        draft.tier,
        draft.prompt,
        lineage=lineage,
        extra_texts=[draft.recipes[0].prompt],
        steered=draft.steered,
        now=now,
    )
    inherited = {cameo for row in ingredients.sources for cameo in row.cameos}
    for cameo_id in verdicts.blocked(permitted):
        # As if there were none: nobody is told who blocks them. One in a source was seen there, and who only
        # mentions one is told no id.
        if cameo_id in named and cameo_id not in inherited:
            raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo_id}`", param="cameos")
    receipts.require_allowed(permitted, "used", "cameos")
    # What could be previewed can be rendered.
    is_render = source is not None and source.relation is Relation.RENDER
    if lineage.ancestors > MAX_ANCESTORS + is_render:
        raise RiffleError(
            Code.INVALID_STATE, f"this comes from more than {MAX_ANCESTORS} videos: start from an earlier one"
        )
    await media_keys.keep(list(draft.pictures.values()))
    rows = _rows(account, draft, cameo_ids, lineage, now)
    await record.insert_swarm(rows)
    video_ids = [row.id for row in rows]
    await receipts.write(video_ids, permitted, "draw", now=now)
    await credits.reserve(account, video_ids, draft.price_each, now)
    places = await transitions.announce_queued(rows, now)
    action = action_of(draft.tier, source.relation if source else None)
    for owner, used in await receipts.notices(rows, action):
        await stream.append(inbox_stream(owner), used, now=now)
    return rows, places


async def _queue_first(
    account: str, draft: Draft, ingredients: Ingredients, now: datetime, named: Sequence[str] = ()
) -> Video:
    await takedowns.check_recipes(draft.recipes, now=now)
    rows, places = await queue(account, draft, ingredients, now, named)
    return with_place(rows[0], places[rows[0].id])


def _rows(
    account: str, draft: Draft, cameo_ids: list[str], lineage: LineageFacts, now: datetime
) -> list[VideoRow]:
    swarm_id = new_id("swarm")
    ids = list(draft.pictures) or [new_id("video") for _ in draft.recipes]
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
            input_key=draft.pictures.get(video_id),
            source=draft.source,
            relation=None if draft.source is None else draft.source.relation,
            cameos=cameo_ids,
            price=draft.price_each,
            created_at=now,
            remixed=verdicts.is_remixed(lineage, draft.source),
            trend_id=lineage.trend,
            steered=draft.steered,
            background=draft.background,
        )
        for video_id, recipe in zip(ids, draft.recipes, strict=True)
    ]

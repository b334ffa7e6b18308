"""Turns a wish into queued videos: what it is made from and costs; consent is asked on the way."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from api.http.clock import now
from api.routes.models import named
from domain.consent import facts
from domain.consent.policy import UseReason
from domain.ids import new_id
from domain.safety import takedowns
from domain.safety.screen import Asker, Screen
from domain.videos import inputs, videos
from domain.videos.inputs import Face
from domain.videos.mentions import referred
from domain.videos.pricing import STITCH_PRICE, price
from domain.videos.recipes import check_create, rendered, resolve
from domain.videos.relations import check_shape, check_times, conditions, joined
from domain.videos.steer import steered
from domain.videos.videos import VideoRow
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
    asker: Asker, wish: CreateVideo, cards: list[ModelCard], screen: Screen
) -> list[ModelCard]:
    """Refuse a wish for its words, its likenesses or what it rests on, outside of any transaction.

    Returns `cards`, which making it needs.

    Raises:
        RiffleError: anything that makes the wish impossible by itself, or what `screen` refuses.
    """
    check_create(wish, named(cards, wish.model, Code.UNKNOWN_MODEL))
    await screen.check_video(asker, wish.prompt, wish.source.video_ids if wish.source else [], wish.cameos)
    return cards


async def make_videos(account: str, wish: CreateVideo, cards: list[ModelCard]) -> Video:
    """Queue what `POST /v1/videos` asks for; the first video of the swarm. Runs in the caller's transaction.

    Raises:
        RiffleError: anything that makes the wish impossible; nothing is charged then.
    """
    card = named(cards, wish.model, Code.UNKNOWN_MODEL)
    check_create(wish, card)
    sources = await _usable(account, wish.source)
    seed = secrets.randbelow(MAX_SEED + 1)
    if wish.source is not None:
        check_times(wish.source, [row.recipe for row in sources])
        if wish.source.relation is Relation.STITCH:
            return await _stitch(account, wish, wish.source, cards, seed)
    faces = await inputs.faces([*wish.cameos, *await facts.inherited_cameos([row.id for row in sources])])
    likeness = _likeness(wish, card, faces)
    shown = likeness is not None or (wish.source is not None and wish.source.relation is Relation.REFERENCE)
    words = referred(wish.prompt, [face.name for face in faces], card.vocabulary, shown=shown)
    if wish.steer is not None:
        words = steered(words, wish.steer, card.vocabulary)
    recipes = resolve(
        wish,
        card,
        seed,
        source=sources[0].recipe if sources else None,
        prompt=words,
        likeness=likeness,
    )
    if wish.source is not None:
        check_shape(wish.source, recipes[0], [row.recipe for row in sources])
    return await _queue(
        account,
        recipes,
        tier=wish.tier,
        source=wish.source,
        cameos=wish.cameos,
        price_each=price(wish.tier, recipes[0]),
        prompt=wish.prompt.strip(),
    )


async def make_render(account: str, video_id: str, cards: list[ModelCard]) -> Video:
    """Queue the full render of an own preview. Runs in the caller's transaction.

    Raises:
        RiffleError: there is no such completed preview, what it was made from is gone, or consent or credits
            are missing.
    """
    preview = await videos.get(video_id, account)
    if preview.account_id != account:
        raise RiffleError(Code.NOT_FOUND, f"there is no video `{video_id}` of yours")
    if preview.tier is not Tier.PREVIEW:
        raise RiffleError(Code.INVALID_STATE, "this is a full video already: only previews are rendered")
    if preview.relation is Relation.STITCH:
        raise RiffleError(Code.INVALID_STATE, "a stitch is not drawn: render its clips and stitch those")
    card = named(cards, preview.model, Code.UNKNOWN_MODEL)
    source = Source(relation=Relation.RENDER, video_ids=[video_id])
    await _usable(account, source)
    await _check_materials(preview)
    recipe = rendered(preview.recipe, card)
    return await _queue(
        account,
        [recipe],
        tier=Tier.FULL,
        source=source,
        cameos=[],
        price_each=price(Tier.FULL, recipe),
        prompt=preview.prompt,
    )


async def _stitch(
    account: str, wish: CreateVideo, source: Source, cards: list[ModelCard], seed: int
) -> Video:
    pieces = await inputs.pieces(source.video_ids)
    card = named(cards, wish.model or pieces[0].recipe.model, Code.UNKNOWN_MODEL)
    recipe, tier = joined(wish, card, pieces, seed if wish.seed is None else wish.seed)
    return await _queue(
        account,
        [recipe],
        tier=tier,
        source=source,
        cameos=wish.cameos,
        price_each=STITCH_PRICE,
        prompt=recipe.prompt,
    )


def _likeness(wish: CreateVideo, card: ModelCard, faces: Sequence[Face]) -> str | None:
    """The cameo whose picture the model is shown: of those that the wish names the first with one."""
    if "reference" not in card.conditions:
        return None
    found = next((face.id for face in faces if face.pictured and face.id in wish.cameos), None)
    if found is not None and wish.source is not None and wish.source.relation is Relation.REFERENCE:
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"a model is shown one reference: leave out the source, or cameo {found}, which has a picture",
            param="cameos",
        )
    return found


async def _usable(account: str, source: Source | None) -> list[VideoRow]:
    """The videos of a source, in its order, each fit to be used."""
    rows = [await videos.get(video_id, account) for video_id in (source.video_ids if source else ())]
    for row in rows:
        _check_usable(row)
    return rows


async def _check_materials(preview: VideoRow) -> None:
    """Refuse a render that could not be shown what its preview was."""
    if preview.source is not None and conditions(preview.source):
        for making in await inputs.makings(preview.id):
            if any(row.video_key is None for row in making.parents):
                raise RiffleError(Code.INVALID_STATE, "what this preview was made from is gone")
    likeness = preview.recipe.likeness
    if likeness is not None and await inputs.picture(likeness) is None:
        raise RiffleError(Code.CONSENT_REFUSED, f"cameo {likeness} has no picture any more", param="cameos")


async def _queue(
    account: str,
    recipes: list[Recipe],
    *,
    tier: Tier,
    source: Source | None,
    cameos: list[str],
    price_each: int,
    prompt: str,
) -> Video:
    await takedowns.check_recipes(recipes, now())
    rows = await videos.create(
        account,
        recipes=recipes,
        tier=tier,
        price_each=price_each,
        swarm_id=new_id("swarm"),
        source=source,
        receipts=cameos,
        now=now(),
        model=recipes[0].model,
        prompt=prompt,
    )
    return await videos.to_video(rows[0])


def _check_usable(source: VideoRow) -> None:
    """A source must have latents to start from, and must not be withdrawn."""
    if source.withheld is RevokeMode.TOMBSTONE:
        raise RiffleError(Code.GONE, f"source {source.id}: {Tombstone().reason}")
    if source.withheld is not None:
        raise RiffleError(Code.CONSENT_REFUSED, f"source {source.id} may not be used: {UseReason.WITHDRAWN}")
    if source.status in (Status.QUEUED, Status.IN_PROGRESS):
        raise RiffleError(
            Code.NOT_READY, f"source {source.id} is {source.status}: wait until it is completed"
        )
    if source.status is not Status.COMPLETED:
        raise RiffleError(
            Code.INVALID_STATE, f"source {source.id} is {source.status}: nothing is there to use"
        )

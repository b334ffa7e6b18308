"""Videos: making, reading, cancelling and deleting them, and what each rests on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from db.engine import dumps, exists, fetch, transaction
from domain.accounts import credits
from domain.consent import facts, verdicts
from domain.consent import receipts as consent_receipts
from domain.consent.policy import action_of
from domain.events import stream
from domain.feed import posts
from domain.ids import new_id
from domain.videos import transitions
from domain.videos.lifecycle import FINAL, IllegalTransition, Trigger
from domain.videos.lineage import lineage as lineage
from domain.videos.record import SEALED, select
from domain.videos.record import VideoRow as VideoRow
from domain.videos.record import to_video as to_video
from domain.videos.record import to_videos as to_videos
from domain.videos.visibility import get as get
from domain.videos.visibility import get_media as get_media
from domain.videos.visibility import unknown
from schemas.errors import Code, RiffleError
from schemas.events import Name, inbox_stream, video_stream
from schemas.videos import Receipt, Recipe, Relation, Source, Status, Tier

# A row of about 300 bytes for each ancestor: 0.3 MB for the deepest video, and 1 MB of prompts to read.
MAX_ANCESTORS = 1000


async def create(
    account: str,
    *,
    recipes: list[Recipe],
    tier: Tier,
    price_each: int,
    swarm_id: str,
    source: Source | None,
    receipts: Iterable[str],
    now: datetime,
    model: str,
    prompt: str | None = None,
) -> list[VideoRow]:
    """Queue one video for each recipe, in seed order: rows, receipts, hold and events in one transaction.

    `receipts` names the cameos to use; those of the sources come on top. Consent is decided here, under a
    lock of the cameos, so that a revocation at the same moment comes either before or after. `prompt` is what
    was typed, where the recipes tell the model something else.

    Raises:
        RiffleError: not_found (a cameo), consent_refused, insufficient_credits; invalid_state, where it would
            come from too many others.
    """
    parents = source.video_ids if source else []
    typed = recipes[0].prompt if prompt is None else prompt
    async with transaction():
        cameos = list(dict.fromkeys([*receipts, *await facts.inherited_cameos(parents)]))
        await consent_receipts.lock_cameos(cameos)
        permitted = await verdicts.of_request(account, cameos, source, tier, typed, now, [recipes[0].prompt])
        consent_receipts.require_allowed(permitted, "used", "cameos")
        await _check_history(parents)
        ids = [new_id("video") for _ in recipes]
        await fetch(
            """
            INSERT INTO videos (id, account_id, swarm_id, swarm_index, tier, status, model, prompt, recipe,
                source, relation, cameos, price, progress, attempt, created_at, remixed, trend_id)
            SELECT id, $3, $4, nr - 1, $5, $6, $7, $8, recipe::jsonb, $9::jsonb, $10, $11, $12, 0, 0, $13,
                $14, $15
            FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS made(id, recipe, nr)
            """,
            ids,
            [dumps(recipe) for recipe in recipes],
            account,
            swarm_id,
            tier.value,
            Status.QUEUED.value,
            model,
            typed,
            None if source is None else dumps(source),
            None if source is None else source.relation.value,
            cameos,
            price_each,
            now,
            *await _descent(source),
        )
        if source is not None:
            await fetch(
                """
                INSERT INTO sources (child_id, parent_id, relation, position)
                SELECT child, parent, $3, nr FROM unnest($1::text[]) AS child,
                    unnest($2::text[]) WITH ORDINALITY AS s(parent, nr)
                """,
                ids,
                parents,
                source.relation.value,
            )
        await consent_receipts.write(ids, permitted, "draw", now)
        await credits.hold(account, ids, price_each, now)
        rows = await select("v.id = ANY ($1::text[]) ORDER BY v.swarm_index", ids)
        await transitions.tell_queued(rows, now)
        for owner, news in await consent_receipts.use_events(
            rows, action_of(tier, source.relation if source else None)
        ):
            await stream.append(inbox_stream(owner), Name.CAMEO_USED, news, now=now)
        return rows


async def _check_history(parents: list[str]) -> None:
    found = await fetch(
        "SELECT count(DISTINCT ancestor_id) AS n FROM ancestors WHERE video_id = ANY ($1::text[])", parents
    )
    if found[0]["n"] > MAX_ANCESTORS:
        raise RiffleError(
            Code.INVALID_STATE, f"this comes from more than {MAX_ANCESTORS} videos: start from an earlier one"
        )


async def _descent(source: Source | None) -> tuple[bool, str | None]:
    """Whether a remix is in the making of what comes from this, and the trend that it stands in."""
    (lineage,) = await facts.lineage_facts([source.video_ids if source else []])
    return lineage.remixed or (source is not None and source.relation is not Relation.RENDER), lineage.trend


async def page(
    account: str, after: str | None, limit: int, order: Literal["asc", "desc"]
) -> tuple[list[VideoRow], bool]:
    """At most `limit` own videos after one of them, by creation, and whether there are more.

    Raises:
        RiffleError: not_found, where `after` is no own video.
    """
    key = "(v.created_at, v.swarm_index, v.id)"
    where, args = "v.account_id = $1 AND v.deleted_at IS NULL", [account]
    if after is not None:
        # One that was deleted meanwhile still marks its place.
        if not await exists("SELECT FROM videos WHERE id = $1 AND account_id = $2", after, account):
            raise unknown(after, "after")
        mark = "(SELECT a.created_at, a.swarm_index, a.id FROM videos a WHERE a.id = $2)"
        where += f" AND {key} {'<' if order == 'desc' else '>'} {mark}"
        args.append(after)
    direction = "DESC" if order == "desc" else "ASC"
    by = ", ".join(f"v.{name} {direction}" for name in ("created_at", "swarm_index", "id"))
    rows = await select(f"{where} ORDER BY {by} LIMIT {int(limit) + 1}", *args)
    return rows[:limit], len(rows) > limit


async def cancel(video_id: str, account: str, now: datetime) -> VideoRow:
    """End an own video that has not ended; its credits go back.

    Raises:
        RiffleError: not_found; invalid_state, where it has ended.
    """
    async with transaction():
        row = await _own(video_id, account)
        try:
            await transitions.end(row, Trigger.CANCEL, now)
        except IllegalTransition:
            raise RiffleError(Code.INVALID_STATE, f"the video is {row.status} already") from None
        return await get(video_id, account)


async def delete(video_id: str, account: str, now: datetime) -> list[str]:
    """Delete an own video for good; returns the keys of its media, which are the caller's to remove.

    A running one is cancelled first, a posted one taken back. Its lineage and its cost stay known; where
    others were made from it, so do its words, to consent alone.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        row = await _own(video_id, account)
        if row.status not in FINAL:
            await transitions.end(row, Trigger.CANCEL, now)
        if row.post_id is not None:
            await posts.take_back(row.post_id, now)
        await fetch(
            f"""
            UPDATE videos v SET deleted_at = $2, prompt = '', recipe = jsonb_set(recipe, '{{prompt}}', '""'),
                sealed = CASE WHEN EXISTS (
                    SELECT FROM ancestors a WHERE a.ancestor_id = v.id AND a.video_id <> v.id
                ) THEN {SEALED} END,
                video_key = NULL, thumbnail_key = NULL, spritesheet_key = NULL, latents_key = NULL
            WHERE id = $1
            """,
            video_id,
            now,
        )
        await stream.forget_pictures(video_stream(video_id))
    keys = (row.video_key, row.thumbnail_key, row.spritesheet_key, row.latents_key)
    return [key for key in keys if key is not None]


async def receipts(video_id: str, viewer: str) -> list[Receipt]:
    """The consent that a video rests on.

    Raises:
        RiffleError: not_found.
    """
    await get(video_id, viewer)
    rows = await fetch(
        """
        SELECT cameo_id, grant_id, revision, policy_version, at, action FROM receipts
        WHERE video_id = $1 ORDER BY id
        """,
        video_id,
    )
    return [Receipt(video_id=video_id, **{**row, "at": int(row["at"].timestamp())}) for row in rows]


async def _own(video_id: str, account: str) -> VideoRow:
    row = await transitions.lock(video_id)
    if row is None or row.account_id != account or row.deleted_at is not None:
        raise unknown(video_id)
    return row

"""A video as a row of `videos`: read, paged, locked and inserted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from db.engine import dumps, exists, fetch
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_SEED, Recipe, Relation, Source, Status, Tier

log = logging.getLogger(__name__)

# The words of a video `v` that goes, for consent and rules alone: what was typed, what the model was given
# beyond that, and captions.
SEALED = """
    coalesce(v.sealed, concat_ws(E'.\\n', v.prompt, nullif(v.recipe ->> 'prompt', v.prompt), (
        SELECT string_agg(p.caption, E'.\\n' ORDER BY p.created_at, p.id) FROM posts p
        WHERE p.video_id = v.id AND p.caption <> ''
    )))
"""


class VideoRow(msgspec.Struct, kw_only=True, frozen=True):
    """One row of `videos`, with the ids of its swarm in seed order.

    `steps_done` of `steps_total` is how far any attempt came; `shown`: a picture of it was sent; `charged` is
    None until it has ended. `background`: it is drawn after all that somebody waits for. `withheld` is what
    revocations do to it, whether or not their cascades have come to it. `unreadable`: its recipe or source
    can't be read, and is not what stands here.
    """

    id: str
    account_id: str
    swarm_id: str
    swarm_ids: list[str]
    tier: Tier
    status: Status
    model: str
    prompt: str
    recipe: Recipe
    source: Source | None
    relation: Relation | None
    cameos: list[str]
    price: int
    progress: int = 0
    attempt: int = 0
    worker: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    cpu_seconds: float | None = None
    fidelity: float | None = None
    video_key: str | None = None
    thumbnail_key: str | None = None
    spritesheet_key: str | None = None
    latents_key: str | None = None
    input_key: str | None = None
    post_id: str | None = None
    deleted_at: datetime | None = None
    remixed: bool
    trend_id: str | None
    steered: bool = False
    steps_done: int = 0
    steps_total: int = 0
    shown: bool = False
    charged: int | None = None
    begun: bool = False
    background: bool = False
    withheld: RevokeMode | None = None
    unreadable: bool = False

    @property
    def waits(self) -> bool:
        """Whether it has a place: it is queued, or leased and not being drawn yet."""
        return self.status is Status.QUEUED or (self.status is Status.IN_PROGRESS and not self.begun)

    @property
    def media(self) -> list[str]:
        """The keys of all its objects in the media store."""
        keys = (
            self.video_key,
            self.thumbnail_key,
            self.spritesheet_key,
            self.latents_key,
            self.input_key,
        )
        return [key for key in keys if key is not None]


# Reading asks the revocations themselves: a cascade that has not come to a video yet changes nothing.
COMPUTED = {
    "swarm_ids": "(SELECT array_agg(s.id ORDER BY s.swarm_index) FROM videos s"
    " WHERE s.swarm_id = v.swarm_id AND s.deleted_at IS NULL)",
    "withheld": "greatest(v.withheld, CASE WHEN v.cameos <> '{}' THEN withdrawal_of(v.id) END)",
}
COLUMNS = ", ".join(
    f"{COMPUTED[name]} AS {name}" if name in COMPUTED else f"v.{name}"
    for name in VideoRow.__struct_fields__
    if name != "unreadable"
)
# The recipe of a deleted video without its words, whatever stands there.
WORDLESS_RECIPE = """
    CASE jsonb_typeof(recipe) WHEN 'object'
    THEN jsonb_set(recipe, '{prompt}', '""') - 'understood' ELSE '{}' END
"""
# Stands in for a recipe that can't be read: one black pixel, without words.
NO_RECIPE = Recipe(model="", prompt="", width=1, height=1, frames=1, fps=1, seed=0)


async def select(where: str, *args: Any) -> list[VideoRow]:
    """Rows of `videos v` by the rest of a statement: its condition, order, limit and lock."""
    return [_row(found) for found in await fetch(f"SELECT {COLUMNS} FROM videos v WHERE {where}", *args)]


async def in_order(video_ids: Sequence[str]) -> list[VideoRow]:
    """These videos in this order, each as often as it is named."""
    if not video_ids:
        return []
    rows = {row.id: row for row in await select("v.id = ANY ($1::text[])", list(video_ids))}
    return [rows[video] for video in video_ids]


async def lock(video_id: str) -> VideoRow | None:
    """The row, locked until the transaction ends. Videos are locked before accounts, those before streams."""
    found = await select("v.id = $1 FOR NO KEY UPDATE OF v", video_id)
    return found[0] if found else None


async def lock_own(video_id: str, account: str) -> VideoRow:
    """An own row that is not deleted, locked until the transaction ends.

    Raises:
        RiffleError: not_found.
    """
    row = await lock(video_id)
    if row is None or row.account_id != account or row.deleted_at is not None:
        raise no_such_video(video_id)
    return row


async def insert_swarm(rows: Sequence[VideoRow]) -> None:
    """Insert the videos of one swarm, which differ in id and recipe alone, and what they are made from."""
    first = rows[0]
    source = first.source
    await fetch(
        """
        WITH video AS (
            INSERT INTO videos (id, account_id, swarm_id, swarm_index, tier, status, model, prompt, recipe,
                source, relation, cameos, price, progress, attempt, created_at, remixed, trend_id, steered,
                input_key, background)
            SELECT id, $3, $4, nr - 1, $5, $6, $7, $8, recipe::jsonb, $9::jsonb, $10, $11, $12, 0, 0, $13,
                $14, $15, $16, input_key,
                -- Nobody waits for what the demo account draws.
                $19 OR (SELECT demo FROM accounts WHERE id = $3)
            FROM unnest($1::text[], $2::text[], $18::text[])
                WITH ORDINALITY AS swarm(id, recipe, input_key, nr)
            RETURNING id
        )
        INSERT INTO sources (child_id, parent_id, relation, position)
        SELECT video.id, parent.id, $10, parent.nr
        FROM video, unnest($17::text[]) WITH ORDINALITY AS parent(id, nr)
        """,
        [row.id for row in rows],
        [dumps(row.recipe) for row in rows],
        first.account_id,
        first.swarm_id,
        first.tier.value,
        first.status.value,
        first.model,
        first.prompt,
        None if source is None else dumps(source),
        None if source is None else source.relation.value,
        first.cameos,
        first.price,
        first.created_at,
        first.remixed,
        first.trend_id,
        first.steered,
        [] if source is None else source.video_ids,
        [row.input_key for row in rows],
        first.background,
    )


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
            raise no_such_video(after, "after")
        mark = "(SELECT a.created_at, a.swarm_index, a.id FROM videos a WHERE a.id = $2)"
        where += f" AND {key} {'<' if order == 'desc' else '>'} {mark}"
        args.append(after)
    direction = "DESC" if order == "desc" else "ASC"
    by = ", ".join(f"v.{name} {direction}" for name in ("created_at", "swarm_index", "id"))
    rows = await select(f"{where} ORDER BY {by} LIMIT {int(limit) + 1}", *args)
    return rows[:limit], len(rows) > limit


def no_such_video(video_id: str, param: str | None = None) -> RiffleError:
    """What a person hears of a video that is not there or not theirs to see."""
    return RiffleError(Code.NOT_FOUND, f"there is no video `{video_id}`", param=param)


def _row(found: dict[str, Any]) -> VideoRow:
    """A row; one whose recipe or source can't be read is `unreadable`, and keeps nobody from the others."""
    # A deleted video may be the last of its swarm.
    found["swarm_ids"] = found["swarm_ids"] or []
    recipe, source = found["recipe"], found["source"]
    try:
        found["recipe"] = msgspec.json.decode(recipe, type=Recipe)
        found["source"] = None if source is None else msgspec.json.decode(source, type=Source)
        row = msgspec.convert(found, VideoRow)
        if _is_sound(row.recipe):
            return row
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        log.warning("video %s can't be read: %s", found["id"], error)
    unreadable = {"recipe": NO_RECIPE, "source": None, "relation": None, "unreadable": True}
    return msgspec.convert(found | unreadable, VideoRow)


def _is_sound(recipe: Recipe) -> bool:
    return min(recipe.width, recipe.height, recipe.frames, recipe.fps) > 0 and 0 <= recipe.seed <= MAX_SEED

"""Keys of media objects that no row owns (yet, or any more), written down before an object is put.

An object comes to be in three steps: `reserve` its key, put it, `keep` the key in the transaction that writes
it into a row. Whoever dies in between leaves a reservation that runs out. What a row lets go of goes through
`discard` in that row's transaction. Both are collected: `claim_due`, the store's deletion, and `forget` or
`postpone`. So at every moment each object of the store is named by a row or written down here.

Every instant here is the database's: the api reserves, the sweeper collects, perhaps on another machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from db.engine import fetch, transaction
from domain.events import stream

# An upload may take media.store.PUT_S (60 s) and the transaction that keeps it 30 s (db.engine's
# STATEMENT_TIMEOUT_MS); the rest is slack.
RESERVED_S = 120.0
# Who died while it deleted is taken over from after this: a batch takes media.store.DELETE_S (20 s) at most.
CLAIMED_S = 40.0
# A key that can't be deleted waits 10 s, then twice as long each time, up to an hour.
FIRST_WAIT_S = 10.0
LAST_WAIT_S = 3600.0
# Objects deleted in one go, in parallel.
BATCH = 100


class ReservationLost(Exception):
    """A key is not reserved (any more): its object may be deleted at any moment, so nothing may name it."""


class Owner(NamedTuple):
    """Rows that own objects: those under `folder`/ID, named by these columns of the row ID of `table`."""

    folder: str
    table: str
    columns: tuple[str, ...]


OWNERS = (
    Owner("videos", "videos", ("video_key", "thumbnail_key", "spritesheet_key", "latents_key", "input_key")),
    Owner("cameos", "cameos", ("reference_key",)),
    Owner("proofs", "proofs", ("media_key",)),
)
_OWNED = " UNION ALL ".join(
    f"SELECT key, true AS owned FROM {owner.table} o, unnest(ARRAY[{', '.join(owner.columns)}]) AS key"
    " WHERE o.id = ANY ($2::text[]) AND key = ANY ($1::text[])"
    for owner in OWNERS
)


class KnownKeys(NamedTuple):
    """Of some keys, those that a row names and those that are written down here."""

    owned: set[str]
    loose: set[str]


class OwnerRow(NamedTuple):
    """A row and the keys that it names."""

    id: str
    keys: list[str]


async def reserve(keys: Sequence[str]) -> None:
    """Write down keys before their objects are put; they are deleted unless kept within RESERVED_S."""
    await fetch(
        """
        INSERT INTO loose_media (key, due_at)
        SELECT key, clock_timestamp() + make_interval(secs => $2) FROM unnest($1::text[]) AS key
        """,
        list(keys),
        RESERVED_S,
    )


async def keep(keys: Sequence[str]) -> None:
    """Release reservations, in the transaction that writes the keys into a row.

    Raises:
        ReservationLost: one has run out and is being collected; the transaction must not commit.
    """
    if not keys:
        return
    kept = await fetch(
        "DELETE FROM loose_media WHERE key = ANY ($1::text[]) AND NOT claimed RETURNING key", list(keys)
    )
    if len(kept) != len(set(keys)):
        raise ReservationLost(f"{len(set(keys)) - len(kept)} keys are not reserved")


async def discard(keys: Sequence[str]) -> None:
    """Have objects deleted soon, once the running transaction commits: no row names them any more."""
    if not keys:
        return
    await fetch(
        """
        INSERT INTO loose_media (key, due_at)
        SELECT DISTINCT key, clock_timestamp() FROM unnest($1::text[]) AS key
        ON CONFLICT (key) DO UPDATE SET due_at = least(loose_media.due_at, excluded.due_at)
        """,
        list(keys),
    )
    await stream.notify(stream.SWEEP)


async def adopt(keys: Sequence[str], wait_s: float) -> None:
    """Write down objects that belong to nothing; they are deleted after `wait_s` seconds."""
    await fetch(
        """
        INSERT INTO loose_media (key, due_at)
        SELECT key, clock_timestamp() + make_interval(secs => $2) FROM unnest($1::text[]) AS key
        ON CONFLICT DO NOTHING
        """,
        list(keys),
        wait_s,
    )


async def claim_due(limit: int = BATCH) -> list[str]:
    """Keys to delete from the store now; what a row names is never among them.

    Nobody else gets them for CLAIMED_S, and nothing may keep them any more.
    """
    async with transaction():
        rows = await fetch(
            """
            SELECT key FROM loose_media WHERE due_at <= clock_timestamp()
            ORDER BY due_at, key LIMIT $1 FOR UPDATE SKIP LOCKED
            """,
            limit,
        )
        due = [row["key"] for row in rows]
        if not due:
            return []
        owned = (await known(due)).owned
        if owned:
            await fetch("DELETE FROM loose_media WHERE key = ANY ($1::text[])", sorted(owned))
        claimed = [key for key in due if key not in owned]
        await fetch(
            """
            UPDATE loose_media SET claimed = true, due_at = clock_timestamp() + make_interval(secs => $2)
            WHERE key = ANY ($1::text[])
            """,
            claimed,
            CLAIMED_S,
        )
        return claimed


async def forget(keys: Sequence[str]) -> None:
    """The store has deleted these."""
    await fetch("DELETE FROM loose_media WHERE key = ANY ($1::text[])", list(keys))


async def postpone(keys: Sequence[str]) -> None:
    """The store could not delete these: each waits longer every time, and holds up no other."""
    await fetch(
        """
        UPDATE loose_media SET failures = failures + 1,
            due_at = clock_timestamp() + make_interval(secs => least($3, $2 * 2 ^ least(failures, 20)))
        WHERE key = ANY ($1::text[])
        """,
        list(keys),
        FIRST_WAIT_S,
        LAST_WAIT_S,
    )


async def known(keys: Sequence[str]) -> KnownKeys:
    """Which of these keys are named by rows, and which are written down here, at one moment."""
    # `folder/ID/...` or `folder/ID.ending`.
    owner_ids = [key.split("/")[1].split(".")[0] for key in keys if "/" in key]
    rows = await fetch(
        f"SELECT key, false AS owned FROM loose_media WHERE key = ANY ($1::text[]) UNION ALL {_OWNED}",
        list(keys),
        list(dict.fromkeys(owner_ids)),
    )
    return KnownKeys(
        owned={row["key"] for row in rows if row["owned"]},
        loose={row["key"] for row in rows if not row["owned"]},
    )


async def owner_page(owner: Owner, after: str, limit: int) -> list[OwnerRow]:
    """At most `limit` rows that own objects, after one id, by id."""
    columns = ", ".join(owner.columns)
    rows = await fetch(
        f"""
        SELECT id, array_remove(ARRAY[{columns}], NULL) AS keys FROM {owner.table}
        WHERE id > $1 AND num_nonnulls({columns}) > 0 ORDER BY id LIMIT $2
        """,
        after,
        limit,
    )
    return [OwnerRow(row["id"], row["keys"]) for row in rows]


async def count_loose() -> int:
    """How many objects wait to be kept or deleted."""
    (found,) = await fetch("SELECT count(*) AS n FROM loose_media")
    return int(found["n"])

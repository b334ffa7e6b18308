"""The ledger of each cameo: a chain of hashes over all that ever changed its consent, and its verifier."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from db.engine import fetch, fetch_one, transaction
from db.migrations.riffle_0007_ledger import KINDS
from domain.consent.grants import unknown_cameo
from schemas.cameos import Ledger, LedgerEntry

# Read at once: 1,000 entries of some kilobytes.
PAGE = 1000


async def read_page(cameo_id: str, owner: str, after: int, limit: int) -> Ledger:
    """At most `limit` entries after entry `after` of an own cameo.

    Raises:
        RiffleError: not_found.
    """
    found = await fetch_one("SELECT account_id FROM cameos WHERE id = $1", cameo_id)
    if found is None or found["account_id"] != owner:
        raise unknown_cameo(cameo_id)
    rows = await fetch(
        f"{_SELECT} WHERE cameo_id = $1 AND seq > $2 ORDER BY seq LIMIT $3", cameo_id, after, limit + 1
    )
    data = [_entry(row) for row in rows[:limit]]
    return Ledger(
        cameo_id=cameo_id,
        data=data,
        first_id=str(data[0].seq) if data else None,
        last_id=str(data[-1].seq) if data else None,
        has_more=len(rows) > limit,
    )


def hash_of(cameo_id: str, entry: LedgerEntry) -> str:
    """The hash that an entry must have: SHA-256 in hex of its canonical JSON."""
    fields = {**msgspec.to_builtins(entry), "cameo_id": cameo_id}
    del fields["hash"]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def verify() -> list[str]:
    """What is wrong with the ledger, one line for each finding that names its row; nothing where all is well.

    Chains are recomputed, and every record of consent is held against the entry that it was written with.
    """
    async with transaction():
        # All of it at one moment: a change that is being committed is in both or in neither.
        await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Reading all of it may take longer than any query that serves.
        await fetch("SET LOCAL statement_timeout = 0")
        return [*await _check_chains(), *await _check_records(), *await _check_heads()]


async def digest() -> tuple[int, str]:
    """How many entries there are, and one hash over the ends of all chains: kept elsewhere, it pins them."""
    rows = await fetch('SELECT cameo_id, seq, hash FROM ledger_heads ORDER BY cameo_id COLLATE "C"')
    text = "\n".join(f"{row['cameo_id']} {row['seq']} {row['hash']}" for row in rows)
    return sum(row["seq"] for row in rows), hashlib.sha256(text.encode()).hexdigest()


_SELECT = "SELECT cameo_id, seq, utc_text(at) AS at, kind, body, prev, hash FROM ledger"


def _entry(row: dict[str, Any]) -> LedgerEntry:
    fields = {name: row[name] for name in LedgerEntry.__struct_fields__}
    return LedgerEntry(**{**fields, "body": msgspec.json.decode(row["body"])})


async def _check_chains() -> list[str]:
    wrong: list[str] = []
    ends: dict[str, tuple[int, str]] = {}
    place: tuple[str, int] = ("", 0)
    while True:
        rows = await fetch(
            f"{_SELECT} WHERE (cameo_id, seq) > ($1, $2) ORDER BY cameo_id, seq LIMIT $3", *place, PAGE
        )
        for row in rows:
            seq, prev = ends.get(row["cameo_id"], (0, ""))
            wrong += _check_entry(row, seq, prev)
            ends[row["cameo_id"]] = (row["seq"], row["hash"])
            place = (row["cameo_id"], row["seq"])
        if len(rows) < PAGE:
            break
    heads = await fetch("SELECT cameo_id, seq, hash FROM ledger_heads")
    known = {row["cameo_id"]: (row["seq"], row["hash"]) for row in heads}
    for cameo in sorted(known.keys() | ends.keys()):
        if known.get(cameo, (0, "")) != ends.get(cameo, (0, "")):
            wrong.append(
                f"ledger of {cameo}: it ends at seq {ends.get(cameo, (0, ''))[0]},"
                f" its head says {known.get(cameo, (0, ''))[0]}"
            )
    return wrong


def _check_entry(row: dict[str, Any], seq: int, prev: str) -> list[str]:
    name = f"ledger of {row['cameo_id']}, seq {row['seq']}"
    wrong = []
    if row["seq"] != seq + 1:
        wrong.append(f"{name}: the entry before it is missing (seq {seq + 1})")
    elif row["prev"] != prev:
        wrong.append(f"{name}: it doesn't follow the entry before it")
    if hash_of(row["cameo_id"], _entry(row)) != row["hash"]:
        wrong.append(f"{name}: it was changed")
    return wrong


async def _check_records() -> list[str]:
    wrong = []
    for kind, (table, _) in KINDS.items():
        rows = await fetch(
            f"""
            SELECT coalesce(r.id, l.fact_id) AS id, coalesce(r.cameo_id, l.cameo_id) AS cameo_id, l.seq,
                r.id IS NULL AS gone
            FROM {table} r FULL JOIN (SELECT * FROM ledger WHERE kind = '{kind}') l ON l.fact_id = r.id
            WHERE r.id IS NULL OR l.id IS NULL OR ledger_body(r) <> l.body OR r.cameo_id <> l.cameo_id
            ORDER BY 1
            """
        )
        for row in rows:
            name = f"{table} row {row['id']} of {row['cameo_id']}"
            if row["gone"]:
                wrong.append(f"{name}: it is gone, the ledger has it at seq {row['seq']}")
            elif row["seq"] is None:
                wrong.append(f"{name}: the ledger has no entry for it")
            else:
                wrong.append(f"{name}: it differs from the ledger's entry at seq {row['seq']}")
    return wrong


async def _check_heads() -> list[str]:
    """What decisions read, held against the last revision of each."""
    wrong = await fetch(
        """
        SELECT 'cameo' AS what, c.id AS name, c.id AS cameo_id FROM cameos c WHERE NOT EXISTS (
            SELECT FROM cameo_revisions r
            WHERE (r.cameo_id, r.revision, r.audience, r.status, r.restrictions, r.display_name)
                = (c.id, c.revision, c.audience, c.status, c.restrictions, c.display_name)
                AND r.reference_hash IS NOT DISTINCT FROM c.reference_hash
        ) UNION ALL
        SELECT 'grant', h.grant_id, h.cameo_id FROM grant_heads h WHERE NOT EXISTS (
            SELECT FROM grants g WHERE (g.grant_id, g.revision, g.status, g.cameo_id, g.grantee_id)
                = (h.grant_id, h.revision, h.status, h.cameo_id, h.grantee_id)
        ) OR EXISTS (SELECT FROM grants g WHERE g.grant_id = h.grant_id AND g.revision > h.revision)
        ORDER BY 1, 2
        """
    )
    return [
        f"{row['what']} {row['name']} of {row['cameo_id']}:"
        f" the {row['what']} as it counts is not its last revision"
        for row in wrong
    ]

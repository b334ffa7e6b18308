"""The registry of people and characters who never enrolled, who speaks for them, and the grants of those."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from db.engine import dumps, exists, fetch, fetch_one, transaction
from domain.ids import new_id
from domain.safety.admin import audit_log
from domain.safety.name_match import NameHit, NameKind, NameMatcher, RegistryEntry, shipped_entries
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.registry import CreateRegistryGrant, RegistryGrant, RegistryName, Role

# A rights holder's page; past it the oldest grants are read by moderators.
MAX_GRANTS = 500


class _Known(NamedTuple):
    version: tuple[object, ...]
    matcher: NameMatcher


# One matcher a process, built again when the registry has changed.
_known: list[_Known] = []


async def sync_shipped(*, now: datetime) -> None:
    """Bring the entries that come with Riffle up to date; what moderators switched off stays off."""
    for entry in shipped_entries():
        await fetch(
            """
            INSERT INTO registry_entries AS r (id, name, kind, names, handles, near, unless, origin, active,
                changed_at)
            VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb, 'shipped', true, $8)
            ON CONFLICT (id) DO UPDATE SET name = $2, kind = $3, names = $4::jsonb, handles = $5::jsonb,
                near = $6::jsonb, unless = $7::jsonb, changed_at = $8
            WHERE r.origin = 'shipped' AND (r.name, r.kind, r.names, r.handles, r.near, r.unless)
                IS DISTINCT FROM ($2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb)
            """,
            *_columns(entry),
            now,
        )


def _columns(entry: RegistryEntry) -> tuple[str, ...]:
    lists = (entry.names, entry.handles, entry.near, entry.unless)
    return (entry.id, entry.name, entry.kind.value, *(dumps(item) for item in lists))


async def matcher() -> NameMatcher:
    """Finds the active entries in texts."""
    found = await fetch_one(
        "SELECT count(*) AS n, max(changed_at) AS at, (SELECT oid FROM pg_database"
        " WHERE datname = current_database()) AS db FROM registry_entries WHERE active"
    )
    assert found is not None
    version = (found["db"], found["n"], found["at"])
    if not _known or _known[0].version != version:
        entries = await _entries("active ORDER BY id")
        # It takes some 30 ms, in which the event loop serves others.
        _known[:] = [_Known(version, await asyncio.to_thread(NameMatcher, entries))]
    return _known[0].matcher


async def without_grant(hits: Sequence[NameHit], account: str, *, now: datetime) -> list[NameHit]:
    """Those of the named entries whose side has not let `account` use them."""
    if not hits:
        return []
    granted = await fetch(
        """
        SELECT entry_id FROM registry_representatives
        WHERE account_id = $1 AND ended_at IS NULL AND entry_id = ANY ($2::text[])
        UNION SELECT entry_id FROM registry_grants
        WHERE grantee_id = $1 AND entry_id = ANY ($2::text[]) AND revoked_at IS NULL
            AND (until IS NULL OR until > $3)
        """,
        account,
        [hit.entry.id for hit in hits],
        now,
    )
    usable = {row["entry_id"] for row in granted}
    # Nobody can grant the likeness of a minor.
    return [hit for hit in hits if hit.entry.id not in usable or hit.entry.kind is NameKind.MINOR]


async def get(entry_id: str, viewer: str) -> RegistryName:
    """An entry, and whether the viewer speaks for it.

    Raises:
        RiffleError: not_found.
    """
    found = await fetch_one(
        """
        SELECT e.id, e.name, e.kind, (
            SELECT role FROM registry_representatives WHERE entry_id = e.id AND account_id = $2
                AND ended_at IS NULL
        ) AS role FROM registry_entries e WHERE e.id = $1 AND e.active
        """,
        entry_id,
        viewer,
    )
    if found is None:
        raise unknown(entry_id)
    return msgspec.convert(found, RegistryName)


async def grant(entry_id: str, account: str, request: CreateRegistryGrant, *, now: datetime) -> RegistryGrant:
    """Let somebody use a name that one speaks for.

    Raises:
        RiffleError: not_found (the entry, or the person); forbidden, for who doesn't speak for it and for
            minors; invalid_request, for an end in the past.
    """
    entry = await get(entry_id, account)
    if entry.role is None:
        raise RiffleError(Code.FORBIDDEN, "only who speaks for this name can grant its use")
    if entry.kind == NameKind.MINOR:
        raise RiffleError(Code.FORBIDDEN, "the likeness of a minor is granted to nobody")
    if request.until is not None and request.until <= now.timestamp():
        raise RiffleError(Code.INVALID_REQUEST, "until lies in the past", param="until")
    found = await fetch(
        """
        INSERT INTO registry_grants (id, entry_id, grantee_id, granted_by, until, created_at)
        SELECT $1, $2, id, $3, to_timestamp($4::float8), $5 FROM accounts WHERE handle = $6 RETURNING id
        """,
        new_id("rgrant"),
        entry_id,
        account,
        None if request.until is None else float(request.until),
        now,
        request.grantee,
    )
    if not found:
        raise RiffleError(Code.NOT_FOUND, f"nobody is called `{request.grantee}`", param="grantee")
    return (await _grants("g.id = $1", found[0]["id"]))[0]


async def grants(entry_id: str, account: str) -> list[RegistryGrant]:
    """What was granted of a name that one speaks for, newest first.

    Raises:
        RiffleError: not_found; forbidden.
    """
    if (await get(entry_id, account)).role is None:
        raise RiffleError(Code.FORBIDDEN, "only who speaks for this name can read its grants")
    return await _grants(f"g.entry_id = $1 ORDER BY g.created_at DESC, g.id LIMIT {MAX_GRANTS}", entry_id)


async def revoke(entry_id: str, grant_id: str, account: str, *, now: datetime) -> RegistryGrant:
    """Withdraw a grant, for every use from now on.

    Raises:
        RiffleError: not_found; forbidden; invalid_state, where it is withdrawn already.
    """
    if (await get(entry_id, account)).role is None:
        raise RiffleError(Code.FORBIDDEN, "only who speaks for this name can withdraw its grants")
    if not await exists("SELECT FROM registry_grants WHERE id = $1 AND entry_id = $2", grant_id, entry_id):
        raise RiffleError(Code.NOT_FOUND, f"there is no grant `{grant_id}`")
    if not await fetch(
        "UPDATE registry_grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id",
        grant_id,
        now,
    ):
        raise RiffleError(Code.INVALID_STATE, "this grant is withdrawn already")
    return (await _grants("g.id = $1", grant_id))[0]


async def entry(entry_id: str) -> RegistryEntry | None:
    """An entry as it stands, switched off or not."""
    rows = await _entries("id = $1", entry_id)
    return rows[0] if rows else None


async def _entries(where: str, *args: object) -> list[RegistryEntry]:
    rows = await fetch(
        f"SELECT id, name, kind, names, handles, near, unless FROM registry_entries WHERE {where}", *args
    )
    for row in rows:
        for name in ("names", "handles", "near", "unless"):
            row[name] = msgspec.json.decode(row[name])
    return msgspec.convert(rows, list[RegistryEntry])


async def put_entry(entry: RegistryEntry, actor: str, *, now: datetime) -> None:
    """A moderator adds or replaces an entry."""
    async with transaction():
        await fetch(
            """
            INSERT INTO registry_entries (id, name, kind, names, handles, near, unless, origin, active,
                changed_at)
            VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb, 'added', true, $8)
            ON CONFLICT (id) DO UPDATE SET name = $2, kind = $3, names = $4::jsonb, handles = $5::jsonb,
                near = $6::jsonb, unless = $7::jsonb, origin = 'added', active = true, changed_at = $8
            """,
            *_columns(entry),
            now,
        )
        await audit_log.record(actor, "registry.put", entry.id, entry=msgspec.to_builtins(entry), now=now)


async def set_active(entry_id: str, active: bool, actor: str, *, now: datetime) -> None:
    """A moderator switches an entry on or off.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        changed = await fetch(
            "UPDATE registry_entries SET active = $2, changed_at = $3 WHERE id = $1 RETURNING id",
            entry_id,
            active,
            now,
        )
        if not changed:
            raise unknown(entry_id)
        await audit_log.record(actor, "registry.on" if active else "registry.off", entry_id, now=now)


async def set_representative(
    entry_id: str, handle: str, role: Role | None, actor: str, *, now: datetime
) -> None:
    """A moderator says who speaks for an entry; `role` None ends it.

    Raises:
        RiffleError: not_found (the entry or the person).
    """
    async with transaction():
        if not await exists("SELECT FROM registry_entries WHERE id = $1", entry_id):
            raise unknown(entry_id)
        person = await fetch_one("SELECT id FROM accounts WHERE handle = $1", handle)
        if person is None:
            raise RiffleError(Code.NOT_FOUND, f"nobody is called `{handle}`", param="handle")
        await fetch(
            """
            UPDATE registry_representatives SET ended_at = $3
            WHERE entry_id = $1 AND account_id = $2 AND ended_at IS NULL
            """,
            entry_id,
            person["id"],
            now,
        )
        if role is not None:
            await fetch(
                """
                INSERT INTO registry_representatives (id, entry_id, account_id, role, since)
                VALUES ($1, $2, $3, $4, $5)
                """,
                new_id("speaker"),
                entry_id,
                person["id"],
                role.value,
                now,
            )
        await audit_log.record(actor, "registry.representative", entry_id, handle=handle, role=role, now=now)


async def _grants(where: str, *args: object) -> list[RegistryGrant]:
    rows = await fetch(
        f"""
        SELECT g.id, g.entry_id, a.handle AS grantee, g.until, g.created_at, g.revoked_at
        FROM registry_grants g JOIN accounts a ON a.id = g.grantee_id WHERE {where}
        """,
        *args,
    )
    for row in rows:
        for name in ("until", "created_at", "revoked_at"):
            row[name] = None if row[name] is None else unix_seconds(row[name])
    return msgspec.convert(rows, list[RegistryGrant])


def unknown(entry_id: str) -> RiffleError:
    """The error for an entry that is not there."""
    return RiffleError(Code.NOT_FOUND, f"there is no registry entry `{entry_id}`")

"""Events are stored with ids; their words are read where they stand when the event is.

So what is deleted is in no event any more, and a stream needs no second deletion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from db.engine import fetch, fetch_one
from schemas.base import unix_seconds
from schemas.cameos import Grant
from schemas.events import (
    CameoAccepted,
    CameoCopied,
    CameoRefused,
    CameoRequested,
    CameoRevoked,
    CameoUsed,
    EventName,
    Payload,
    PostRemixed,
)

_OF_GRANTS = frozenset(
    {
        EventName.CAMEO_REQUESTED,
        EventName.CAMEO_ACCEPTED,
        EventName.CAMEO_REFUSED,
        EventName.CAMEO_REVOKED,
    }
)
_WORDS = frozenset({"cameo_name", "by", "prompt"})


async def to_stored(payload: Payload) -> dict[str, Any]:
    """What is kept of a payload: everything but words."""
    if isinstance(payload, CameoRequested | CameoAccepted | CameoRefused | CameoRevoked):
        return {"grant_id": payload.grant.id, "revision": payload.grant.revision}
    found: dict[str, Any] = msgspec.to_builtins(payload)
    if isinstance(payload, CameoUsed | PostRemixed):
        return {name: value for name, value in found.items() if name not in _WORDS}
    if isinstance(payload, CameoCopied):
        who = await fetch_one("SELECT id FROM accounts WHERE handle = $1", payload.by)
        assert who is not None
        return {name: value for name, value in found.items() if name not in _WORDS} | {"by_id": who["id"]}
    return found


async def with_words(stored: Sequence[tuple[EventName, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The data of events as phones get it, from what is stored; a word that is gone is empty."""
    grants = await _grants([data for name, data in stored if name in _OF_GRANTS])
    used = [data for name, data in stored if name is EventName.CAMEO_USED]
    remixed = [data["video_id"] for name, data in stored if name is EventName.POST_REMIXED]
    videos = await _videos([*remixed, *(data["video_ids"][0] for data in used)])
    copied = [data for name, data in stored if name is EventName.CAMEO_COPIED]
    names = await _cameo_names([data["cameo_id"] for data in (*used, *copied)])
    handles = await _handles([data["by_id"] for data in copied])
    found: list[dict[str, Any]] = []
    for name, data in stored:
        if name in _OF_GRANTS:
            found.append({"grant": grants[data["grant_id"], data["revision"]]})
        elif name is EventName.CAMEO_USED:
            by, prompt = videos[data["video_ids"][0]]
            found.append({**data, "cameo_name": names[data["cameo_id"]], "by": by, "prompt": prompt})
        elif name is EventName.CAMEO_COPIED:
            kept = {field: value for field, value in data.items() if field != "by_id"}
            found.append({**kept, "cameo_name": names[data["cameo_id"]], "by": handles[data["by_id"]]})
        elif name is EventName.POST_REMIXED:
            found.append({**data, "by": videos[data["video_id"]][0]})
        else:
            found.append(data)
    return found


async def _grants(wanted: Sequence[dict[str, Any]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Consent records at the revision that an event tells of, in their wire form."""
    if not wanted:
        return {}
    rows = await fetch(
        """
        SELECT g.grant_id AS id, g.revision, g.cameo_id, c.display_name AS cameo_name, a.handle AS grantee,
            g.status, h.requested_at AS created_at, g.policy_version,
            CASE WHEN a.deleted_at IS NULL THEN g.scope ELSE g.scope - 'prompt' END AS scope,
            CASE WHEN a.deleted_at IS NULL THEN g.message END AS message
        FROM unnest($1::text[], $2::integer[]) AS asked(grant_id, revision)
        JOIN grants g USING (grant_id, revision) JOIN grant_heads h USING (grant_id)
        JOIN cameos c ON c.id = g.cameo_id JOIN accounts a ON a.id = g.grantee_id
        """,
        [data["grant_id"] for data in wanted],
        [data["revision"] for data in wanted],
    )
    found = {}
    for row in rows:
        row["scope"] = msgspec.json.decode(row["scope"])
        row["created_at"] = unix_seconds(row["created_at"])
        row["expires_at"] = row["scope"].get("until")
        grant = msgspec.convert(row, Grant)
        found[grant.id, grant.revision] = msgspec.to_builtins(grant)
    return found


async def _videos(ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The maker's handle and the prompt of videos."""
    if not ids:
        return {}
    rows = await fetch(
        """
        SELECT v.id, a.handle, CASE WHEN withdrawal_of(v.id) IS DISTINCT FROM 'tombstone' THEN v.prompt
            ELSE '' END AS prompt
        FROM videos v JOIN accounts a ON a.id = v.account_id WHERE v.id = ANY ($1::text[])
        """,
        list(ids),
    )
    return {row["id"]: (row["handle"], row["prompt"]) for row in rows}


async def _handles(ids: Sequence[str]) -> dict[str, str]:
    if not ids:
        return {}
    rows = await fetch("SELECT id, handle FROM accounts WHERE id = ANY ($1::text[])", list(ids))
    return {row["id"]: row["handle"] for row in rows}


async def _cameo_names(ids: Sequence[str]) -> dict[str, str]:
    if not ids:
        return {}
    rows = await fetch("SELECT id, display_name FROM cameos WHERE id = ANY ($1::text[])", list(ids))
    return {row["id"]: row["display_name"] for row in rows}

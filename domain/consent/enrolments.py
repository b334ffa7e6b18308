"""Enrolment: challenges, the sealed proofs that answer them, and what moderators made of those."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, get_args

import msgspec

from db.engine import dumps, exists, fetch, fetch_one, transaction
from domain import media_keys
from domain.ids import new_id
from domain.rate_limits import DAY, check_rate
from domain.safety.admin import audit_log
from domain.safety.hash_distance import NEAR_BITS, bands
from schemas.base import unix_seconds
from schemas.enrolment import Challenge, Proof, ProofCheck, ProofStatus, Turn
from schemas.errors import Code, RiffleError

# Time to read it, start the camera and send a clip; too short to have one made.
CHALLENGE_LIFE = timedelta(minutes=10)
DIGITS = 6
TURN_COUNT = 3
# 10**6 digits x 4**3 turns: with 20 tries a day a clip made beforehand fits once in 8,000 years.
CHALLENGES_PER_DAY = 20
MAX_LISTED = 50


class OpenChallenge(NamedTuple):
    """A challenge that waits for its proof."""

    id: str
    digits: str
    turns: list[str]
    created_at: datetime


async def new_challenge(cameo_id: str, account: str, *, now: datetime) -> Challenge:
    """A new challenge for an own cameo; earlier ones stop working.

    Raises:
        RiffleError: not_found; invalid_state, where the cameo is revoked; rate_limited.
    """
    async with transaction():
        await _lock_own_cameo(cameo_id, account)
        await check_rate(
            "challenges",
            "challenges WHERE cameo_id = $1",
            cameo_id,
            limit=CHALLENGES_PER_DAY,
            window=DAY,
            now=now,
        )
        await fetch(
            """
            UPDATE challenges SET expires_at = $2
            WHERE cameo_id = $1 AND used_at IS NULL AND expires_at > $2
            """,
            cameo_id,
            now,
        )
        made = Challenge(
            id=new_id("challenge"),
            digits="".join(str(secrets.randbelow(10)) for _ in range(DIGITS)),
            turns=[secrets.choice(get_args(Turn)) for _ in range(TURN_COUNT)],
            expires_at=unix_seconds(now + CHALLENGE_LIFE),
        )
        await fetch(
            """
            INSERT INTO challenges (id, cameo_id, digits, turns, created_at, expires_at)
            VALUES ($1, $2, $3, $4::jsonb, $5, to_timestamp($6))
            """,
            made.id,
            cameo_id,
            made.digits,
            dumps(made.turns),
            now,
            float(made.expires_at),
        )
        return made


async def open_challenge(cameo_id: str, account: str, *, now: datetime) -> OpenChallenge:
    """The challenge of an own cameo that a proof can answer now.

    Raises:
        RiffleError: not_found; invalid_state, where the cameo is revoked or no challenge is open.
    """
    await _lock_own_cameo(cameo_id, account)
    found = await fetch_one(
        """
        SELECT id, digits, turns, created_at FROM challenges
        WHERE cameo_id = $1 AND used_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id LIMIT 1
        """,
        cameo_id,
        now,
    )
    if found is None:
        raise RiffleError(
            Code.INVALID_STATE, "no challenge is open: POST /v1/cameos/{id}/challenge makes one"
        )
    return OpenChallenge(**{**found, "turns": msgspec.json.decode(found["turns"])})


async def standing_challenge(cameo_id: str, *, now: datetime) -> Challenge | None:
    """The challenge of a cameo that a proof can answer now, as it was given; None where there is none."""
    found = await fetch_one(
        """
        SELECT id, digits, turns, expires_at FROM challenges
        WHERE cameo_id = $1 AND used_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id LIMIT 1
        """,
        cameo_id,
        now,
    )
    if found is None:
        return None
    return Challenge(
        id=found["id"],
        digits=found["digits"],
        turns=msgspec.json.decode(found["turns"]),
        expires_at=unix_seconds(found["expires_at"]),
    )


async def is_copy(*hashes: str) -> bool:
    """Whether a proof looks like an earlier one, of whatever cameo."""
    for bits in hashes:
        if await exists(
            """
            SELECT FROM proofs WHERE bands && $1::integer[]
                AND bit_count(hash::bit(256) # $2::text::bit(256)) <= $3
            """,
            bands(bits),
            bits,
            NEAR_BITS,
        ):
            return True
    return False


async def add_proof(
    proof_id: str,
    cameo_id: str,
    account: str,
    challenge_id: str,
    key: str,
    bits: str,
    checks: list[ProofCheck],
    *,
    now: datetime,
) -> Proof:
    """Keep a proof that passed what can be checked, for a moderator to decide on. Uses its challenge up.

    Raises:
        RiffleError: not_found; invalid_state, where meanwhile the cameo was revoked, or the challenge was
            answered or ran out.
        ReservationLost: storing it took too long.
    """
    async with transaction():
        await _lock_own_cameo(cameo_id, account)
        used = await fetch(
            """
            UPDATE challenges SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2
            RETURNING id
            """,
            challenge_id,
            now,
        )
        if not used:
            raise RiffleError(Code.INVALID_STATE, "this challenge was answered already, or ran out")
        await media_keys.keep([key])
        await fetch(
            """
            INSERT INTO proofs
                (id, cameo_id, challenge_id, media_key, hash, bands, checks, status, created_at)
            VALUES ($1, $2, $3, $4, $5, $6::integer[], $7::jsonb, 'in_review', $8)
            """,
            proof_id,
            cameo_id,
            challenge_id,
            key,
            bits,
            bands(bits),
            dumps(checks),
            now,
        )
        return (await _proofs("id = $1", proof_id))[0]


async def proofs(cameo_id: str, account: str) -> list[Proof]:
    """The proofs of an own cameo, newest first.

    Raises:
        RiffleError: not_found.
    """
    await _lock_own_cameo(cameo_id, account, revoked=True)
    return await _proofs(f"cameo_id = $1 ORDER BY created_at DESC, id LIMIT {MAX_LISTED}", cameo_id)


async def unproven(cameo_ids: Sequence[str], owner: str | None = None) -> list[str]:
    """Those of the cameos that no verified proof stands behind; of `owner` none are named."""
    rows = await fetch(
        """
        SELECT c.id FROM cameos c WHERE c.id = ANY ($1::text[]) AND c.account_id IS DISTINCT FROM $2
            AND NOT EXISTS (SELECT FROM proofs p WHERE p.cameo_id = c.id AND p.status = 'verified')
        ORDER BY c.id
        """,
        list(cameo_ids),
        owner,
    )
    return [row["id"] for row in rows]


async def sealed_key(proof_id: str, actor: str, *, now: datetime) -> str:
    """Where the sealed clip of a proof lies, for a moderator; the view goes into the audit log.

    Raises:
        RiffleError: not_found; gone, where its clip is deleted.
    """
    async with transaction():
        found = await fetch_one("SELECT media_key FROM proofs WHERE id = $1", proof_id)
        if found is None:
            raise RiffleError(Code.NOT_FOUND, f"there is no proof `{proof_id}`")
        if found["media_key"] is None:
            raise RiffleError(Code.GONE, f"the clip of proof `{proof_id}` is deleted")
        await audit_log.record(actor, "proof.seen", proof_id, now=now)
        return str(found["media_key"])


async def decide(proof_id: str, status: ProofStatus, note: str, actor: str, *, now: datetime) -> None:
    """A moderator verifies or rejects a proof; a verified one may be rejected later.

    Raises:
        RiffleError: not_found, where there is no such proof that could become that.
    """
    async with transaction():
        changed = await fetch(
            """
            UPDATE proofs SET status = $2, decided_at = $3, decided_by = $4, note = $5
            WHERE id = $1 AND (status, $2) IN (
                ('in_review', 'verified'), ('in_review', 'rejected'), ('verified', 'rejected')
            ) RETURNING id
            """,
            proof_id,
            status,
            now,
            actor,
            note,
        )
        if not changed:
            raise RiffleError(Code.NOT_FOUND, f"there is no proof `{proof_id}` that could become {status}")
        await audit_log.record(actor, f"proof.{status}", proof_id, note=note, now=now)


async def _lock_own_cameo(cameo_id: str, account: str, *, revoked: bool = False) -> None:
    found = await fetch_one(
        "SELECT status FROM cameos WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE", cameo_id, account
    )
    if found is None:
        raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo_id}`")
    if found["status"] == "revoked" and not revoked:
        raise RiffleError(Code.INVALID_STATE, "the cameo is revoked")


async def _proofs(where: str, *args: object) -> list[Proof]:
    rows = await fetch(
        f"SELECT id, cameo_id, status, checks, created_at, decided_at, note FROM proofs WHERE {where}", *args
    )
    for row in rows:
        row["checks"] = msgspec.json.decode(row["checks"])
        for name in ("created_at", "decided_at"):
            row[name] = None if row[name] is None else unix_seconds(row[name])
    return msgspec.convert(rows, list[Proof])

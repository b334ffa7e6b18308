"""Tickets to the socket: single use, stored only as SHA-256 hashes, worth nothing once their session ends."""

from __future__ import annotations

import secrets

import msgspec

from db.engine import fetch, fetch_one
from domain.accounts.sessions import token_hash

# From the reply to hello on the socket, over a slow radio.
TICKET_S = 30


class Admission(msgspec.Struct, kw_only=True, frozen=True):
    """Whom a ticket lets in, and the session that it came from."""

    account_id: str
    session_id: str


async def issue_ticket(session_id: str) -> str:
    """A ticket to the socket: single use, good for TICKET_S by the database's clock.

    The gateway that redeems it may run on another machine.
    """
    ticket = f"rt_{secrets.token_urlsafe(32)}"
    await fetch(
        """
        WITH old AS (DELETE FROM tickets WHERE session_id = $2 AND expires_at <= clock_timestamp())
        INSERT INTO tickets (hash, session_id, expires_at)
        VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
        """,
        token_hash(ticket),
        session_id,
        TICKET_S,
    )
    return ticket


async def redeem_ticket(ticket: str) -> Admission | None:
    """Whom a ticket lets in, which uses it up; None where it isn't good, or its session has ended."""
    found = await fetch_one(
        """
        WITH used AS (DELETE FROM tickets WHERE hash = $1 RETURNING session_id, expires_at)
        SELECT s.account_id, s.id AS session_id FROM used JOIN sessions s ON s.id = used.session_id
        WHERE used.expires_at > clock_timestamp() AND s.revoked_at IS NULL
        """,
        token_hash(ticket),
    )
    return None if found is None else msgspec.convert(found, Admission)

"""Who may moderate: made at the command line, apart from people's accounts."""

from __future__ import annotations

import secrets
from datetime import datetime

from db.engine import exists, fetch, transaction
from db.tables.safety import ModeratorTable
from domain.safety.admin import audit_log
from schemas.errors import Code, RiffleError

# 32 letters of base64 hold 192 random bits.
PASSWORD_BYTES = 24


async def add(username: str, *, superuser: bool, now: datetime) -> str:
    """Make a moderator; the answer is their password, which is kept nowhere.

    Raises:
        RiffleError: invalid_request, for a name that can't be; conflict, where it is taken.
    """
    if not 3 <= len(username) <= 60 or not username.isprintable() or " " in username:
        raise RiffleError(Code.INVALID_REQUEST, "a moderator's name takes 3 to 60 characters without spaces")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    async with transaction():
        if await exists("SELECT FROM moderators WHERE username = $1", username):
            raise RiffleError(Code.CONFLICT, f"there is a moderator `{username}` already")
        await fetch(
            """
            INSERT INTO moderators (username, password, email, active, admin, superuser)
            VALUES ($1, $2, $3, true, true, $4)
            """,
            username,
            ModeratorTable.hash_password(password),
            # Piccolo's table wants one address each; no mail is ever sent.
            f"{username}@localhost",
            superuser,
        )
        role = "superuser" if superuser else "moderator"
        await audit_log.record("command line", "moderator.added", username, role=role, now=now)
    return password


async def remove(username: str, *, now: datetime) -> None:
    """End a moderator's access, sign-ins too; what they did stays in the audit log.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        found = await fetch(
            """
            UPDATE moderators SET active = false, admin = false, superuser = false, password = $2
            WHERE username = $1 RETURNING id
            """,
            username,
            # A password that nobody knows.
            ModeratorTable.hash_password(secrets.token_urlsafe(PASSWORD_BYTES)),
        )
        if not found:
            raise RiffleError(Code.NOT_FOUND, f"there is no moderator `{username}`")
        await fetch("DELETE FROM moderator_sessions WHERE user_id = $1", found[0]["id"])
        await audit_log.record("command line", "moderator.removed", username, now=now)

"""Accounts: made, and found by handle or id."""

from __future__ import annotations

from datetime import datetime

import msgspec

from db.engine import fetch, fetch_one
from domain.ids import new_id
from domain.videos.pricing import START_CREDITS
from schemas.accounts import Account
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError


class AccountRow(msgspec.Struct, kw_only=True, frozen=True):
    """A person, with the hash that only sign-in compares."""

    id: str
    handle: str
    display_name: str
    password_hash: str
    demo: bool
    created_at: datetime


COLUMNS = "a.id, a.handle, a.display_name, a.password_hash, a.demo, a.created_at"


def to_account(row: AccountRow) -> Account:
    """The account as others see it."""
    return Account(
        id=row.id,
        handle=row.handle,
        display_name=row.display_name,
        created_at=unix_seconds(row.created_at),
        demo=row.demo,
    )


async def create(
    *, handle: str, display_name: str, password_hash: str, demo: bool, now: datetime
) -> AccountRow:
    """A new account with its first credits.

    Raises:
        RiffleError: handle_taken.
    """
    row = AccountRow(
        id=new_id("acct"),
        handle=handle,
        display_name=display_name,
        password_hash=password_hash,
        demo=demo,
        created_at=now,
    )
    made = await fetch(
        """
        WITH made AS (
            INSERT INTO accounts (id, handle, display_name, password_hash, demo, balance, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (handle) DO NOTHING RETURNING id
        )
        INSERT INTO credit_entries (account_id, kind, amount, at)
        SELECT id, 'start', $6, $7 FROM made RETURNING id
        """,
        row.id,
        handle,
        display_name,
        password_hash,
        demo,
        START_CREDITS,
        now,
    )
    if not made:
        raise RiffleError(Code.HANDLE_TAKEN, f"`{handle}` is taken", param="handle")
    return row


async def by_handle(handle: str) -> AccountRow | None:
    """The account of a handle."""
    return _row(await fetch_one(f"SELECT {COLUMNS} FROM accounts a WHERE a.handle = $1", handle))


async def by_id(account_id: str) -> AccountRow | None:
    """The account of an id."""
    return _row(await fetch_one(f"SELECT {COLUMNS} FROM accounts a WHERE a.id = $1", account_id))


def _row(found: dict[str, object] | None) -> AccountRow | None:
    return None if found is None else msgspec.convert(found, AccountRow)

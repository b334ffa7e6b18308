"""Accounts: made, and found by handle or id."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime

import msgspec

from db.engine import fetch, fetch_one, transaction
from domain.ids import new_id
from domain.videos.pricing import START_CREDITS
from schemas.accounts import Account, AgeBracket
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.shown_text import is_invisible


class AccountRow(msgspec.Struct, kw_only=True, frozen=True):
    """A person, with the hash that only sign-in compares."""

    id: str
    handle: str
    display_name: str
    password_hash: str
    demo: bool
    created_at: datetime
    age_bracket: AgeBracket


COLUMNS = "a.id, a.handle, a.display_name, a.password_hash, a.demo, a.created_at, a.age_bracket"


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
    *,
    handle: str,
    display_name: str,
    password_hash: str,
    demo: bool,
    age_bracket: AgeBracket = AgeBracket.UNDECLARED,
    start_credits: int = START_CREDITS,
    now: datetime,
) -> AccountRow:
    """A new account with its first credits. The handle of one that was deleted stays taken.

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
        age_bracket=age_bracket,
    )
    made = await fetch(
        """
        WITH made AS (
            INSERT INTO accounts
                (id, handle, display_name, password_hash, demo, balance, created_at, age_bracket)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (
                SELECT FROM accounts WHERE retired_hash = $9
            ) ON CONFLICT (handle) DO NOTHING RETURNING id
        ), entry AS (
            INSERT INTO credit_entries (account_id, kind, amount, at)
            SELECT id, 'start', $6, $7 FROM made WHERE $6 > 0
        )
        SELECT id FROM made
        """,
        row.id,
        handle,
        display_name,
        password_hash,
        demo,
        start_credits,
        now,
        age_bracket.value,
        retired_hash(handle),
    )
    if not made:
        raise RiffleError(Code.HANDLE_TAKEN, f"`{handle}` is taken", param="handle")
    return row


async def change(account_id: str, display_name: str | None, age_bracket: AgeBracket | None) -> AccountRow:
    """Change an account; what is None stays. An age is said once: only an undeclared one can be given.

    Raises:
        RiffleError: invalid_state, where another age was declared.
    """
    async with transaction():
        before = await by_id(account_id, lock=True)
        assert before is not None
        if age_bracket not in (None, before.age_bracket) and before.age_bracket is not AgeBracket.UNDECLARED:
            raise RiffleError(
                Code.INVALID_STATE, "the age of this account was declared already", param="age_bracket"
            )
        await fetch(
            """
            UPDATE accounts SET display_name = coalesce($2, display_name),
                age_bracket = coalesce($3, age_bracket) WHERE id = $1
            """,
            account_id,
            display_name,
            None if age_bracket is None else age_bracket.value,
        )
        after = await by_id(account_id)
        assert after is not None
        return after


def retired_hash(handle: str) -> str:
    """What is kept of the handle of a deleted account."""
    return hashlib.sha256(handle.encode()).hexdigest()


async def by_handle(handle: str) -> AccountRow | None:
    """The account of a handle, as a person may type it: in capitals, with space around it."""
    return _row(
        await fetch_one(
            f"SELECT {COLUMNS} FROM accounts a WHERE a.handle = $1 AND a.deleted_at IS NULL", fold(handle)
        )
    )


def fold(handle: str) -> str:
    """A handle as it is stored, from what a person or a keyboard makes of it, or as it is shown: `@ada`."""
    seen = "".join(char for char in unicodedata.normalize("NFKC", handle) if not is_invisible(char))
    return seen.strip().removeprefix("@").lower()


async def by_id(account_id: str, *, lock: bool = False) -> AccountRow | None:
    """The account of an id, deleted or not; with `lock`, locked until the transaction ends."""
    locked = "FOR NO KEY UPDATE" if lock else ""
    return _row(await fetch_one(f"SELECT {COLUMNS} FROM accounts a WHERE a.id = $1 {locked}", account_id))


def _row(found: dict[str, object] | None) -> AccountRow | None:
    return None if found is None else msgspec.convert(found, AccountRow)

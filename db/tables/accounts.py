"""People, their sign-ins, whom they follow or block, and answers kept by key."""

from __future__ import annotations

from typing import Any

from piccolo.columns import BigSerial, Boolean, Bytea, ForeignKey, Integer, SmallInt, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE


class AccountTable(Table, tablename="accounts", db=ENGINE):
    """A person. `balance` is what can be spent; it equals the sum of the account's credit entries.

    Of one that was deleted a row without words stays; `retired_hash` is the SHA-256 of its handle.
    """

    id = Text(primary_key=True)
    handle = Text()
    display_name = Text()
    password_hash = Text()
    demo = Boolean()
    balance = Integer()
    created_at = Timestamptz()
    age_bracket = Text()
    deleted_at = Timestamptz(null=True)
    retired_hash = Text(null=True)


class ErasureTable(Table, tablename="erasures", db=ENGINE):
    """How far the deletion of an account has come: the steps are those of domain.accounts.erasure."""

    account_id: ForeignKey[Any] = ForeignKey(AccountTable, null=False, primary_key=True)
    step = SmallInt()
    began_at = Timestamptz()
    retry_at = Timestamptz(null=True)
    ended_at = Timestamptz(null=True)


class SessionTable(Table, tablename="sessions", db=ENGINE):
    """A sign-in: the family of every token that was rotated out of it. A trigger announces its end."""

    id = Text(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True)
    device = Text()
    refreshed_at = Timestamptz()


class TokenTable(Table, tablename="tokens", db=ENGINE):
    """An access or refresh token by its SHA-256; a used refresh token is kept to notice its reuse.

    `salt` is what its successors are derived with, for as long as they may be asked for again.
    """

    hash = Text(primary_key=True)
    session_id = ForeignKey(SessionTable, null=False)
    kind = Text()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True)
    salt = Bytea(null=True)


class TicketTable(Table, tablename="tickets", db=ENGINE):
    """A single-use entry to the socket for a session, by its SHA-256."""

    hash = Text(primary_key=True)
    session_id = ForeignKey(SessionTable, null=False)
    expires_at = Timestamptz()


class FollowTable(Table, tablename="follows", db=ENGINE):
    """`follower_id` sees `followed_id` in the following cut."""

    id = BigSerial(primary_key=True)
    follower_id = ForeignKey(AccountTable, null=False)
    followed_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()


class BlockTable(Table, tablename="blocks", db=ENGINE):
    """`blocker_id` keeps `blocked_id` out."""

    id = BigSerial(primary_key=True)
    blocker_id = ForeignKey(AccountTable, null=False)
    blocked_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()


class IdempotencyTable(Table, tablename="idempotency", db=ENGINE):
    """What a request that carried a key has made."""

    id = BigSerial(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    key = Text()
    route = Text()
    body_hash = Text()
    made_id = Text()
    created_at = Timestamptz()

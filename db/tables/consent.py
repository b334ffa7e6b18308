"""Cameos, grants, receipts, revocations, and the ledger over all of them."""

from __future__ import annotations

from typing import Any

from piccolo.columns import JSONB, BigInt, BigSerial, ForeignKey, Integer, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.accounts import AccountTable
from db.tables.videos import VideoTable


class CameoTable(Table, tablename="cameos", db=ENGINE):
    """A likeness profile at its latest revision."""

    id = Text(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    handle = Text()
    display_name = Text()
    audience = Text()
    status = Text()
    restrictions = JSONB()
    revision = Integer()
    created_at = Timestamptz()
    reference_key = Text(null=True)
    reference_hash = Text(null=True)


class CameoRevisionTable(Table, tablename="cameo_revisions", db=ENGINE):
    """What a cameo was, from `at` until the next revision. Append-only."""

    id = BigSerial(primary_key=True)
    cameo_id = ForeignKey(CameoTable, null=False)
    revision = Integer()
    display_name = Text()
    audience = Text()
    status = Text()
    restrictions = JSONB()
    at = Timestamptz()
    reference_hash = Text(null=True)


class GrantTable(Table, tablename="grants", db=ENGINE):
    """One revision of a consent record. Append-only; a trigger keeps `grant_heads`."""

    id = BigSerial(primary_key=True)
    grant_id = Text()
    revision = Integer()
    cameo_id = ForeignKey(CameoTable, null=False)
    grantee_id = ForeignKey(AccountTable, null=False)
    status = Text()
    scope = JSONB()
    message = Text(null=True)
    actor_id = ForeignKey(AccountTable, null=True)
    at = Timestamptz()
    policy_version = Integer()
    mode = Text(null=True)


class GrantHeadTable(Table, tablename="grant_heads", db=ENGINE):
    """The latest revision of each consent record, kept by a trigger that knows the legal edges."""

    grant_id = Text(primary_key=True)
    cameo_id = ForeignKey(CameoTable, null=False)
    grantee_id = ForeignKey(AccountTable, null=False)
    status = Text()
    revision = Integer()
    requested_at = Timestamptz()
    changed_at = Timestamptz()


class ReceiptTable(Table, tablename="receipts", db=ENGINE):
    """What was permitted, pinned to a video. Append-only."""

    id = BigSerial(primary_key=True)
    video_id = ForeignKey(VideoTable, null=False)
    cameo_id = ForeignKey(CameoTable, null=False)
    grant_id = ForeignKey(GrantHeadTable, null=True)
    revision = Integer()
    policy_version = Integer()
    at = Timestamptz()
    action = Text()


class RevocationTable(Table, tablename="revocations", db=ENGINE):
    """Consent taken back: from one person, under one grant, of one video, or (none named) altogether.

    Append-only; its id comes from the sequence of the receipts, so that the two have one order.
    """

    id = BigSerial(primary_key=True)
    cameo_id = ForeignKey(CameoTable, null=False)
    grantee_id = ForeignKey(AccountTable, null=True)
    grant_id = ForeignKey(GrantHeadTable, null=True)
    video_id = ForeignKey(VideoTable, null=True)
    mode = Text()
    actor_id = ForeignKey(AccountTable, null=False)
    at = Timestamptz()


class CascadeTable(Table, tablename="cascades", db=ENGINE):
    """How far the carrying out of a revocation has come: `cursor` is the last video reached by lineage."""

    revocation_id = BigInt(primary_key=True)
    cursor = Text()
    reached = Integer()
    began_at = Timestamptz()
    ended_at = Timestamptz(null=True)
    retry_at = Timestamptz(null=True)


class LedgerTable(Table, tablename="ledger", db=ENGINE):
    """One entry of a cameo's hash chain, about the fact `fact_id` of its kind. Append-only, by triggers."""

    id = BigSerial(primary_key=True)
    cameo_id = ForeignKey(CameoTable, null=False)
    seq = BigInt()
    kind = Text()
    fact_id = BigInt()
    at = Timestamptz()
    body = JSONB()
    prev = Text()
    hash = Text()


class LedgerHeadTable(Table, tablename="ledger_heads", db=ENGINE):
    """The end of each chain; its row lock numbers the entries."""

    cameo_id: ForeignKey[Any] = ForeignKey(CameoTable, null=False, primary_key=True)
    seq = BigInt()
    hash = Text()


class TextVerdictTable(Table, tablename="text_verdicts", db=ENGINE):
    """Which restriction of a cameo the words of one video break: `reason`, empty for none.

    It counts for `revision` of the cameo, words with this `digest`, and `lists` of words of this version.
    """

    id = BigSerial(primary_key=True)
    video_id = ForeignKey(VideoTable, null=False)
    cameo_id = ForeignKey(CameoTable, null=False)
    revision = Integer()
    digest = Text()
    lists = Text()
    reason = Text()

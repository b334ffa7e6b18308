"""Every table as Piccolo sees it. Constraints, indexes and triggers stand in the migrations."""

from __future__ import annotations

from typing import Any

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    DoublePrecision,
    ForeignKey,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.table import Table

from db.engine import ENGINE


class AccountTable(Table, tablename="accounts", db=ENGINE):
    """A person. `balance` is what can be spent; it equals the sum of the account's credit entries."""

    id = Text(primary_key=True)
    handle = Text()
    display_name = Text()
    password_hash = Text()
    demo = Boolean()
    balance = Integer()
    created_at = Timestamptz()


class SessionTable(Table, tablename="sessions", db=ENGINE):
    """A sign-in: the family of every token that was rotated out of it."""

    id = Text(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True)


class TokenTable(Table, tablename="tokens", db=ENGINE):
    """An access or refresh token by its SHA-256; a used refresh token is kept to notice its reuse."""

    hash = Text(primary_key=True)
    session_id = ForeignKey(SessionTable, null=False)
    kind = Text()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True)


class TicketTable(Table, tablename="tickets", db=ENGINE):
    """A single-use entry to the socket, by its SHA-256."""

    hash = Text(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
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
    """The answer to a request that carried a key."""

    id = BigSerial(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    key = Text()
    route = Text()
    body_hash = Text()
    status = SmallInt()
    body = Bytea()
    created_at = Timestamptz()


class VideoTable(Table, tablename="videos", db=ENGINE):
    """A generation. `attempt`, `worker`, `lease_until` are its lease; keys name media objects.

    `sealed` is the prompt of one that is gone, kept for what was made from it and shown to nobody; `trend_id`
    is the trend that it was made from; `remixed` says whether a remix is anywhere in its making; `withheld`
    is what a cascade (`withheld_by` names its revocation) has done to it.
    """

    id = Text(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    swarm_id = Text()
    swarm_index = SmallInt()
    tier = Text()
    status = Text()
    model = Text()
    prompt = Text()
    recipe = JSONB()
    source = JSONB(null=True)
    relation = Text(null=True)
    cameos = Array(base_column=Text())
    price = Integer()
    progress = SmallInt()
    attempt = Integer()
    worker = Text(null=True)
    lease_until = Timestamptz(null=True)
    created_at = Timestamptz()
    started_at = Timestamptz(null=True)
    ended_at = Timestamptz(null=True)
    error_code = Text(null=True)
    error_message = Text(null=True)
    cpu_seconds = DoublePrecision(null=True)
    fidelity = DoublePrecision(null=True)
    video_key = Text(null=True)
    thumbnail_key = Text(null=True)
    spritesheet_key = Text(null=True)
    latents_key = Text(null=True)
    post_id = Text(null=True)
    deleted_at = Timestamptz(null=True)
    sealed = Text(null=True)
    remixed = Boolean()
    trend_id = Text(null=True)
    media_hash = Text(null=True)
    withheld = Text(null=True)
    withheld_at = Timestamptz(null=True)
    withheld_by = BigInt(null=True)


class AncestorTable(Table, tablename="ancestors", db=ENGINE):
    """`video_id` comes from `ancestor_id`, by whatever way; each video is its own. Kept by triggers."""

    id = BigSerial(primary_key=True)
    video_id = ForeignKey(VideoTable, null=False)
    ancestor_id = ForeignKey(VideoTable, null=False)


class SourceEdgeTable(Table, tablename="sources", db=ENGINE):
    """`child_id` was made from `parent_id`, its source number `position`."""

    id = BigSerial(primary_key=True)
    child_id = ForeignKey(VideoTable, null=False)
    parent_id = ForeignKey(VideoTable, null=False)
    relation = Text()
    position = SmallInt()


class ClosenessTable(Table, tablename="closenesses", db=ENGINE):
    """How near a video lies to one that it comes from, 0..1, as measured when it was drawn."""

    id = BigSerial(primary_key=True)
    video_id = ForeignKey(VideoTable, null=False)
    other_id = ForeignKey(VideoTable, null=False)
    value = DoublePrecision()


class StreamTable(Table, tablename="streams", db=ENGINE):
    """The head of a stream; its row lock numbers the events."""

    stream = Text(primary_key=True)
    epoch = Text()
    seq = BigInt()


class EventTable(Table, tablename="events", db=ENGINE):
    """A numbered fact. `picture` is an image/webp."""

    id = BigSerial(primary_key=True)
    stream = ForeignKey(StreamTable, null=False)
    seq = BigInt()
    at = Timestamptz()
    name = Text()
    data = JSONB()
    picture = Bytea(null=True)


class CreditEntryTable(Table, tablename="credit_entries", db=ENGINE):
    """One movement: `start` and `refund` add, `hold` takes, `settle` makes a hold final. Append-only."""

    id = BigSerial(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    video_id = ForeignKey(VideoTable, null=True)
    kind = Text()
    amount = Integer()
    at = Timestamptz()


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
    copies = Boolean()
    reached = Integer()
    began_at = Timestamptz()
    ended_at = Timestamptz(null=True)


class GarbageTable(Table, tablename="garbage", db=ENGINE):
    """Keys of media that nothing names any more, until the store has deleted them."""

    key = Text(primary_key=True)
    at = Timestamptz()


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


class TrendTable(Table, tablename="trends", db=ENGINE):
    """A lineage tree of posts, named by its root post."""

    id = Text(primary_key=True)
    points = Integer()
    score = DoublePrecision()
    created_at = Timestamptz()
    latest_at = Timestamptz()


class PostTable(Table, tablename="posts", db=ENGINE):
    """A published video."""

    id = Text(primary_key=True)
    video_id = ForeignKey(VideoTable, null=False)
    account_id = ForeignKey(AccountTable, null=False)
    caption = Text()
    trend_id = ForeignKey(TrendTable, null=False)
    source_post_id: ForeignKey[Any] = ForeignKey("self", null=True)
    source_closeness = DoublePrecision(null=True)
    root_closeness = DoublePrecision(null=True)
    likes = Integer()
    remixes = Integer()
    created_at = Timestamptz()
    deleted_at = Timestamptz(null=True)


class LikeTable(Table, tablename="likes", db=ENGINE):
    """`account_id` likes `post_id`."""

    id = BigSerial(primary_key=True)
    post_id = ForeignKey(PostTable, null=False)
    account_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()

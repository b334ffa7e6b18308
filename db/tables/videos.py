"""Videos, and what each was made from."""

from __future__ import annotations

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    DoublePrecision,
    ForeignKey,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.accounts import AccountTable


class VideoTable(Table, tablename="videos", db=ENGINE):
    """A generation. `attempt`, `worker`, `lease_until` are its lease; keys name media objects.

    `sealed` is the prompt of one that is gone, kept for what was made from it and shown to nobody; `trend_id`
    is the trend that it was made from; `remixed` says whether a remix is anywhere in its making; `withheld`
    is what a cascade (`withheld_by` names its revocation) has done to it; `steps_done` of `steps_total` is
    how far any attempt came, `shown` whether a picture of it was sent, `charged` what it cost in the end,
    `begun` whether the attempt that runs is being drawn, `background` that nobody waits for it.
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
    input_key = Text(null=True)
    post_id = Text(null=True)
    deleted_at = Timestamptz(null=True)
    sealed = Text(null=True)
    remixed = Boolean()
    steered = Boolean()
    trend_id = Text(null=True)
    withheld = Text(null=True)
    withheld_at = Timestamptz(null=True)
    withheld_by = BigInt(null=True)
    steps_done = SmallInt()
    steps_total = SmallInt()
    shown = Boolean()
    charged = Integer(null=True)
    begun = Boolean()
    background = Boolean()


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

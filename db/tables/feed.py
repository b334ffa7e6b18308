"""Trends, posts, their renders, and likes."""

from __future__ import annotations

from typing import Any

from piccolo.columns import BigSerial, DoublePrecision, ForeignKey, Integer, SmallInt, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.accounts import AccountTable
from db.tables.videos import VideoTable


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


class PostRenderTable(Table, tablename="post_renders", db=ENGINE):
    """A post whose preview is to be rendered in full.

    `render_id` is the latest render of it, after `tries` that failed; `outcome` says how it went in the end.
    """

    post_id = ForeignKey(PostTable, primary_key=True, null=False)
    account_id = ForeignKey(AccountTable, null=False)
    render_id = ForeignKey(VideoTable, null=True)
    tries = SmallInt()
    due_at = Timestamptz()
    created_at = Timestamptz()
    outcome = Text(null=True)


class LikeTable(Table, tablename="likes", db=ENGINE):
    """`account_id` likes `post_id`."""

    id = BigSerial(primary_key=True)
    post_id = ForeignKey(PostTable, null=False)
    account_id = ForeignKey(AccountTable, null=False)
    created_at = Timestamptz()

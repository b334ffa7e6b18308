"""Media objects that no row owns."""

from __future__ import annotations

from piccolo.columns import Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE


class LooseMediaTable(Table, tablename="loose_media", db=ENGINE):
    """The key of an object that no row names: reserved for one that is being put, or to be deleted.

    From `due_at` on it is deleted; `claimed` says that this has begun, so that nothing can name it any more.
    """

    key = Text(primary_key=True)
    due_at = Timestamptz()
    claimed = Boolean()
    failures = Integer()

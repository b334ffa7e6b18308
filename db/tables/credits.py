"""The credit ledger of each account."""

from __future__ import annotations

from piccolo.columns import BigSerial, ForeignKey, Integer, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.accounts import AccountTable
from db.tables.videos import VideoTable


class CreditEntryTable(Table, tablename="credit_entries", db=ENGINE):
    """One movement: `start` and `refund` add, `hold` takes, `settle` makes a hold final. Append-only."""

    id = BigSerial(primary_key=True)
    account_id = ForeignKey(AccountTable, null=False)
    video_id = ForeignKey(VideoTable, null=True)
    kind = Text()
    amount = Integer()
    at = Timestamptz()

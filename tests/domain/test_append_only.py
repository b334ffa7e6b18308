"""What was written down can't be changed."""

from __future__ import annotations

import pytest

from db.engine import fetch
from tests.build import person, queue


async def test_append_only_tables_refuse_changes() -> None:
    ada = await person()
    await queue(ada.id)
    for statement in (
        "UPDATE credit_entries SET amount = 0",
        "DELETE FROM credit_entries",
        "TRUNCATE credit_entries",
        "UPDATE receipts SET revision = 2",
        "DELETE FROM receipts",
        "DELETE FROM grants",
        "UPDATE grants SET status = 'accepted'",
        "DELETE FROM cameo_revisions",
        "UPDATE cameo_revisions SET audience = 'everyone'",
    ):
        with pytest.raises(Exception, match="is append-only"):
            await fetch(statement)

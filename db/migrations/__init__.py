"""Migrations, in the order of their IDs: plain SQL, since most of it Piccolo's own migrations can't say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from db.engine import fetch

if TYPE_CHECKING:
    from piccolo.apps.migrations.auto.migration_manager import MigrationManager


def plain(migration_id: str, description: str, statements: Sequence[str]) -> MigrationManager:
    """A migration that runs `statements` in order."""
    # Imported when needed: the ledger's kinds are read here by processes that serve.
    from piccolo.apps.migrations.auto.migration_manager import MigrationManager

    manager = MigrationManager(migration_id=migration_id, app_name="riffle", description=description)

    async def run() -> None:
        for statement in statements:
            await fetch(statement)

    manager.add_raw(run)
    return manager

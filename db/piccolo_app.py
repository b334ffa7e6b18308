"""Piccolo's description of this folder."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="riffle",
    migrations_folder_path=Path(__file__).parent / "migrations",
    table_classes=table_finder(modules=["db.tables", "db.safety_tables"], exclude_imported=True),
)

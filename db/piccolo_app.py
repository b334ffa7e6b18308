"""Piccolo's description of this folder."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

NOUNS = ("accounts", "videos", "media", "credits", "events", "consent", "feed", "safety")
APP_CONFIG = AppConfig(
    app_name="riffle",
    migrations_folder_path=Path(__file__).parent / "migrations",
    table_classes=table_finder(modules=[f"db.tables.{noun}" for noun in NOUNS], exclude_imported=True),
)

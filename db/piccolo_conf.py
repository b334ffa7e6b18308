"""Where Piccolo's migration runner finds the engine and the tables."""

from __future__ import annotations

from piccolo.conf.apps import AppRegistry

from db.engine import ENGINE

DB = ENGINE
APP_REGISTRY = AppRegistry(apps=["db.piccolo_app"])

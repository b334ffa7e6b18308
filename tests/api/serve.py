"""Serves the real application in its own process, with a fixed model card: `python -m tests.api.serve`."""

from __future__ import annotations

import asyncio

from api.app import create_app, serve
from settings import load
from tests.api.conftest import FixedCards

if __name__ == "__main__":
    settings = load()
    asyncio.run(serve(create_app(settings, cards=FixedCards()), settings.api_port, settings.proxy_networks))

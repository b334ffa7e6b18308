"""`riffle media verify`: hold the media store against the database, and the database against the store."""

from __future__ import annotations

from db import engine
from domain import media_keys
from media.store import open_store
from realtime import media_compare
from settings import load

# What is wrong everywhere is wrong in one way.
MAX_PRINTED = 1000


async def verify() -> int:
    """Print each object that is orphaned or missing, or that there is none; how many there are."""
    settings = load()
    await engine.open(settings)
    try:
        store = open_store(settings.media_location)
        found = 0
        for what, pages in (
            ("orphaned", media_compare.orphans(store)),
            ("missing", media_compare.missing(store)),
        ):
            async for page in pages:
                for key in page[: max(0, MAX_PRINTED - found)]:
                    print(f"{what} {key}")
                found += len(page)
        waiting = await media_keys.count_loose()
    finally:
        await engine.close()
    print(f"{found} findings; {waiting} objects wait to be kept or deleted")
    return found

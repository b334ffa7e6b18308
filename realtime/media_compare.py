"""Compares the media store with the database, a bounded page at a time: what is orphaned, what is missing.

An orphan is an object that no row names and that is not written down either (domain.media_keys); what is
missing is named by a row, and not there. Both are asked about twice: objects come and go while this looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from domain import media_keys
from media.store import STAGED, MediaStore
from realtime import limits

log = logging.getLogger(__name__)


async def orphans(store: MediaStore) -> AsyncIterator[list[str]]:
    """The orphans of each page of the store; an empty list for a page without any."""
    for owner in media_keys.OWNERS:
        async for page in store.pages(owner.folder, limits.COMPARE_PAGE):
            suspects = await _unknown(page)
            left = [key for key in suspects if await store.exists(key)]
            yield await _unknown(left)


async def missing(store: MediaStore) -> AsyncIterator[list[str]]:
    """What is missing of each page of the rows that own media; an empty list for a page without any."""
    for owner in media_keys.OWNERS:
        after = ""
        while page := await media_keys.owner_page(owner, after, limits.COMPARE_PAGE):
            after = page[-1].id
            keys = [key for row in page for key in row.keys]
            lost = await _not_there(store, keys)
            # Deleted in between?
            yield sorted((await media_keys.known(lost)).owned)


async def _unknown(keys: list[str]) -> list[str]:
    if not keys:
        return []
    # What a writer left belongs to the key that it was writing, for as long as that is reserved.
    bases = {key: key.partition(STAGED)[0] for key in keys}
    found = await media_keys.known([*dict.fromkeys([*keys, *bases.values()])])
    return [
        key
        for key, base in bases.items()
        if key not in found.loose and base not in found.loose and not (key == base and key in found.owned)
    ]


async def _not_there(store: MediaStore, keys: list[str]) -> list[str]:
    slots = asyncio.Semaphore(limits.COMPARE_PARALLEL)

    async def is_lost(key: str) -> bool:
        async with slots:
            return not await store.exists(key)

    lost = await asyncio.gather(*(is_lost(key) for key in keys))
    return [key for key, gone in zip(keys, lost, strict=True) if gone]


class OrphanSweep:
    """One page after the other, again and again: what is orphaned is written down, and then deleted.

    Nothing that runs now makes orphans. What can: a database that was restored, a store that somebody else
    writes to, versions before keys were written down.
    """

    def __init__(self, store: MediaStore) -> None:
        self._store = store
        self._pages: AsyncIterator[list[str]] | None = None
        self._next_at = 0.0

    async def step(self, now_s: float) -> int:
        """Compare one page, where it is time; how many orphans it had. `now_s` is any monotonic clock's."""
        if now_s < self._next_at:
            return 0
        if self._pages is None:
            self._pages = orphans(self._store)
        try:
            found = await anext(self._pages, None)
        except BaseException:
            self._pages = None
            raise
        if found is None:
            self._pages, self._next_at = None, now_s + limits.COMPARE_EVERY_S
            return 0
        if found:
            log.warning("%d media objects belong to nothing and will be deleted: %s", len(found), found[:3])
            await media_keys.adopt(found, limits.ORPHAN_KEPT_S)
        return len(found)

"""The media store: bytes by key, in a local folder or any object store that obstore can reach by URL."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import obstore
from msgspec import Struct
from obstore.store import ObjectStore, from_url


class ObjectInfo(Struct, frozen=True):
    """What is known of an object without reading it."""

    size: int
    etag: str


class MediaStore:
    """Bytes by key. A write is atomic: a reader meets the old object, the new one or none, never a part."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, key: str, data: bytes) -> None:
        """Store `data`, replacing what was there."""
        await obstore.put_async(self._store, key, data)

    async def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: there is none.
        """
        found = await obstore.get_async(self._store, key)
        return bytes(await found.bytes_async())

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` up to, not including, `end`; 0 <= start < end <= size.

        Raises:
            FileNotFoundError: there is none.
        """
        return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))

    async def stat(self, key: str) -> ObjectInfo:
        """Size and entity tag.

        Raises:
            FileNotFoundError: there is none.
        """
        meta = await obstore.head_async(self._store, key)
        return ObjectInfo(
            size=meta["size"], etag=(meta["e_tag"] or f"{meta['last_modified'].timestamp()}").strip('"')
        )

    async def size(self, key: str) -> int:
        """The size in bytes.

        Raises:
            FileNotFoundError: there is none.
        """
        return (await self.stat(key)).size

    async def delete(self, *keys: str) -> None:
        """Remove objects; one that is gone already is fine, so a delete can be repeated."""
        await asyncio.gather(*(self._delete(key) for key in keys))

    async def _delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return


def open_store(location: str) -> MediaStore:
    """Open the store at `file://`, `s3://`, `gs://`, `az://` or (one process only) `memory://`.

    Cloud credentials come from that cloud's usual environment variables.
    """
    if urlsplit(location).scheme == "file":
        return MediaStore(from_url(location, mkdir=True))
    return MediaStore(from_url(location))

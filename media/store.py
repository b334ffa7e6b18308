"""The media store: bytes by key, in a local folder or any object store that obstore can reach by URL."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from msgspec import Struct
from obstore.store import ObjectStore, from_url

# 16 MB, the largest object, at 0.3 MB/s.
PUT_S = 60.0
DELETE_S = 20.0
# A file that is being written, or whose writer died, has this and a number after its name.
STAGED = "#"


class StoreUnavailable(OSError):
    """The store refuses or does not answer; whether it did what was asked is unknown."""


class ObjectInfo(Struct, frozen=True):
    """What is known of an object without reading it."""

    size: int
    etag: str


class MediaStore:
    """Bytes by key. A write is atomic: a reader meets the old object, the new one or none, never a part.

    Every method raises StoreUnavailable where the store fails, and ValueError for a key that leads out of it.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder` is where a store of files lies."""
        self._store = store
        self._folder = folder

    async def put(self, key: str, data: bytes) -> None:
        """Store `data`, replacing what was there, within PUT_S."""
        with _failures():
            async with asyncio.timeout(PUT_S):
                await obstore.put_async(self._store, key, data)

    async def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: there is none.
        """
        with _failures():
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` up to, not including, `end`; 0 <= start < end <= size.

        Raises:
            FileNotFoundError: there is none.
        """
        with _failures():
            return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))

    async def stat(self, key: str) -> ObjectInfo:
        """Size and entity tag.

        Raises:
            FileNotFoundError: there is none.
        """
        with _failures():
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

    async def exists(self, key: str) -> bool:
        """Whether there is an object, or a part of one, under this key."""
        if self._folder is not None and STAGED in key:
            return await asyncio.to_thread((self._folder / key).exists)
        try:
            await self.stat(key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, *keys: str) -> None:
        """Remove objects, within DELETE_S each; one that is gone already is fine, so it can be repeated."""
        await asyncio.gather(*(self._delete(key) for key in keys))

    async def pages(self, prefix: str, size: int) -> AsyncIterator[list[str]]:
        """Every key under a folder, at most `size` at a time, in no order.

        Of a store of files that includes what a writer that died left behind: names with STAGED in them.
        """
        if self._folder is not None:
            walk = _walk(self._folder, prefix)
            while page := await asyncio.to_thread(lambda: list(islice(walk, size))):
                yield page
            return
        with _failures():
            async for found in obstore.list(self._store, prefix, chunk_size=size):
                yield [meta["path"] for meta in found]

    async def _delete(self, key: str) -> None:
        with _failures(), contextlib.suppress(FileNotFoundError):
            async with asyncio.timeout(DELETE_S):
                if self._folder is not None:
                    await asyncio.to_thread(_unlink, self._folder, key)
                else:
                    await obstore.delete_async(self._store, key)


def open_store(location: str) -> MediaStore:
    """Open the store at `file://`, `s3://`, `gs://`, `az://` or (one process only) `memory://`.

    Cloud credentials come from that cloud's usual environment variables.
    """
    if urlsplit(location).scheme == "file":
        store, folder = from_url(location, mkdir=True), Path(unquote(urlsplit(location).path))
        # Pictures of people, also of an older version: nobody else on this machine comes past here.
        with contextlib.suppress(PermissionError):
            folder.chmod(0o700)
        return MediaStore(store, folder)
    return MediaStore(from_url(location))


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, ValueError):
        raise
    except Exception as error:
        # Each kind of store has errors of its own.
        raise StoreUnavailable(f"the media store failed: {error!r}") from error


def _unlink(folder: Path, key: str) -> None:
    """Remove a file, what writers that died left of it, and the folders that are empty then."""
    path = folder / key
    if ".." in path.parts:
        raise ValueError(f"the path {key!r} leads out of the store")
    for each in (path, *path.parent.glob(f"{glob.escape(path.name)}{STAGED}*")):
        each.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder:
            return
        try:
            parent.rmdir()
        except OSError:
            # Something else is in it; or it is gone.
            return


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    for place, _, names in os.walk(folder / prefix):
        for name in names:
            yield (Path(place) / name).relative_to(folder).as_posix()

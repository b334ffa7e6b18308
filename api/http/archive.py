"""A zip archive that is sent while it is made: what is held at once is one chunk, however much is in it."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from typing import NamedTuple

# JSON shrinks to a tenth; video and pictures don't shrink at all.
COMPRESSED = (".jsonl", ".txt")


class ArchiveEntry(NamedTuple):
    """One file of an archive."""

    name: str
    chunks: AsyncIterator[bytes]


class _Sink:
    """Where zipfile writes to: it can't seek, so sizes follow each entry."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


async def zipped(entries: AsyncIterator[ArchiveEntry]) -> AsyncIterator[bytes]:
    """The bytes of an archive with these entries."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        async for name, chunks in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(COMPRESSED) else zipfile.ZIP_STORED
            with archive.open(info, "w", force_zip64=True) as entry:
                async for chunk in chunks:
                    entry.write(chunk)
                    if data := sink.take():
                        yield data
            yield sink.take()
    yield sink.take()

"""Numbers of threads that were measured, kept in a file, so that a start doesn't measure them again."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec
import onnxruntime as ort

from model_server.engine.processor import cores, processor_id

log = logging.getLogger(__name__)


class _Recorded(msgspec.Struct, kw_only=True):
    """The file: what it was measured with, and a number of threads for each graph's digest."""

    machine: str
    counts: dict[str, int] = {}


class ThreadRecord:
    """Counts by the digest of a graph's files. They hold for one processor, its cores and one onnxruntime.

    A file that can't be read, or was measured on another machine, is as good as none. Removing it has
    everything measured again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, digest: str) -> int | None:
        """The number that was measured for a graph here; None if there is none."""
        count = self._read().counts.get(digest)
        return count if count is not None and 1 <= count <= cores() else None

    def put(self, digest: str, count: int) -> None:
        """Keep a number. Where the file can't be written, the next start measures again."""
        recorded = self._read()
        recorded.counts[digest] = count
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_bytes(msgspec.json.format(msgspec.json.encode(recorded)))
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            log.warning("%s can't be written: %s", self._path, error.strerror)

    def _read(self) -> _Recorded:
        machine = f"{processor_id()}, {cores()} cores, onnxruntime {ort.__version__}"
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Recorded)
        except (OSError, ValueError):
            return _Recorded(machine=machine)
        return found if found.machine == machine else _Recorded(machine=machine)

"""Decoding of uploads in processes that are killed past their time, a bounded queue for each kind of work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast

import msgspec
import numpy as np

from media.decode_worker import (
    MAX_DECODE_S,
    DecodeReply,
    DecodeRequest,
    SeenProof,
    SmallPicture,
    read_framed,
    write_framed,
)
from media.fingerprint import UnreadableVideo
from media.provenance import ActiveManifest, ClaimedVideos
from media.sketch import Grey

log = logging.getLogger(__name__)
T = TypeVar("T")

# Strangers' checks never stand before what people with accounts upload.
Kind: TypeAlias = Literal["reference", "proof", "provenance"]
KINDS: tuple[Kind, ...] = ("reference", "proof", "provenance")
# Of each kind one at a time: a clip of seconds takes one, and two cores have other work.
WORKERS = 1
# With a second each the last of them has its answer within eight; at the worst of 30 s phones would give up.
MAX_WAITING = 8
# One person or address: one that is decoded and one behind it.
MAX_EACH = 2
# The worker kills itself at its time; where even that fails, it is killed this much later.
KILL_AFTER_S = MAX_DECODE_S + 5
# A worker holds 100 MB of libraries.
IDLE_S = 120.0
# Who left before the end is counted at the next request; of most nobody asks.
MAX_COUNTED = 1000
ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "media.decode_worker")


class DecoderBusy(RuntimeError):
    """Too much waits to be decoded."""


class DecodePool:
    """Runs the tasks of `media.decode_worker`; safe for several event loops, one after another."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._queues = {kind: _Queue(kind, command) for kind in KINDS}

    async def clean_reference(self, data: bytes, media_type: str, *, who: str) -> tuple[bytes, str]:
        """A reference picture or clip, written anew, and its media type.

        Raises:
            ValueError: it can't be used; the text says why. DecoderBusy: try again later.
        """
        request = DecodeRequest("clean_reference", data, media_type)
        return await self._queues["reference"].run(request, who, cast(Any, tuple[bytes, str]))

    async def inspect(self, data: bytes, *, who: str, kind: Kind = "proof") -> SeenProof:
        """What can be seen of a clip without knowing the person.

        Raises:
            ValueError: it can't be decoded within the limits. DecoderBusy: try again later.
        """
        return await self._queues[kind].run(DecodeRequest("inspect_clip", data), who, SeenProof)

    async def look_at(
        self, data: bytes, media_type: str, stride: int = 1, *, who: str, kind: Kind = "proof"
    ) -> list[Grey]:
        """The frames of a picture or clip as copies are recognised by, every `stride`-th.

        Raises:
            ValueError: it can't be decoded within the limits. DecoderBusy: try again later.
        """
        request = DecodeRequest("look_at", data, f"{media_type};{stride}")
        found: list[SmallPicture] = await self._queues[kind].run(request, who, cast(Any, list[SmallPicture]))
        return [
            np.frombuffer(one.pixels, np.uint8).reshape(one.height, one.width).astype(np.float32)
            for one in found
        ]

    async def active_manifest(
        self, data: bytes, authority: str, *, who: str, kind: Kind = "provenance"
    ) -> ActiveManifest | None:
        """The content credentials of a clip; None where it has none that can be read.

        Raises:
            ValueError: reading it took too long. DecoderBusy: try again later.
        """
        request = DecodeRequest("active_manifest", data, authority)
        return await self._queues[kind].run(request, who, cast(Any, ActiveManifest | None))

    async def claimed_videos(
        self, data: bytes, media_type: str, authority: str, *, who: str, kind: Kind
    ) -> ClaimedVideos:
        """What the content credentials of an upload name.

        Raises:
            ValueError: reading it took too long. DecoderBusy: try again later.
        """
        request = DecodeRequest("claimed_videos", data, f"{media_type}\n{authority}")
        return await self._queues[kind].run(request, who, ClaimedVideos)

    def take_seconds(self, who: str) -> float:
        """How long strangers' clips of `who` were decoded since this was last asked."""
        return self._queues["provenance"].take_seconds(who)

    def close(self) -> None:
        """End all workers, in the middle of what they do."""
        for queue in self._queues.values():
            queue.close()


class _Queue:
    """One kind of work: threads that each feed a worker process, and who waits for them."""

    def __init__(self, kind: Kind, command: Sequence[str]) -> None:
        self._command = command
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"decode-{kind}")
        self._local = threading.local()
        self._workers: set[_Worker] = set()
        self._waiting: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    async def run(self, request: DecodeRequest, who: str, kind: type[T]) -> T:
        """Do one task when it is its turn."""
        if self._waiting.total() >= MAX_WAITING + WORKERS or self._waiting[who] >= MAX_EACH:
            raise DecoderBusy("too much waits to be decoded")
        self._waiting[who] += 1
        # The thread goes on where the asker leaves, and is counted until it has ended.
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._work, request, who)
        work.add_done_callback(lambda _: self._leave(who))
        reply = await asyncio.shield(cast(Awaitable[DecodeReply], work))
        if reply.unexpected is not None:
            log.warning("%s met %s", request.task, reply.unexpected)
        if reply.result is None:
            raise UnreadableVideo(reply.wrong or "")
        return msgspec.msgpack.decode(reply.result, type=kind)

    def close(self) -> None:
        for worker in list(self._workers):
            worker.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, who: str) -> None:
        self._waiting[who] -= 1
        self._waiting += Counter()

    def take_seconds(self, who: str) -> float:
        return self._seconds.pop(who, 0.0)

    def _work(self, request: DecodeRequest, who: str) -> DecodeReply:
        worker: _Worker | None = getattr(self._local, "worker", None)
        if worker is None or not worker.alive:
            worker = self._local.worker = _Worker(self._command)
            self._workers = {item for item in self._workers if item.alive} | {worker}
        began = time.monotonic()
        try:
            return worker.perform(request)
        finally:
            if len(self._seconds) >= MAX_COUNTED:
                self._seconds.clear()
            self._seconds[who] = self._seconds.get(who, 0.0) + time.monotonic() - began


class _Worker:
    """One worker process; a timer ends it when it is idle or late."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A terminal's signals are for the parent, which ends its input.
            start_new_session=True,
        )
        self._timer: threading.Timer | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def perform(self, request: DecodeRequest) -> DecodeReply:
        """Ask it; a worker that dies at it says that this can't be decoded within the limits."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._end_after(KILL_AFTER_S)
        try:
            write_framed(cast(Any, self._process.stdin), msgspec.msgpack.encode(request))
            raw = read_framed(cast(Any, self._process.stdout))
        except OSError:
            raw = None
        if raw is None:
            self.end()
            log.warning("%s ended its process (%s)", request.task, self._process.returncode)
            return DecodeReply(wrong="it takes too long or too much memory to decode")
        self._end_after(IDLE_S)
        return msgspec.msgpack.decode(raw, type=DecodeReply)

    def end(self) -> None:
        """Kill it, and collect it."""
        if self._timer is not None:
            self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _end_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

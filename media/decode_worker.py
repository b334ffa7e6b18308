"""A process that decodes what strangers upload, and may be killed at it: `python -m media.decode_worker`.

It reads requests from standard input and writes replies to standard output, each with its length before it. A
timer of the system kills it where one request takes too long, whether or not its parent is still there.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import numpy as np

from media import proof, provenance, reference, sketch
from media.provenance import ActiveManifest, ClaimedVideos

# Wall time of one request: a minute of 1080p at 60 a second takes 15 s of a core.
MAX_DECODE_S = 30.0
# Anonymous memory: a picture of 50 megapixels as RGB three times over, and a decoder's frames of 4096x4096.
MAX_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
# What serves people comes first.
NICENESS = 10
LENGTH = struct.Struct(">I")
UNREADABLE = "it can't be decoded"


class DecodeRequest(msgspec.Struct, array_like=True):
    """Do `task` with these bytes; `option` is the media type or what else the task takes."""

    task: str
    data: bytes
    option: str = ""


class DecodeReply(msgspec.Struct, array_like=True):
    """The result of a task as MessagePack, or what was wrong in words for who uploaded it.

    `unexpected` is the exception where it was none that the task is known to raise.
    """

    result: bytes | None = None
    wrong: str | None = None
    unexpected: str | None = None


class SmallPicture(msgspec.Struct, array_like=True):
    """A grey picture, a byte for each pixel, row by row."""

    height: int
    width: int
    pixels: bytes


class SeenProof(msgspec.Struct, array_like=True):
    """`media.proof.Inspection` without its frames, but how many they were."""

    bits: str | None
    mirrored: str | None
    seconds: float
    long_enough: bool
    moving: bool
    recorded_at: datetime | None
    frame_count: int


def clean_reference(data: bytes, media_type: str) -> tuple[bytes, str]:
    """`media.reference.clean`."""
    return reference.clean(data, media_type)


def inspect_clip(data: bytes, _: str) -> SeenProof:
    """`media.proof.inspect`."""
    seen = proof.inspect(data)
    return SeenProof(*seen[:-1], len(seen.frames))


def look_at(data: bytes, media_type: str) -> list[SmallPicture]:
    """`media.sketch.look_at`; the media type has the stride behind it, as in `video/mp4;2`."""
    kind, _, stride = media_type.partition(";")
    frames = sketch.look_at(data, kind, int(stride or 1))
    return [
        SmallPicture(frame.shape[0], frame.shape[1], frame.astype(np.uint8).tobytes()) for frame in frames
    ]


def active_manifest(data: bytes, authority: str) -> ActiveManifest | None:
    """`media.provenance.active_manifest`."""
    return provenance.active_manifest(data, authority)


def claimed_videos(data: bytes, option: str) -> ClaimedVideos:
    """`media.provenance.claimed_videos`; `option` is the media type, a line break, and the authority."""
    media_type, _, authority = option.partition("\n")
    return provenance.claimed_videos(data, media_type, authority)


TASKS: dict[str, Callable[[bytes, str], Any]] = {
    task.__name__: task for task in (clean_reference, inspect_clip, look_at, active_manifest, claimed_videos)
}


def perform(request: DecodeRequest) -> DecodeReply:
    """Do a task. Whatever its libraries raise about a stranger's bytes becomes a reply."""
    try:
        result = TASKS[request.task](request.data, request.option)
        return DecodeReply(result=msgspec.msgpack.encode(result))
    except ValueError as wrong:
        # Ours say what to do; those of libraries are subclasses, or say what they met.
        known = type(wrong).__module__.startswith("media.")
        return DecodeReply(wrong=str(wrong) if known else UNREADABLE)
    except Exception as wrong:
        return DecodeReply(wrong=UNREADABLE, unexpected=repr(wrong)[:500])


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer requests until the input ends."""
    while True:
        raw = read_framed(incoming)
        if raw is None:
            return
        signal.setitimer(signal.ITIMER_REAL, MAX_DECODE_S)
        reply = perform(msgspec.msgpack.decode(raw, type=DecodeRequest))
        signal.setitimer(signal.ITIMER_REAL, 0)
        write_framed(outgoing, msgspec.msgpack.encode(reply))


def read_framed(stream: BinaryIO) -> bytes | None:
    """One message; None where the stream ends before it is whole."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (count,) = LENGTH.unpack(head)
    body = stream.read(count)
    return body if len(body) == count else None


def write_framed(stream: BinaryIO, body: bytes) -> None:
    """Write one message."""
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def _confine() -> None:
    """Give up what decoding doesn't need: memory without a bound, core dumps, the cores of others."""
    os.nice(NICENESS)
    for kind, bound in (
        (resource.RLIMIT_DATA, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))
    # The parent decides when it ends; Ctrl-C in a terminal goes to all of its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def main() -> None:
    """Decode until standard input ends."""
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Libraries may print; only replies go to the parent.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _confine()
    serve(sys.stdin.buffer, outgoing)


if __name__ == "__main__":
    main()

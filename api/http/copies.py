"""Stands before every upload that could become a likeness: no copy of what was made here, or of another's.

Two ways to tell. Content credentials name the video that a file is, or was made from. Where those are gone,
each frame is held against the sketches of other people's cameos and of the videos that those are in.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.safety import sketches
from domain.safety.sketches import StoredSketch, Upload
from domain.work_threads import WorkThreads
from media import sketch
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.sketch import Grey
from media.sketch_match import match_inset, match_part, match_whole
from schemas.errors import Code, RiffleError

# Of a clip so many different frames are looked for whole; of a minute at 60 a second all that differ much.
MAX_WHOLE = 64
# Crops and collages are looked for in fewer: 0.5 s each and 0.1 ms for every stored one.
MAX_PARTS = 8
# Of what anybody may ask: as many frames as a fingerprint has, against 40,000 sketches: about a second.
MAX_PUBLIC = 4
MAX_LOOKED_AT = 40_000

THREADS = WorkThreads(
    "copies", threads=2, max_waiting=20, busy="many uploads are being compared: try again in a moment"
)


class Copied(NamedTuple):
    """The stored sketch that an upload is a copy of, and how well it agrees, 0..1."""

    sketch: StoredSketch
    score: float


async def refuse_copies(
    account: str,
    raw: bytes,
    media_type: str,
    frames: list[Grey],
    upload: Upload,
    credentials: Credentials,
    decoder: DecodePool,
    *,
    now: datetime,
) -> None:
    """Refuse an upload that was made here, or shows another's likeness; those whose it is are told.

    `raw` is the file as it came, `frames` what `media.sketch.look_at` sees in it.

    Raises:
        RiffleError: likeness_protected.
        UnreadableVideo: its credentials take too long to read.
    """
    claims = await decoder.claimed_videos(
        raw,
        media_type,
        credentials.authority,
        who=account,
        kind="proof" if upload == "proof" else "reference",
    )
    known = await sketches.known_videos(claims.titles)
    if known or claims.ours:
        await sketches.tell_owners(
            account, cameo_ids=[], video_ids=known, upload=upload, found_by="credentials", now=now
        )
        message = "its content credentials say that it was made here: upload what a camera took of you"
        raise RiffleError(Code.LIKENESS_PROTECTED, message)
    copied = await find_copied(account, frames)
    if copied is not None:
        found = copied.sketch
        await sketches.tell_owners(
            account,
            cameo_ids=[] if found.cameo_id is None else [found.cameo_id],
            video_ids=[] if found.video_id is None else [found.video_id],
            upload=upload,
            found_by="picture",
            now=now,
        )
        message = (
            "it looks like the likeness of somebody else here, who is told of it. If it shows you, a"
            " moderator can decide: POST /v1/takedowns as `self`"
        )
        raise RiffleError(Code.LIKENESS_PROTECTED, message)


async def find_copied(account: str, frames: list[Grey]) -> Copied | None:
    """What of other people's likenesses any of the frames is a copy of; the first that is found."""
    picked = await THREADS.run(sketch.distinct, frames, MAX_WHOLE)
    after = 0
    while page := await sketches.of_others(account, after):
        found = await THREADS.run(_find, [frames[place] for place, _ in picked], page)
        if found is not None:
            return found
        after = page[-1].id
    return None


async def find_video(frames: list[Grey]) -> str | None:
    """The video of ours that any of the frames is out of; the first that is found, newest first.

    Parts of frames are looked for in the newest PAGE sketches alone, whole frames in MAX_LOOKED_AT.
    """
    picked = await THREADS.run(sketch.distinct, frames, MAX_PUBLIC)
    shown = [frames[place] for place, _ in picked]
    looked_at, before = 0, None
    while looked_at < MAX_LOOKED_AT and (page := await sketches.of_videos(before)):
        found = await THREADS.run(_find, shown, page, parts=before is None)
        if found is not None:
            return found.sketch.video_id
        looked_at, before = looked_at + len(page), page[-1].id
    return None


def _find(frames: list[Grey], page: list[StoredSketch], *, parts: bool = True) -> Copied | None:
    stored = sketch.unpack([row.cells for row in page])
    matches = [match_whole(frame, stored) for frame in frames]
    if parts:
        step = -(-len(frames) // MAX_PARTS) or 1
        matches += [look(frame, stored) for frame in frames[::step] for look in (match_inset, match_part)]
    found = [match for match in matches if match is not None]
    best = max(found, key=lambda match: match.score, default=None)
    return None if best is None else Copied(page[best.place], best.score)

"""Fingerprints of videos, by which copies are found: through an index on bands, then by exact distance."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from db.engine import exists, fetch
from domain.safety.hash_distance import NEAR_BITS, bands
from domain.videos.visibility import TAKEN_DOWN

# More copies than this of one picture are found by the next takedown that names one of them.
MAX_COPIES = 500


class Copy(NamedTuple):
    """A video that looks like what was asked about; `distance` in bits of 256."""

    video_id: str
    distance: int


async def lock(*, exclusive: bool) -> None:
    """Until the transaction ends: `exclusive` to change what is taken down, else to add a fingerprint."""
    kind = "" if exclusive else "_shared"
    await fetch(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('fingerprints', 0))")


async def save(video_id: str, bits: str) -> None:
    """Keep the fingerprint of a video."""
    await fetch(
        """
        INSERT INTO fingerprints (video_id, hash, bands) VALUES ($1, $2, $3::integer[])
        ON CONFLICT (video_id) DO UPDATE SET hash = $2, bands = $3::integer[]
        """,
        video_id,
        bits,
        bands(bits),
    )


async def copies(bits: str, exclude: str = "") -> list[Copy]:
    """The completed videos that look the same, nearest first; `exclude` is left out."""
    rows = await fetch(
        """
        SELECT f.video_id, bit_count(f.hash::bit(256) # $1::text::bit(256))::integer AS distance
        FROM fingerprints f JOIN videos v ON v.id = f.video_id
        WHERE f.bands && $2::integer[] AND v.status = 'completed' AND f.video_id <> $3
            AND bit_count(f.hash::bit(256) # $1::text::bit(256)) <= $4
        ORDER BY distance, f.video_id LIMIT $5
        """,
        bits,
        bands(bits),
        exclude,
        NEAR_BITS,
        MAX_COPIES,
    )
    return [Copy(**row) for row in rows]


async def open_takedowns_of(bits: str) -> list[tuple[str, int]]:
    """The open takedowns that a video with this fingerprint belongs under, each with the distance.

    Asked of what they are about alone: how many other videos there are costs nothing.
    """
    rows = await fetch(
        """
        SELECT d.id, min(bit_count(f.hash::bit(256) # $1::text::bit(256)))::integer AS distance
        FROM takedowns d JOIN takedown_targets t ON t.takedown_id = d.id
        JOIN fingerprints f ON f.video_id = t.video_id
        WHERE d.status = 'open' AND f.bands && $2::integer[]
            AND bit_count(f.hash::bit(256) # $1::text::bit(256)) <= $3
        GROUP BY d.id ORDER BY d.id
        """,
        bits,
        bands(bits),
        NEAR_BITS,
    )
    return [(row["id"], row["distance"]) for row in rows]


async def matches_taken_down(bits: str, *, now: datetime) -> bool:
    """Whether this looks like a video that was taken down."""
    return await exists(
        f"""
        SELECT FROM fingerprints f
        WHERE f.bands && $1::integer[] AND bit_count(f.hash::bit(256) # $2::text::bit(256)) <= $3
            AND f.video_id IN ({TAKEN_DOWN.format(now="$4")})
        """,
        bands(bits),
        bits,
        NEAR_BITS,
        now,
    )


async def fingerprint_of(video_id: str) -> str | None:
    """The fingerprint of a video; None where it shows nothing to recognise it by."""
    rows = await fetch("SELECT hash FROM fingerprints WHERE video_id = $1", video_id)
    return rows[0]["hash"] if rows else None

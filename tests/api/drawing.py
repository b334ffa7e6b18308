"""Finishes videos as the dispatcher would, with a real MP4."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import av
import numpy as np

from domain.videos import leases
from media.store import MediaStore

FRAMES = 4


def mp4() -> bytes:
    """A short clip that any player opens."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 112, "yuv420p"
        for number in range(FRAMES):
            pixels = np.full((112, 64, 3), 60 * number, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


VIDEO = mp4()
THUMBNAIL = b"RIFF----WEBP"
SHEET = b"\xff\xd8\xff spritesheet"


async def finish(video_id: str, media: MediaStore) -> list[str]:
    """Complete a queued video; returns its media keys."""
    now = datetime.now(UTC)
    attempt = None
    for job in await leases.lease("test", limit_preview=100, limit_full=100, now=now, ttl_s=60):
        if job.id == video_id:
            attempt = job.attempt
        else:
            await leases.release(job.id, job.attempt, now=now)
    assert attempt is not None, f"{video_id} does not wait"
    keys = [f"{video_id}/video.mp4", f"{video_id}/thumbnail.webp", f"{video_id}/spritesheet.jpg"]
    for key, data in zip(keys, (VIDEO, THUMBNAIL, SHEET), strict=True):
        await media.put(key, data)
    latents = f"{video_id}/latents.npz"
    await media.put(latents, b"latents")
    done = await leases.complete(
        video_id,
        attempt,
        media=keys,
        latents_key=latents,
        cpu_seconds=1.5,
        fidelity=None,
        closeness={},
        now=now,
    )
    assert done
    return [*keys, latents]

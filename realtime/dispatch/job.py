"""One attempt at one video: consent, inputs, the drawing, media, the end.

Every write to the database is fenced by the attempt. An outage of the database in the middle abandons the
attempt without a word: the lease runs out, and the next attempt takes over what the model server has drawn.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import UTC, datetime

from domain.consent import receipts
from domain.safety import fingerprints
from domain.videos import leases
from domain.videos.inputs import source_inputs
from domain.videos.leases import LeasedJob
from domain.videos.visibility import get_viewable, is_taken_down
from media import fingerprint
from media.provenance import Claims, Signer
from media.store import MediaStore
from realtime import limits
from realtime.dispatch.inputs import Again, Refused, gather
from realtime.dispatch.link import CallFailed, Link
from schemas.errors import Code, RiffleError
from schemas.work import Done, Fault, Render, Step, Stopped

# The model server's word for a full queue; the job itself is fine.
BUSY = "busy"
log = logging.getLogger(__name__)


class Gone(Exception):
    """The attempt isn't ours any more: cancelled, or leased again elsewhere."""


async def carry_out(job: LeasedJob, link: Link, store: MediaStore, signer: Signer) -> None:
    """Take a leased job to its end, or back to the queue."""
    try:
        await _check_consent(job)
        inputs = await gather(job, store)
        render = Render(
            job=job.id,
            attempt=job.attempt,
            tier=job.tier,
            owner=job.account_id,
            recipe=job.recipe,
            inputs=inputs,
        )
        done = await _draw(render, link)
        await _check_consent(job)
        await _finish(job, done, link, store, signer)
    except Gone:
        log.info("%s attempt %d is no longer ours", job.id, job.attempt)
    except Refused as refused:
        await leases.fail(job.id, job.attempt, code=refused.code, message=refused.message, now=_now())
    except Again as again:
        log.warning("%s attempt %d goes back to the queue: %s", job.id, job.attempt, again)
        await asyncio.sleep(limits.FAULT_BACKOFF_S * job.attempt)
        await leases.release(job.id, job.attempt, now=_now())


async def _check_consent(job: LeasedJob) -> None:
    refused = await leases.recheck_consent(job.id, now=_now())
    if refused:
        raise Refused(Code.CONSENT_REVOKED, f"a cameo may no longer be used: {refused[0].reason}")
    if await is_taken_down([job.id], _now()):
        raise Refused(Code.TAKEN_DOWN, "it was taken out of sight before it was there")


async def _draw(render: Render, link: Link) -> Done:
    """Steps become events until the job is done; a step seen again after a reconnect is written once."""
    with link.job(render) as frames:
        await link.send(render)
        last = 0
        while True:
            frame = await frames.get()
            if isinstance(frame, Done):
                return frame
            if isinstance(frame, Step) and frame.i > last:
                last = frame.i
                if not await leases.step(
                    render.job, render.attempt, i=frame.i, n=frame.n, picture=frame.picture, now=_now()
                ):
                    raise Gone
            elif isinstance(frame, Stopped):
                raise Gone
            elif isinstance(frame, Fault):
                await _after(frame)
                await link.send(render)


async def _after(fault: Fault) -> None:
    """Return when the same attempt is worth sending again."""
    if fault.code == BUSY:
        await asyncio.sleep(limits.BUSY_BACKOFF_S)
    elif fault.retryable:
        raise Again(f"{fault.code}: {fault.message}")
    else:
        raise Refused(Code.GENERATION_FAILED, fault.message)


async def _finish(job: LeasedJob, done: Done, link: Link, store: MediaStore, signer: Signer) -> None:
    look = await _look(job, done.media.video)
    closeness = await _closeness(job, done.latents, link, store)
    folder = f"videos/{job.id}/{job.attempt}"
    files = {
        f"{folder}/video.mp4": await _signed(job, done.media.video, signer),
        f"{folder}/thumbnail.webp": done.media.thumbnail,
        f"{folder}/spritesheet.jpg": done.media.spritesheet,
        f"{folder}/latents.npz": done.latents,
    }
    await _put(files, store)
    # An exception here is left alone: the commit may have happened, so the media must stay.
    kept = await leases.complete(
        job.id,
        job.attempt,
        media=list(files)[:3],
        latents_key=f"{folder}/latents.npz",
        cpu_seconds=done.cpu_seconds,
        fidelity=done.fidelity,
        closeness=closeness,
        now=_now(),
        # Of the drawing itself: the signed file names its video, so no two are the same.
        media_hash=hashlib.sha256(done.media.video).hexdigest(),
        look=look,
    )
    if not kept:
        await store.delete(*files)
        raise Gone


async def _look(job: LeasedJob, video: bytes) -> str | None:
    """What the video is recognised by; one that was taken down is not kept."""
    try:
        bits = await asyncio.to_thread(fingerprint.of, video)
    except fingerprint.Unreadable as error:
        log.warning("%s can't be recognised later: %s", job.id, error)
        return None
    if bits is not None and await fingerprints.blocked(bits, _now()):
        raise Refused(Code.TAKEN_DOWN, "it came out like a video that was taken down")
    return bits


async def _signed(job: LeasedJob, video: bytes, signer: Signer) -> bytes:
    """The MP4 with its content credentials: what made it, from what, with whose consent."""
    try:
        await get_viewable(job.id, job.account_id, _now())
    except RiffleError:
        # Deleted while it was drawn.
        raise Gone from None
    made_from = await source_inputs(job.id)
    # A clip that is joined twice is one ingredient.
    parents = list(dict.fromkeys(made_from[0].source.video_ids)) if made_from else []
    claims = Claims(
        video_id=job.id,
        model=job.recipe.model,
        parents=parents,
        receipts=await receipts.of_video(job.id),
    )
    return await asyncio.to_thread(signer.sign, video, claims)


async def _put(files: dict[str, bytes], store: MediaStore) -> None:
    try:
        await asyncio.gather(*(store.put(key, data) for key, data in files.items()))
    except asyncio.CancelledError:
        await store.delete(*files)
        raise
    except Exception as error:
        raise Again(f"the media store failed: {error!r}") from error


async def _closeness(job: LeasedJob, latents: bytes, link: Link, store: MediaStore) -> dict[str, float]:
    """Closeness to each video that people see it beside; what can't be measured stays unmeasured."""
    try:
        compared = await leases.comparisons(job.id)
        others = {other.video_id: await store.get(other.latents_key) for other in compared}
        if not others:
            return {}
        values = await link.compare([(latents, other) for other in others.values()])
        return dict(zip(others, values, strict=True))
    except (TimeoutError, CallFailed, FileNotFoundError, ValueError) as error:
        log.warning("closeness of %s stays unmeasured: %r", job.id, error)
        return {}


def _now() -> datetime:
    return datetime.now(UTC)

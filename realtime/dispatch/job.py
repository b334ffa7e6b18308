"""One attempt at one video: check consent, load inputs, generate, store the media, complete.

Every write to the database is fenced by the attempt. When the database goes away in the middle, the attempt
is abandoned: its lease expires, and the next attempt takes over what the model server has generated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from domain import media_keys
from domain.clock import Clock
from domain.consent import receipts
from domain.safety import fingerprints
from domain.videos import leases
from domain.videos.inputs import source_inputs
from domain.videos.leases import LeasedJob
from domain.videos.visibility import get_viewable, is_taken_down
from media import fingerprint, sketch
from media.provenance import Claims, Signer
from media.store import MediaStore
from realtime import limits, metrics
from realtime.dispatch.inputs import PermanentFailure, RetryLater, load_inputs
from realtime.dispatch.link import CallFailed, ModelServerLink
from realtime.dispatch.turns import Turn
from schemas.errors import Code, RiffleError
from schemas.work import Done, Fault, FaultCode, Queued, Render, Step, Stopped

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """This attempt no longer holds the lease: the video was cancelled, or leased by another dispatcher."""


class JobRunner:
    """Runs leased jobs, each to its end or back into the queue."""

    def __init__(self, link: ModelServerLink, store: MediaStore, signer: Signer, clock: Clock) -> None:
        self._link = link
        self._store = store
        self._signer = signer
        self._clock = clock

    async def run(self, job: LeasedJob, turn: Turn, on_drawn: Callable[[], None] = lambda: None) -> None:
        """Run one attempt: complete the video, fail it, or release the lease for another attempt.

        It is sent in its `turn`; `on_drawn` is called when the model server has drawn it, before it is
        stored.
        """
        try:
            await self._check_consent(job)
            inputs = await load_inputs(job, self._store)
            render = Render(
                id=job.id,
                attempt=job.attempt,
                tier=job.tier,
                owner=job.account_id,
                recipe=job.recipe,
                inputs=inputs,
                background=job.background,
            )
            await turn.come()
            done = await self._generate(render, turn)
            on_drawn()
            await self._check_consent(job)
            await self._complete(job, done)
            metrics.ATTEMPTS.labels(outcome="completed").inc()
        except LeaseLost:
            metrics.ATTEMPTS.labels(outcome="lease_lost").inc()
            log.info("the attempt is no longer ours")
        except PermanentFailure as failure:
            metrics.ATTEMPTS.labels(outcome="failed").inc()
            await leases.fail(
                job.id, job.attempt, code=failure.code, message=failure.message, now=self._clock()
            )
        except (RetryLater, media_keys.ReservationLost) as reason:
            metrics.ATTEMPTS.labels(outcome="retried").inc()
            log.warning("the attempt goes back to the queue: %s", reason)
            await asyncio.sleep(limits.FAULT_BACKOFF_S * job.attempt)
            await leases.release(job.id, job.attempt, now=self._clock())

    async def _check_consent(self, job: LeasedJob) -> None:
        refused = await leases.recheck_consent(job.id, now=self._clock())
        if refused:
            raise PermanentFailure(
                Code.CONSENT_REVOKED, f"a cameo may no longer be used: {refused[0].reason}"
            )
        if await is_taken_down([job.id], self._clock()):
            raise PermanentFailure(Code.TAKEN_DOWN, "it was taken out of sight before it was there")

    async def _generate(self, render: Render, turn: Turn) -> Done:
        """Write an event for each step until the job is done; repeats after a reconnect are dropped."""
        with self._link.job(render) as frames:
            await self._link.send(render)
            turn.end()
            last = 0
            while True:
                frame = await frames.get()
                if isinstance(frame, Done):
                    return frame
                if isinstance(frame, Queued):
                    begins = frame.position == 0
                    if begins and not await leases.begin(render.id, render.attempt, now=self._clock()):
                        raise LeaseLost
                elif isinstance(frame, Step) and frame.i > last:
                    last = frame.i
                    if not await leases.step(
                        render.id,
                        render.attempt,
                        i=frame.i,
                        n=frame.n,
                        picture=frame.picture,
                        now=self._clock(),
                    ):
                        raise LeaseLost
                elif isinstance(frame, Stopped):
                    raise LeaseLost
                elif isinstance(frame, Fault):
                    await _wait_or_raise(frame)
                    await self._link.send(render)

    async def _complete(self, job: LeasedJob, done: Done) -> None:
        bits, sketches = await self._recognise(job, done.media.video)
        closeness = await self._closeness(job, done.latents)
        folder = f"videos/{job.id}/{job.attempt}"
        files = {
            f"{folder}/video.mp4": await self._signed(job, done.media.video),
            f"{folder}/thumbnail.webp": done.media.thumbnail,
            f"{folder}/spritesheet.jpg": done.media.spritesheet,
            f"{folder}/latents.npz": done.latents,
        }
        await media_keys.reserve(list(files))
        await self._put(files)
        # Another exception is left alone: if the commit has not happened, the reservation runs out.
        kept = await leases.complete(
            job.id,
            job.attempt,
            media=list(files)[:3],
            latents_key=f"{folder}/latents.npz",
            cpu_seconds=done.cpu_seconds,
            fidelity=done.fidelity,
            closeness=closeness,
            now=self._clock(),
            fingerprint=bits,
            sketches=sketches,
        )
        if not kept:
            await media_keys.discard(list(files))
            raise LeaseLost

    async def _recognise(self, job: LeasedJob, video: bytes) -> tuple[str | None, list[bytes]]:
        """The perceptual fingerprint of a video (None if it has none), and the sketches of its frames.

        Raises:
            PermanentFailure: it is that of a video that was taken down.
        """
        try:
            bits, sketches = await asyncio.to_thread(_recognise, video)
        except fingerprint.UnreadableVideo as error:
            log.warning("the video can't be recognised later: %s", error)
            return None, []
        if bits is not None and await fingerprints.matches_taken_down(bits, now=self._clock()):
            raise PermanentFailure(Code.TAKEN_DOWN, "it came out like a video that was taken down")
        return bits, sketches

    async def _signed(self, job: LeasedJob, video: bytes) -> bytes:
        """The MP4 with its C2PA content credentials: model, ingredients, receipts of consent."""
        try:
            await get_viewable(job.id, job.account_id, self._clock())
        except RiffleError:
            # Deleted while it was generated.
            raise LeaseLost from None
        made_from = await source_inputs(job.id)
        # A clip that is joined twice is one ingredient.
        parents = list(dict.fromkeys(made_from[0].source.video_ids)) if made_from else []
        claims = Claims(
            video_id=job.id,
            model=job.recipe.model,
            parents=parents,
            receipts=await receipts.of_video(job.id),
        )
        return await asyncio.to_thread(self._signer.sign, video, claims)

    async def _put(self, files: dict[str, bytes]) -> None:
        """Store what is reserved; of what fails or is cut off, the reservation runs out."""
        puts = (self._store.put(key, data) for key, data in files.items())
        for result in await asyncio.gather(*puts, return_exceptions=True):
            if isinstance(result, BaseException):
                raise RetryLater(f"the media store failed: {result!r}") from result

    async def _closeness(self, job: LeasedJob, latents: bytes) -> dict[str, float]:
        """Closeness to each video that people see it beside; what can't be measured stays unmeasured."""
        try:
            compared = await leases.comparisons(job.id)
            others = {other.video_id: await self._store.get(other.latents_key) for other in compared}
            if not others:
                return {}
            values = await self._link.compare([(latents, other) for other in others.values()])
            return dict(zip(others, values, strict=True))
        except (OSError, CallFailed, ValueError) as error:
            log.warning("closeness stays unmeasured: %r", error)
            return {}


def _recognise(video: bytes) -> tuple[str | None, list[bytes]]:
    frames = [frame for _, frame in fingerprint.small_frames(video)]
    return fingerprint.fingerprint_of_frames(frames), sketch.sketches_of(frames)


async def _wait_or_raise(fault: Fault) -> None:
    """Return when the same attempt is worth sending again.

    Raises:
        RetryLater, PermanentFailure: it isn't.
    """
    if fault.code is FaultCode.BUSY:
        await asyncio.sleep(limits.BUSY_BACKOFF_S)
    elif fault.retryable:
        raise RetryLater(f"{fault.code}: {fault.message}")
    else:
        raise PermanentFailure(Code.GENERATION_FAILED, fault.message)

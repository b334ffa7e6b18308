"""Cancelling."""

from __future__ import annotations

from domain.events import stream
from domain.videos import transitions
from schemas.errors import Code
from schemas.events import EventName, video_stream
from schemas.videos import Status
from tests.build import at, complete, lease_all, ledger_adds_up, person, queue, refused


async def test_cancel_is_final_and_gives_the_credits_back() -> None:
    ada = await person()
    rows = await queue(ada.id, 2)
    (job, _) = await lease_all()
    cancelled = await transitions.cancel(job.id, ada.id, at(1))
    assert cancelled.status is Status.CANCELLED
    assert not await complete(job.id, job.attempt)
    await refused(Code.INVALID_STATE, transitions.cancel(job.id, ada.id, at(2)))
    assert await ledger_adds_up(ada.id) == 999
    found = await stream.since(video_stream(job.id), 0, 10)
    assert [event.name for event in found] == [
        EventName.VIDEO_QUEUED,
        EventName.VIDEO_STARTED,
        EventName.VIDEO_CANCELLED,
    ]
    assert {row.id for row in rows} >= {job.id}

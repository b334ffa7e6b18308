"""Everything that people do about consent, in any order, over the real database, held against the model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import db.feed
import db.visibility
from db import engine, events, videos
from db.rows import select
from db.visibility import watchable_of
from schemas.errors import Code, RiffleError
from schemas.events import video_stream
from schemas.feed import LaneOrder
from tests.db.consent_making import Making
from tests.db.consent_model import Video
from tests.db.consent_people import Clock, pick

STEPS_LONG = 10_000


class Machine(Making):
    """One person reads everything there is, after every step."""

    # --- reading

    def check_invariants(self, *args: Any, **kwargs: Any) -> None:
        """After every step one person reads everything there is."""
        super().check_invariants(*args, **kwargs)
        if not hasattr(self, "who"):
            return
        type(self).steps += 1
        self.turn += 1
        viewer = pick(self.who, self.turn)
        self.read_all(viewer)
        self.read_one(pick(list(self.rules_.videos.values()), self.turn), viewer)
        if self.posted():
            self.read_lane(pick(self.posted(), self.turn), viewer)

    def read_all(self, viewer: str) -> None:
        ids = list(self.rules_.videos)
        rows = self.run(select("v.id = ANY ($1::text[]) AND v.deleted_at IS NULL", ids))
        seen = self.run(watchable_of(rows, viewer))
        appears = {row.id for row in rows if row.id in seen and row.video_key is not None}
        covered = {video.id for video in self.rules_.videos.values() if self.rules_.may_watch(video, viewer)}
        assert appears == covered
        type(self).shown += len(appears)
        type(self).hidden += len(ids) - len(appears)

    def read_one(self, video: Video, viewer: str) -> None:
        row = self.tried(videos.get_media(video.id, viewer))
        if isinstance(row, RiffleError):
            assert row.code in (Code.NOT_FOUND, Code.GONE)
        appears = not isinstance(row, RiffleError) and row.video_key is not None
        assert appears is self.rules_.may_watch(video, viewer), (video, viewer)
        if video.status == "completed" and not video.deleted:
            assert self.run(events.may_follow(viewer, video_stream(video.id))) is appears

    def read_lane(self, video: Video, viewer: str) -> None:
        (trend,) = self.run(engine.fetch("SELECT trend_id FROM posts WHERE id = $1", video.posted))
        page = self.tried(db.feed.lane(trend["trend_id"], LaneOrder.FRESH, None, 100, viewer))
        seen = set() if isinstance(page, RiffleError) else {item.post.id for item in page.items}
        for other in self.posted():
            if other.posted in seen:
                assert self.rules_.shows(other, viewer), (other, viewer)
        if video.posted not in seen:
            assert not self.rules_.shows(video, viewer), (video, viewer)


@pytest.fixture
def machine(database: str, monkeypatch: pytest.MonkeyPatch) -> type[Machine]:
    monkeypatch.setattr(db.visibility, "datetime", Clock)
    monkeypatch.setattr(db.feed, "datetime", Clock)
    Machine.loop = asyncio.get_event_loop()
    Machine.steps = Machine.shown = Machine.hidden = 0
    return Machine


def sized(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        print_blob=True,
    )


async def test_no_reading_shows_what_is_not_covered(machine: type[Machine]) -> None:
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=sized(8, 50))
    assert machine.steps >= 200
    assert min(machine.shown, machine.hidden) > 100


@pytest.mark.long
async def test_no_reading_shows_what_is_not_covered_in_ten_thousand_steps(machine: type[Machine]) -> None:
    while machine.steps < STEPS_LONG:
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=sized(20, 60))
    print(f"{machine.steps} steps, {machine.shown} readings showed a video, {machine.hidden} did not")
    assert min(machine.shown, machine.hidden) > STEPS_LONG / 2

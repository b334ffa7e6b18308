"""Everything that people do about consent, in any order, over the real database, held against the model."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

import domain.consent.verdicts
import domain.videos.visibility
from db import engine
from domain.consent import policy
from domain.consent.policy import CameoFacts, UseRequest, Verdict
from domain.feed import lanes
from domain.videos.record import select
from domain.videos.visibility import can_follow, can_play, get_playable
from schemas.errors import Code, RiffleError
from schemas.events import video_stream
from schemas.feed import LaneOrder
from tests.build import START
from tests.domain.consent.consent_making import Making
from tests.domain.consent.consent_model import Video
from tests.domain.consent.consent_people import pick

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
        seen = self.run(can_play(rows, viewer, self.now))
        appears = {row.id for row in rows if row.id in seen and row.video_key is not None}
        covered = {video.id for video in self.rules_.videos.values() if self.rules_.may_watch(video, viewer)}
        assert appears == covered
        type(self).shown += len(appears)
        type(self).hidden += len(ids) - len(appears)

    def read_one(self, video: Video, viewer: str) -> None:
        row = self.tried(get_playable(video.id, viewer, self.now))
        if isinstance(row, RiffleError):
            assert row.code in (Code.NOT_FOUND, Code.GONE)
        appears = not isinstance(row, RiffleError) and row.video_key is not None
        assert appears is self.rules_.may_watch(video, viewer), (video, viewer)
        if video.status == "completed" and not video.deleted:
            assert self.run(can_follow(video_stream(video.id), viewer, self.now)) is appears

    def read_lane(self, video: Video, viewer: str) -> None:
        (trend,) = self.run(engine.fetch("SELECT trend_id FROM posts WHERE id = $1", video.posted))
        page = self.tried(lanes.lane(trend["trend_id"], LaneOrder.FRESH, None, 100, viewer, self.now))
        seen = set() if isinstance(page, RiffleError) else {item.post.id for item in page.items}
        for other in self.posted():
            if other.posted in seen:
                assert self.rules_.shows(other, viewer), (other, viewer)
        if video.posted not in seen:
            assert not self.rules_.shows(video, viewer), (video, viewer)


@pytest_asyncio.fixture(loop_scope="session")
async def machine(database: str) -> type[Machine]:
    Machine.loop = asyncio.get_running_loop()
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
        report_multiple_bugs=False,
        print_blob=True,
    )


async def test_no_reading_shows_what_is_not_covered(machine: type[Machine]) -> None:
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=sized(8, 50))
    assert machine.steps >= 200
    assert min(machine.shown, machine.hidden) > 100


async def ten_thousand_steps(machine: type[Machine]) -> None:
    while machine.steps < STEPS_LONG:
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=sized(20, 60))


@pytest.mark.long
async def test_no_reading_shows_what_is_not_covered_in_ten_thousand_steps(machine: type[Machine]) -> None:
    await ten_thousand_steps(machine)
    print(f"{machine.steps} steps, {machine.shown} readings showed a video, {machine.hidden} did not")
    assert min(machine.shown, machine.hidden) > STEPS_LONG / 2


def blind(ask: dict[str, object] | None = None, cameo: dict[str, object] | None = None) -> Any:
    """domain.consent.policy with some facts kept from it."""

    def decide(facts: CameoFacts, asked: UseRequest) -> Verdict:
        return policy.decide(
            msgspec.structs.replace(facts, **(cameo or {})), msgspec.structs.replace(asked, **(ask or {}))
        )

    return decide


# Only what nothing else would catch: a withdrawn use, for one, is refused in two places.
FAULTS = {
    "everybody is a mutual": blind(cameo={"mutual": True}),
    "blocks don't count": blind(cameo={"blocked": False}),
    "nobody is shut out": blind(cameo={"shut_out": None}),
    "the words of the lineage are forgotten": blind(ask={"said_before": None}),
    "other people are not seen": blind(ask={"others": False}),
    "a remix is forgotten": blind(ask={"remixed": False}),
    "time stands still": blind(ask={"now": START}),
}


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_machine_finds_what_is_wrong(
    machine: type[Machine], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    for module in (domain.consent.verdicts, domain.videos.visibility):
        monkeypatch.setattr(module, "decide", FAULTS[fault])
    # What was found is played again in the database that it was found in, where it may go another way.
    with pytest.raises((AssertionError, Flaky)):
        await ten_thousand_steps(machine)
    print(f"{fault}: found within {machine.steps} steps")

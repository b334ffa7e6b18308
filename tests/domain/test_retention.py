"""Nothing only grows: each table has its time, and what is over goes in bounded batches."""

from __future__ import annotations

import itertools
import logging
from datetime import datetime, timedelta

import pytest

from db.engine import fetch
from db.piccolo_app import APP_CONFIG
from domain import retention
from domain.accounts import sessions
from domain.consent import enrolments
from domain.events import stream
from domain.events.resume import Follower
from domain.feed import posts
from domain.videos import transitions
from domain.videos.delete import delete_video
from schemas.events import inbox_stream, video_stream
from settings import PROJECT
from tests.build import START, at, cameo, completed, loose, person, queue
from tests.realtime.world import STEP

DAY = timedelta(days=1)


async def count(table: str, where: str = "true", *args: object) -> int:
    (found,) = await fetch(f"SELECT count(*) AS n FROM {table} WHERE {where}", *args)
    return int(found["n"])


async def sweep(now: datetime) -> None:
    while await retention.sweep(now=now):
        pass


def test_every_table_has_its_time() -> None:
    tables = {table._meta.tablename for table in APP_CONFIG.table_classes}
    swept = {kind.table for kind in retention.SWEEPS}
    assert tables == swept | retention.KEPT.keys()


def test_the_documentation_says_the_same() -> None:
    page = (PROJECT / "docs" / "reference" / "retention.md").read_text()
    for kind in retention.SWEEPS:
        days = kind.kept.days
        said = f"{days} day{'s' * (days != 1)}" if days else f"{kind.kept.seconds // 3600} hour"
        assert f"| {kind.name} | {said} |" in page
    for kept in (retention.EVENTS_KEPT, retention.PROOF_KEPT_DECIDED, retention.PROOF_KEPT_UNDECIDED):
        assert f"| {kept.days} days |" in page
    for table, why in retention.KEPT.items():
        assert f"| `{table}` | {why} |" in page


async def test_all_of_it_can_be_carried_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        await sweep(START + timedelta(days=3650))
    assert not caplog.records


async def test_what_signs_people_in_goes_when_it_has_run_out() -> None:
    ada = await person()
    await sessions.issue(ada.id, "a phone", at(0))
    mine = "session_id IN (SELECT id FROM sessions WHERE account_id = $1)"
    for days in range(3650):
        if not await count("tokens", mine, ada.id):
            break
        assert await count("sessions", "account_id = $1", ada.id) == 1
        await sweep(START + days * DAY)
    assert 2 < days < 400
    await sweep(START + (days + 2) * DAY)
    assert not await count("sessions", "account_id = $1", ada.id)


async def test_pictures_go_after_a_day_and_facts_after_ninety() -> None:
    ada = await person()
    row = await completed(ada.id)
    name = video_stream(row.id)
    await fetch("UPDATE events SET picture = 'x' WHERE stream = $1", name)
    before = await stream.head(name)
    await sweep(START + 0.9 * DAY)
    assert await count("events", "stream = $1 AND picture IS NOT NULL", name) == 3
    await sweep(START + 1.1 * DAY)
    assert await count("events", "stream = $1 AND picture IS NULL", name) == 3
    await sweep(START + 89 * DAY)
    assert await stream.head(name) == before
    await sweep(START + 91 * DAY)
    assert await stream.head(name) is None
    assert await count("events", "stream = $1", name) == 0


async def test_a_phone_that_comes_back_for_events_that_are_gone_reads_again() -> None:
    ada = await person()
    name = inbox_stream(ada.id)
    for number in range(5):
        await stream.append(name, STEP, now=START + number * 10 * DAY)
    await sweep(START + 115 * DAY)
    head = await stream.head(name)
    assert head is not None
    assert (head.seq, head.first) == (5, 4)
    for after, recovered, next_seq in (
        (0, False, 6),
        (2, False, 6),
        (3, True, 4),
        (4, True, 5),
        (5, True, 6),
    ):
        follower = Follower(head.epoch, after, head)
        assert follower.recovered is recovered
        assert follower.cursor + 1 == next_seq
        follower.offer(await stream.since(name, follower.cursor, 10))
        # Nothing is waited for that will never come.
        assert not follower.behind
    # All gone: the numbers go on.
    await sweep(START + 200 * DAY)
    assert await stream.append(name, STEP, now=START + 200 * DAY) == 6
    head = await stream.head(name)
    assert head is not None
    assert (head.seq, head.first) == (6, 6)


async def test_words_of_what_came_to_nothing_go() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    await transitions.cancel(row.id, ada.id, at(1))
    made = await completed(ada.id)
    posted = await posts.post(made.id, ada.id, "look", at(2))
    await delete_video(made.id, ada.id, at(3))
    words = "SELECT prompt, recipe ->> 'prompt' AS model FROM videos WHERE id = $1"
    await sweep(START + 29 * DAY)
    assert await count("posts", "id = $1 AND caption = 'look'", posted.id) == 1
    await sweep(START + 89 * DAY)
    assert await count("posts", "id = $1 AND caption = ''", posted.id) == 1
    assert (await fetch(words, row.id))[0]["prompt"] != ""
    await sweep(START + 91 * DAY)
    assert (await fetch(words, row.id))[0] == {"prompt": "", "model": ""}


@pytest.mark.parametrize(("decided", "days"), [(True, 30), (False, 180)])
async def test_the_clip_of_a_proof_goes_when_nobody_needs_it(decided: bool, days: int) -> None:
    ada = await person()
    face = await cameo(ada.id)
    key = f"proofs/{face.id}.sealed"
    await enrolments.new_challenge(face.id, ada.id, now=at(0))
    await fetch(
        """
        INSERT INTO proofs (id, cameo_id, challenge_id, media_key, hash, bands, checks, status, created_at)
        SELECT $1, cameo_id, id, $2, repeat('0', 256), '{}', '[]', 'in_review', $3
        FROM challenges WHERE cameo_id = $1
        """,
        face.id,
        key,
        at(0),
    )
    if decided:
        await enrolments.decide(face.id, "verified", "it is her", "a moderator", now=at(0))
    await sweep(START + (days - 1) * DAY)
    assert key not in await loose()
    await sweep(START + (days + 1) * DAY)
    assert key in await loose()
    assert await count("proofs", "id = $1 AND media_key IS NULL", face.id) == 1
    assert await count("challenges", "cameo_id = $1", face.id) == 1


async def test_it_takes_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MAX_BATCHES", 3)
    ada = await person()
    for number in range(10):
        await stream.append(inbox_stream(ada.id), STEP, now=at(number))
    left = [await count("events", "stream = $1", inbox_stream(ada.id))]
    while await retention.sweep(now=START + 400 * DAY):
        left.append(await count("events", "stream = $1", inbox_stream(ada.id)))
    assert left[0] == 10
    assert left[-1] == 0
    assert max(before - after for before, after in itertools.pairwise(left)) <= 6


async def test_one_kind_that_fails_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = retention.Sweep("broken", "accounts", DAY, "1 / 0 = 1 AND t.created_at < $1", "handle = 'x'")
    monkeypatch.setattr(retention, "SWEEPS", (broken, *retention.SWEEPS))
    ada = await person()
    await stream.append(inbox_stream(ada.id), STEP, now=at(0))
    await sweep(START + 400 * DAY)
    assert await count("events", "stream = $1", inbox_stream(ada.id)) == 0

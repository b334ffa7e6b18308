"""A row that can't be read fails by itself: work, lists, revocations and deletion of others go on."""

from __future__ import annotations

import pytest

from db.engine import fetch
from domain.consent import cameos
from domain.events import stream
from domain.videos import leases, record, to_wire, transitions, visibility
from domain.videos.delete import delete_video
from domain.videos.record import VideoRow
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.errors import Code
from schemas.events import video_stream
from schemas.videos import Status
from tests.build import NOW, TTL_S, at, cameo, completed, lease_all, ledger_adds_up, pass_s, person, queue
from tests.domain.family import sweep

# As a newer version, a restored backup or a hand in the database may leave it.
BROKEN = {
    "no fields": "recipe = '{}'",
    "a word": "recipe = '\"recipe\"'",
    "a list": "recipe = '[1]'",
    "null": "recipe = 'null'",
    "a huge number": "recipe = recipe || '{\"seed\": 1e300}'",
    "a seed past 64 bits": "recipe = recipe || '{\"seed\": 99999999999999999999999}'",
    "no rate": "recipe = recipe || '{\"fps\": 0}'",
    "no size": "recipe = recipe || '{\"width\": -1}'",
    "deep": f"recipe = '{'[' * 2000 + ']' * 2000}'",
    "a source": 'source = \'{"relation": "dance", "video_ids": []}\'',
    "a relation": "relation = 'dance'",
}


@pytest.fixture(params=BROKEN.values(), ids=BROKEN.keys())
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def spoil(row: VideoRow, how: str) -> None:
    await fetch(f"UPDATE videos SET {how} WHERE id = $1", row.id)


async def test_one_that_is_queued_fails_and_gives_its_credits_back(how: str) -> None:
    ada, bob = await person(), await person()
    bad, behind = await queue(ada.id, 2)
    (other,) = await queue(bob.id)
    await spoil(bad, how)
    assert {job.id for job in await lease_all()} == {behind.id, other.id}
    shown = await to_wire.to_video(await visibility.get_viewable(bad.id, ada.id, NOW))
    assert shown.status is Status.FAILED
    assert shown.error is not None
    assert shown.error.code == Code.GENERATION_FAILED
    assert await ledger_adds_up(ada.id) == 999
    assert (await stream.since(video_stream(bad.id), 0, 9))[-1].name == "video.failed"
    page, _ = await record.page(ada.id, None, 10, "desc")
    assert [video.id for video in await to_wire.to_videos(page)] == [behind.id, bad.id]


async def test_one_that_was_being_drawn_fails_when_its_lease_runs_out(how: str) -> None:
    ada = await person()
    bad, other = await queue(ada.id, 2)
    await lease_all("dead")
    await spoil(bad, how)
    await pass_s(TTL_S)
    assert {job.id for job in await lease_all("alive", at(100))} == {other.id}
    assert (await visibility.get_viewable(bad.id, ada.id, NOW)).status is Status.FAILED


async def test_it_can_be_deleted_and_taken_back(how: str) -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    made = await completed(bob.id, cameos=(face.id,))
    mine = await completed(bob.id)
    (waiting,) = await queue(bob.id, cameos=(face.id,))
    for row in (made, waiting, mine):
        await spoil(row, how)
    await delete_video(mine.id, bob.id, at(4))
    await cameos.revoke(face.id, ada.id, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=at(5))
    await sweep()
    rows = await fetch(
        "SELECT video_key, status, prompt FROM videos WHERE id = ANY ($1)", [made.id, waiting.id, mine.id]
    )
    assert {row["video_key"] for row in rows} == {None}
    assert {row["prompt"] for row in rows} == {""}
    assert {row["status"] for row in rows} == {"completed", "failed"}


async def test_an_error_in_one_ends_only_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await person()
    rows = await queue(ada.id, 3)
    real = transitions.lease

    async def fail(row: VideoRow, *given: object) -> int:
        attempt = await real(row, *given)  # type: ignore[arg-type]
        if row.id == rows[1].id:
            # In the database, so that the transaction would be lost with it.
            await fetch("SELECT 1 / 0")
        return attempt

    monkeypatch.setattr(transitions, "lease", fail)
    assert [job.id for job in await lease_all()] == [rows[0].id, rows[2].id]
    assert (await visibility.get_viewable(rows[1].id, ada.id, NOW)).status is Status.FAILED


async def test_an_error_in_consent_ends_only_the_video_that_it_is_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = await person()
    rows = await queue(ada.id, 3)
    real = leases.transitions.withdraw_refused

    async def fail(of: list[VideoRow], now: object) -> set[str]:
        if rows[1].id in {row.id for row in of}:
            await fetch("SELECT 1 / 0")
        return await real(of, now)  # type: ignore[arg-type]

    monkeypatch.setattr(transitions, "withdraw_refused", fail)
    assert [job.id for job in await lease_all()] == [rows[0].id, rows[2].id]
    assert (await visibility.get_viewable(rows[1].id, ada.id, NOW)).status is Status.FAILED

"""Where queued videos stand, and when each begins."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from db.engine import fetch
from domain.videos import leases, queue
from schemas.videos import Recipe
from tests.build import START, at, complete, lease_all, person, recipe
from tests.build import queue as ask


def clips(seconds: int, n: int) -> list[Recipe]:
    return [
        msgspec.structs.replace(recipe("a fox", seed), frames=8 * seconds + 1, fps=8) for seed in range(n)
    ]


async def etas(ids: list[str]) -> list[int]:
    found = await queue.places(ids)
    return [found[video].eta_ms for video in ids]


async def drawn(account: str, seconds: int, took_s: float, n: int) -> None:
    """`n` clips of `seconds` were drawn, each in `took_s`, after all others."""
    await ask(account, recipes=clips(seconds, n))
    for i, job in enumerate(await lease_all()):
        assert await complete(job.id, job.attempt, at(i))
    await fetch(
        "UPDATE videos SET started_at = $1::timestamptz,"
        " ended_at = $1::timestamptz + make_interval(secs => n * $2::float8) FROM"
        " (SELECT id, row_number() OVER (ORDER BY ended_at, id) AS n FROM videos WHERE account_id = $3"
        "  AND status = 'completed' ORDER BY ended_at DESC LIMIT $4) o WHERE videos.id = o.id",
        START + timedelta(days=1),
        took_s,
        account,
        n,
    )


async def test_longer_clips_are_waited_for_longer() -> None:
    ada = await person()
    await drawn(ada.id, 2, 1.0, queue.PACE_OF_LAST)
    short = [row.id for row in await ask(ada.id, recipes=clips(2, 3))]
    assert await etas(short) == pytest.approx([0, 1000, 2000], abs=5)
    for video in short:
        await fetch("UPDATE videos SET status = 'cancelled', ended_at = now() WHERE id = $1", video)
    # Two and a half times as long, as much longer the wait: without one of them having been drawn before.
    long = [row.id for row in await ask(ada.id, recipes=clips(5, 3))]
    ratio = (5 + 1 / 8) / (2 + 1 / 8)
    assert await etas(long) == pytest.approx([0, 1000 * ratio, 2000 * ratio], rel=0.01)


async def test_what_is_half_drawn_is_waited_for_half() -> None:
    ada = await person()
    await drawn(ada.id, 2, 1.0, queue.PACE_OF_LAST)
    rows = await ask(ada.id, recipes=clips(2, 2))
    await leases.lease("w", limit_preview=1, limit_full=0, now=at(0), ttl_s=60)
    assert await leases.begin(rows[0].id, 1, now=at(1))
    assert await etas([rows[1].id]) == pytest.approx([1000], abs=5)
    assert await leases.step(rows[0].id, 1, i=2, n=4, picture=None, now=at(1))
    assert await etas([rows[1].id]) == pytest.approx([500], abs=5)


@pytest.mark.parametrize(
    "broken",
    ["{}", "[]", '{"frames": "many", "fps": 8}', '{"frames": 17, "fps": 0}', '{"frames": 1e400, "fps": 1}'],
)
async def test_a_row_that_cannot_be_read_takes_nobodys_place_away(broken: str) -> None:
    ada = await person()
    rows = await ask(ada.id, 3)
    await fetch("UPDATE videos SET recipe = $1::text::jsonb WHERE id = $2", broken, rows[0].id)
    found = await queue.places([row.id for row in rows])
    assert [found[row.id].position for row in rows] == [1, 2, 3]

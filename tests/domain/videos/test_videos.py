"""Making, reading, cancelling and deleting videos; credits; keys that make a request happen once."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from db import idempotency
from db.engine import fetch, transaction
from domain.accounts import credits, social
from domain.events import stream
from domain.feed import posts
from domain.ids import new_id
from domain.videos import inputs, leases, record, transitions, visibility, wire
from domain.videos.delete import delete_video
from domain.videos.lineage import lineage
from schemas.errors import Code, RiffleError
from schemas.events import EventName, video_stream
from schemas.videos import Relation, Status
from tests.domain.make import NOW, at, complete, drawn, lease_all, ledger_adds_up, person, queue


async def refused(code: Code, doing: object) -> RiffleError:
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    assert caught.value.code is code
    return caught.value


async def test_fifty_at_once_with_one_key_make_one_video() -> None:
    ada = await person()

    async def request() -> bytes:
        same = {"account_id": ada.id, "key": "once", "route": "POST /v1/videos", "body_hash": "h"}
        async with transaction():
            stored = await idempotency.begin(**same)
            if stored is not None:
                assert stored[0] == 200
                return stored[1]
            (row,) = await queue(ada.id)
            await idempotency.store(**same, status=200, body=row.id.encode(), now=at(0))
            return row.id.encode()

    assert len(set(await asyncio.gather(*(request() for _ in range(50))))) == 1
    rows, more = await record.page(ada.id, None, 100, "desc")
    assert (len(rows), more) == (1, False)
    assert await ledger_adds_up(ada.id) == 999


async def test_a_key_belongs_to_one_request_of_one_account() -> None:
    ada, bob = await person(), await person()
    same = {"key": "k", "route": "POST /v1/posts", "body_hash": "h"}
    async with transaction():
        assert await idempotency.begin(account_id=ada.id, **same) is None
        await idempotency.store(account_id=ada.id, **same, status=201, body=b"1", now=at(0))
    async with transaction():
        assert await idempotency.begin(account_id=ada.id, **same) == (201, b"1")
        assert await idempotency.begin(account_id=bob.id, **same) is None
    for other in ({"route": "POST /v1/videos"}, {"body_hash": "other"}):
        async with transaction():
            await refused(
                Code.IDEMPOTENCY_MISMATCH, idempotency.begin(account_id=ada.id, **{**same, **other})
            )
    with pytest.raises(RuntimeError):
        await idempotency.begin(account_id=ada.id, **same)


async def test_credits_never_go_below_zero() -> None:
    ada = await person()
    attempts = await asyncio.gather(*(queue(ada.id, price=300) for _ in range(8)), return_exceptions=True)
    poor = [item for item in attempts if isinstance(item, RiffleError)]
    assert len(poor) == 5
    assert {item.code for item in poor} == {Code.INSUFFICIENT_CREDITS}
    assert await ledger_adds_up(ada.id) == 100
    assert (await credits.balance(ada.id)).held == 900
    rows, _ = await record.page(ada.id, None, 100, "desc")
    assert len(rows) == 3


async def test_a_failed_transaction_leaves_nothing() -> None:
    ada = await person()

    async def break_off() -> None:
        async with transaction():
            await queue(ada.id, 4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert await record.page(ada.id, None, 10, "desc") == ([], False)
    assert await ledger_adds_up(ada.id) == 1000


async def test_a_swarm_reads_in_seed_order() -> None:
    ada = await person()
    rows = await queue(ada.id, 16)
    assert [row.recipe.seed for row in rows] == list(range(16))
    assert all(row.swarm_ids == [other.id for other in rows] for row in rows)
    found, more = await record.page(ada.id, None, 5, "asc")
    assert ([row.id for row in found], more) == ([row.id for row in rows[:5]], True)
    answers = await wire.to_videos(rows)
    assert [video.queue.position for video in answers if video.queue] == list(range(1, 17))
    places = [video.queue for video in answers if video.queue]
    assert all(one.eta_ms < two.eta_ms for one, two in pairwise(places))


async def test_pages_meet_every_video_once() -> None:
    ada, bob = await person(), await person()
    ids = [row.id for i in range(4) for row in await queue(ada.id, 1 + i % 2, now=at(i // 2))]
    for order in ("asc", "desc"):
        seen: list[str] = []
        more = True
        while more:
            rows, more = await record.page(ada.id, seen[-1] if seen else None, 2, order)  # type: ignore[arg-type]
            seen += [row.id for row in rows]
        assert sorted(seen) == sorted(ids)
    await delete_video(seen[1], ada.id, at(9))
    rest, _ = await record.page(ada.id, seen[1], 100, "desc")
    assert [row.id for row in rest] == seen[2:]
    await refused(Code.NOT_FOUND, record.page(ada.id, "video_0", 2, "desc"))
    await refused(Code.NOT_FOUND, record.page(bob.id, ids[0], 2, "desc"))


async def test_a_draft_is_its_owners_alone_until_it_is_posted() -> None:
    ada, bob = await person(), await person()
    row = await drawn(ada.id)
    for call in (visibility.get_viewable, lineage):
        await refused(Code.NOT_FOUND, call(row.id, bob.id, NOW))
    assert not await visibility.can_follow(video_stream(row.id), bob.id, NOW)
    assert await visibility.can_follow(video_stream(row.id), ada.id, NOW)
    await refused(Code.NOT_FOUND, transitions.cancel(row.id, bob.id, at(1)))
    await refused(Code.NOT_FOUND, delete_video(row.id, bob.id, at(1)))
    await posts.post(row.id, ada.id, None, at(1))
    assert (await visibility.get_viewable(row.id, bob.id, NOW)).id == row.id
    assert await visibility.can_follow(video_stream(row.id), bob.id, NOW)
    assert not await visibility.can_follow(f"inbox:{ada.id}", bob.id, NOW)
    assert await visibility.can_follow(f"inbox:{bob.id}", bob.id, NOW)
    await social.block(ada.id, bob.id, at(2))
    await refused(Code.NOT_FOUND, visibility.get_viewable(row.id, bob.id, NOW))


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


async def test_delete_leaves_no_trace_of_the_media() -> None:
    ada = await person()
    row = await drawn(ada.id)
    await leases.fetch("UPDATE events SET picture = 'x' WHERE stream = $1", video_stream(row.id))
    await posts.post(row.id, ada.id, "look", at(1))
    keys = await delete_video(row.id, ada.id, at(2))
    assert keys == [row.video_key, row.thumbnail_key, row.spritesheet_key, row.latents_key]
    await refused(Code.NOT_FOUND, visibility.get_viewable(row.id, ada.id, NOW))
    await refused(Code.NOT_FOUND, delete_video(row.id, ada.id, at(3)))
    assert all(event.picture is None for event in await stream.since(video_stream(row.id), 0, 50))
    (left,) = await fetch(
        "SELECT prompt, recipe->>'prompt' AS words, post_id FROM videos WHERE id = $1", row.id
    )
    assert left == {"prompt": "", "words": "", "post_id": None}
    (running,) = await queue(ada.id)
    assert await delete_video(running.id, ada.id, at(3)) == []
    assert await ledger_adds_up(ada.id) == 999


async def test_lineage_hides_others_drafts_and_keeps_the_way() -> None:
    ada, bob = await person(), await person()
    root = await drawn(ada.id)
    await posts.post(root.id, ada.id, None, at(1))
    draft = await drawn(bob.id, source=root.id, closeness={root.id: 0.8}, now=at(1))
    unseen = await drawn(bob.id, source=root.id)
    render = await drawn(bob.id, source=draft.id, relation=Relation.RENDER, now=at(2))
    await posts.post(render.id, bob.id, None, at(2))
    seen = await lineage(root.id, ada.id, NOW)
    assert [node.id for node in seen.nodes] == [root.id, draft.id, render.id]
    assert [node.prompt is None for node in seen.nodes] == [False, True, False]
    assert [(edge.parent, edge.child, edge.relation, edge.closeness) for edge in seen.edges] == [
        (root.id, draft.id, Relation.REMIX, 0.8),
        (draft.id, render.id, Relation.RENDER, None),
    ]
    own = await lineage(unseen.id, bob.id, NOW)
    assert {node.id for node in own.nodes} == {root.id, unseen.id}
    answer = await wire.to_video(draft)
    assert answer.remixed_from_video_id == root.id
    assert (await wire.to_video(render)).remixed_from_video_id is None


async def test_sources_and_what_to_compare_with() -> None:
    ada = await person()
    root = await drawn(ada.id)
    await posts.post(root.id, ada.id, None, at(1))
    middle = await drawn(ada.id, source=root.id)
    await posts.post(middle.id, ada.id, None, at(2))
    preview = await drawn(ada.id, source=middle.id)
    render = await drawn(ada.id, source=preview.id, relation=Relation.RENDER)
    own, inherited = await inputs.source_inputs(render.id)
    assert (own.source.relation, [row.id for row in own.parents]) == (Relation.RENDER, [preview.id])
    assert (inherited.source.relation, [row.id for row in inherited.parents]) == (Relation.REMIX, [middle.id])
    assert own.parents[0].latents_key == preview.latents_key
    assert {row.video_id for row in await leases.comparisons(render.id)} == {preview.id, middle.id, root.id}
    assert await leases.comparisons(root.id) == []
    await delete_video(middle.id, ada.id, at(3))
    assert {row.video_id for row in await leases.comparisons(render.id)} == {preview.id, root.id}


async def test_append_only_tables_refuse_changes() -> None:
    ada = await person()
    await queue(ada.id)
    for statement in (
        "UPDATE credit_entries SET amount = 0",
        "DELETE FROM credit_entries",
        "TRUNCATE credit_entries",
        "UPDATE receipts SET revision = 2",
        "DELETE FROM receipts",
        "DELETE FROM grants",
        "UPDATE grants SET status = 'accepted'",
        "DELETE FROM cameo_revisions",
        "UPDATE cameo_revisions SET audience = 'everyone'",
    ):
        with pytest.raises(Exception, match="is append-only"):
            await fetch(statement)


async def test_an_unknown_source_is_no_video() -> None:
    ada = await person()
    assert not await visibility.can_follow(video_stream(new_id("video")), ada.id, NOW)
    assert await stream.head(video_stream("nothing")) is None
    assert await stream.since("nothing", 0, 10) == []

"""Keys of media: written down before, released when kept, collected otherwise; one that fails blocks none."""

from __future__ import annotations

from importlib import import_module

import pytest
from piccolo.table import Table

from db.engine import fetch, transaction
from db.piccolo_app import NOUNS
from domain import media_keys
from domain.videos.delete import delete_video
from tests.build import at, completed, loose, person


async def pass_s(seconds: float) -> None:
    """Let time pass for what is written down."""
    await fetch("UPDATE loose_media SET due_at = due_at - make_interval(secs => $1)", seconds)


@pytest.fixture(autouse=True)
async def nothing_loose(database: str) -> None:
    await fetch("DELETE FROM loose_media")


async def test_a_key_that_nobody_keeps_is_collected_when_its_time_is_over() -> None:
    await media_keys.reserve(["videos/a/1/x", "videos/a/1/y"])
    assert await media_keys.claim_due() == []
    await pass_s(media_keys.RESERVED_S - 1)
    assert await media_keys.claim_due() == []
    await pass_s(1)
    assert await media_keys.claim_due() == ["videos/a/1/x", "videos/a/1/y"]
    # Whoever claimed them may have died.
    assert await media_keys.claim_due() == []
    await pass_s(media_keys.CLAIMED_S)
    assert await media_keys.claim_due() == ["videos/a/1/x", "videos/a/1/y"]
    await media_keys.forget(["videos/a/1/x", "videos/a/1/y"])
    assert await loose() == set()


async def test_a_key_that_is_kept_is_released_and_one_that_is_collected_cant_be_kept() -> None:
    await media_keys.reserve(["videos/a/1/x"])
    await media_keys.keep(["videos/a/1/x"])
    assert await loose() == set()
    with pytest.raises(media_keys.ReservationLost):
        await media_keys.keep(["videos/a/1/never"])
    await media_keys.reserve(["videos/a/1/x", "videos/a/1/y"])
    await pass_s(media_keys.RESERVED_S)
    assert await media_keys.claim_due(1) == ["videos/a/1/x"]
    with pytest.raises(media_keys.ReservationLost):
        async with transaction():
            await media_keys.keep(["videos/a/1/x", "videos/a/1/y"])
    assert await loose() == {"videos/a/1/x", "videos/a/1/y"}


async def test_what_a_row_names_is_never_collected() -> None:
    ada = await person()
    row = await completed(ada.id)
    assert len(row.media) == 4
    await media_keys.discard(row.media)
    assert await media_keys.claim_due() == []
    assert await loose() == set()
    await delete_video(row.id, ada.id, at(1))
    assert set(await media_keys.claim_due()) == set(row.media)


async def test_a_key_that_fails_waits_longer_each_time_and_blocks_no_other() -> None:
    bad = [f"videos/bad/1/{number}" for number in range(media_keys.BATCH)]
    await media_keys.discard(bad)
    await pass_s(1)
    await media_keys.discard(["videos/good/1/x"])
    assert set(await media_keys.claim_due()) == set(bad)
    await media_keys.postpone(bad)
    assert await media_keys.claim_due() == ["videos/good/1/x"]
    await media_keys.forget(["videos/good/1/x"])
    waited = []
    for _ in range(12):
        (found,) = await fetch(
            "SELECT extract(epoch FROM max(due_at) - clock_timestamp())::float8 AS s FROM loose_media"
        )
        waited.append(round(found["s"]))
        await pass_s(found["s"] + 1)
        assert len(await media_keys.claim_due()) == media_keys.BATCH
        await media_keys.postpone(bad)
    assert waited[:4] == [10, 20, 40, 80]
    assert waited[-1] == media_keys.LAST_WAIT_S


async def test_what_is_discarded_goes_with_its_transaction() -> None:
    async def fail() -> None:
        async with transaction():
            await media_keys.discard(["videos/a/1/x"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await loose() == set()


def test_every_column_that_names_an_object_is_owned() -> None:
    columns = {
        (table._meta.tablename, column._meta.name)
        for noun in NOUNS
        for table in vars(import_module(f"db.tables.{noun}")).values()
        if isinstance(table, type) and issubclass(table, Table) and table is not Table
        for column in table._meta.columns
        if column._meta.name.endswith("_key")
    }
    assert columns == {(owner.table, column) for owner in media_keys.OWNERS for column in owner.columns}

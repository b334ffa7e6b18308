"""Whoever dies, and at whatever step: after a tombstone nothing of the video is on the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from db.engine import fetch
from domain import media_keys
from domain.clock import utc_now
from domain.consent import cameos
from domain.videos.record import lock
from media.store import MediaStore
from realtime.media_compare import missing, orphans
from realtime.sweeper import Sweeper
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.videos import Status
from settings import PROJECT
from tests.realtime.jobs import dispatching, ended, names
from tests.realtime.models import Models
from tests.realtime.world import new_cameo, new_person, new_video, now, until

PUT = "media.store:MediaStore.put"
DRAWING = [
    ("after", "domain.media_keys:reserve", 1),
    ("before", PUT, 1),
    ("after", PUT, 2),
    ("after", PUT, 4),
    ("before", "domain.videos.leases:complete", 1),
    ("before", "domain.media_keys:keep", 1),
    ("after", "domain.media_keys:keep", 1),
    ("after", "domain.videos.leases:complete", 1),
]
DELETING = [
    ("after", "domain.consent.cascades:run_batch", 1),
    ("after", "domain.media_keys:discard", 1),
    ("after", "domain.media_keys:claim_due", 1),
    ("before", "media.store:MediaStore._delete", 1),
    ("after", "media.store:MediaStore._delete", 2),
    ("before", "domain.media_keys:forget", 1),
    ("after", "domain.media_keys:forget", 1),
]


def on_disk(folder: Path, video: str) -> list[str]:
    """Every file that belongs to a video, halves that a writer left included."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and video in str(path)]


async def start(
    database: str, folder: Path, models: Models, step: tuple[str, str, int]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.realtime.dying", database, folder.as_uri(), models.url),
        *map(str, step),
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"]},
    )


async def died(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(30):
            assert await process.wait() == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()


async def collect(store: MediaStore) -> None:
    """Sweep, as if all the waits were over."""
    for _ in range(3):
        await fetch("UPDATE loose_media SET due_at = now()")
        await Sweeper(store, utc_now).sweep()


@pytest.mark.parametrize("step", DRAWING, ids=str)
async def test_a_death_while_a_video_is_stored_leaves_nothing_of_that_attempt(
    database: str, models: Models, store: MediaStore, tmp_path: Path, step: tuple[str, str, int]
) -> None:
    folder = tmp_path / "media"
    ada = await new_person()
    mine = await new_cameo(ada)
    video = await new_video(ada, cameos=[mine])
    await died(await start(database, folder, models, step))
    # At every moment each object is known: to be kept, or to be collected.
    assert [key async for page in orphans(store) for key in page] == []
    async with dispatching(models, store):
        assert names(await ended(video, timeout=30))[-1] == "completed"
    await collect(store)
    row = await lock(video)
    assert row is not None
    assert row.status is Status.COMPLETED
    assert {str(folder / key) for key in row.media} == set(on_disk(folder, video))
    assert not [key async for page in missing(store) for key in page if video in key]
    await cameos.revoke(mine, ada, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=now())
    await collect(store)
    assert on_disk(folder, video) == []


@pytest.mark.parametrize("step", DELETING, ids=str)
async def test_a_death_while_a_tombstone_is_carried_out_leaves_nothing(
    database: str, models: Models, store: MediaStore, tmp_path: Path, step: tuple[str, str, int]
) -> None:
    folder = tmp_path / "media"
    ada = await new_person()
    mine = await new_cameo(ada)
    video = await new_video(ada, cameos=[mine])
    async with dispatching(models, store):
        await ended(video)
    assert len(on_disk(folder, video)) == 4
    await fetch("DELETE FROM loose_media")
    dying = await start(database, folder, models, step)
    await asyncio.sleep(0)
    await cameos.revoke(mine, ada, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=now())
    await died(dying)
    assert [key async for page in orphans(store) for key in page] == []
    await collect(store)
    assert on_disk(folder, video) == []
    assert not [key async for page in missing(store) for key in page if video in key]


async def test_an_upload_that_nobody_finishes_goes_too(store: MediaStore, tmp_path: Path) -> None:
    await media_keys.reserve(["cameos/cameo_x/reference.webp"])
    await store.put("cameos/cameo_x/reference.webp", b"a face")
    await collect(store)
    await until(lambda: on_disk(tmp_path / "media", "cameo_x") == [])

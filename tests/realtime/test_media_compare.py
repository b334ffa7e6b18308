"""Store and database are compared: what is orphaned or missing is found, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.engine import fetch
from domain import media_keys
from domain.clock import utc_now
from media.store import MediaStore, open_store
from realtime import limits
from realtime.media_compare import OrphanSweep, missing, orphans
from realtime.sweeper import Sweeper
from settings import PROJECT
from tests import build
from tests.realtime.world import new_person, new_video


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> MediaStore:
    """One store for the module's one database."""
    return open_store((tmp_path_factory.mktemp("compare") / "media").as_uri())


def folder(media: MediaStore) -> Path:
    assert media._folder is not None
    return media._folder


async def found(media: MediaStore) -> tuple[set[str], set[str]]:
    return (
        {key async for page in orphans(media) for key in page},
        {key async for page in missing(media) for key in page},
    )


def verify(database: str, media: MediaStore) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "riffle", "media", "verify"],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "RIFFLE_HOME": str(folder(media).parent),
            "RIFFLE_DATABASE_URL": database,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_orphans_and_what_is_missing_are_named(database: str, media: MediaStore) -> None:
    keys = await build.finish(await new_video(await new_person()), media)
    await media_keys.reserve(["videos/video_a/1/video.mp4"])
    await media.put("videos/video_a/1/video.mp4", b"being put")
    assert await found(media) == (set(), set())
    assert verify(database, media) == (0, "0 findings; 1 objects wait to be kept or deleted\n")
    strays = {"videos/video_b/1/video.mp4", "proofs/proof_b.sealed", "cameos/cameo_b/reference.webp"}
    for key in strays:
        await media.put(key, b"nobody's")
    await media.delete(keys[1])
    assert await found(media) == (strays, {keys[1]})
    status, said = verify(database, media)
    assert status == 4
    assert {line.split()[1] for line in said.splitlines()[:-1]} == {*strays, keys[1]}
    assert said.endswith("4 findings; 1 objects wait to be kept or deleted\n")
    await media.put(keys[1], b"back")
    await media.delete(*strays)


async def test_a_file_whose_writer_died_is_found_and_goes_with_its_key(media: MediaStore) -> None:
    keys = await build.finish(await new_video(await new_person()), media)
    half = folder(media) / f"{keys[0]}#1"
    half.write_bytes(b"half")
    assert (await found(media))[0] == {f"{keys[0]}#1"}
    sweep = OrphanSweep(media)
    while not await sweep.step(0.0):
        pass
    assert (await found(media))[0] == set()
    await fetch("UPDATE loose_media SET due_at = now() WHERE key = $1", f"{keys[0]}#1")
    await Sweeper(media, utc_now).sweep()
    assert not half.exists()
    assert await media.exists(keys[0])
    # One that dies while it writes a reserved key leaves a part under another name.
    await media_keys.reserve(["videos/video_c/1/video.mp4"])
    half = folder(media) / "videos/video_c/1/video.mp4#3"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert (await found(media))[0] == set()
    await fetch("UPDATE loose_media SET due_at = now()")
    await Sweeper(media, utc_now).sweep()
    assert not (folder(media) / "videos/video_c").exists()


async def test_the_sweep_takes_a_page_at_a_time_and_waits_between_rounds(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COMPARE_PAGE", 2)
    strays = [f"videos/video_d/{number}/x" for number in range(5)]
    for key in strays:
        await media.put(key, b"nobody's")
    sweep = OrphanSweep(media)
    counts = []
    while sweep._next_at == 0:
        counts.append(await sweep.step(0.0))
    assert max(counts) <= 2
    assert sum(counts) == 5
    assert set(strays) <= await build.loose()
    # Not at once: somebody may have joined a store to another's database.
    await Sweeper(media, utc_now).sweep()
    assert await media.exists(strays[0])
    await media.put("videos/video_e/1/x", b"nobody's")
    assert await sweep.step(limits.COMPARE_EVERY_S - 1) == 0
    assert sweep._pages is None
    while not await sweep.step(limits.COMPARE_EVERY_S):
        pass
    assert "videos/video_e/1/x" in await build.loose()

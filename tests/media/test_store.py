"""The media store over a real folder."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from media.store import MediaStore, open_store


@pytest.fixture(params=["folder", "folder with spaces", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    if request.param == "memory":
        return open_store("memory:///")
    return open_store((tmp_path / request.param).as_uri())


async def test_what_was_put_is_read_back_whole_and_in_parts(store: MediaStore) -> None:
    await store.put("a/b.mp4", b"0123456789")
    assert await store.get("a/b.mp4") == b"0123456789"
    assert await store.get_range("a/b.mp4", 2, 5) == b"234"
    assert await store.size("a/b.mp4") == 10


async def test_a_new_write_replaces_and_changes_the_tag(store: MediaStore) -> None:
    await store.put("k", b"old")
    before = await store.stat("k")
    await store.put("k", b"newer")
    after = await store.stat("k")
    assert (await store.get("k"), after.size) == (b"newer", 5)
    assert before.etag != after.etag


async def test_what_is_missing_says_so(store: MediaStore) -> None:
    for read in (store.get("none"), store.size("none"), store.get_range("none", 0, 1)):
        with pytest.raises(FileNotFoundError):
            await read


async def test_a_delete_can_be_repeated(store: MediaStore) -> None:
    await store.put("x", b"1")
    await store.put("y", b"2")
    await store.delete("x", "y", "never")
    await store.delete("x")
    with pytest.raises(FileNotFoundError):
        await store.get("y")


async def test_a_key_stays_inside_the_store(tmp_path: Path) -> None:
    store = open_store((tmp_path / "media").as_uri())
    with pytest.raises(ValueError, match="path"):
        await store.put("../outside", b"1")
    (tmp_path / "outside").write_bytes(b"1")
    with pytest.raises(ValueError, match="path"):
        await store.delete("../outside")
    assert (tmp_path / "outside").exists()


async def test_readers_meet_whole_objects_while_writers_replace_them(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    await store.put("k", b"a" * 200_000)

    async def write() -> None:
        for letter in b"bcdefgh":
            await store.put("k", bytes([letter]) * 200_000)

    async def read() -> None:
        for _ in range(20):
            assert len(set(await store.get("k"))) == 1

    await asyncio.gather(write(), read(), read())


async def test_nobody_else_on_the_machine_comes_to_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir(mode=0o755)
    before = os.umask(0o077)
    try:
        await open_store(folder.as_uri()).put("videos/one/video.mp4", b"a face")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)

"""A backup taken and brought back: everything is there, phones are told, and what was taken back stays so."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backup import DUMP, copy, files
from db import engine, server
from domain import setup
from domain.accounts import accounts
from domain.consent import cameos
from domain.events import stream
from domain.events.journal import Journal
from media.encryption import Seal
from media.store import open_store
from schemas.cameos import CameoStatus, RevokeCameo, RevokeMode
from schemas.events import video_stream
from settings import Settings, load
from tests.build import VIDEO, at, cameo, finish, person, queue
from tests.product import run_riffle


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Settings, Settings]]:
    """Two homes with a database of their own each."""
    both = [load({"RIFFLE_HOME": str(tmp_path / name)}) for name in ("home", "an other")]
    yield both[0], both[1]
    for settings in both:
        server.stop(settings)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[None]:
    await engine.open(settings)
    try:
        yield
    finally:
        await engine.close()


def with_half_a_dump(archive: Path) -> Path:
    """The same backup, whose disk was full when the database was written."""
    broken = archive.with_name("broken.tar")
    with tarfile.open(archive) as whole, tarfile.open(broken, "w") as cut:
        for member in whole:
            file = whole.extractfile(member)
            assert file is not None
            data = file.read()
            if member.name == DUMP:
                data = data[: len(data) // 2]
            member.size = len(data)
            cut.addfile(member, io.BytesIO(data))
    return broken


async def test_what_was_backed_up_comes_back_and_what_was_revoked_since_does_not(
    homes: tuple[Settings, Settings], tmp_path: Path
) -> None:
    home, other = homes
    archive = tmp_path / "riffle.tar"
    journal = Journal(home.home)
    async with opened(home):
        await setup.upgrade()
        ada = await person()
        face = await cameo(ada.id)
        (video,) = await queue(ada.id, prompt="an unmistakable walrus")
        store = open_store(home.media_location)
        keys = await finish(video.id, store)
        sealed = Seal(home.home).close(b"a proof", "proof_1")
        await journal.beat()
    done = run_riffle(tmp_path, "backup", str(archive))
    assert done.returncode == 0, done.stderr
    assert oct(archive.stat().st_mode)[-3:] == "600"
    again = run_riffle(tmp_path, "backup", str(archive))
    assert (again.returncode, len(again.stderr.strip().splitlines())) == (1, 1)

    async with opened(home):
        before = await stream.head(video_stream(video.id))
        await cameos.revoke(face.id, ada.id, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=at(9))
        await store.delete(*keys)
        while await journal.write_out():
            pass
        await journal.beat()
        running = run_riffle(tmp_path, "restore", str(archive), "--replace")
        assert (running.returncode, "stop it first" in running.stderr) == (1, True)
    refused = run_riffle(tmp_path, "restore", str(archive))
    assert (refused.returncode, "--replace" in refused.stderr) == (1, True), refused.stderr

    broken = run_riffle(tmp_path, "restore", str(with_half_a_dump(archive)), "--replace")
    assert (broken.returncode, "pg_restore" in broken.stderr) == (1, True), broken.stderr
    async with opened(home):
        # All is as it was.
        assert (await cameos.get(face.id, ada.id)).status is CameoStatus.REVOKED
        assert Seal(home.home).open(sealed, "proof_1") == b"a proof"

    done = run_riffle(tmp_path, "restore", str(archive), "--replace")
    assert done.returncode == 0, done.stderr
    assert "1 entries of the journal" in done.stdout
    async with opened(home):
        after = await stream.head(video_stream(video.id))
        assert before is not None
        assert after is not None
        assert after[0] != before[0]
        assert (await cameos.get(face.id, ada.id)).status is CameoStatus.REVOKED
        assert await store.get(keys[0]) == VIDEO
        assert not await journal.is_restored()

    # In a home where nothing was, as on a new machine.
    done = run_riffle(tmp_path, "restore", str(archive), RIFFLE_HOME=str(other.home))
    assert done.returncode == 0, done.stderr
    async with opened(other):
        found = await accounts.by_handle(ada.handle)
        assert found is not None
        assert found.id == ada.id
        assert (await cameos.get(face.id, ada.id)).status is CameoStatus.ACTIVE
        rows = await engine.fetch("SELECT prompt FROM videos WHERE id = $1", video.id)
        assert [row["prompt"] for row in rows] == ["an unmistakable walrus"]
    assert await open_store(other.media_location).get(keys[0]) == VIDEO
    assert Seal(other.home).open(sealed, "proof_1") == b"a proof"
    ledger = run_riffle(tmp_path, "db", "verify-ledger", RIFFLE_HOME=str(other.home))
    assert ledger.returncode == 0, ledger.stdout


def test_what_is_no_backup_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text", "text")
    for name in ("nowhere", "text", "other.tar"):
        done = run_riffle(tmp_path, "restore", str(tmp_path / name))
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr


def test_an_archive_writes_nothing_outside_of_its_folders(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        for name in ("media/../../evil", "elsewhere/evil", "media/fine", "keys"):
            archive.add(tmp_path / "text", name)
        link = tarfile.TarInfo("media/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("/media/evil"))
    with tarfile.open(tmp_path / "evil.tar") as archive:
        for name, file in files(archive):
            copy(file, tmp_path / "out" / name)
    found = [
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    ]
    assert sorted(found) == ["keys", "media/fine"]

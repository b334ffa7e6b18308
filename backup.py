"""`riffle backup FILE` and `riffle restore FILE`: database, media, keys and journal as one archive."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

import msgspec

from db import dump, engine, server
from domain import restored, setup
from domain.events.journal import FOLDER as JOURNAL
from domain.events.journal import Journal
from settings import Settings

VERSION = 1
MANIFEST, DUMP, KEYS, MEDIA = "manifest.json", "database.dump", "keys", "media"
BEFORE = ".before-restore"
COPY_BYTES = 1024 * 1024


class BackupFailed(RuntimeError):
    """It can't be done; the text says why."""


class BackupManifest(msgspec.Struct, kw_only=True):
    """What an archive holds; `media` says whether the media are in it or in a store elsewhere."""

    riffle_backup: int
    created_at: datetime
    media: bool


def backup(settings: Settings, target: Path) -> int:
    """Write everything into `target`, which must not be there; Riffle may run meanwhile. The exit status.

    The database is that of one moment; media that was made after it is in the archive too and does no harm.
    """
    return _told(lambda: _backup(settings, target))


def restore(settings: Settings, source: Path, *, replace: bool) -> int:
    """Bring an archive back into a home, where nothing of Riffle runs. The exit status.

    A home that holds accounts is only replaced where that is said; its media and keys are kept beside. Its
    own journal stays, and is carried out on the older database.
    """
    return _told(lambda: asyncio.run(_restore(settings, source, replace=replace)))


def _told(work: Callable[[], str]) -> int:
    try:
        print(work())
    except (BackupFailed, dump.DumpFailed, OSError, tarfile.TarError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def _backup(settings: Settings, target: Path) -> str:
    if target.exists():
        raise BackupFailed(f"{target} is there already")
    partial = target.with_name(f".{target.name}.partial")
    store = _media_folder(settings)
    ran = server.running(settings)
    try:
        with tempfile.TemporaryDirectory(dir=settings.home) as scratch:
            dumped = Path(scratch) / DUMP
            dump.dump(server.ensure(settings), dumped)
            manifest = BackupManifest(
                riffle_backup=VERSION, created_at=datetime.now(UTC), media=store is not None
            )
            # Readable by its owner alone: the keys are in it.
            partial.touch(mode=0o600)
            with tarfile.open(partial, "w") as archive:
                _add_bytes(archive, MANIFEST, msgspec.json.encode(manifest))
                archive.add(dumped, DUMP)
                for folder, inside in ((settings.home / KEYS, KEYS), (settings.home / JOURNAL, JOURNAL)):
                    _add_folder(archive, folder, inside)
                if store is not None:
                    _add_folder(archive, store, MEDIA)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
        if not ran:
            server.stop(settings)
    left_out = "" if store is not None else f"; media is in {settings.media_location}: back that up too"
    return f"{target}: {target.stat().st_size / 1e6:.1f} MB{left_out}"


async def _restore(settings: Settings, source: Path, *, replace: bool) -> str:
    with _open(source) as archive:
        manifest = _manifest(archive, source)
        ran = server.running(settings)
        try:
            return await _bring_back(settings, archive, manifest, replace=replace)
        finally:
            if not ran:
                server.stop(settings)


async def _bring_back(
    settings: Settings, archive: tarfile.TarFile, manifest: BackupManifest, *, replace: bool
) -> str:
    """Everything of an archive into its place, and the database renewed; what was done, in words."""
    url = server.ensure(settings)
    await _check_free(settings, replace=replace)
    with tempfile.TemporaryDirectory(dir=settings.home) as scratch:
        unpacked = Path(scratch)
        for name, file in files(archive):
            copy(file, unpacked / name)
        dump.replace(url, unpacked / DUMP)
        _put_in_place(unpacked / KEYS, settings.home / KEYS)
        store = _media_folder(settings)
        if manifest.media and store is not None:
            _put_in_place(unpacked / MEDIA, store)
        if not (settings.home / JOURNAL).exists() and (unpacked / JOURNAL).exists():
            (unpacked / JOURNAL).rename(settings.home / JOURNAL)
    await engine.open(settings)
    try:
        await setup.upgrade()
        done = await restored.renew(Journal(settings.home))
    finally:
        await engine.close()
    failed = f"; {done.failed} could not be: see above, and `riffle db restored`" if done.failed else ""
    return (
        f"restored the state of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC: {done.streams} streams begin"
        f" anew, {done.replayed} entries of the journal were carried out again{failed}"
    )


def _open(source: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(source, "r:")
    except tarfile.TarError:
        raise BackupFailed(f"{source} is no backup of Riffle") from None


def _manifest(archive: tarfile.TarFile, source: Path) -> BackupManifest:
    try:
        file = archive.extractfile(MANIFEST)
        assert file is not None
        manifest = msgspec.json.decode(file.read(), type=BackupManifest)
    # Nesting ends in a RecursionError, text that is none in a UnicodeDecodeError.
    except (KeyError, AssertionError, msgspec.MsgspecError, ValueError, RecursionError):
        raise BackupFailed(f"{source} is no backup of Riffle") from None
    if manifest.riffle_backup != VERSION:
        raise BackupFailed(f"{source} was made by another version ({manifest.riffle_backup})")
    return manifest


async def _check_free(settings: Settings, *, replace: bool) -> None:
    """Refuse where Riffle runs, or where accounts would be lost that nobody said may be.

    Raises:
        BackupFailed: it is so.
    """
    await engine.open(settings)
    try:
        others = await engine.fetch(
            """
            SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'riffle'
                AND pid <> pg_backend_pid()
            """
        )
        if others:
            raise BackupFailed("Riffle is running: stop it first")
        there = await engine.exists("SELECT WHERE to_regclass('accounts') IS NOT NULL")
        if there and not replace and await engine.exists("SELECT FROM accounts LIMIT 1"):
            raise BackupFailed("there are accounts already: --replace restores over them")
    finally:
        await engine.close()


def _media_folder(settings: Settings) -> Path | None:
    """The folder of the media store; None where that is elsewhere."""
    location = settings.media_location
    return Path(unquote(urlsplit(location).path)) if location.startswith("file://") else None


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o600, int(datetime.now(UTC).timestamp())
    archive.addfile(info, io.BytesIO(data))


def _add_folder(archive: tarfile.TarFile, folder: Path, inside: str) -> None:
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                archive.add(path, f"{inside}/{path.relative_to(folder).as_posix()}", recursive=False)
        except FileNotFoundError:
            # Deleted meanwhile; the database of that moment may name it still, as after any deletion.
            continue


def files(archive: tarfile.TarFile) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """The regular files that a backup may hold; anything else in an archive is left out."""
    for member in archive:
        name = PurePosixPath(member.name)
        known = name.parts[:1] in ((KEYS,), (MEDIA,), (JOURNAL,)) or member.name == DUMP
        if member.isfile() and known and not name.is_absolute() and ".." not in name.parts:
            file = archive.extractfile(member)
            if file is not None:
                yield name, file


def copy(file: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    with target.open("wb") as out:
        shutil.copyfileobj(file, out, COPY_BYTES)


def _put_in_place(fresh: Path, target: Path) -> None:
    """Move an unpacked folder to where it belongs; what was there is kept beside it."""
    if not fresh.exists():
        return
    before = target.with_name(target.name + BEFORE)
    if target.exists():
        shutil.rmtree(before, ignore_errors=True)
        target.rename(before)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fresh, target)

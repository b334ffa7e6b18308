"""After an older database came back: phones are told, and what was taken back since is taken back again."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from db.engine import fetch, transaction
from domain import restored
from domain.accounts import accounts, erasure, sessions
from domain.consent import cameos, receipts, revocations
from domain.events import stream
from domain.events.journal import Journal
from domain.events.resume import Follower, Head
from domain.videos.delete import delete_video
from schemas.cameos import CameoStatus, RevokeCameo, RevokeMode
from schemas.events import inbox_stream, video_stream
from tests.build import at, cameo, completed, person, queue


@pytest.fixture
async def journal(tmp_path: Path) -> Journal:
    await fetch("DELETE FROM journal_outbox")
    return Journal(tmp_path)


async def written(journal: Journal) -> list[str]:
    while await journal.write_out():
        pass
    return [entry.kind for entry in journal.entries()]


async def as_before(*statements: str) -> None:
    """What a backup of before holds; the journal is not in it."""
    async with transaction():
        await fetch("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await fetch(statement)


async def test_a_phone_that_is_ahead_of_a_restored_database_is_told(journal: Journal) -> None:
    ada = await person()
    (video,) = await queue(ada.id)
    found = await stream.head(video_stream(video.id))
    assert found is not None
    epoch, seq = found.epoch, found.seq
    # The phone saw one event more, which the backup lacks; then the restored database makes another one.
    assert Follower(epoch, seq, Head(*found)).recovered
    await restored.renew(journal)
    after = await stream.head(video_stream(video.id))
    assert after is not None
    assert after[0] != epoch
    assert after[1] == seq
    assert not Follower(epoch, seq, Head(*after)).recovered


async def test_an_older_database_is_noticed_by_its_beat(journal: Journal) -> None:
    await journal.beat()
    await journal.beat()
    assert not await journal.is_restored()
    (row,) = await fetch("SELECT beat FROM beats")
    await fetch("UPDATE beats SET beat = beat - 1")
    assert await journal.is_restored()
    await restored.renew(journal)
    assert not await journal.is_restored()
    (after,) = await fetch("SELECT beat FROM beats")
    assert after["beat"] > row["beat"]
    # Another home that saw as much learns of it in its own time.
    await journal.beat()
    assert journal.last_beat() == after["beat"] + 1


async def test_a_lost_revocation_is_carried_out_again(journal: Journal) -> None:
    ada, bob = await person(), await person()
    whole, one = await cameo(ada.id), await cameo(ada.id)
    video = await completed(bob.id, cameos=(one.id,))
    await cameos.revoke(whole.id, ada.id, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=at(5))
    await cameos.revoke(one.id, ada.id, RevokeCameo(grantee=bob.handle), now=at(6))
    await receipts.delete_use(one.id, ada.id, video.id, now=at(7))
    assert await written(journal) == ["revocation"] * 3
    # Nothing is done twice where nothing was lost.
    assert (await restored.renew(journal)).replayed == 0
    ids = f"SELECT id FROM revocations WHERE cameo_id IN ('{whole.id}', '{one.id}')"
    await as_before(
        f"DELETE FROM cascades WHERE revocation_id IN ({ids})",
        f"DELETE FROM revocations WHERE id IN ({ids})",
        f"UPDATE cameos SET status = 'active' WHERE id = '{whole.id}'",
    )
    assert (await restored.renew(journal)).replayed == 3
    again = await fetch(
        "SELECT mode, grantee_id, video_id, at FROM revocations WHERE cameo_id = ANY ($1) ORDER BY at",
        [whole.id, one.id],
    )
    assert [(row["mode"], row["grantee_id"], row["video_id"]) for row in again] == [
        ("tombstone", None, None),
        ("hide_posts", bob.id, None),
        ("tombstone", None, video.id),
    ]
    assert [row["at"] for row in again] == [at(5), at(6), at(7)]
    assert (await cameos.get(whole.id, ada.id)).status is CameoStatus.REVOKED
    assert (await restored.renew(journal)).replayed == 0


async def test_lost_deletions_and_ended_sessions_are_carried_out_again(journal: Journal) -> None:
    ada, bob = await person(), await person()
    access, _, _ = await sessions.issue(ada.id, "a phone", at(0))
    _, session = await sessions.authenticate(access, at(0))
    video = await completed(ada.id)
    await delete_video(video.id, ada.id, at(1))
    await sessions.end(session, at(2))
    await erasure.request(bob.id, at(3))
    assert await written(journal) == ["deletion", "session_end", "erasure"]
    await as_before(
        f"UPDATE videos SET deleted_at = NULL WHERE id = '{video.id}'",
        f"UPDATE sessions SET revoked_at = NULL WHERE id = '{session}'",
        f"DELETE FROM erasures WHERE account_id = '{bob.id}'",
        f"UPDATE accounts SET deleted_at = NULL, retired_hash = NULL, handle = '{bob.handle}'"
        f" WHERE id = '{bob.id}'",
    )
    assert (await restored.renew(journal)).replayed == 3
    assert await sessions.ended([session], at(4)) == {session}
    assert await accounts.by_handle(bob.handle) is None
    (row,) = await fetch("SELECT deleted_at FROM videos WHERE id = $1", video.id)
    assert row["deleted_at"] == at(1)


async def test_what_was_made_since_the_backup_is_passed_over(journal: Journal) -> None:
    ada = await person()
    face = await cameo(ada.id)
    await revocations.revoke(face.id, ada.id, RevokeCameo(), now=at(1))
    await written(journal)
    lines = (journal.folder / "journal.jsonl").read_text().replace(face.id, "cameo_that_is_not_there")
    (journal.folder / "journal.jsonl").write_text(lines)
    assert (await restored.renew(journal)).replayed == 0


async def test_a_cut_off_line_costs_only_itself(journal: Journal) -> None:
    ada = await person()
    for second in (1, 2):
        await delete_video((await completed(ada.id)).id, ada.id, at(second))
        await written(journal)
    path = journal.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    await delete_video((await completed(ada.id)).id, ada.id, at(3))
    await written(journal)
    assert [entry.at for entry in journal.entries()] == [at(1), at(3)]


async def test_what_could_not_be_written_stays_in_the_outbox(journal: Journal, tmp_path: Path) -> None:
    ada = await person()
    await delete_video((await completed(ada.id)).id, ada.id, at(1))
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(OSError, match="journal"):
        await journal.write_out()
    (tmp_path / "journal").unlink()
    assert await written(journal) == ["deletion"]
    assert not await fetch("SELECT FROM journal_outbox")


async def test_the_journal_holds_ids_and_no_words(journal: Journal) -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    await cameos.revoke(face.id, ada.id, RevokeCameo(grantee=bob.handle), now=at(1))
    await erasure.request(ada.id, at(2))
    await written(journal)
    text = (journal.folder / "journal.jsonl").read_text()
    assert ada.handle not in text
    assert bob.handle not in text
    assert "Face" not in text
    assert oct((journal.folder / "journal.jsonl").stat().st_mode)[-3:] == "600"
    assert inbox_stream(ada.id) not in text


async def test_an_entry_that_cannot_be_carried_out_keeps_nobody_from_the_others(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await person()
    video = await completed(ada.id)
    await delete_video(video.id, ada.id, at(1))
    await written(journal)
    path = journal.folder / "journal.jsonl"
    whole = path.read_bytes()
    # Without what it is about, no text at all, and of nesting without end.
    broken = b'{"kind":"deletion","at":"2026-01-01T00:00:00Z"}\n'
    path.write_bytes(broken + b'{"kind":"\xff\xfe"}\n' + b"[" * 100_000 + b"\n" + whole)
    await as_before(f"UPDATE videos SET deleted_at = NULL WHERE id = '{video.id}'")
    await fetch("UPDATE beats SET beat = 0")
    done = await restored.renew(journal)
    assert (done.replayed, done.failed) == (1, 1)
    assert "could not be carried out again" in caplog.text
    assert not await journal.is_restored()


async def test_a_full_disk_costs_no_line(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await person()
    await delete_video((await completed(ada.id)).id, ada.id, at(1))
    real = os.write
    # The kernel takes what there is room for, and says how much that was.
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:10]))
    with contextlib.suppress(OSError):
        await journal.write_out()
    monkeypatch.undo()
    await written(journal)
    assert at(1) in [entry.at for entry in journal.entries()]

"""`riffle db restored`: what an older database needs before phones and people meet it.

Every stream gets a new epoch, so that no phone takes events of the lost time for those that it has seen; and
what the journal knows of that time (revocations, deletions, ended sessions) is carried out again.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from db import engine
from db.engine import AWAY, exists, fetch, fetch_one
from domain.accounts import erasure, sessions
from domain.consent import receipts, revocations
from domain.events import stream
from domain.events.journal import Journal, JournalEntry
from domain.videos.delete import delete_video
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.errors import RiffleError
from settings import load

log = logging.getLogger(__name__)


class Renewal(NamedTuple):
    """What was done to a restored database; `failed` entries stand in the log, to be tried again."""

    streams: int
    replayed: int
    failed: int = 0


async def restored() -> int:
    """Renew the database of the environment after a restore, with the journal of its home.

    Returns:
        How many entries of the journal could not be carried out again.
    """
    settings = load()
    await engine.open(settings)
    try:
        done = await renew(Journal(settings.home))
    finally:
        await engine.close()
    print(f"{done.streams} streams begin anew, {done.replayed} entries of the journal were carried out again")
    if done.failed:
        print(f"{done.failed} entries could not be: see above; this command can be repeated")
    return done.failed


async def renew(journal: Journal) -> Renewal:
    """Renew every epoch and carry the journal out again; it can be repeated, and be cut off in between.

    An entry that fails keeps nobody from the others, nor phones from being let in.
    """
    streams = await renew_epochs()
    replayed = failed = 0
    for entry in journal.entries():
        try:
            replayed += await _replay(entry)
        except RiffleError as gone:
            # Made since the backup: what it was about is not there, so nothing is left to take back.
            log.info("%s of %s: %s", entry.kind, entry.at, gone.message)
        except AWAY:
            raise
        except Exception:
            failed += 1
            log.exception("%s of %s could not be carried out again", entry.kind, entry.at)
    # Last, so that whoever is cut off before is found to be restored again.
    await journal.catch_up()
    return Renewal(streams, replayed, failed)


async def renew_epochs() -> int:
    """Give every stream a new epoch; how many there are."""
    async with engine.transaction():
        await fetch("SET LOCAL statement_timeout = 0")
        rows = await fetch(
            """
            WITH renewed AS (
                UPDATE streams SET epoch = left(replace(gen_random_uuid()::text, '-', ''), 12) RETURNING 1
            ) SELECT count(*) AS n FROM renewed
            """
        )
        await stream.notify(stream.SWEEP)
    return int(rows[0]["n"])


async def _replay(entry: JournalEntry) -> bool:
    """Whether there was anything left to do.

    Raises:
        RiffleError: what it is about is not there.
    """
    if entry.kind == "revocation":
        return await _revoke(entry)
    if entry.kind == "deletion":
        assert entry.video_id is not None
        assert entry.account_id is not None
        if not await exists("SELECT FROM videos WHERE id = $1 AND deleted_at IS NULL", entry.video_id):
            return False
        await delete_video(entry.video_id, entry.account_id, entry.at)
    elif entry.kind == "erasure":
        assert entry.account_id is not None
        if not await exists("SELECT FROM accounts WHERE id = $1 AND deleted_at IS NULL", entry.account_id):
            return False
        await erasure.request(entry.account_id, entry.at)
    else:
        assert entry.session_id is not None
        if not await exists("SELECT FROM sessions WHERE id = $1 AND revoked_at IS NULL", entry.session_id):
            return False
        await sessions.end(entry.session_id, entry.at)
    return True


async def _revoke(entry: JournalEntry) -> bool:
    assert entry.cameo_id is not None
    assert entry.actor_id is not None
    known = await exists(
        """
        SELECT FROM revocations WHERE cameo_id = $1 AND mode = $2 AND at = $3
            AND (grantee_id, grant_id, video_id) IS NOT DISTINCT FROM ($4::text, $5::text, $6::text)
        """,
        entry.cameo_id,
        entry.mode,
        entry.at,
        entry.grantee_id,
        entry.grant_id,
        entry.video_id,
    )
    if known:
        return False
    if entry.video_id is not None:
        await receipts.delete_use(entry.cameo_id, entry.actor_id, entry.video_id, now=entry.at)
        return True
    grantee = None
    if entry.grantee_id is not None:
        found = await fetch_one("SELECT handle FROM accounts WHERE id = $1", entry.grantee_id)
        if found is None:
            return False
        grantee = found["handle"]
    assert entry.mode is not None
    request = RevokeCameo(mode=RevokeMode(entry.mode), grant_id=entry.grant_id, grantee=grantee)
    await revocations.revoke(entry.cameo_id, entry.actor_id, request, now=entry.at)
    return True

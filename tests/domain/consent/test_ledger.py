"""The ledger: written with what it records, refused to everybody's changes, and found out where forced."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import pytest

from db import engine
from db.engine import fetch, transaction
from domain.consent import cameos, grants, ledger
from schemas.cameos import Audience, PatchCameo, RequestCameo, Restrictions, RevokeCameo, RevokeMode
from schemas.errors import Code, RiffleError
from settings import PROJECT
from tests.build import at, cameo, person, queue

CHAIN = "SELECT id, seq, hash FROM ledger WHERE cameo_id = $1 ORDER BY seq"


async def story() -> tuple[str, str]:
    """A cameo with something of every kind in its ledger, and its owner."""
    ada, bob = await person(), await person()
    face = await cameo(ada.id, Audience.PEOPLE_I_APPROVE)
    words = Restrictions(words=['in "rain"\n', "ärger", "\u2028", "\x7f", "🦊", "a/b\\c", "\x01"])
    await cameos.patch(face.id, ada.id, PatchCameo(restrictions=words), now=at(1))
    grant = await grants.request(face.id, bob.id, RequestCameo(message="may I?"), now=at(2))
    await grants.answer(grant.id, ada.id, True, now=at(3))
    await queue(bob.id, 2, cameos=(face.id,), now=at(4))
    await cameos.revoke(face.id, ada.id, RevokeCameo(grant_id=grant.id), now=at(5))
    return face.id, ada.id


@asynccontextmanager
async def forced() -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A superuser who switches the triggers off, and whose deeds are undone afterwards."""
    connection = await asyncpg.connect(engine.url())
    try:
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


async def test_it_holds_every_change_and_anybody_can_recompute_it() -> None:
    face, owner = await story()
    found = await ledger.read_page(face, owner, 0, 100)
    assert [entry.kind for entry in found.data] == [
        *("cameo", "cameo", "grant", "grant", "receipt", "receipt", "grant", "revocation")
    ]
    assert not found.has_more
    prev = ""
    for seq, entry in enumerate(found.data, 1):
        assert (entry.seq, entry.prev) == (seq, prev)
        # As a stranger would, from what came over the wire and the sentence in the docs.
        wire = json.loads(msgspec.json.encode(entry))
        claimed = wire.pop("hash")
        text = json.dumps(
            {**wire, "cameo_id": face}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert hashlib.sha256(text.encode()).hexdigest() == claimed
        prev = claimed
    assert found.data[1].body["restrictions"]["words"][0] == 'in "rain"\n'
    second = await ledger.read_page(face, owner, 3, 2)
    assert [entry.seq for entry in second.data] == [4, 5]
    assert (second.has_more, second.last_id) == (True, "5")
    with pytest.raises(RiffleError) as refused:
        await ledger.read_page(face, (await person()).id, 0, 10)
    assert refused.value.code is Code.NOT_FOUND
    assert await ledger.verify() == []


async def test_what_is_not_committed_is_not_in_it() -> None:
    face, owner = await story()
    before = await ledger.digest()

    async def undone() -> None:
        async with transaction():
            await cameos.patch(face, owner, PatchCameo(display_name="other"), now=at(9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await ledger.digest() == before
    assert await ledger.verify() == []


async def test_writers_at_once_make_one_chain() -> None:
    ada = await person()
    face = await cameo(ada.id)
    people = [await person() for _ in range(6)]
    await asyncio.gather(*(queue(someone.id, 3, cameos=(face.id,)) for someone in people))
    found = await ledger.read_page(face.id, ada.id, 0, 100)
    assert [entry.seq for entry in found.data] == list(range(1, 20))
    assert await ledger.verify() == []


@pytest.mark.parametrize("table", ["ledger", "cameo_revisions", "grants", "receipts", "revocations"])
@pytest.mark.parametrize("how", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_database_refuses_changes(table: str, how: str) -> None:
    await story()
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await fetch(how.format(table))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ('UPDATE ledger SET body = body || \'{{"status": "x"}}\' WHERE id = {4}', "seq 4: it was changed"),
        ("UPDATE ledger SET at = at + interval '1 us' WHERE id = {4}", "seq 4: it was changed"),
        ("DELETE FROM ledger WHERE id = {4}", "seq 5: the entry before it is missing (seq 4)"),
        ("DELETE FROM ledger WHERE id = {8}", "it ends at seq 7, its head says 8"),
        (
            "UPDATE ledger SET seq = CASE seq WHEN 4 THEN 5 ELSE 4 END + 100 WHERE id IN ({4}, {5});"
            " UPDATE ledger SET seq = seq - 100 WHERE id IN ({4}, {5})",
            "seq 4: it was changed",
        ),
        ("UPDATE ledger SET prev = '' WHERE id = {4}", "seq 4: it doesn't follow the entry before it"),
        ("UPDATE cameo_revisions SET audience = 'everyone' WHERE id = {fact 1}", "differs from the ledger"),
        ("UPDATE grants SET status = 'accepted' WHERE id = {fact 3}", "differs from the ledger"),
        (
            "UPDATE cameos SET audience = 'everyone' WHERE id = '{face}'",
            "the cameo as it counts is not its last revision",
        ),
        (
            "UPDATE grant_heads SET status = 'accepted' WHERE cameo_id = '{face}'",
            "the grant as it counts is not its last revision",
        ),
        ("DELETE FROM receipts WHERE id = {fact 6}", "it is gone, the ledger has it at seq 6"),
        (
            "INSERT INTO revocations (cameo_id, mode, actor_id, at)"
            " SELECT cameo_id, mode, actor_id, at FROM revocations WHERE id = {fact 8}",
            "the ledger has no entry for it",
        ),
    ],
)
async def test_what_a_superuser_forces_is_found_and_named(sql: str, said: str) -> None:
    face, _ = await story()
    rows = await fetch("SELECT seq, id, fact_id FROM ledger WHERE cameo_id = $1", face)
    for row in rows:
        sql = sql.replace(f"{{{row['seq']}}}", str(row["id"])).replace(
            f"{{fact {row['seq']}}}", str(row["fact_id"])
        )
    sql = sql.replace("{face}", face).replace("{{", "{").replace("}}", "}")
    assert await ledger.verify() == []
    tables = ("ledger", "cameo_revisions", "grants", "receipts", "revocations", "cameos", "grant_heads")
    async with forced() as root:
        for table in tables:
            await root.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")
        try:
            await root.execute(sql)
            wrong = await ledger.verify()
        finally:
            for table in tables:
                await root.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
    assert any(said in line and face in line for line in wrong), wrong
    assert await ledger.verify() == []


async def test_a_chain_written_anew_by_hand_still_contradicts_the_records() -> None:
    """Whoever can write hashes as well has to change the records too, and then the digest kept elsewhere."""
    face, _ = await story()
    before = await ledger.digest()
    async with forced() as root:
        await root.execute("CREATE TEMP TABLE kept AS TABLE ledger")
        try:
            await root.execute(
                'UPDATE ledger SET body = body || \'{"mode": "block_new"}\','
                ' hash = ledger_hash(cameo_id, seq, kind, at, body || \'{"mode": "block_new"}\', prev)'
                f" WHERE cameo_id = '{face}' AND seq = 8;"
                f" UPDATE ledger_heads h SET hash = l.hash FROM ledger l WHERE h.cameo_id = '{face}'"
                " AND l.cameo_id = h.cameo_id AND l.seq = 8"
            )
            (line,) = await ledger.verify()
            assert "revocations row" in line
            assert await ledger.digest() != before
        finally:
            await root.execute(
                "DELETE FROM ledger; INSERT INTO ledger SELECT * FROM kept; UPDATE ledger_heads h"
                " SET hash = l.hash FROM ledger l WHERE l.cameo_id = h.cameo_id AND l.seq = h.seq"
            )
    assert await ledger.digest() == before


async def test_one_command_verifies_it() -> None:
    face, _ = await story()

    async def command() -> tuple[int, str]:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "riffle", "db", "verify-ledger"],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": engine.url()},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    status, said = await command()
    assert status == 0, said
    assert "0 findings" in said
    async with forced() as root:
        await root.execute(
            f"UPDATE ledger SET at = at + interval '1 s' WHERE cameo_id = '{face}' AND seq = 1"
        )
        try:
            status, said = await command()
        finally:
            await root.execute(
                f"UPDATE ledger SET at = at - interval '1 s' WHERE cameo_id = '{face}' AND seq = 1"
            )
    assert status > 0
    assert f"ledger of {face}, seq 1: it was changed" in said


async def test_a_revocation_of_each_mode_is_in_it() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    for second, mode in enumerate(RevokeMode):
        await cameos.revoke(face.id, ada.id, RevokeCameo(grantee=bob.handle, mode=mode), now=at(second))
    entries = (await ledger.read_page(face.id, ada.id, 0, 100)).data
    assert [entry.body["mode"] for entry in entries if entry.kind == "revocation"] == list(RevokeMode)
    assert {entry.body["grantee"] for entry in entries[1:]} == {bob.id}

"""The connection: one Piccolo engine for the process, its pool, and transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from db import server
from schemas.errors import Code, RiffleError
from settings import Settings

# PostgreSQL takes 100 connections by default, 3 of them reserved. A process holds at most 10, and the gateway
# one more for LISTEN: 97 // 11 = 8 processes, so 4 replicas each of api and realtime.
POOL_SIZE = 10
# A healthy query takes milliseconds; one that takes this long has lost its way and must not hold its locks.
STATEMENT_TIMEOUT_MS = 30_000
# Within this a busy server accepts a connection; after it the caller hears an error rather than nothing.
CONNECT_TIMEOUT_S = 10.0
# Whoever asks whether a database is there at all wants to hear that it isn't, soon.
CHECK_TIMEOUT_S = 5.0
# A healthy server says goodbye in milliseconds; one that hangs never does.
CLOSE_TIMEOUT_S = 5.0
# Whoever asks whether a process is ready has a deadline of their own, most often of some seconds.
PING_WITHIN_S = 2.0
RETRY_AFTER_S = 1
# Not every PostgresError: one that our own SQL or a client's value caused would never go away. A connection
# that is used between its server's last message and its end fails with asyncpg's InternalClientError.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    # Of two that wait for each other one is rolled back: nothing happened, and asking again helps.
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.TooManyConnectionsError,
)

# The question that is being asked by `ping`, if there is one.
_asking: list[asyncio.Future[None]] = []


class _Transaction(PostgresTransaction):
    """Piccolo's, except that the connection goes back to the pool whatever breaks."""

    async def __aenter__(self) -> PostgresTransaction:
        if self._parent is not None:
            return self._parent
        self.connection = await self.get_connection()  # type: ignore[no-untyped-call]
        try:
            self.transaction = self.connection.transaction()
            await self.begin()  # type: ignore[no-untyped-call]
        except BaseException:
            await self._give_back()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if self._parent is not None:
            return False
        self.engine.current_transaction.reset(self.context)
        try:
            if error is None:
                await self.commit()  # type: ignore[no-untyped-call]
            else:
                # What broke it is what the caller hears; a lost connection has rolled back by itself.
                with suppress(*AWAY):
                    await self.rollback()  # type: ignore[no-untyped-call]
        finally:
            # What couldn't be reset is closed, not given back; the commit stands.
            with suppress(*AWAY):
                await self._give_back()
        return False

    async def _give_back(self) -> None:
        if self.engine.pool:
            await self.engine.pool.release(self.connection)
        else:
            await self.connection.close()


class Database(PostgresEngine):
    """Piccolo's engine without the queries that it makes when it is built: tables name it at import."""

    async def check_version(self) -> None:
        """Nothing: `open` connects, and says what is wrong."""

    async def prep_database(self) -> None:
        """Nothing: migrations make what is needed."""

    def transaction(self, allow_nested: bool = True) -> PostgresTransaction:
        """A transaction; inside another one it joins it."""
        return _Transaction(engine=self, allow_nested=allow_nested)

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of a statement with `$n` parameters, in the running transaction if there is one."""
        running = self.current_transaction.get()
        if running is not None:
            return [dict(row) for row in await running.connection.fetch(sql, *args)]
        if self.pool is None:
            raise RuntimeError("the database is not open: call db.engine.open first")
        async with self.pool.acquire() as connection:
            return [dict(row) for row in await connection.fetch(sql, *args)]


ENGINE = Database(config={})


def url() -> str:
    """The URL that was opened.

    Raises:
        RuntimeError: none is.
    """
    if "dsn" not in ENGINE.config:
        raise RuntimeError("the database is not open: call db.engine.open first")
    return str(ENGINE.config["dsn"])


def is_open() -> bool:
    """Whether queries can be made."""
    return ENGINE.pool is not None


async def open(settings: Settings) -> None:
    """Connect to the database of the settings; an empty URL starts or joins the embedded one.

    Raises:
        OSError, asyncpg.PostgresError: it can't be reached or refuses.
    """
    if is_open():
        raise RuntimeError("the database is open already")
    ENGINE.config = {
        "dsn": settings.database_url or await asyncio.to_thread(server.ensure, settings),
        "timeout": CONNECT_TIMEOUT_S,
        "server_settings": {
            "application_name": "riffle",
            # The statements are short: compiling them costs more than it saves.
            "jit": "off",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "timezone": "UTC",
        },
    }
    await ENGINE.start_connection_pool(min_size=1, max_size=POOL_SIZE)


async def check(url: str) -> None:
    """Connect to a database once and ask it the least, within CHECK_TIMEOUT_S; nothing stays open.

    Raises:
        OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError: it can't be reached or refuses.
    """
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            connection = await asyncpg.connect(url)
            try:
                await connection.fetch("SELECT 1")
            finally:
                connection.terminate()
    except TimeoutError:
        raise TimeoutError(f"it does not answer within {CHECK_TIMEOUT_S:.0f} s") from None


async def close() -> None:
    """Give every connection back; those whose server doesn't say goodbye are cut."""
    pool = ENGINE.pool
    if pool is None:
        return
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await ENGINE.close_connection_pool()
    except TimeoutError:
        pool.terminate()
        ENGINE.pool = None
    ENGINE.config = {}


async def ping() -> None:
    """Ask the database for a sign of life.

    Raises:
        RiffleError: busy, while it is away or says nothing within PING_WITHIN_S.
    """
    # One question for all who ask: those of a database that hangs would pile up.
    if not _asking or _asking[0].done() or _asking[0].get_loop() is not asyncio.get_running_loop():
        _asking[:] = [asyncio.ensure_future(_ask())]
    answered, _ = await asyncio.wait(_asking, timeout=PING_WITHIN_S)
    if not answered:
        raise RiffleError(Code.BUSY, "the database does not answer", retry_after_s=RETRY_AFTER_S)
    try:
        answered.pop().result()
    except AWAY as away:
        raise RiffleError(Code.BUSY, "the database is away", retry_after_s=RETRY_AFTER_S) from away


async def _ask() -> None:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        await fetch("SELECT 1")


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """All or nothing; inside another transaction it is part of that one."""
    async with ENGINE.transaction():
        yield


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """Part of the running transaction that can fail by itself: an exception undoes it, and passes on."""
    await fetch("SAVEPOINT part")
    try:
        yield
    except BaseException:
        with suppress(*AWAY):
            await fetch("ROLLBACK TO SAVEPOINT part")
        raise
    await fetch("RELEASE SAVEPOINT part")


def in_transaction() -> bool:
    """Whether the caller runs in a transaction."""
    return ENGINE.transaction_exists()


async def fetch(sql: str, *args: Any) -> list[dict[str, Any]]:
    """Rows of a statement with `$n` parameters."""
    return await ENGINE.fetch(sql, *args)


async def fetch_one(sql: str, *args: Any) -> dict[str, Any] | None:
    """The first row, None where there is none."""
    rows = await ENGINE.fetch(sql, *args)
    return rows[0] if rows else None


async def exists(sql: str, *args: Any) -> bool:
    """Whether a statement has any row."""
    return bool(await ENGINE.fetch(sql, *args))


def dumps(value: object) -> str:
    """A value for a jsonb column."""
    return msgspec.json.encode(value).decode()

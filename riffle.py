"""The command line: `riffle up` runs the whole product, the other commands one part of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from settings import BadSetting, Settings, load

# command -> (module:function, help). Modules are imported only when asked for: torch takes seconds.
# Each of these serves or works until it is stopped, with the database of the home.
PROCESSES = {
    "api": ("api.app:main", "the HTTP API and the page"),
    "realtime": ("realtime.main:main", "the phone gateway and the dispatcher"),
    "models": ("model_server.serve.app:main", "the model server"),
    "seed": ("api.demo_content:main", "ask a running Riffle for the first trends"),
}
# These ask the database, and end.
ONE_SHOT = ("moderator", "db", "media", "seed")
# What is raised where the tables are missing or of another version, or nobody may enter.
NOT_OUR_DATABASE = (
    "UndefinedTableError",
    "UndefinedColumnError",
    "InvalidCatalogNameError",
    "InvalidPasswordError",
    "InvalidAuthorizationSpecificationError",
)
SUPERVISING = {"up": "supervisor:up", "doctor": "doctor:doctor"}
DATABASE_COMMANDS = {
    "upgrade": ("domain.setup:upgrade", "bring the tables up to date"),
    "restored": (
        "domain.restored:restored",
        "after a restore: begin every stream anew, carry out again what the journal knows",
    ),
    "verify-ledger": (
        "domain.consent.verify_ledger:verify",
        "recompute the ledger of consent; the status is what was found",
    ),
}
MEDIA_COMMANDS = {
    "verify": (
        "realtime.verify_media:verify",
        "compare the media store with the database; the status is what was found",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["export"]:
        return int(_load("export.cli:main")(argv[1:]))
    if argv[:1] == ["train"]:
        return int(_load("train.train:main")(argv[1:]) or 0)
    args = _parser().parse_args(argv)
    try:
        settings = load()
    except BadSetting as bad:
        print(bad, file=sys.stderr)
        return 2
    if args.command in SUPERVISING:
        return int(_load(SUPERVISING[args.command])(settings))
    if args.command == "backup":
        return int(_load("backup:backup")(settings, args.file))
    if args.command == "restore":
        return int(_load("backup:restore")(settings, args.file, replace=args.replace))
    if args.command != "models" and (status := _run_on_database(lambda: _find_database(settings))):
        return status
    if args.command in ONE_SHOT:
        return _run_on_database(lambda: _ask_database(args))
    _load(PROCESSES[args.command][0])()
    return 0


def _find_database(settings: Settings) -> int:
    if not settings.database_url:
        # A process started by hand joins the embedded PostgreSQL of its home.
        try:
            os.environ["RIFFLE_DATABASE_URL"] = str(_load("db.server:ensure")(settings))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    # What serves hears of it inside a framework, which says much more than a line.
    asyncio.run(_load("db.engine:check")(os.environ["RIFFLE_DATABASE_URL"]))
    return 0


def _run_on_database(ask: Callable[[], int]) -> int:
    """Ask the database something; where that can't be done, a line says why."""
    try:
        return ask()
    except Exception as error:
        away = isinstance(error, import_module("db.engine").AWAY)
        # By name, since this file imports no driver.
        if not away and type(error).__name__ not in NOT_OUR_DATABASE:
            raise
        path = isinstance(error, OSError) and error.filename
        what = "it can't be done" if path else "the database can't be used"
        advice = "" if away else " (riffle db upgrade makes the tables)"
        print(f"{what}: {str(error) or type(error).__name__}{advice}", file=sys.stderr)
        return 1


def _ask_database(args: argparse.Namespace) -> int:
    if args.command == "moderator":
        return int(_load("domain.safety.admin.commands:moderator")(args.action, args.name, args.superuser))
    if args.command in ("db", "media"):
        actions = DATABASE_COMMANDS if args.command == "db" else MEDIA_COMMANDS
        # A status has 8 bits.
        return min(asyncio.run(_load(actions[args.action][0])()) or 0, 100)
    _load(PROCESSES[args.command][0])()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="everything, on embedded defaults")
    for command, (_, text) in PROCESSES.items():
        commands.add_parser(command, help=text)
    commands.add_parser("export", help="turn a diffusers folder into a bundle (see riffle export --help)")
    commands.add_parser("train", help="train riffle-tiny (see riffle train --help)")
    for name, about, actions in (
        ("db", "the database", DATABASE_COMMANDS),
        ("media", "the media store", MEDIA_COMMANDS),
    ):
        group = commands.add_parser(name, help=about).add_subparsers(dest="action", required=True)
        for command, (_, text) in actions.items():
            group.add_parser(command, help=text)
    moderator = commands.add_parser("moderator", help="who may sign in to /admin")
    moderator.add_argument("action", choices=("add", "remove"))
    moderator.add_argument("name")
    moderator.add_argument("--superuser", action="store_true", help="may also change the registry")
    saving = commands.add_parser("backup", help="database, media, keys and journal as one archive")
    saving.add_argument("file", type=Path)
    bringing = commands.add_parser("restore", help="bring a backup back, where Riffle doesn't run")
    bringing.add_argument("file", type=Path)
    bringing.add_argument("--replace", action="store_true", help="also where there are accounts already")
    commands.add_parser("doctor", help="say what on this machine would stop Riffle")
    return parser


def _load(target: str) -> Callable[..., Any]:
    module, name = target.split(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())

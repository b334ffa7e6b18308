"""A dispatcher and a sweeper that die, as by SIGKILL, at one step: `python -m tests.realtime.dying`.

Arguments: the URL of the database, of the store, of the model server, and the step: `before` or `after`, a
function such as `media.store:MediaStore.put`, and which call of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from db import engine
from domain.clock import utc_now
from domain.events import stream
from domain.videos import leases
from media.credentials import credentials
from media.provenance import Signer
from media.store import open_store
from realtime.dispatch.dispatcher import Dispatcher
from realtime.dispatch.link import ModelServerLink
from realtime.sweeper import Sweeper
from realtime.wakeups import WakeupListener
from settings import load


def die_at(when: str, place: str, number: int) -> None:
    """Make the `number`th call of a function the last thing that this process does."""
    module, _, path = place.partition(":")
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    real = getattr(owner, name)
    # Calls may overlap, so what has begun and what has ended is counted apart.
    counts = {"before": 0, "after": 0}

    def count(what: str) -> None:
        counts[what] += 1
        if what == when and counts[what] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    async def last(*given: Any, **named: Any) -> Any:
        count("before")
        result = await real(*given, **named)
        count("after")
        return result

    setattr(owner, name, last)


async def main(database: str, location: str, models: str, when: str, place: str, number: str) -> None:
    leases.LEASE_S = 0.5
    await engine.open(load({"RIFFLE_DATABASE_URL": database}))
    store = open_store(location)
    with tempfile.TemporaryDirectory() as home:
        signer = Signer(credentials(Path(home)))
    die_at(when, place, int(number))
    dispatcher = Dispatcher(ModelServerLink(models), store, signer, utc_now)
    sweeper = Sweeper(store, utc_now)
    wakeups = WakeupListener(
        engine.url(),
        {stream.WORK: dispatcher.work_arrived, stream.SWEEP: sweeper.work_arrived},
        dispatcher.resync,
    )
    await asyncio.gather(dispatcher.run(), sweeper.run(), wakeups.run())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""`riffle db verify-ledger`: recompute every chain and hold every record of consent against it."""

from __future__ import annotations

from db import engine
from domain.consent import ledger
from settings import load


async def verify() -> int:
    """Print each finding, or that there is none; how many there are."""
    await engine.open(load())
    try:
        wrong = await ledger.verify()
        entries, digest = await ledger.digest()
    finally:
        await engine.close()
    for line in wrong:
        print(line)
    print(f"{entries} entries, {len(wrong)} findings; digest {digest}")
    return len(wrong)

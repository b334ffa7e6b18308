"""Credits are exact."""

from __future__ import annotations

import asyncio

from domain.accounts import credits
from domain.videos import record
from schemas.errors import Code, RiffleError
from tests.build import ledger_adds_up, person, queue


async def test_credits_never_go_below_zero() -> None:
    ada = await person()
    attempts = await asyncio.gather(*(queue(ada.id, price=300) for _ in range(8)), return_exceptions=True)
    poor = [item for item in attempts if isinstance(item, RiffleError)]
    assert len(poor) == 5
    assert {item.code for item in poor} == {Code.INSUFFICIENT_CREDITS}
    assert await ledger_adds_up(ada.id) == 100
    assert (await credits.balance(ada.id)).held == 900
    rows, _ = await record.page(ada.id, None, 100, "desc")
    assert len(rows) == 3

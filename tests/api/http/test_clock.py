"""The clock that the app is given is the one that its requests are decided by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from api.app import create_app
from media.store import MediaStore
from settings import load
from tests.api.conftest import HANDLES, FixedCards
from tests.api.people import refused, sign_up


async def test_a_token_runs_out_by_the_clock_of_the_app(
    database: Any, media: MediaStore, tmp_path: Path
) -> None:
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    app = create_app(
        load({"RIFFLE_HOME": str(tmp_path)}), cards=FixedCards(), media=media, clock=lambda: now[0]
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        person = await sign_up(client, next(HANDLES))
        assert person.session["expires_in"] > 0
        now[0] += timedelta(seconds=person.session["expires_in"] - 1)
        assert (await person.ok("GET", "/v1/me"))["account"]["created_at"] == 1_893_456_000
        now[0] += timedelta(seconds=1)
        refused(await person.call("GET", "/v1/me"), 401, "token_expired")

"""How many statements creating a video sends to the database: each question is asked once."""

from __future__ import annotations

from typing import Any

import pytest

from db.engine import Database
from tests.api.people import Person
from tests.api.routes.test_cameos import cameo_of
from tests.api.routes.test_sources import of, posted

KEY = {"idempotency-key": "statements"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of this process, in order."""
    found: list[str] = []
    fetch = Database.fetch

    async def counted(self: Database, sql: str, *args: Any) -> list[dict[str, Any]]:
        found.append(" ".join(sql.split()))
        return await fetch(self, sql, *args)

    monkeypatch.setattr(Database, "fetch", counted)
    return found


async def test_a_new_video_takes_fifteen(ada: Person, sent: list[str]) -> None:
    await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    sent.clear()
    await ada.ok("POST", "/v1/videos", {"prompt": "a cat"}, headers=KEY)
    assert len(sent) == 15, sent


async def test_a_swarm_of_remixes_with_cameos_takes_forty_seven(
    ada: Person, bob: Person, media: Any, sent: list[str]
) -> None:
    faces = [await cameo_of(ada, "everyone") for _ in range(2)]
    source = await posted(ada, media, cameos=[faces[0]["id"]])
    counts = []
    for n in (4, 16):
        sent.clear()
        asked = {**of("remix", source["id"]), "cameos": [faces[1]["id"]], "n": n}
        await bob.ok("POST", "/v1/videos", asked, headers={"idempotency-key": f"statements {n}"})
        counts.append(len(sent))
    assert counts == [47, 47], sent

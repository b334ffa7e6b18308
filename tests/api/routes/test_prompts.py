"""What a prompt says, asked before anything is drawn: the same as the video's recipe would say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from api.http.rate_limits import PROMPT_READINGS, create_limiter
from db.engine import fetch
from domain.clock import utc_now
from domain.safety import registry
from domain.safety.name_match import NameKind, RegistryEntry
from media.store import MediaStore
from settings import load
from tests.api.conftest import HANDLES
from tests.api.people import Person, refused, sign_up
from tests.api.pictured import NamedSubjects, PicturedCards
from tests.api.routes.test_cameos import cameo_of
from tests.api.routes.test_consent import give, photo
from tests.build import finish

ASK = "/v1/prompts/understand"
HERO = RegistryEntry(id="web_hero_2", name="Webhero", kind=NameKind.CHARACTER, names=["spider superhero"])


@pytest.fixture(scope="module")
def module_app(database: Any, media: MediaStore, home: Path) -> Litestar:
    """With a model that has pictures."""
    settings = load({"RIFFLE_HOME": str(home), "RIFFLE_REQUIRE_PROOF": "off"})
    return create_app(settings, cards=PicturedCards(), subjects=NamedSubjects(), media=media)


@pytest.fixture
async def client(module_app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    module_app.state.rate_limiter = create_limiter()
    transport = httpx.ASGITransport(app=module_app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as found:
        yield found


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    return await sign_up(client, next(HANDLES))


@pytest.fixture
async def bob(client: httpx.AsyncClient) -> Person:
    return await sign_up(client, next(HANDLES))


async def test_it_says_what_the_recipe_will(ada: Person) -> None:
    asked = {
        "prompt": "a dinosaur and a kitty dance in the city at night, snorfblat",
        "seed": 5,
        "steer": {"style": "neon"},
        "subjects": [{"phrase": "Kitty", "picture": "1f431"}],
    }
    said = await ada.ok("POST", ASK, asked)
    video = await ada.ok("POST", "/v1/videos", asked)
    assert said["understood"] == video["recipe"]["understood"]
    assert said["understood"]["missed"] == ["snorfblat"]
    assert (said["choices"], said["rules"]) == ([], [])


async def test_it_costs_nothing_and_leaves_nothing(ada: Person) -> None:
    before = await ada.ok("GET", "/v1/me/credits")
    await ada.ok("POST", ASK, {"prompt": "a cat"})
    assert await ada.ok("GET", "/v1/me/credits") == before
    assert (await ada.ok("GET", "/v1/videos"))["data"] == []


async def test_without_a_seed_it_says_what_seeds_choose_from(ada: Person) -> None:
    said = await ada.ok("POST", ASK, {"prompt": "a dinosaur and a kitty"})
    assert [(each["phrase"], {one["picture"] for one in each["candidates"]}) for each in said["choices"]] == [
        ("dinosaur", {"1f996", "1f995"})
    ]
    picks = [{"phrase": "dinosaur", "picture": "1f996"}]
    said = await ada.ok("POST", ASK, {"prompt": "a dinosaur", "subjects": picks})
    assert said["choices"] == []
    assert said["understood"]["subjects"][0]["picked"]


async def test_a_remix_is_read_with_the_pictures_of_its_source(ada: Person, media: MediaStore) -> None:
    picks = [{"phrase": "kitty", "picture": "1f431"}]
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a kitty and a dinosaur", "subjects": picks})
    source = {"relation": "remix", "video_ids": [video["id"]]}
    asked = {"prompt": "a dinosaur and a kitty in a forest", "source": source}
    refused(await ada.call("POST", ASK, asked), 409, "not_ready")
    await finish(video["id"], media)
    said = await ada.ok("POST", ASK, asked)
    first, second = video["recipe"]["understood"]["subjects"]
    assert said["understood"]["subjects"] == [second, first]
    assert said["choices"] == []
    missing = {"prompt": "a kitty", "source": {"relation": "remix", "video_ids": ["video_0"]}}
    refused(await ada.call("POST", ASK, missing), 404, "not_found")


async def test_what_would_be_refused_is_told_by_its_rule_and_recorded_nowhere(ada: Person) -> None:
    await registry.put_entry(HERO, "a moderator", now=utc_now())
    for prompt in ("a spider superhero", "\N{SPIDER} \N{SUPERHERO}"):
        said = await ada.ok("POST", ASK, {"prompt": prompt})
        assert [rule["rule"] for rule in said["rules"]] == [f"registry:{HERO.id}"]
        assert (said["understood"], said["choices"]) == (None, [])
    assert not await fetch("SELECT 1 FROM refusals WHERE account_id = $1", ada.id)


async def test_a_cameo_is_a_subject_for_whom_it_may_be_one(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada, "only_me")
    assert (await give(ada, cameo["id"], photo())).is_success
    asked = {"prompt": f"@{cameo['handle']} and a unicorn on a beach"}
    said = await ada.ok("POST", ASK, asked)
    assert [each["picture"] for each in said["understood"]["subjects"]] == [f"cameo:{cameo['id']}", "1f984"]
    said = await bob.ok("POST", ASK, asked)
    assert [each["picture"] for each in said["understood"]["subjects"]] == ["1f984"]
    assert cameo["id"] not in str(said)
    assert cameo["display_name"] not in str(said)
    # As one that there isn't.
    named = await bob.ok("POST", ASK, {"prompt": "a unicorn", "cameos": [cameo["id"]]})
    assert named["understood"] == (await bob.ok("POST", ASK, {"prompt": "a unicorn"}))["understood"]


async def test_while_nobody_reads_it_says_so(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(NamedSubjects, "read", away)
    reply = await ada.call("POST", ASK, {"prompt": "a cat"})
    refused(reply, 503, "busy")
    assert int(reply.headers["retry-after"]) >= 1


async def test_it_has_bounds(ada: Person) -> None:
    refused(await ada.call("POST", ASK, {"prompt": " "}), 400, "invalid_request", "prompt")
    refused(await ada.call("POST", ASK, {"prompt": "a" * 1001}), 400, "prompt_too_long", "prompt")
    wrong = {"prompt": "a cat", "subjects": [{"phrase": "dinosaur", "picture": "1f40a"}]}
    refused(await ada.call("POST", ASK, wrong), 400, "invalid_request", "subjects")
    for _ in range(PROMPT_READINGS.amount):
        reply = await ada.call("POST", ASK, {"prompt": "a cat"})
        if reply.status_code == 429:
            break
    refused(reply, 429, "rate_limited")
    assert int(reply.headers["retry-after"]) >= 1


async def test_pictures_are_told_one_by_one(client: httpx.AsyncClient) -> None:
    home = "/v1/models/riffle-tiny/subjects"
    dark = (await client.get(f"{home}/1f469-1f3ff")).json()
    assert (dark["id"], dark["name"]) == ("1f469", "woman")
    assert "1f469-1f3ff" in dark["tones"]
    small = await client.get(f"{home}/1f408/picture")
    assert small.headers["content-type"] == "image/webp"
    assert "max-age" in small.headers["cache-control"]
    refused(await client.get(f"{home}/{'1' * 81}"), 400, "invalid_request")

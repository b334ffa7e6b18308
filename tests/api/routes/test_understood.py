"""What a prompt was understood to say, in the answer that creates the video; names alone decide here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.subjects import Subjects
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


@pytest.fixture
async def client(database: Any, media: MediaStore, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = load({"RIFFLE_HOME": str(home), "RIFFLE_REQUIRE_PROOF": "off"})
    subjects = NamedSubjects()
    assert isinstance(subjects, Subjects)
    app = create_app(settings, cards=PicturedCards(), subjects=subjects, media=media)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as found:
        yield found


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    return await sign_up(client, next(HANDLES))


def pictures(video: Any) -> list[str]:
    return [each["picture"] for each in video["recipe"]["understood"]["subjects"]]


async def test_the_answer_says_what_was_understood(ada: Person) -> None:
    prompt = "a T-Rex and a wizard dance in the city at night, snorfblat"
    video = await ada.ok("POST", "/v1/videos", {"prompt": prompt, "seed": 7})
    understood = video["recipe"]["understood"]
    assert [(each["phrase"], each["name"], each["score"]) for each in understood["subjects"]] == [
        ("T-Rex", "T-Rex", 1.0),
        ("wizard", understood["subjects"][1]["name"], 1.0),
    ]
    assert (understood["place"], understood["time"], understood["motion"]) == ("city", "night", "dance")
    assert understood["missed"] == ["snorfblat"]
    assert (await ada.ok("GET", f"/v1/videos/{video['id']}"))["recipe"] == video["recipe"]


async def test_a_swarm_has_variety_and_a_seed_its_own_picture(ada: Person) -> None:
    first = await ada.ok("POST", "/v1/videos", {"prompt": "a dinosaur", "n": 16, "seed": 1})
    swarm = [await ada.ok("GET", f"/v1/videos/{each}") for each in first["swarm"]["video_ids"]]
    assert {pictures(video)[0] for video in swarm} == {"1f996", "1f995"}
    again = await ada.ok("POST", "/v1/videos", {"prompt": "a dinosaur", "seed": 5})
    assert pictures(again) == pictures(swarm[4])


async def test_people_pick_another_picture(ada: Person) -> None:
    asked = {"prompt": "a dinosaur and a cat", "subjects": [{"phrase": "Dinosaur", "picture": "1f40a"}]}
    assert pictures(await ada.ok("POST", "/v1/videos", asked)) == ["1f40a", "1f408"]
    wrong = {"prompt": "a cat", "subjects": [{"phrase": "dinosaur", "picture": "1f40a"}]}
    refused(await ada.call("POST", "/v1/videos", wrong), 400, "invalid_request", "subjects")
    many = {"prompt": "a cat", "subjects": [{"phrase": "cat", "picture": "1f40a"}] * 4}
    refused(await ada.call("POST", "/v1/videos", many), 400, "invalid_request", "subjects")


async def test_steering_is_in_what_was_understood(ada: Person) -> None:
    asked = {"prompt": "a cat on a beach", "steer": {"motion": "jump", "time": "night", "style": "neon"}}
    understood = (await ada.ok("POST", "/v1/videos", asked))["recipe"]["understood"]
    assert (understood["motion"], understood["time"], understood["style"]) == ("jump", "night", "neon")


async def test_a_cameo_is_a_subject_beside_others(ada: Person) -> None:
    cameo = await cameo_of(ada, "everyone")
    prompt = f"@{cameo['handle']} and a unicorn on a beach"
    plain = await ada.ok("POST", "/v1/videos", {"prompt": prompt})
    assert pictures(plain) == ["1f984"]
    assert plain["recipe"]["understood"]["missed"] == [f"@{cameo['handle']}"]
    assert (await give(ada, cameo["id"], photo())).is_success
    shown = await ada.ok("POST", "/v1/videos", {"prompt": prompt})
    assert pictures(shown) == [f"cameo:{cameo['id']}", "1f984"]
    named = await ada.ok("POST", "/v1/videos", {"prompt": "a unicorn", "cameos": [cameo["id"]]})
    assert pictures(named) == [f"cameo:{cameo['id']}", "1f984"]


async def test_what_words_are_drawn_as_is_screened_too(ada: Person) -> None:
    entry = RegistryEntry(id="web_hero", name="Webhero", kind=NameKind.CHARACTER, names=["spider superhero"])
    await registry.put_entry(entry, "a moderator", now=utc_now())
    typed = {"prompt": "a spider superhero"}
    refused(await ada.call("POST", "/v1/videos", typed), 403, "likeness_protected", "prompt")
    drawn = {"prompt": "\N{SPIDER} \N{SUPERHERO}"}
    refused(await ada.call("POST", "/v1/videos", drawn), 403, "likeness_protected", "prompt")
    await ada.ok("POST", "/v1/videos", {"prompt": "a spider and a cat"})


async def test_what_is_made_from_a_clip_keeps_its_pictures(ada: Person, media: MediaStore) -> None:
    picked = [{"phrase": "kitty", "picture": "1f431"}]
    asked = {"prompt": "a kitty and a dinosaur on a beach", "seed": 9, "subjects": picked}
    video = await ada.ok("POST", "/v1/videos", asked)
    assert [each["picked"] for each in video["recipe"]["understood"]["subjects"]] == [True, False]
    cat, dinosaur = pictures(video)
    assert cat == "1f431"
    await finish(video["id"], media)
    again = {"prompt": "a dinosaur and a kitty in a forest", "n": 16, "seed": 1}
    remix = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", again)
    swarm = [await ada.ok("GET", f"/v1/videos/{each}") for each in remix["swarm"]["video_ids"]]
    assert {tuple(pictures(each)) for each in swarm} == {(dinosaur, "1f431")}
    # Another seed of the same words is asked for to see others, but what was picked stays.
    source = {"relation": "reroll", "video_ids": [video["id"]]}
    reroll = await ada.ok("POST", "/v1/videos", {"prompt": asked["prompt"], "n": 16, "source": source})
    swarm = [await ada.ok("GET", f"/v1/videos/{each}") for each in reroll["swarm"]["video_ids"]]
    assert {pictures(each)[0] for each in swarm} == {"1f431"}
    assert {pictures(each)[1] for each in swarm} == {"1f996", "1f995"}
    # Whoever says what to pick, be it nothing, has the last word.
    none = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a kitty", "subjects": []})
    assert pictures(none) == ["1f408"]
    other = [{"phrase": "kitty", "picture": "1f408-200d-2b1b"}]
    remix = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a kitty", "subjects": other})
    assert pictures(remix) == ["1f408-200d-2b1b"]
    # What the words don't name any more isn't picked.
    remix = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a dog"})
    assert pictures(remix) == ["1f415"]


async def test_a_remix_keeps_its_layout_and_a_picture_stays_out_of_it(ada: Person, media: MediaStore) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "seed": 9})
    await finish(video["id"], media)
    remix = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a dog on a beach", "seed": 3})
    assert pictures(remix) == ["1f415"]
    assert remix["recipe"]["layout_seed"] == 9
    night = await ada.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "make it night", "seed": 3})
    assert pictures(night) == ["1f408"]
    assert (night["recipe"]["understood"]["place"], night["recipe"]["understood"]["time"]) == (
        "beach",
        "night",
    )
    longer = await ada.ok(
        "POST",
        "/v1/videos",
        {"prompt": "it jumps", "source": {"relation": "extend", "video_ids": [video["id"]]}},
    )
    assert pictures(longer) == ["1f408"]
    rendered = await ada.ok("POST", f"/v1/videos/{video['id']}/render")
    assert rendered["recipe"]["understood"] == video["recipe"]["understood"]


async def test_a_deleted_video_keeps_no_word_of_it(ada: Person, media: MediaStore) -> None:
    from db.engine import fetch

    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat and a snorfblat"})
    await ada.ok("DELETE", f"/v1/videos/{video['id']}")
    rows = await fetch("SELECT recipe::text AS recipe FROM videos WHERE id = $1", video["id"])
    assert all("snorfblat" not in row["recipe"] and "Kitty" not in row["recipe"] for row in rows)

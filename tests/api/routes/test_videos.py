"""Videos: what can be asked for, what comes back, and who may see it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from media.store import MediaStore, StoreUnavailable
from schemas.videos import MAX_PROMPT_CHARS
from tests.api.people import Person, refused
from tests.build import finish, loose

PROMPT = "a cat on a beach"


async def test_a_video_in_openais_shape(ada: Person) -> None:
    reply = await ada.call("POST", "/v1/videos", {"prompt": PROMPT, "seed": 7})
    assert reply.status_code == 200
    assert reply.headers["openai-poll-after-ms"] == "500"
    video = reply.json()
    assert video["object"] == "video"
    assert (video["status"], video["progress"], video["tier"]) == ("queued", 0, "preview")
    assert (video["model"], video["prompt"], video["size"], video["seconds"]) == (
        "riffle-tiny",
        PROMPT,
        "128x192",
        "2",
    )
    assert video["seed"] == video["recipe"]["seed"] == 7
    assert video["cost"]["credits"] == 1
    assert video["swarm"]["video_ids"] == [video["id"]]
    assert video["links"]["self"] == f"/v1/videos/{video['id']}"
    assert video["error"] is None
    assert await ada.ok("GET", video["links"]["self"]) == video


async def test_a_swarm_is_one_seed_each_and_paid_each(ada: Person) -> None:
    before = (await ada.ok("GET", "/v1/me/credits"))["balance"]
    first = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT, "n": 8, "seed": 100})
    ids = first["swarm"]["video_ids"]
    assert first["id"] == ids[0]
    assert len(set(ids)) == 8
    videos = await asyncio.gather(*(ada.ok("GET", f"/v1/videos/{video_id}") for video_id in ids))
    assert [video["seed"] for video in videos] == list(range(100, 108))
    assert {tuple(video["swarm"]["video_ids"]) for video in videos} == {tuple(ids)}
    credits = await ada.ok("GET", "/v1/me/credits")
    assert (credits["balance"], credits["held"]) == (before - 8, 8)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"prompt": ""}, "invalid_request", "prompt"),
        ({"prompt": "  \n"}, "invalid_request", "prompt"),
        ({"prompt": "x" * (MAX_PROMPT_CHARS + 1)}, "prompt_too_long", "prompt"),
        ({"prompt": "x" * 500_000}, "prompt_too_long", "prompt"),
        ({"prompt": "x\0"}, "invalid_request", "prompt"),
        *(
            (
                {"prompt": PROMPT, "source": {"relation": relation, "video_ids": ["video_1"] * count}},
                "invalid_request",
                "source.video_ids",
            )
            for relation, count in (
                ("remix", 2),
                ("extend", 3),
                ("stitch", 1),
                ("stitch", 5),
                ("reference", 2),
            )
        ),
        *(
            (
                {"prompt": PROMPT, "source": {"relation": relation, "video_ids": ["video_1"], field: at}},
                "invalid_request",
                f"source.{field}",
            )
            for relation, field, at in (
                ("remix", "from_s", 1),
                ("reference", "to_s", 1),
                ("extend", "from_s", -1),
                ("extend", "to_s", 0),
            )
        ),
        *(
            ({"prompt": PROMPT, "steer": steer}, "invalid_request", f"steer.{next(iter(steer))}")
            for steer in ({"motion": "swim"}, {"camera": "jump"}, {"time": "noon"}, {"style": "anime"})
        ),
        ({"prompt": PROMPT, "steer": {"mood": "happy"}}, "unknown_field", "steer.mood"),
        ({"prompt": PROMPT, "n": 0}, "invalid_n", "n"),
        ({"prompt": PROMPT, "n": 17}, "invalid_n", "n"),
        ({"prompt": PROMPT, "n": 10**30}, "invalid_n", "n"),
        ({"prompt": PROMPT, "size": "1x1"}, "invalid_size", "size"),
        ({"prompt": PROMPT, "size": "256x384"}, "invalid_size", "size"),
        ({"prompt": PROMPT, "seconds": "90"}, "invalid_request", "seconds"),
        ({"prompt": PROMPT, "model": "sora-2"}, "unknown_model", "model"),
        ({"prompt": PROMPT, "colour": "red"}, "unknown_field", "colour"),
        (
            {"prompt": PROMPT, "source": {"relation": "render", "video_ids": ["v"]}},
            "invalid_request",
            "source.relation",
        ),
        (
            {"prompt": PROMPT, "source": {"relation": "remix", "video_ids": []}},
            "invalid_request",
            "source.video_ids",
        ),
    ],
)
async def test_requests_that_are_refused_cost_nothing(
    ada: Person, body: dict[str, Any], code: str, param: str
) -> None:
    before = await ada.ok("GET", "/v1/me/credits")
    refused(await ada.call("POST", "/v1/videos", body), 400, code, param)
    assert await ada.ok("GET", "/v1/me/credits") == before
    assert (await ada.ok("GET", "/v1/videos"))["data"] == []


async def test_credits_run_out(ada: Person) -> None:
    price = 8
    have = (await ada.ok("GET", "/v1/me/credits"))["balance"]
    payload = {"prompt": PROMPT, "n": 16, "tier": "full"}
    for _ in range(have // (16 * price)):
        assert (await ada.ok("POST", "/v1/videos", payload))["cost"]["credits"] == price
    refused(await ada.call("POST", "/v1/videos", payload), 402, "insufficient_credits")


async def test_pages_follow_creation_in_both_orders(ada: Person, bob: Person) -> None:
    await bob.ok("POST", "/v1/videos", {"prompt": "not hers"})
    ids = [(await ada.ok("POST", "/v1/videos", {"prompt": PROMPT}))["id"] for _ in range(3)]
    ids += (await ada.ok("POST", "/v1/videos", {"prompt": PROMPT, "n": 4}))["swarm"]["video_ids"]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        seen: list[str] = []
        after = ""
        while True:
            page = await ada.ok("GET", f"/v1/videos?limit=3&order={order}{after}")
            assert page["object"] == "list"
            seen += [video["id"] for video in page["data"]]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], seen[-1])
            if not page["has_more"]:
                break
            after = f"&after={page['last_id']}"
        assert seen == expected
    empty = await Person(ada.client, {"account": {"id": "", "handle": ""}, "session": bob.session}).ok(
        "GET", "/v1/videos?order=asc&after=" + (await bob.ok("GET", "/v1/videos"))["last_id"]
    )
    assert (empty["data"], empty["first_id"], empty["has_more"]) == ([], None, False)


async def test_a_foreign_video_is_not_there(ada: Person, bob: Person) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT})
    path = f"/v1/videos/{video['id']}"
    for method, address in (
        ("GET", path),
        ("DELETE", path),
        ("GET", f"{path}/content"),
        ("POST", f"{path}/cancel"),
        ("POST", f"{path}/render"),
        ("GET", f"{path}/lineage"),
        ("GET", f"{path}/receipts"),
        ("GET", f"/v1/videos?after={video['id']}"),
    ):
        refused(await bob.call(method, address), 404, "not_found")
    refused(await bob.call("POST", f"{path}/remix", {"prompt": "mine"}), 404, "not_found")
    source = {"relation": "remix", "video_ids": [video["id"]]}
    refused(await bob.call("POST", "/v1/videos", {"prompt": "x", "source": source}), 404, "not_found")
    await ada.ok("GET", path)


async def test_cancel_refunds_and_is_final(ada: Person) -> None:
    before = await ada.ok("GET", "/v1/me/credits")
    video = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT})
    reply = await ada.call("POST", video["links"]["cancel"])
    assert reply.json()["status"] == "cancelled"
    assert "openai-poll-after-ms" not in reply.headers
    assert await ada.ok("GET", "/v1/me/credits") == before
    refused(await ada.call("GET", f"/v1/videos/{video['id']}/content"), 409, "invalid_state")
    refused(await ada.call("POST", f"/v1/videos/{video['id']}/render"), 409, "invalid_state")


async def test_delete_takes_the_media_with_it_even_where_the_store_refuses(
    ada: Person, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT})
    keys = await finish(video["id"], media)

    async def refusing(self: MediaStore, key: str) -> None:
        raise StoreUnavailable("no")

    with monkeypatch.context() as broken:
        broken.setattr(MediaStore, "_delete", refusing)
        gone = await ada.ok("DELETE", f"/v1/videos/{video['id']}")
    assert set(keys) <= await loose()
    assert gone == {"id": video["id"], "deleted": True, "object": "video.deleted"}
    refused(await ada.call("GET", f"/v1/videos/{video['id']}"), 404, "not_found")
    refused(await ada.call("DELETE", f"/v1/videos/{video['id']}"), 404, "not_found")
    assert (await ada.ok("GET", "/v1/videos"))["data"] == []


async def test_a_render_keeps_the_recipe_of_its_preview(ada: Person, media: Any) -> None:
    preview = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT, "seed": 42})
    refused(await ada.call("POST", preview["links"]["render"]), 409, "not_ready")
    await finish(preview["id"], media)
    reply = await ada.call("POST", preview["links"]["render"])
    full = reply.json()
    assert reply.headers["openai-poll-after-ms"] == "1500"
    assert (full["tier"], full["size"], full["seed"], full["prompt"]) == ("full", "256x384", 42, PROMPT)
    assert full["source"]["relation"] == "render"
    assert full["source"]["video_ids"] == [preview["id"]]
    assert full["cost"]["credits"] == 8
    await finish(full["id"], media)
    refused(await ada.call("POST", f"/v1/videos/{full['id']}/render"), 409, "invalid_state")


async def test_a_remix_names_its_source(ada: Person, media: Any) -> None:
    source = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT})
    remix_path = f"/v1/videos/{source['id']}/remix"
    refused(await ada.call("POST", remix_path, {"prompt": "a dog"}), 409, "not_ready")
    await finish(source["id"], media)
    remix = await ada.ok("POST", remix_path, {"prompt": "a dog on a beach", "n": 2, "strength": 0.5})
    assert remix["remixed_from_video_id"] == source["id"]
    assert remix["source"]["relation"] == "remix"
    assert remix["recipe"]["strength"] == 0.5
    assert len(remix["swarm"]["video_ids"]) == 2
    assert (await ada.ok("POST", remix_path, {"prompt": "a dog"}))["recipe"]["strength"] is not None
    lineage = await ada.ok("GET", f"/v1/videos/{remix['id']}/lineage")
    assert {"parent": source["id"], "child": remix["id"], "relation": "remix"}.items() <= lineage["edges"][
        0
    ].items()
    refused(
        await ada.call("POST", remix_path, {"prompt": "x", "strength": 2}), 400, "invalid_request", "strength"
    )
    refused(await ada.call("POST", remix_path, {"prompt": "x", "n": 17}), 400, "invalid_n", "n")
    refused(await ada.call("POST", remix_path, {"prompt": ""}), 400, "invalid_request", "prompt")

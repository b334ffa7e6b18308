"""Cameos over HTTP: lending, asking, answering, taking back, and what that means for videos."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.people import Person, refused
from tests.build import finish

PROMPT = "a cat on a beach"


async def cameo_of(person: Person, audience: str = "people_i_approve", **extra: Any) -> dict[str, Any]:
    body = {"display_name": f"the {person.handle}", "audience": audience, **extra}
    reply = await person.call("POST", "/v1/cameos", body)
    assert reply.status_code == 201, reply.text
    cameo: dict[str, Any] = reply.json()
    return cameo


async def test_a_cameo_and_its_changes(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada, restrictions={"words": ["gun"]})
    assert (cameo["object"], cameo["status"], cameo["revision"]) == ("cameo", "active", 1)
    assert cameo["restrictions"]["words"] == ["gun"]
    path = f"/v1/cameos/{cameo['id']}"
    changed = await ada.ok("PATCH", path, {"audience": "everyone"})
    assert (changed["audience"], changed["revision"]) == ("everyone", 2)
    assert changed["restrictions"]["words"] == ["gun"]
    assert await ada.ok("GET", path) == changed
    assert (await bob.ok("GET", path))["restrictions"] is None
    assert [item["id"] for item in (await ada.ok("GET", "/v1/cameos"))["data"]] == [cameo["id"]]
    assert (await bob.ok("GET", "/v1/cameos"))["data"] == []
    refused(await bob.call("PATCH", path, {"audience": "everyone"}), 404, "not_found")
    refused(await bob.call("GET", f"{path}/uses"), 404, "not_found")
    refused(await bob.call("POST", f"{path}/revoke", {"mode": "hide_posts"}), 404, "not_found")
    refused(await ada.call("PATCH", path, {"audience": "all"}), 400, "invalid_request", "audience")


async def test_asking_answering_and_using(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada)
    payload = {"prompt": PROMPT, "cameos": [cameo["id"]]}
    before = await bob.ok("GET", "/v1/me/credits")
    check = {"cameos": payload["cameos"], "prompt": PROMPT}
    reason = (await bob.ok("POST", "/v1/consent/check", check))["decisions"][0]["reason"]
    error = refused(await bob.call("POST", "/v1/videos", payload), 403, "consent_refused", "cameos")
    assert reason in error["message"]
    assert await bob.ok("GET", "/v1/me/credits") == before

    reply = await bob.call("POST", f"/v1/cameos/{cameo['id']}/requests", {"message": "may I?"})
    assert reply.status_code == 201
    grant = reply.json()
    assert (grant["status"], grant["grantee"], grant["cameo_id"]) == ("pending", bob.handle, cameo["id"])
    refused(await bob.call("POST", "/v1/videos", payload), 403, "consent_refused")
    waiting = (await ada.ok("GET", "/v1/cameo-requests"))["data"]
    assert [item["id"] for item in waiting] == [grant["id"]]
    assert [item["id"] for item in (await bob.ok("GET", "/v1/cameo-requests?role=grantee"))["data"]] == [
        grant["id"]
    ]

    refused(await bob.call("POST", f"/v1/cameo-requests/{grant['id']}/accept"), 404, "not_found")
    accepted = await ada.ok("POST", f"/v1/cameo-requests/{grant['id']}/accept")
    assert accepted["status"] == "accepted"
    video = await bob.ok("POST", "/v1/videos", payload)
    assert video["cameos"] == [cameo["id"]]
    receipts = (await bob.ok("GET", f"/v1/videos/{video['id']}/receipts"))["data"]
    assert [(item["cameo_id"], item["grant_id"]) for item in receipts] == [(cameo["id"], grant["id"])]
    assert [use["video_id"] for use in (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/uses"))["data"]] == [
        video["id"]
    ]
    assert (await ada.ok("GET", f"/v1/videos/{video['id']}"))["id"] == video["id"]

    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"grantee": bob.handle})
    refused(await bob.call("POST", "/v1/videos", payload), 403, "consent_refused")


async def test_refusing(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada)
    grant = await bob.ok("POST", f"/v1/cameos/{cameo['id']}/requests")
    assert (await ada.ok("POST", f"/v1/cameo-requests/{grant['id']}/refuse"))["status"] == "refused"
    answer = await bob.ok("POST", "/v1/consent/check", {"cameos": [cameo["id"]], "prompt": PROMPT})
    assert answer["allowed"] is False
    assert [item["allowed"] for item in answer["decisions"]] == [False]
    assert answer["decisions"][0]["reason"]


async def test_a_revoked_cameo_is_used_by_nobody(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada, "everyone")
    payload = {"prompt": PROMPT, "cameos": [cameo["id"]]}
    await bob.ok("POST", "/v1/videos", payload)
    for nothing, code in ((None, "invalid_json"), ({}, "invalid_request")):
        refused(await ada.call("POST", f"/v1/cameos/{cameo['id']}/revoke", nothing), 400, code)
    assert (await ada.ok("GET", f"/v1/cameos/{cameo['id']}"))["status"] == "active"
    revoked = await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": "hide_posts"})
    assert revoked["status"] == "revoked"
    for person in (ada, bob):
        refused(await person.call("POST", "/v1/videos", payload), 403, "consent_refused")


async def test_consent_can_be_checked_before_paying(ada: Person, bob: Person) -> None:
    everyone = await cameo_of(ada, "everyone", restrictions={"words": ["gun"]})
    approve = await cameo_of(ada)
    body = {"cameos": [everyone["id"], approve["id"]], "prompt": "a cat with a GUN"}
    answer = await bob.ok("POST", "/v1/consent/check", body)
    assert answer["allowed"] is False
    assert [item["cameo"] for item in answer["decisions"]] == body["cameos"]
    assert [item["allowed"] for item in answer["decisions"]] == [False, False]
    words, asked = (item["reason"] for item in answer["decisions"])
    assert words != asked
    fine = await bob.ok("POST", "/v1/consent/check", {"cameos": [everyone["id"]], "prompt": PROMPT})
    assert fine["allowed"] is True
    refused(await bob.call("POST", "/v1/consent/check", {"cameos": ["cameo_0"]}), 404, "not_found", "cameos")
    refused(await bob.call("POST", "/v1/consent/check", {"cameos": []}), 400, "invalid_request", "cameos")


async def test_a_likeness_goes_on_into_remixes_and_renders(ada: Person, bob: Person, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone")
    video = await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"], cameo["id"]]})
    assert video["cameos"] == [cameo["id"]]
    await finish(video["id"], media)
    full = await bob.ok("POST", video["links"]["render"])
    remix = await bob.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a dog"})
    assert full["cameos"] == remix["cameos"] == [cameo["id"]]
    await ada.ok("PATCH", f"/v1/cameos/{cameo['id']}", {"restrictions": {"no_remix": True}})
    refused(
        await bob.call("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "a dog"}), 403, "consent_refused"
    )
    source = {"relation": "remix", "video_ids": [video["id"]]}
    check = {"cameos": [cameo["id"]], "prompt": "a dog", "source": source}
    assert (await bob.ok("POST", "/v1/consent/check", check))["decisions"][0]["reason"] == "no_remix"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"scope": {"uses": 0}}, "scope.uses"),
        ({"scope": {"until": 10**15}}, "scope.until"),
        ({"scope": {"until": -5}}, "scope.until"),
        ({"scope": {"until": 10**30}}, "scope.until"),
        ({"message": "x" * 281}, "message"),
    ],
)
async def test_requests_that_cannot_be(ada: Person, bob: Person, body: dict[str, Any], param: str) -> None:
    cameo = await cameo_of(ada)
    path = f"/v1/cameos/{cameo['id']}/requests"
    refused(await bob.call("POST", path, body), 400, "invalid_request", param)


async def test_a_mention_asks_for_consent_wherever_words_are_taken(
    ada: Person, bob: Person, media: Any
) -> None:
    cameo = await cameo_of(ada)
    words = f"@{cameo['handle']} on a beach"
    plain = await bob.ok("POST", "/v1/videos", {"prompt": PROMPT})
    await finish(plain["id"], media)
    for path, body, param in (
        ("/v1/videos", {"prompt": words}, "cameos"),
        ("/v1/videos", {"prompt": words, "n": 4}, "cameos"),
        (f"/v1/videos/{plain['id']}/remix", {"prompt": words}, "cameos"),
        ("/v1/posts", {"video_id": plain["id"], "caption": words}, "video_id"),
    ):
        error = refused(await bob.call("POST", path, body), 403, "consent_refused", param)
        assert cameo["id"] in error["message"]
    for asked in ({"prompt": words}, {"video_id": plain["id"], "caption": words}):
        checked = await bob.ok("POST", "/v1/consent/check", asked)
        (decision,) = checked["decisions"]
        assert (checked["allowed"], decision["cameo"], decision["reason"]) == (
            False,
            cameo["id"],
            "not_asked",
        )
    request = await bob.ok("POST", f"/v1/cameos/{cameo['id']}/requests", {})
    await ada.ok("POST", f"/v1/cameo-requests/{request['id']}/accept")
    assert (await bob.ok("POST", "/v1/consent/check", {"prompt": words}))["allowed"] is True
    drawn = await bob.ok("POST", "/v1/videos", {"prompt": words})
    assert drawn["cameos"] == [cameo["id"]]
    posted = await bob.ok("POST", "/v1/posts", {"video_id": plain["id"], "caption": words})
    assert posted["video"]["cameos"] == [cameo["id"]]
    uses = (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/uses"))["data"]
    assert {use["video_id"] for use in uses} == {drawn["id"], plain["id"]}

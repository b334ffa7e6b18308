"""Reports, minors, blocks, and how often one may ask."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from db.engine import fetch
from domain.consent import grants
from domain.safety import reports
from domain.videos.inputs import cameo_picture
from media.store import MediaStore
from tests.api.conftest import HANDLES
from tests.api.people import Person, refused, sign_up
from tests.build import finish
from tests.media.test_reference import picture as drawn_picture

PICTURE = drawn_picture("PNG")


async def posted(person: Person, media: MediaStore, *cameos: str) -> dict[str, Any]:
    video = await person.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": list(cameos)})
    await finish(video["id"], media)
    post: dict[str, Any] = await person.ok("POST", "/v1/posts", {"video_id": video["id"]})
    return post


async def cameo_of(person: Person, audience: str = "everyone") -> str:
    body = {"display_name": "Me", "audience": audience}
    return str((await person.ok("POST", "/v1/cameos", body))["id"])


async def test_a_report_once_and_its_outcome(ada: Person, bob: Person, media: MediaStore) -> None:
    post = await posted(ada, media)
    body = {"kind": "post", "id": post["id"], "reason": "violence", "note": "look at second 1"}
    report = await bob.ok("POST", "/v1/reports", body)
    assert (report["status"], report["outcome"]) == ("open", None)
    assert (await bob.ok("POST", "/v1/reports", body))["id"] == report["id"]
    await reports.decide(report["id"], "hidden", "a moderator", now=datetime.now(UTC))
    refused(await bob.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    refused(await ada.call("GET", f"/v1/videos/{post['video']['id']}/content"), 451, "taken_down")
    (seen,) = (await bob.ok("GET", "/v1/reports"))["data"]
    assert (seen["status"], seen["outcome"]) == ("acted", "hidden")
    await reports.show(post["video"]["id"], "a moderator", now=datetime.now(UTC))
    await bob.ok("GET", f"/v1/posts/{post['id']}")


@pytest.mark.parametrize("kind", ["video", "post", "cameo", "account"])
async def test_reports_of_what_is_not_there(ada: Person, kind: str) -> None:
    body = {"kind": kind, "id": f"{kind}_0", "reason": "spam"}
    refused(await ada.call("POST", "/v1/reports", body), 404, "not_found")


async def test_drafts_of_others_cannot_be_probed_by_reports(ada: Person, bob: Person) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    body = {"kind": "video", "id": video["id"], "reason": "other"}
    refused(await bob.call("POST", "/v1/reports", body), 404, "not_found")


async def test_reports_are_bounded(ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "REPORTS_PER_DAY", 1)
    await ada.ok("POST", "/v1/reports", {"kind": "account", "id": bob.handle, "reason": "spam"})
    cameo = await cameo_of(bob)
    reply = await ada.call("POST", "/v1/reports", {"kind": "cameo", "id": cameo, "reason": "spam"})
    refused(reply, 429, "rate_limited")


async def test_a_minor_is_used_and_seen_by_nobody(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    cameo = await cameo_of(ada)
    picture = f"/v1/cameos/{cameo}/reference"
    (
        await ada.call("PUT", picture, content=PICTURE, headers={"content-type": "image/png"})
    ).raise_for_status()
    assert (await ada.call("GET", picture)).status_code == 200
    post = await posted(bob, media, cameo)
    before = (await bob.ok("GET", "/v1/me/credits"))["balance"]
    running = await bob.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": [cameo]})
    report = await bob.ok("POST", "/v1/reports", {"kind": "post", "id": post["id"], "reason": "minor"})
    now = datetime.now(UTC)
    await reports.decide(report["id"], "minor", "a moderator", now=now)
    failed = await bob.ok("GET", f"/v1/videos/{running['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "consent_revoked")
    assert (await bob.ok("GET", "/v1/me/credits"))["balance"] == before
    eve = await sign_up(anyone, next(HANDLES))
    refused(await eve.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    for person in (ada, bob):
        refused(await person.call("GET", f"/v1/videos/{post['video']['id']}/content"), 451, "taken_down")
    for person in (ada, bob):
        payload = {"prompt": "a cat on a beach", "cameos": [cameo]}
        error = refused(await person.call("POST", "/v1/videos", payload), 403, "consent_refused")
        assert "under age" in error["message"]
    # Its picture is served to nobody, its owner neither, and drawn from by nobody.
    for person in (ada, bob):
        refused(await person.call("GET", picture), 451, "taken_down")
    assert await cameo_picture(cameo) is None
    rows = await fetch(
        "SELECT action FROM audit_log WHERE subject IN ($1, $2) ORDER BY id", cameo, report["id"]
    )
    assert [row["action"] for row in rows] == ["cameo.minor", "report.minor"]
    await reports.unflag_minor(cameo, "a moderator", now=now)
    await eve.ok("GET", f"/v1/posts/{post['id']}")
    assert (await ada.call("GET", picture)).status_code == 200


async def test_a_blocked_person_does_not_see_the_likeness_in_posts_of_others(
    ada: Person, bob: Person, anyone: httpx.AsyncClient, media: MediaStore
) -> None:
    cameo = await cameo_of(ada)
    post = await posted(bob, media, cameo)
    eve = await sign_up(anyone, next(HANDLES))
    await eve.ok("GET", f"/v1/posts/{post['id']}")
    await ada.ok("PUT", f"/v1/blocks/{eve.handle}")
    refused(await eve.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    refused(await eve.call("GET", f"/v1/videos/{post['video']['id']}/content"), 404, "not_found")
    refused(await eve.call("GET", f"/v1/cameos/{cameo}"), 404, "not_found")
    refused(await eve.call("POST", f"/v1/cameos/{cameo}/requests"), 404, "not_found")
    payload = {"prompt": "a cat", "cameos": [cameo]}
    # As of one that there isn't.
    refused(await eve.call("POST", "/v1/videos", payload), 404, "not_found", "cameos")
    refused(await eve.call("POST", "/v1/consent/check", payload), 404, "not_found", "cameos")


async def test_requests_are_bounded(ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "REQUESTS_PER_HOUR", 1)
    first, second = await cameo_of(ada, "people_i_approve"), await cameo_of(ada, "people_i_approve")
    await bob.ok("POST", f"/v1/cameos/{first}/requests")
    reply = await bob.call("POST", f"/v1/cameos/{second}/requests")
    refused(reply, 429, "rate_limited")
    assert 0 < int(reply.headers["retry-after"]) <= 3601


async def test_a_refused_request_is_not_repeated_for_a_day(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada, "people_i_approve")
    grant = await bob.ok("POST", f"/v1/cameos/{cameo}/requests")
    await ada.ok("POST", f"/v1/cameo-requests/{grant['id']}/refuse")
    assert (
        "later" in refused(await bob.call("POST", f"/v1/cameos/{cameo}/requests"), 409, "conflict")["message"]
    )

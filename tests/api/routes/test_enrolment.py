"""Enrolment: a challenge, a clip that passes what can be checked, a seal, a moderator's word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from litestar import Litestar

from api.app import create_app
from db.engine import fetch
from domain.consent import enrolments
from media.encryption import BrokenSeal, Seal
from media.store import MediaStore
from schemas.errors import Code
from settings import load
from tests import build, clips
from tests.api.conftest import FixedCards
from tests.api.people import Person, refused, sign_up
from tests.build import finish, loose

MP4 = {"content-type": "video/mp4"}


async def enrol(person: Person) -> dict[str, Any]:
    body = {"display_name": "Me", "audience": "everyone"}
    cameo: dict[str, Any] = await person.ok("POST", "/v1/cameos", body)
    return cameo


async def send(person: Person, cameo: dict[str, Any], clip: bytes) -> httpx.Response:
    return await person.call("PUT", f"/v1/cameos/{cameo['id']}/proof", content=clip, headers=MP4)


async def test_a_cameo_comes_with_a_challenge_that_works_once(ada: Person, bob: Person) -> None:
    cameo = await enrol(ada)
    challenge = cameo["challenge"]
    assert len(challenge["digits"]) == 6
    assert challenge["digits"].isdigit()
    assert len(challenge["turns"]) == 3
    assert 0 < challenge["expires_at"] - datetime.now(UTC).timestamp() <= 600
    assert (await ada.ok("GET", f"/v1/cameos/{cameo['id']}"))["challenge"] is None
    refused(await send(bob, cameo, clips.proof(1)), 404, "not_found")
    reply = await send(ada, cameo, clips.proof(1))
    assert reply.status_code == 200, reply.text
    sent = reply.json()
    assert sent["status"] == "in_review"
    assert {item["name"]: item["passed"] for item in sent["checks"]} == {
        "fresh": True,
        "long_enough": True,
        "moving": True,
        "recognisable": True,
        "not_a_copy": True,
        "face_match": None,
        "speech": None,
        "head_turns": None,
    }
    refused(await send(ada, cameo, clips.proof(2)), 409, "invalid_state")
    assert (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/proofs"))["data"] == [sent]
    refused(await bob.call("GET", f"/v1/cameos/{cameo['id']}/proofs"), 404, "not_found")
    refused(await bob.call("POST", f"/v1/cameos/{cameo['id']}/challenge"), 404, "not_found")


async def test_what_can_be_checked_is_checked(ada: Person) -> None:
    cameo = await enrol(ada)
    still = clips.mp4(clips.scene(11, 40, moves=False))
    grey = clips.mp4([np.full((128, 128, 3), 90, np.uint8)] * 40)
    short = clips.proof(12, seconds=1.0)
    old = clips.proof(13, creation_time="2020-01-01T00:00:00Z")
    for clip, why in (
        (still, "moves"),
        (grey, "nothing to tell it by"),
        (short, "seconds"),
        (old, "before the challenge"),
        (b"not a clip", "no video"),
    ):
        assert why in refused(await send(ada, cameo, clip), 400, "invalid_request", "file")["message"]
    # A clip that failed leaves the challenge open; what was sent before is a copy, encoded anew or mirrored.
    assert (await send(ada, cameo, clips.proof(14))).status_code == 200
    for again in (clips.scene(14, 40), [frame[:, ::-1] for frame in clips.scene(14, 40)]):
        await ada.ok("POST", f"/v1/cameos/{cameo['id']}/challenge")
        reply = await send(ada, cameo, clips.mp4(again, crf=28))
        assert "sent before" in refused(reply, 400, "invalid_request")["message"]


async def test_a_challenge_runs_out_and_a_new_one_replaces_it(
    app: Litestar, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameo = await enrol(ada)
    later = datetime.now(UTC) + timedelta(minutes=11)
    app.state.clock = lambda: later
    refused(await send(ada, cameo, clips.proof(21)), 409, "invalid_state")
    fresh = await ada.ok("POST", f"/v1/cameos/{cameo['id']}/challenge")
    assert fresh["id"] != cameo["challenge"]["id"]
    monkeypatch.setattr(enrolments, "CHALLENGES_PER_DAY", 2)
    refused(await ada.call("POST", f"/v1/cameos/{cameo['id']}/challenge"), 429, "rate_limited")
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": "hide_posts"})
    refused(await ada.call("POST", f"/v1/cameos/{cameo['id']}/challenge"), 409, "invalid_state")


async def test_a_proof_is_sealed(ada: Person, media: MediaStore, home: Path) -> None:
    cameo = await enrol(ada)
    clip = clips.proof(31)
    proof = (await send(ada, cameo, clip)).json()
    key = await enrolments.sealed_key(proof["id"], "a moderator", now=datetime.now(UTC))
    sealed = await media.get(key)
    assert b"ftyp" not in sealed
    assert Seal(home).open(sealed, proof["id"]) == clip
    with pytest.raises(BrokenSeal):
        Seal(home).open(sealed, "proof_other")
    with pytest.raises(BrokenSeal):
        Seal(home).open(sealed[:-1] + bytes([sealed[-1] ^ 1]), proof["id"])
    assert (home / "keys" / "seal.key").stat().st_mode & 0o077 == 0
    (seen,) = await fetch("SELECT actor FROM audit_log WHERE subject = $1", proof["id"])
    assert seen["actor"] == "a moderator"


@pytest.mark.parametrize(("seed", "mode"), [(61, "block_new"), (62, "hide_posts"), (63, "tombstone")])
async def test_the_clip_goes_with_its_cameo(ada: Person, seed: int, mode: str) -> None:
    cameo = await enrol(ada)
    sent = await send(ada, cameo, clips.proof(seed))
    assert sent.status_code == 200, sent.text
    proof = sent.json()
    key = await enrolments.sealed_key(proof["id"], "a moderator", now=datetime.now(UTC))
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": mode})
    assert key in await loose()
    gone = enrolments.sealed_key(proof["id"], "a moderator", now=datetime.now(UTC))
    await build.refused(Code.GONE, gone)
    # The record stays, and so does what the clip is known by.
    assert (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/proofs"))["data"] == [proof]
    other = await enrol(ada)
    again = await send(ada, other, clips.proof(seed))
    assert "sent before" in refused(again, 400, "invalid_request")["message"]


async def test_a_setting_may_demand_a_verified_proof(
    database: Any, tmp_path: Path, media: MediaStore
) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_REQUIRE_PROOF": "on"})
    transport = httpx.ASGITransport(app=create_app(settings, cards=FixedCards(), media=media))  # type: ignore[arg-type]
    client = httpx.AsyncClient(transport=transport, base_url="http://riffle.test")
    eve = await sign_up(client, "eve_enrols")
    cameo = await enrol(eve)
    payload = {"prompt": "a cat", "cameos": [cameo["id"]]}
    error = refused(await eve.call("POST", "/v1/videos", payload), 403, "consent_refused", "cameos")
    assert "not proven yet" in error["message"]
    proof = (await send(eve, cameo, clips.proof(41))).json()
    refused(await eve.call("POST", "/v1/videos", payload), 403, "consent_refused")
    now = datetime.now(UTC)
    await enrolments.decide(proof["id"], "verified", "it is her", "a moderator", now=now)
    await eve.ok("POST", "/v1/videos", payload)
    await enrolments.decide(proof["id"], "rejected", "on a second look", "a moderator", now=now)
    refused(await eve.call("POST", "/v1/videos", payload), 403, "consent_refused")


async def test_others_use_a_cameo_once_its_proof_is_verified(
    database: Any, tmp_path: Path, media: MediaStore
) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path)})
    assert settings.require_proof == "others"
    transport = httpx.ASGITransport(app=create_app(settings, cards=FixedCards(), media=media))  # type: ignore[arg-type]
    client = httpx.AsyncClient(transport=transport, base_url="http://riffle.test")
    owner, other = await sign_up(client, "lends_proven"), await sign_up(client, "borrows_proven")
    cameo = await owner.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})
    payload = {"prompt": "a cat", "cameos": [cameo["id"]]}
    own = await owner.ok("POST", "/v1/videos", payload)
    await finish(own["id"], media)
    post = await owner.ok("POST", "/v1/posts", {"video_id": own["id"]})
    remix = f"/v1/videos/{post['video']['id']}/remix"
    for path, body in (("/v1/videos", payload), (remix, {"prompt": "a dog"})):
        error = refused(await other.call("POST", path, body), 403, "consent_refused")
        assert "not proven yet" in error["message"]
    checked = await other.ok("POST", "/v1/consent/check", {"cameos": [cameo["id"]]})
    assert (checked["allowed"], checked["decisions"][0]["reason"]) == (False, "not_proven")
    proof = (await send(owner, cameo, clips.proof(43))).json()
    now = datetime.now(UTC)
    await enrolments.decide(proof["id"], "verified", "it is her", "a moderator", now=now)
    assert (await other.ok("POST", "/v1/consent/check", {"cameos": [cameo["id"]]}))["allowed"] is True
    drawn = await other.ok("POST", "/v1/videos", payload)
    await finish(drawn["id"], media)
    await enrolments.decide(proof["id"], "rejected", "on a second look", "a moderator", now=now)
    refused(await other.call("POST", "/v1/posts", {"video_id": drawn["id"]}), 403, "consent_refused")
    await owner.ok("POST", "/v1/videos", payload)

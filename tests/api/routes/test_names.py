"""Names and other words of people: none is empty to the eye, turned round, or somebody else's."""

from __future__ import annotations

import unicodedata
from typing import Any

import httpx
import pytest

from db import engine
from domain.accounts import passwords
from media.store import MediaStore
from tests.api.conftest import HANDLES
from tests.api.people import PASSWORD, Person, refused, sign_up
from tests.build import finish

NOTHING = ["\u200b\u2060", "\u3164", "\u2800", "\u00ad\ufeff", "\u00a0", "\U000e0041"]
TURNED = ["\u202egnp.exe", "\u2067abc"]
LINES = ["Ada\n", "Ada\r\nLovelace", "Ada\u2028L"]


async def bodies(ada: Person, media: MediaStore) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every route that takes words, by the field of the words, with a body that is fine without them."""
    cameo = await ada.ok("POST", "/v1/cameos", {"display_name": "Ada", "audience": "everyone"})
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    await finish(video["id"], media)
    return {
        "sign_up.display_name": ("POST", "/v1/accounts", {"handle": next(HANDLES), "password": PASSWORD}),
        "me.display_name": ("PATCH", "/v1/me", {}),
        "cameo.display_name": ("POST", "/v1/cameos", {"audience": "everyone"}),
        "change.display_name": ("PATCH", f"/v1/cameos/{cameo['id']}", {}),
        "video.prompt": ("POST", "/v1/videos", {}),
        "remix.prompt": ("POST", f"/v1/videos/{video['id']}/remix", {}),
        "post.caption": ("POST", "/v1/posts", {"video_id": video["id"]}),
        "ask.message": ("POST", f"/v1/cameos/{cameo['id']}/requests", {}),
        "report.note": ("POST", "/v1/reports", {"kind": "video", "id": video["id"], "reason": "other"}),
        "appeal.reason": ("POST", "/v1/appeals", {"request_id": "req_1"}),
        "check.prompt": ("POST", "/v1/consent/check", {}),
    }


@pytest.mark.parametrize("text", [*NOTHING, *TURNED], ids=ascii)
async def test_no_field_takes_what_nobody_can_read(ada: Person, media: MediaStore, text: str) -> None:
    for name, (method, path, body) in (await bodies(ada, media)).items():
        field = name.partition(".")[2]
        reply = await ada.call(method, path, {**body, field: text})
        error = refused(reply, 400, "invalid_request", field)
        assert "shows nothing" in error["message"] or "direction" in error["message"], name


@pytest.mark.parametrize("text", LINES, ids=ascii)
async def test_names_are_one_line(ada: Person, media: MediaStore, text: str) -> None:
    for name, (method, path, body) in (await bodies(ada, media)).items():
        if name.endswith("display_name"):
            refused(
                await ada.call(method, path, {**body, "display_name": text}),
                400,
                "invalid_request",
                "display_name",
            )


async def test_words_are_kept_as_they_are_seen(ada: Person, media: MediaStore) -> None:
    me = await ada.ok("PATCH", "/v1/me", {"display_name": " A\u200bda\u00ad \u00a0 L\u200e "})
    assert me["account"]["display_name"] == "Ada L"
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a c\u200bat"})
    assert video["prompt"] == "a cat"
    await finish(video["id"], media)
    post = await ada.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": "one\r\ntwo 👩\u200d👧"})
    assert post["caption"] == "one\ntwo 👩\u200d👧"


async def test_an_empty_caption_is_none(ada: Person, media: MediaStore) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    await finish(video["id"], media)
    assert (await ada.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": "  "}))["caption"] == ""


@pytest.mark.parametrize("name", ["Taylor Swift", "Τaylοr Ѕwift", "T\u200baylor Swift", "taylor\u3164swift"])
async def test_a_cameo_has_nobody_elses_protected_name(ada: Person, name: str) -> None:
    body = {"display_name": name, "audience": "everyone"}
    refused(await ada.call("POST", "/v1/cameos", body), 403, "likeness_protected", "display_name")


@pytest.mark.parametrize("tail", ["\n", "\r\n", "\n\n", " ", "\u200b", "\u2028"])
async def test_there_is_no_second_account_beside_a_handle(
    anyone: httpx.AsyncClient, ada: Person, tail: str
) -> None:
    body = {"handle": ada.handle + tail, "password": PASSWORD}
    refused(await anyone.post("/v1/accounts", json=body), 400, "invalid_request", "handle")
    rows = await engine.fetch("SELECT handle FROM accounts WHERE handle LIKE $1", f"{ada.handle}_%")
    assert [row for row in rows if not row["handle"][-1].isdigit()] == []


@pytest.mark.parametrize(
    "typed",
    ["{}", " {}", "{} ", "{}\n", "\t{}", "\u00a0{}"],
    ids=["plain", "before", "after", "line", "tab", "nbsp"],
)
@pytest.mark.parametrize("case", [str.lower, str.upper, str.capitalize])
async def test_signing_in_takes_a_handle_as_keyboards_write_it(
    anyone: httpx.AsyncClient, ada: Person, typed: str, case: Any
) -> None:
    body = {"handle": typed.format(case(ada.handle)), "password": PASSWORD}
    reply = await anyone.post("/v1/sessions", json=body)
    assert reply.status_code == 201, reply.text
    assert reply.json()["account"]["id"] == ada.id


async def test_others_are_found_by_a_handle_in_capitals(ada: Person, bob: Person) -> None:
    assert (await ada.call("PUT", f"/v1/follows/{bob.handle.upper()}")).status_code == 204
    refused(await ada.call("PUT", f"/v1/follows/{ada.handle.upper()}"), 400, "invalid_request", "handle")


FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@pytest.mark.parametrize("form", FORMS)
async def test_a_password_is_the_same_in_every_unicode_form(anyone: httpx.AsyncClient, form: Any) -> None:
    password = "Ünïcødé ﬁsh Å①"
    handle = next(HANDLES)
    body = {"handle": handle, "password": unicodedata.normalize(form, password)}
    assert (await anyone.post("/v1/accounts", json=body)).status_code == 201
    for other in FORMS:
        again = {"handle": handle, "password": unicodedata.normalize(other, password)}
        assert (await anyone.post("/v1/sessions", json=again)).status_code == 201, other
    wrong = {"handle": handle, "password": password.replace("Å", "A")}
    refused(await anyone.post("/v1/sessions", json=wrong), 401, "wrong_credentials")
    spaced = {"handle": handle, "password": password.replace(" ", "\u00a0")}
    assert (await anyone.post("/v1/sessions", json=spaced)).status_code == 201


async def test_a_password_from_before_still_signs_in(anyone: httpx.AsyncClient) -> None:
    """It was hashed in the form that it was typed in."""
    typed = unicodedata.normalize("NFD", "Ünïcødé fish")
    person = await sign_up(anyone, next(HANDLES))
    await engine.fetch(
        "UPDATE accounts SET password_hash = $2 WHERE id = $1", person.id, passwords.HASHER.hash(typed)
    )
    body = {"handle": person.handle, "password": typed}
    assert (await anyone.post("/v1/sessions", json=body)).status_code == 201


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1!",
        "P@ssw0rd",
        "12345678",
        "123456789",
        "qwertyuiop",
        "QWERTY123",
        "iloveyou",
        "11111111",
        "abcd1234",
        "1q2w3e4r",
        "letmein1",
        "football",
        "Monkey123",
        "sunshine",
        "princess1",
        "admin123",
        "welcome1",
        "87654321",
        "asdfghjkl",
        "zxcvbnm1",
        "qwerty12345",
        "passw0rd",
        "trustno1!",
        "baseball",
        "superman",
        "michael1",
        "1qaz2wsx",
        "abc12345",
        "aaaaaaaa",
        "abababab",
        "password password",
        "1234567890",
        "dragon12",
    ],
)
async def test_the_commonest_passwords_are_refused(anyone: httpx.AsyncClient, password: str) -> None:
    body = {"handle": next(HANDLES), "password": password}
    error = refused(await anyone.post("/v1/accounts", json=body), 400, "invalid_request", "password")
    assert "guess" in error["message"]


async def test_a_password_is_not_the_handle(anyone: httpx.AsyncClient) -> None:
    for password in ("grace_hopper", "Grace_Hopper1", "1grace_hopper"):
        body = {"handle": "grace_hopper", "password": password}
        refused(await anyone.post("/v1/accounts", json=body), 400, "invalid_request", "password")


@pytest.mark.parametrize(
    "password",
    ["correct horse", "ga8Jk2pQ", "mein Hund heißt Bello", "zebra-umbrella", "7f3e9a1c", "tr0mb0ne lake"],
)
async def test_other_passwords_are_taken(anyone: httpx.AsyncClient, password: str) -> None:
    body = {"handle": next(HANDLES), "password": password}
    assert (await anyone.post("/v1/accounts", json=body)).status_code == 201

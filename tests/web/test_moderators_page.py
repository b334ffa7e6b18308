"""A moderator at work in a browser: from the sign-in over each kind of case to the audit log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from settings import PROJECT
from tests import clips
from tests.api.routes.test_takedowns import CLAIM
from tests.product import Product

DESK = {"width": 1280, "height": 900}


class Desk:
    """A superuser's browser at /admin, signed in."""

    def __init__(self, browser: Browser, product: Product) -> None:
        self.name = "m" + uuid4().hex[:10]
        made = subprocess.run(
            [sys.executable, "-m", "riffle", "moderator", "add", self.name, "--superuser"],
            cwd=PROJECT,
            env={**os.environ, "RIFFLE_HOME": str(product.home)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert made.returncode == 0, made.stderr
        self.url = product.url + "/admin/"
        self.context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.goto(self.url)
        self.page.locator("[name=username]").fill(self.name)
        self.page.locator("[name=password]").fill(made.stdout.strip().rpartition(" ")[2])
        self.page.get_by_role("button", name="Login").click()
        expect(self.page.locator("body")).to_contain_text("Welcome to Riffle moderation")

    def table(self, name: str) -> None:
        """Open a table."""
        self.page.goto(f"{self.url}#/{name}")

    def act(self, slug: str, **fields: str) -> None:
        """Fill in a form, each of whose fields is named, and send it."""
        # The same form twice in a row is the same address, which goes nowhere.
        self.page.goto(f"{self.url}#/")
        self.page.goto(f"{self.url}#/forms/{slug}")
        form = self.page.locator("form")
        expect(form.locator("label")).not_to_have_count(0)
        assert all(label.strip() for label in form.locator("label").all_inner_texts())
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.get_by_role("button").click()


@pytest.fixture
def desk(browser: Browser, product: Product) -> Iterator[Desk]:
    made = Desk(browser, product)
    yield made
    made.context.close()


def test_every_kind_of_case_is_worked_off(desk: Desk, product: Product) -> None:
    page = desk.page
    ada, bob = product.sign_up(), product.sign_up()

    def ok(method: str, path: str, token: str, body: Any = None) -> Any:
        status, reply = product.call(method, path, body, token)
        assert status < 300, reply
        return reply

    made = ok("POST", "/v1/videos", ada, {"prompt": "a cat on a beach", "seed": 4041})
    assert product.wait(made["id"], ada)["status"] == "completed"
    post = ok("POST", "/v1/posts", ada, {"video_id": made["id"]})
    takedown = ok("POST", "/v1/takedowns", "", {**CLAIM, "videos": [post["id"]]})
    desk.table("takedowns")
    expect(page.get_by_role("table")).to_contain_text(takedown["id"])
    expect(page.get_by_role("table")).to_contain_text("Grace Example")
    with page.expect_download() as download:
        desk.act("see-a-video", video_id=post["id"])
    assert download.value.suggested_filename == f"{post['id']}.mp4"
    fields = {"takedown_id": takedown["id"], "decision": "upheld", "note": "her face indeed"}
    desk.act("decide-a-takedown", **fields)
    expect(page.locator("body")).to_contain_text(f"{takedown['id']} is upheld")
    assert product.call("GET", f"/v1/posts/{post['id']}", token=bob)[0] == 404
    desk.act("decide-a-takedown", **{**fields, "decision": "restored"})
    expect(page.locator("body")).to_contain_text(f"{takedown['id']} is restored")
    # A wrong one is refused in words, on the page.
    desk.act("decide-a-takedown", **fields)
    expect(page.locator("body")).to_contain_text("can't become upheld")

    report = ok("POST", "/v1/reports", bob, {"kind": "post", "id": post["id"], "reason": "spam"})
    desk.table("reports")
    expect(page.get_by_role("table")).to_contain_text(report["id"])
    desk.act("decide-a-report", report_id=report["id"], decision="hidden")
    expect(page.locator("body")).to_contain_text(f"{report['id']}: hidden")
    assert product.call("GET", f"/v1/posts/{post['id']}", token=bob)[0] == 404

    cameo = ok("POST", "/v1/cameos", ada, {"display_name": "Ada", "audience": "only_me"})
    sent = httpx.put(
        f"{product.url}/v1/cameos/{cameo['id']}/proof",
        content=clips.proof(int(datetime.now(UTC).timestamp()) + 1),
        headers={"authorization": f"Bearer {ada}", "content-type": "video/mp4"},
    )
    assert sent.status_code == 200, sent.text
    proof = sent.json()["id"]
    desk.table("proofs")
    expect(page.get_by_role("table")).to_contain_text(proof)
    with page.expect_download() as download:
        desk.act("see-a-proof", proof_id=proof)
    assert download.value.suggested_filename == f"{proof}.mp4"
    desk.act("decide-a-proof", proof_id=proof, decision="verified", note="the digits fit")
    expect(page.locator("body")).to_contain_text(f"{proof} is verified")
    assert ok("GET", f"/v1/cameos/{cameo['id']}/proofs", ada)["data"][0]["status"] == "verified"

    name = f"Zelda {uuid4().hex[:8]}"
    entry = f"reg_{uuid4().hex[:12]}"
    desk.act(
        "put-a-name-into-the-registry", entry_id=entry, name=name, kind="public", names="Zeldina Q; Z. Quorl"
    )
    expect(page.locator("body")).to_contain_text(f"{entry} is in the registry")
    status, refusal = product.call("POST", "/v1/videos", {"prompt": f"{name} dances"}, ada)
    assert (status, refusal["error"]["code"]) == (403, "likeness_protected")
    assert product.call("POST", "/v1/videos", {"prompt": "zeldina q sings"}, ada)[0] == 403
    request_id = refusal["error"]["request_id"]
    appeal = ok("POST", "/v1/appeals", ada, {"request_id": request_id, "reason": "it is my goldfish"})
    desk.table("appeals")
    expect(page.get_by_role("table")).to_contain_text("it is my goldfish")
    desk.act("decide-an-appeal", appeal_id=appeal["id"], decision="upheld", note="a goldfish indeed")
    expect(page.locator("body")).to_contain_text(f"{appeal['id']} is upheld")
    ok("POST", "/v1/videos", ada, {"prompt": f"{name} dances"})
    desk.act("switch-a-name-of-the-registry", entry_id=entry, active="off")
    expect(page.locator("body")).to_contain_text(f"{entry} is off")

    desk.table("audit_log")
    log = page.get_by_role("table")
    for word in (
        *("moderator.signed_in", "takedown.upheld", "takedown.restored", "report.hidden", "proof.seen"),
        *("proof.verified", "registry", "appeal.upheld"),
    ):
        expect(log).to_contain_text(word)
    expect(log).to_contain_text(desk.name)

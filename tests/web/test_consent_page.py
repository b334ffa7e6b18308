"""Consent on a phone: a face, its proof, who uses it, taking it back, and telling the moderators."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests import clips
from tests.product import Product
from tests.web.phone import LIVE_MS, SWARM_MS, Phone, completed

SEED = int(datetime.now(UTC).timestamp())


def lend(phone: Phone, name: str, audience: str = "people_i_approve") -> str:
    """Make a cameo by the page; its id."""
    phone.tab("cameos")
    phone.page.get_by_label("Name of the cameo").fill(name)
    phone.page.get_by_label("Who may use the new cameo").select_option(audience)
    phone.page.get_by_role("button", name="Make a cameo").tap()
    return phone.page.locator("[data-cameo]", has_text=name).locator(".id").inner_text()


def use(phone: Phone, cameo: str, name: str, prompt: str) -> None:
    """Draw one preview with somebody's cameo, by its id."""
    phone.tab("create")
    phone.page.get_by_role("button", name="Cameo", exact=True).tap()
    phone.page.get_by_label("Someone's cameo").fill(cameo)
    phone.page.get_by_role("button", name="Find", exact=True).tap()
    phone.page.get_by_role("checkbox", name=name).check()
    phone.page.get_by_label("Close", exact=True).tap()
    expect(completed(phone.draw(prompt, 1))).to_have_count(1, timeout=SWARM_MS)


def test_a_face_and_its_proof(phones: list[Phone], tmp_path: Path) -> None:
    phone = phones[0]
    page = phone.page
    lend(phone, "Ada")
    page.get_by_role("button", name="Prove it").tap()
    sheet = page.get_by_role("dialog", name="Prove Ada")
    sheet.get_by_role("button", name="Get a challenge").tap()
    digits = sheet.locator(".digits").inner_text()
    assert len(digits) == 6
    assert digits.isdigit()
    expect(sheet.locator(".turns .tag")).to_have_count(3)
    expect(sheet.locator("[data-left]")).to_contain_text("left")
    assert phone.fits()

    # One that holds still is refused in words, and the challenge stays open.
    clip = tmp_path / "proof.mp4"
    clip.write_bytes(clips.mp4(clips.scene(SEED, 40, moves=False)))
    sheet.get_by_label("Proof clip").set_input_files(clip)
    expect(page.locator("#toast")).to_contain_text("nothing in it moves")
    clip.write_bytes(clips.proof(SEED))
    sheet.get_by_label("Proof clip").set_input_files(clip)
    expect(sheet.locator("[data-proof=in_review]")).to_contain_text("A moderator looks at your proof")
    expect(sheet.locator(".checks")).to_contain_text("The face is yours (no machine checks it)")
    assert phone.fits()
    sheet.get_by_label("Close", exact=True).tap()

    face = tmp_path / "face.png"
    Image.fromarray(clips.scene(5)[0]).save(face)
    panel = page.locator("[data-cameo]", has_text="Ada")
    panel.get_by_label("Picture of Ada", exact=True).set_input_files(face)
    shown = panel.get_by_alt_text("The picture of Ada")
    expect(shown).to_be_visible()
    assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 128
    page.reload()
    expect(panel.get_by_alt_text("The picture of Ada")).to_be_visible()
    clip.write_bytes(clips.mp4(clips.scene(7)))
    panel.get_by_label("Picture of Ada", exact=True).set_input_files(clip)
    expect(panel.locator("video")).to_be_visible()
    face.write_bytes(b"no picture")
    panel.get_by_label("Picture of Ada", exact=True).set_input_files(face)
    expect(page.locator("#toast")).to_contain_text("picture that can be read")
    assert phone.fits()


def test_a_use_is_watched_and_deleted(phones: list[Phone]) -> None:
    owner, friend = phones
    cameo = lend(owner, "Bea", "everyone")
    use(friend, cameo, "Bea", "a cat on a beach")
    owner.page.locator("[data-cameo]", has_text="Bea").get_by_role("button", name="Uses").tap()
    line = owner.page.locator(".use")
    expect(line).to_contain_text(f"@{friend.handle}")
    expect(line).to_contain_text("a draft")
    expect(line.locator("video")).to_have_js_property("readyState", 4, timeout=LIVE_MS)
    assert owner.fits()
    line.get_by_role("button", name="Delete").tap()
    owner.page.locator("dialog").last.get_by_role("button", name="Delete").tap()
    expect(line).to_have_count(0)
    # It goes from the maker's page by itself, and they are told why.
    expect(friend.page.locator(".drafts .empty")).to_be_visible(timeout=LIVE_MS)
    expect(friend.page.locator("#toast")).to_contain_text("took their permission back")
    friend.page.reload()
    expect(friend.page.locator(".drafts .empty")).to_be_visible()


@pytest.mark.parametrize("choice", ["Nothing new", "Hide posts", "Delete all"])
def test_the_three_ways_to_take_it_back(phones: list[Phone], product: Product, choice: str) -> None:
    owner, friend = phones
    cameo = lend(owner, "Cleo", "everyone")
    use(friend, cameo, "Cleo", "a dog in a city")
    completed(friend.page.locator(".swarm").first).first.locator(".hit").tap()
    friend.page.get_by_role("button", name="Post", exact=True).tap()
    expect(friend.page.locator(".posted")).to_be_visible()
    token = friend.page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token")
    video = product.call("GET", "/v1/videos?limit=1", token=token)[1]["data"][0]

    panel = owner.page.locator("[data-cameo]", has_text="Cleo")
    panel.get_by_role("button", name="Withdraw").tap()
    sheet = owner.page.get_by_role("dialog", name="Withdraw")
    expect(sheet.get_by_label("Hide posts")).to_be_checked()
    sheet.get_by_label(choice).check()
    assert owner.fits()
    sheet.get_by_role("button", name="Withdraw").tap()
    expect(panel).to_contain_text("withdrawn")

    stranger = product.sign_up()
    seen = product.call("GET", f"/v1/posts/{video['post_id']}", token=stranger)
    mine = product.call("GET", f"/v1/videos/{video['id']}", token=token)[1]
    if choice == "Nothing new":
        assert seen[0] == 200
    elif choice == "Hide posts":
        assert seen[0] == 404
        assert mine["tombstone"] is None
    else:
        assert (seen[0], mine["prompt"]) == (200, "") or mine["tombstone"] is not None
    if choice == "Delete all":
        # The sheet that shows it closes, and its tile goes.
        expect(friend.page.locator("dialog")).to_have_count(0, timeout=LIVE_MS)
        expect(friend.page.locator(".swarm")).to_have_count(0)
    if choice != "Delete all":
        panel.get_by_role("button", name="Uses").tap()
        hidden = "posted, and hidden" if choice == "Hide posts" else "posted"
        expect(owner.page.locator(".use .quiet")).to_have_text(hidden)
    friend.page.reload()
    friend.tab("create")
    expect(friend.page.locator(".swarm")).to_have_count(0 if choice == "Delete all" else 1)


def test_a_refusal_can_be_appealed_where_it_is_shown(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    page.get_by_label("Prompt").fill("a naked child on a beach")
    page.locator(".composer .primary").tap()
    refusal = page.locator(".composer .refusal")
    expect(refusal).to_be_visible()
    assert phone.fits()
    refusal.get_by_role("button", name="Appeal").tap()
    sheet = page.get_by_role("dialog", name="Appeal")
    sheet.get_by_label("Why it is wrong").fill("It is a statue")
    sheet.get_by_role("button", name="Send the appeal").tap()
    expect(page.locator("#toast")).to_contain_text("A moderator looks at it")
    expect(sheet).to_have_count(0)
    page.get_by_label("Prompt").fill("a cat on a beach")
    expect(refusal).to_have_count(0)


def posted_and_seen(maker: Phone, viewer: Phone) -> Locator:
    """A fox that one phone drew and posted, playing in the other's feed."""
    maker.tab("create")
    expect(completed(maker.draw("a fox in the snow", 1))).to_have_count(1, timeout=SWARM_MS)
    completed(maker.page.locator(".swarm").first).first.locator(".hit").tap()
    caption = f"fox of {maker.handle}"
    maker.page.get_by_label("Caption").fill(caption)
    maker.page.get_by_role("button", name="Post", exact=True).tap()
    expect(maker.page.locator(".posted")).to_be_visible()
    viewer.tab("feed")
    viewer.page.get_by_role("tab", name="Fresh").tap()
    card = viewer.page.locator(".card", has_text=caption)
    expect(card.locator("video")).to_have_js_property("readyState", 4, timeout=LIVE_MS)
    return card


def test_a_deleted_post_leaves_the_feed(phones: list[Phone], product: Product) -> None:
    maker, viewer = phones
    card = posted_and_seen(maker, viewer)
    maker.page.get_by_role("button", name="Delete").tap()
    maker.page.locator("dialog").last.get_by_role("button", name="Delete").tap()
    expect(card).to_have_count(0, timeout=LIVE_MS)
    expect(viewer.page.locator("#toast")).to_contain_text("who made it deleted it")
    # No empty tile is left behind: what is on the screen is a trend, or says that there is none.
    expect(viewer.page.locator(".card.gone")).to_have_count(0)
    assert viewer.broken == []


def test_who_is_blocked_loses_the_posts_without_a_reload(phones: list[Phone], product: Product) -> None:
    maker, viewer = phones
    cameo = lend(maker, "Finn", "everyone")
    viewer.tab("create")
    viewer.page.get_by_role("button", name="Cameo", exact=True).tap()
    viewer.page.get_by_label("Someone's cameo").fill(cameo)
    viewer.page.get_by_role("button", name="Find", exact=True).tap()
    viewer.page.get_by_role("checkbox", name="Finn").check()
    viewer.page.get_by_label("Close", exact=True).tap()
    card = posted_and_seen(maker, viewer)
    token = maker.page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token")
    assert product.call("PUT", f"/v1/blocks/{viewer.handle}", token=token)[0] == 204
    expect(card).to_have_count(0, timeout=LIVE_MS)
    expect(viewer.page.locator("#toast")).to_have_text("This video can't be shown any more.")
    # The cameo that was chosen says so too, and not that there is a block.
    viewer.tab("create")
    chip = viewer.page.locator(".chosen .chip", has_text="Finn")
    expect(chip).to_contain_text("It isn't there any more.", timeout=LIVE_MS)
    viewer.page.get_by_label("Prompt").fill("a cat")
    viewer.page.locator(".composer .primary").tap()
    expect(viewer.page.locator(".composer .refusal")).to_have_text(
        "Finn can't be in this video. It isn't there any more."
    )


def test_delete_all_deletes_what_every_permission_made(phones: list[Phone], product: Product) -> None:
    owner, friend = phones
    cameo = lend(owner, "Eli")
    tokens = [
        str(phone.page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token"))
        for phone in phones
    ]

    def call(whose: int, method: str, path: str, body: object = None) -> Any:
        status, reply = product.call(method, path, body, tokens[whose])
        assert status < 300, reply
        return reply

    def take_back(choice: str, reaches: str) -> None:
        """Let the friend draw once, and end that on the page."""
        asked = call(1, "POST", f"/v1/cameos/{cameo}/requests", {})
        call(0, "POST", f"/v1/cameo-requests/{asked['id']}/accept")
        made.append(call(1, "POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": [cameo]})["id"])
        assert product.wait(made[-1], tokens[1])["status"] == "completed"
        call(1, "POST", "/v1/posts", {"video_id": made[-1]})
        owner.page.locator(f"[data-grant='{asked['id']}']").get_by_role("button", name="Take back").tap()
        sheet = owner.page.get_by_role("dialog", name="Take back")
        sheet.get_by_label(choice).check()
        expect(sheet.locator("[data-reach=tombstone]")).to_contain_text(reaches)
        assert owner.fits()
        sheet.get_by_role("button", name="Take back").tap()
        # The sheet goes at once, the permission when it has ended.
        expect(owner.page.locator(f"[data-grant='{asked['id']}']")).to_have_count(0)

    made: list[str] = []
    take_back("Hide posts", f"1 video by @{friend.handle}")
    take_back("Delete all", f"2 videos by @{friend.handle}")
    expect(owner.page.locator("#toast")).to_contain_text("2 videos deleted")
    for video in made:
        assert call(1, "GET", f"/v1/videos/{video}")["tombstone"] is not None
        assert product.call("GET", f"/v1/videos/{video}", token=tokens[1])[1]["prompt"] == ""
    assert call(0, "GET", f"/v1/cameos/{cameo}/uses")["data"] == []


def test_a_post_a_person_and_a_cameo_are_reported(phones: list[Phone], product: Product) -> None:
    owner, friend = phones
    cameo = lend(owner, "Dot", "everyone")
    owner.tab("create")
    expect(completed(owner.draw("a bird in the snow", 1))).to_have_count(1, timeout=SWARM_MS)
    completed(owner.page.locator(".swarm").first).first.locator(".hit").tap()
    owner.page.get_by_label("Caption").fill(f"bird of {owner.handle}")
    owner.page.get_by_role("button", name="Post", exact=True).tap()
    expect(owner.page.locator(".posted")).to_be_visible()

    page = friend.page
    friend.tab("feed")
    page.get_by_role("tab", name="Fresh").tap()
    card = page.locator(".card", has_text=f"bird of {owner.handle}")
    card.get_by_label("Report this post").tap()
    sheet = page.get_by_role("dialog", name="Report this post")
    sheet.get_by_label("Somebody in it did not allow it").check()
    sheet.get_by_label("Note").fill("<i>my sister</i>")
    assert friend.fits()
    sheet.get_by_role("button", name="Send the report").tap()
    expect(page.locator("#toast")).to_contain_text("Reported")

    card.get_by_label(f"About @{owner.handle}").tap()
    page.get_by_role("button", name="Report", exact=True).tap()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Send the report").tap()
    page.get_by_role("dialog", name=f"@{owner.handle}", exact=True).get_by_label("Close").tap()

    page.goto(f"{product.url}/#cameo={cameo}")
    page.get_by_role("button", name="Report this cameo").tap()
    page.get_by_label("It shows a minor").check()
    page.get_by_role("button", name="Send the report").tap()
    expect(page.locator("dialog")).to_have_count(1)
    page.get_by_label("Close", exact=True).tap()
    friend.tab("me")
    expect(page.locator("[data-report][data-status=open]")).to_have_count(3)
    expect(page.locator(".me")).to_contain_text("A person: Spam")
    assert friend.fits()


def test_a_refusal_speaks_plainly_beside_the_prompt(phones: list[Phone]) -> None:
    owner, stranger = phones
    lend(owner, "Dora")
    page = stranger.page
    stranger.tab("create")
    for prompt, words in (
        (
            f"@{owner.handle} jumps in a forest",
            "Somebody in this may not be used by you. Ask its owner first.",
        ),
        ("\u200b\u200b", "The prompt: it shows nothing"),
    ):
        page.get_by_label("Prompt").fill(prompt)
        page.locator(".composer .primary").tap()
        refusal = page.locator(".composer .refusal")
        expect(refusal).to_have_text(words)
        expect(refusal.get_by_role("button", name="Appeal")).to_have_count(0)
        assert stranger.fits()
    page.get_by_label("Prompt").fill("a fox")
    expect(page.locator(".composer .refusal")).to_have_count(0)

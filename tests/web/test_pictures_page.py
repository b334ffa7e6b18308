"""What a prompt names, as the page shows it: found while typing, understood, and picked anew."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, Request, Route, expect

from model_server.media.mark import place
from tests.product import Product
from tests.web.phone import SWARM_MS, Phone, completed

# Reading a prompt takes a second where drawing has every core.
READ_MS = 30_000
# What a thumb hits.
TARGET_PX = 44
KEYBOARD = {"width": 390, "height": 500}


def tops(page: Page) -> list[int]:
    """Where each part of the composer stands."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('.composer > *')]"
            ".map((node) => Math.round(node.getBoundingClientRect().top))"
        )
    )


def found(page: Page, name: str) -> Locator:
    return page.locator(".found").get_by_role("button", name=name, exact=True)


def understood(page: Page) -> Locator:
    return page.locator(".composer .understood")


def bodies(page: Page, path: str) -> list[Any]:
    """What is sent there from now on."""
    sent: list[Any] = []

    def keep(request: Request) -> None:
        if request.method == "POST" and request.url.endswith(path):
            sent.append(json.loads(request.post_data or "null"))

    page.on("request", keep)
    return sent


def test_typing_finds_pictures_and_nothing_moves(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    expect(page.locator(".found .picture").first).to_be_visible(timeout=READ_MS)
    box = page.get_by_label("Prompt")
    box.tap()
    # As when the keyboard is up.
    page.set_viewport_size(KEYBOARD)  # type: ignore[arg-type]
    before = tops(page)
    box.press_sequentially("a kitt")
    expect(page.locator(".found .picture").first).to_have_accessible_name("cat", timeout=READ_MS)
    assert tops(page) == before
    small = found(page, "cat").bounding_box()
    assert small is not None
    assert min(small["width"], small["height"]) >= TARGET_PX
    assert small["y"] + small["height"] <= KEYBOARD["height"] - 56
    found(page, "cat").tap()
    expect(box).to_have_value("a cat")
    expect(box).to_be_focused()
    # Another tap takes the place of the first one.
    found(page, "cat face").tap()
    expect(box).to_have_value("a cat face")
    box.press_sequentially(" and a fire eng")
    expect(found(page, "fire truck")).to_be_visible(timeout=READ_MS)
    expect(understood(page).get_by_role("button", name="cat face")).to_be_visible(timeout=READ_MS)
    assert tops(page) == before
    # By keyboard: behind the box stand what is understood, the slots and the pictures.
    page.keyboard.press("Tab")
    for _ in range(30):
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "fire truck":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(box).to_have_value("a cat face and a fire truck")
    expect(page.locator(".words [role=status]")).to_contain_text("fire")
    assert phone.fits()


def test_what_is_outdated_is_given_up(phones: list[Phone]) -> None:
    phone = phones[0]
    page = phone.page
    phone.tab("create")
    expect(page.locator(".found .picture").first).to_be_visible(timeout=READ_MS)
    held: list[Route] = []
    page.route(re.compile(r"/subjects\?q=roc&"), lambda route: held.append(route))
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    box = page.get_by_label("Prompt")
    box.press_sequentially("roc")
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(50)
    before = page.locator(".found").inner_html()
    box.press_sequentially("k")
    # The pictures of before stay until there are others.
    assert page.locator(".found").inner_html() == before
    expect(found(page, "rock")).to_be_visible(timeout=READ_MS)
    assert [url for url in failed if "q=roc&" in url]


def test_what_was_understood_is_said_and_another_picture_is_picked(
    phones: list[Phone], product: Product
) -> None:
    phone, friend = phones
    page = phone.page
    phone.tab("create")
    page.get_by_label("Prompt").fill("a woman and a corgi dance with a snorfblat in the city at night")
    row = understood(page)
    expect(row.locator(".subject b")).to_have_text(["snorfblat", "woman", "dog"], timeout=READ_MS)
    expect(row).to_contain_text("no picture")
    expect(row).to_contain_text("nearest to “corgi”")
    expect(row.locator(".tag")).to_have_text(["Place: city", "Time: night", "Motion: dance"])
    expect(row.get_by_role("status")).to_contain_text("There is no picture for “snorfblat”.")

    row.get_by_role("button", name="woman").tap()
    sheet = page.locator("dialog")
    sheet.get_by_role("button", name="woman with dark skin").tap()
    expect(row.locator(".subject b")).to_have_text(["snorfblat", "woman with dark skin", "dog"])
    row.get_by_role("button", name="No picture for snorfblat").tap()
    sheet.get_by_label("Search pictures").fill("octopus")
    sheet.get_by_role("group", name="Pictures of the library").get_by_role(
        "button", name="octopus", exact=True
    ).tap(timeout=READ_MS)
    expect(row.locator(".subject b")).to_have_text(["woman with dark skin", "dog", "octopus"])
    assert phone.fits()

    sent = bodies(page, "/v1/videos")
    page.locator(".composer .primary").tap()
    expect(page.locator(".swarm")).to_have_count(1)
    picks = {each["phrase"]: each["picture"] for each in sent[0]["subjects"]}
    assert picks == {"woman": "1f469-1f3ff", "snorfblat": "1f419"}
    swarm = page.locator(".swarm").first
    expect(completed(swarm)).to_have_count(4, timeout=SWARM_MS)
    said = swarm.get_by_role("group", name="What was understood")
    expect(said.locator(".subject b")).to_have_text(["woman with dark skin", "dog", "octopus"])
    expect(said).to_contain_text("“corgi” is shown by the nearest picture there is: dog.")
    # Drawn again, the picks are the same.
    page.locator(".composer .primary").tap()
    expect(page.locator(".swarm")).to_have_count(2)
    assert sent[1]["subjects"] == sent[0]["subjects"]

    # Up close it is said too, and a tap there begins a remix with another picture.
    expect(completed(page.locator(".swarm").first)).to_have_count(4, timeout=SWARM_MS)
    completed(page.locator(".swarm").first).first.locator(".hit").tap()
    page.locator("dialog").get_by_role("button", name="dog").tap()
    page.locator("dialog").last.get_by_role("button", name="poodle", exact=True).tap(timeout=READ_MS)
    expect(page.locator(".source")).to_be_visible()
    expect(row.locator(".subject b")).to_have_text(
        ["woman with dark skin", "poodle", "octopus"], timeout=READ_MS
    )
    page.locator(".composer .primary").tap()
    expect(page.locator(".swarm")).to_have_count(3)
    assert len(sent[2]["subjects"]) == 3
    assert sent[2]["source"]["relation"] == "remix"

    # A remix by somebody else starts from the source's pictures.
    token = str(page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token"))
    newest = product.call("GET", "/v1/videos?limit=1", token=token)[1]["data"][0]
    assert product.wait(newest["id"], token)["status"] == "completed"
    status, _ = product.call("POST", "/v1/posts", {"video_id": newest["id"], "caption": phone.handle}, token)
    assert status == 201
    friend.tab("feed")
    friend.page.get_by_role("tab", name="Fresh").tap()
    friend.page.locator(".trend", has_text=phone.handle).get_by_role("button", name="Remix").first.tap()
    expect(understood(friend.page).locator(".subject b")).to_have_text(
        ["woman with dark skin", "poodle", "octopus"], timeout=READ_MS
    )


def test_words_that_are_refused_are_said_before_anything_is_drawn(phones: list[Phone]) -> None:
    phone = phones[0]
    phone.tab("create")
    phone.page.get_by_label("Prompt").fill("hello kitty on a beach")
    expect(understood(phone.page)).to_contain_text("This can't be drawn", timeout=READ_MS)
    phone.page.get_by_label("Prompt").fill("a kitty on a beach")
    expect(understood(phone.page).get_by_role("button", name="cat")).to_be_visible(timeout=READ_MS)


def test_a_model_without_pictures_has_words_alone(phones: list[Phone]) -> None:
    page = phones[0].page

    def without(route: Route) -> None:
        cards = route.fetch().json()
        cards["data"][0]["subjects"] = 0
        route.fulfill(json=cards)

    page.route("**/v1/models", without)
    page.reload()
    phones[0].tab("create")
    page.get_by_role("button", name="turtle", exact=True).tap()
    expect(page.get_by_label("Prompt")).to_have_value("turtle")
    expect(understood(page)).to_be_hidden()
    expect(page.locator(".found")).to_have_count(0)


def mark_of(clip: Locator, file: Any) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the mark of a clip that fills its box, in pixels of the screen."""
    box = clip.bounding_box()
    assert box is not None
    width, height = file["width"], file["height"]
    scale = max(box["width"] / width, box["height"] / height)
    left, top = place(width, height)
    right, bottom = left + 0.08 * width, top + 0.06 * height
    x, y = (
        box["x"] + box["width"] / 2 - width / 2 * scale,
        box["y"] + box["height"] / 2 - height / 2 * scale,
    )
    return x + left * scale, y + top * scale, x + right * scale, y + bottom * scale


def overlaps(mark: tuple[float, float, float, float], over: Locator) -> bool:
    box = over.bounding_box()
    assert box is not None
    left, top, right, bottom = mark
    beside = box["x"] >= right or box["x"] + box["width"] <= left
    return not (beside or box["y"] >= bottom or box["y"] + box["height"] <= top)


def test_the_mark_stands_clear_of_what_lies_over_a_clip(phones: list[Phone], product: Product) -> None:
    phone = phones[0]
    page = phone.page
    token = str(page.evaluate("JSON.parse(localStorage.getItem('riffle.session')).access_token"))
    for size, caption in (("128x192", "high"), ("192x128", "wide")):
        body = {"prompt": "a cat on a beach", "size": size}
        video = product.wait(product.call("POST", "/v1/videos", body, token)[1]["id"], token)
        assert video["status"] == "completed"
        post = {"video_id": video["id"], "caption": f"{caption} {phone.handle}"}
        assert product.call("POST", "/v1/posts", post, token)[0] == 201
        # Up close.
        phone.tab("create")
        page.locator(f"[data-video={video['id']}] .hit").tap()
        stage = page.locator(".stage video")
        expect(stage).to_be_visible()
        page.wait_for_timeout(500)
        assert not overlaps(mark_of(stage, video["file"]), page.locator("dialog header .round"))
        page.locator("dialog header .round").tap()
        if caption == "wide":
            continue
        # In the feed, whose clips fill the screen.
        phone.tab("feed")
        page.get_by_role("tab", name="Fresh").tap()
        clip = page.locator(".card", has_text=f"{caption} {phone.handle}").locator("video")
        expect(clip).to_be_visible()
        mark = mark_of(clip, video["file"])
        assert mark[0] >= 8
        # A trend of two posts has bars there as well.
        page.locator(".bars").first.evaluate("(node) => { node.hidden = false; }")
        for over in (page.locator(".cuts"), page.locator(".bars").first):
            assert not overlaps(mark, over)

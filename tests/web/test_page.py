"""The page as a thumb meets it: real Chromium at 390x844 over the real product."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import find
from tests.product import Product

# A full render on two busy cores.
RENDER_MS = 240_000
PREVIEW_MS = 120_000
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=ARGS)
        yield chromium
        chromium.close()


def open_phone(browser: Browser, product: Product) -> Page:
    """A signed-up person's phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=1
    )
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page broke: {error}"))
    page.goto(product.url)
    page.get_by_label("Handle").fill("w" + uuid4().hex[:12])
    page.get_by_label("Password").fill(uuid4().hex)
    page.get_by_role("button", name="Join Riffle").click()
    expect(page.locator("#tabs")).to_be_visible()
    return page


def draw(page: Page, prompt: str, count: int) -> None:
    """Fill in Create and draw."""
    page.get_by_label("Prompt").fill(prompt)
    shown = page.locator(".create output")
    while int(shown.inner_text()) != count:
        page.get_by_label("Fewer" if int(shown.inner_text()) > count else "More").click()
    page.locator(".create form .primary").click()


def test_from_words_to_a_lane(browser: Browser, product: Product) -> None:
    page = open_phone(browser, product)
    page.locator("[data-tab=create]").click()
    draw(page, "a turtle jumps in a forest at night", 4)
    tiles = page.locator("[data-role=swarm] .tile")
    expect(tiles).to_have_count(4)
    expect(page.locator("[data-role=swarm] .tile[data-status=completed]")).to_have_count(
        4, timeout=PREVIEW_MS
    )
    # Each tile showed pictures while it was drawn.
    assert all(int(tile.get_attribute("data-pictures") or 0) >= 1 for tile in tiles.all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    tiles.first.click()
    page.get_by_role("button", name="Render").click()
    expect(page.locator("#sheet .facts")).to_contain_text("full render", timeout=RENDER_MS)
    expect(page.locator("#sheet .facts")).to_contain_text("like its preview")
    page.get_by_label("Caption").fill("my turtle")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#sheet .posted")).to_be_visible()
    page.get_by_role("button", name="Remix").click()

    draw(page, "a turtle jumps in a desert by day", 1)
    remix = page.locator("[data-role=swarm] .tile[data-status=completed]")
    expect(remix).to_have_count(1, timeout=PREVIEW_MS)
    remix.click()
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#sheet .posted")).to_be_visible()
    page.get_by_label("Close").click()

    page.locator("[data-tab=feed]").click()
    trend = page.locator(".trend", has=page.get_by_text("my turtle"))
    expect(trend).to_have_count(1)
    expect(trend.locator(".card")).to_have_count(2)
    expect(trend.locator(".card").nth(1).locator(".add").first).to_contain_text("desert")
    expect(trend.locator(".card").nth(1).locator("meter")).to_be_attached()
    trend.locator(".like").first.click()
    expect(trend.locator(".like").first).to_contain_text("1")
    page.wait_for_function("document.querySelector('.card video')?.readyState >= 2")


def test_cancelling_all_gives_every_credit_back(browser: Browser, product: Product) -> None:
    page = open_phone(browser, product)
    page.locator("[data-tab=create]").click()
    draw(page, "a car walks left in a city", 12)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator("[data-role=swarm] .tile[data-status=queued]")).to_have_count(0)
    expect(page.locator("[data-role=swarm] .tile[data-status=cancelled]").first).to_be_visible()


def test_a_cameo_request_arrives_live(browser: Browser, product: Product) -> None:
    owner, friend = open_phone(browser, product), open_phone(browser, product)
    owner.locator("[data-tab=inbox]").click()
    owner.get_by_label("Name of the cameo").fill("Ada")
    owner.get_by_role("button", name="Lend").click()
    cameo = owner.locator(".id").inner_text()
    friend.locator("[data-tab=inbox]").click()
    friend.get_by_label("Cameo id").fill(cameo)
    friend.get_by_role("button", name="Ask").click()
    expect(owner.locator("#badge")).to_have_text("1")
    owner.get_by_role("button", name="Accept").click()
    expect(owner.locator("#badge")).to_be_hidden()
    expect(friend.locator("[data-grant] b")).to_have_text("accepted")

"""A person's phone in a real Chromium, for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser import find
from tests.product import Product

# A full render, and a swarm, on two busy cores.
RENDER_MS = 240_000
SWARM_MS = 120_000
LIVE_MS = 15_000
PHONE = {"width": 390, "height": 844}
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


class Phone:
    """A signed-up person's phone; whatever breaks in its page is kept in `broken`."""

    def __init__(self, browser: Browser, product: Product) -> None:
        self.context = browser.new_context(
            viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=1
        )
        self.page: Page = self.context.new_page()
        self.broken: list[str] = []
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        # The policy of the page refuses strangers with an error in the console.
        self.page.on(
            "console",
            lambda line: self.broken.append(line.text) if "Content Security Policy" in line.text else None,
        )
        self.page.goto(product.url)
        self.handle = "w" + uuid4().hex[:12]
        self.password = uuid4().hex
        self.page.get_by_label("Handle").fill(self.handle)
        self.page.get_by_label("Password").fill(self.password)
        self.page.get_by_role("button", name="Join Riffle").tap()
        expect(self.page.locator("#tabs")).to_be_visible()

    def tab(self, name: str) -> None:
        """Go to a view."""
        self.page.locator(f"[data-tab={name}]").tap()

    def draw(self, prompt: str, count: int) -> Locator:
        """Fill in Create and draw; returns the new swarm."""
        self.page.get_by_label("Prompt").fill(prompt)
        shown = self.page.locator(".stepper output")
        while (now := int(shown.inner_text())) != count:
            self.page.get_by_label("Fewer" if now > count else "More", exact=True).tap()
        before = self.page.locator(".swarm").count()
        self.page.locator(".composer .primary").tap()
        expect(self.page.locator(".swarm")).to_have_count(before + 1)
        return self.page.locator(".swarm").first

    def fits(self) -> bool:
        """Nothing sticks out sideways."""
        return bool(
            self.page.evaluate(
                "[document.documentElement, ...document.querySelectorAll('.view:not([hidden]), dialog')]"
                ".every((node) => node.scrollWidth <= node.clientWidth)"
            )
        )


@pytest.fixture
def phones(browser: Browser, product: Product) -> Iterator[list[Phone]]:
    """Two people."""
    both = [Phone(browser, product) for _ in range(2)]
    yield both
    for phone in both:
        phone.context.close()
    assert [phone.broken for phone in both] == [[], []]


def completed(swarm: Locator) -> Locator:
    return swarm.locator(".tile[data-status=completed]")


def play(video: Locator) -> None:
    """Wait until a clip has moved on by itself."""
    video.evaluate("(video) => new Promise((done) => video.addEventListener('timeupdate', done))")

"""The page at /schema in a browser: all of it is ours, under the policy of every other page."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.product import Product


def test_the_viewer_asks_nobody_else_and_breaks_no_rule(product: Product, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{product.url}/schema")
    operation = page.locator("#operations-videos-VideosCreate, .opblock-post").first
    expect(operation).to_be_visible(timeout=60_000)
    operation.click()
    expect(operation.locator(".opblock-body")).to_be_visible()
    assert page.locator(".opblock").count() > 50
    assert [url for url in asked if not url.startswith((product.url, "data:"))] == []
    assert said == []
    page.close()

"""A posted preview becomes its render on the page that shows it, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.product import ModelFolders, Product
from tests.web.phone import RENDER_MS, Phone, play


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, model_folders: ModelFolders) -> Iterator[Product]:
    """A Riffle that has posts rendered, which costs the other tests' machine too much."""
    running = Product(tmp_path_factory.mktemp("renders") / "home", model_folders, RIFFLE_RENDER_POSTS="on")
    running.start()
    yield running
    assert running.stop() == 0, running.output


def posted(product: Product, token: str, prompt: str) -> dict[str, Any]:
    """A preview, published while nothing can be drawn."""
    _, asked = product.call_patiently("POST", "/v1/videos", {"prompt": prompt}, token)
    video = product.wait(asked["id"], token)
    for pid in product.pids("models"):
        os.kill(pid, signal.SIGSTOP)
    status, post = product.call("POST", "/v1/posts", {"video_id": video["id"]}, token)
    assert status == 201, post
    return dict(post)


def go_on(product: Product) -> None:
    for pid in product.pids("models"):
        os.kill(pid, signal.SIGCONT)


def test_the_page_goes_on_to_the_render(phones: list[Phone], product: Product) -> None:
    token = product.sign_up()
    post = posted(product, token, "a penguin waits on a beach by day")
    page = phones[0].page
    phones[0].tab("feed")
    page.get_by_role("tab", name="Fresh").tap()
    card = page.locator(f".card[data-post={post['id']}]")
    expect(card).to_have_attribute("data-video", post["video"]["id"])
    play(card.locator("video"))
    go_on(product)
    expect(card).not_to_have_attribute("data-video", post["video"]["id"], timeout=RENDER_MS)
    play(card.locator("video"))
    _, now = product.call("GET", f"/v1/posts/{post['id']}", token=token)
    expect(card).to_have_attribute("data-video", now["video"]["id"])
    assert (now["video"]["tier"], now["video"]["cost"]["credits"]) == ("full", 0)
    width = int(now["video"]["size"].split("x")[0])
    expect(card.locator("video")).to_have_js_property("videoWidth", width)


def test_a_render_comes_whatever_is_killed_meanwhile(product: Product) -> None:
    token = product.sign_up()
    post = posted(product, token, "a robot dances on a stage at night")
    product.kill("realtime")
    go_on(product)
    product.kill("models")
    deadline = time.monotonic() + RENDER_MS / 1000
    while True:
        _, now = product.call("GET", f"/v1/posts/{post['id']}", token=token)
        if now["video"]["tier"] == "full":
            break
        assert time.monotonic() < deadline, product.output + product.logs()
        time.sleep(0.5)
    _, lineage = product.call("GET", f"/v1/videos/{now['video']['id']}/lineage", token=token)
    assert [(edge["parent"], edge["relation"]) for edge in lineage["edges"]] == [
        (post["video"]["id"], "render")
    ]

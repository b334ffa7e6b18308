"""Portrait, square and landscape of 2 to 5 seconds, over the real product."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI

from tests.product import Product
from tests.test_product_sources import Person, person, source

__all__ = ["person"]


def shape(frames: Any) -> tuple[int, float]:
    """Frames, and width by height."""
    return len(frames), frames.shape[2] / frames.shape[1]


@pytest.mark.parametrize(
    ("size", "seconds", "frames", "credits"), [("128x128", "4", 33, 2), ("192x128", "5", 41, 3)]
)
def test_a_preview_and_its_render(person: Person, size: str, seconds: str, frames: int, credits: int) -> None:
    width, height = map(int, size.split("x"))
    video = person.draw("a duck walks left in a meadow by day", size=size, seconds=seconds, seed=2)
    assert (video["size"], video["seconds"], video["cost"]["credits"]) == (size, seconds, credits)
    shown = person.frames(video)
    assert shape(shown) == (frames, width / height)
    # What was drawn is enlarged for players, and lasts a frame longer than its last one's time.
    assert video["file"] == {
        "width": shown.shape[2],
        "height": shown.shape[1],
        "frames": frames,
        "fps": 8,
        "seconds": frames / 8,
    }
    render = person.finished(person.call("POST", f"/v1/videos/{video['id']}/render")["id"])
    assert render["size"] == f"{2 * width}x{2 * height}"
    assert (render["seconds"], render["cost"]["credits"]) == (seconds, {2: 16, 3: 20}[credits])
    assert shape(person.frames(render)) == (frames, width / height)
    assert 0 < render["fidelity"] <= 1


def test_a_remix_of_another_shape_starts_from_the_source_cut_to_it(person: Person) -> None:
    portrait = person.draw("a frog stands still in a desert by day", seed=5)
    same = person.draw("a pig stands still in a desert by day", source=source("remix", portrait))
    assert (same["size"], same["seconds"]) == (portrait["size"], portrait["seconds"])
    wide = person.draw(
        "a frog stands still in a desert by day",
        size="192x128",
        seconds="3",
        source=source("remix", portrait, strength=0.2),
    )
    frames, before = person.frames(wide), person.frames(portrait)
    assert shape(frames) == (25, 1.5)
    # Its middle is what was cut out of the source: at so low a strength the colours stay.
    cut = before[:, before.shape[1] * 5 // 18 : before.shape[1] * 13 // 18]
    assert abs(frames.mean((0, 1, 2)) - cut.mean((0, 1, 2))).max() < 25
    edges = person.call("GET", f"/v1/videos/{wide['id']}/lineage")["edges"]
    assert 0 < edges[0]["closeness"] < 1


def test_an_extension_keeps_the_shape_and_may_be_longer(person: Person) -> None:
    wide = person.draw("a bus walks left in a city by day", size="192x128", seed=6)
    more = person.draw("a bus walks left in a city by day", seconds="4", source=source("extend", wide))
    assert (more["size"], more["seconds"]) == ("192x128", "4")
    whole = person.draw("a bus goes on", source=source("stitch", wide, more))
    assert len(person.frames(whole)) == 17 + 33 - more["recipe"]["repeats"]
    # What was stitched has a length that no clip has: a remix of it has the nearest.
    again = person.draw("a car walks left in a city by day", source=source("remix", whole))
    assert (again["size"], again["seconds"]) == ("192x128", "5")


def test_what_no_model_draws_is_refused(product: Product, person: Person) -> None:
    for payload, code, field in (
        ({"size": "96x96"}, "invalid_size", "size"),
        ({"size": "384x256"}, "invalid_size", "size"),
        ({"seconds": "6"}, "invalid_request", "seconds"),
    ):
        status, reply = product.call("POST", "/v1/videos", {"prompt": "a cat", **payload}, person.token)
        assert (status, reply["error"]["code"], reply["error"]["param"]) == (400, code, field)


def test_the_sdk_asks_for_size_and_seconds(product: Product, person: Person) -> None:
    client = OpenAI(api_key=person.token, base_url=product.url + "/v1")
    made: Any = client.videos.create_and_poll(prompt="a cat jumps on a beach", size="128x128", seconds="3")  # type: ignore[arg-type]
    assert (made.status, made.size, made.seconds) == ("completed", "128x128", "3")

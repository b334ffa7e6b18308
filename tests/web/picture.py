"""Takes the picture of README from a running Riffle: `python -m tests.web.picture http://127.0.0.1:8000`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from uuid import uuid4

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser import find
from tests.web.phone import ARGS, PHONE, RENDER_MS, SWARM_MS

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images" / "page.png"
PROMPT = "a panda comes closer in a meadow by day"
SWARM = 9
GAP, CORNER = 24, 40
# GitHub shows README about 900 wide; the whole must stay far below half a megabyte.
WIDTHS = (1000, 900, 800, 700, 600)
MAX_BYTES = 400_000


def shots(page: Page, url: str) -> list[bytes]:
    """The feed at a remix, a swarm half drawn, a picked preview beside its render."""
    page.goto(url)
    page.get_by_label("Handle").fill("p" + uuid4().hex[:7])
    page.get_by_label("Password").fill(uuid4().hex)
    page.get_by_role("button", name="Join Riffle").click()
    expect(page.locator(".card").nth(1)).to_be_attached()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card").nth(1)).to_be_in_viewport(ratio=0.9)
    page.wait_for_timeout(1500)
    feed = page.screenshot()

    page.locator("[data-tab=create]").click()
    page.get_by_label("Prompt").fill(PROMPT)
    while int(page.locator(".stepper output").inner_text()) < SWARM:
        page.get_by_label("More", exact=True).click()
    page.locator(".composer .primary").click()
    finished = page.locator(".swarm .tile[data-status=completed]")
    expect(finished.nth(SWARM // 2)).to_be_visible(timeout=SWARM_MS)
    drawing = page.screenshot()

    expect(finished).to_have_count(SWARM, timeout=SWARM_MS)
    finished.first.locator(".hit").click()
    page.get_by_role("button", name="Render").click()
    expect(page.locator(".stage[data-tier=full] video")).to_be_visible(timeout=RENDER_MS)
    page.wait_for_timeout(1500)
    return [feed, drawing, page.screenshot()]


def beside(pictures: list[bytes]) -> Image.Image:
    """Phones side by side with round corners, on nothing."""
    images = [Image.open(io.BytesIO(picture)).convert("RGBA") for picture in pictures]
    width, height = images[0].size
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), CORNER, fill=255)
    row = Image.new("RGBA", ((width + GAP) * len(images) - GAP, height))
    for place, image in enumerate(images):
        row.paste(image, (place * (width + GAP), 0), mask)
    return row


def main() -> None:
    """Take it, as wide as its size allows."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=ARGS)
        page = chromium.new_page(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
        row = beside(shots(page, sys.argv[1]))
        chromium.close()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        small = row.resize((width, round(row.height * width / row.width)), Image.Resampling.LANCZOS)
        small.quantize(256, Image.Quantize.FASTOCTREE).save(TARGET, optimize=True)
        if TARGET.stat().st_size <= MAX_BYTES:
            break
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()

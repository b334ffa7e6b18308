"""Draw the page's icons as PNG from web/icon.svg, for phones that take no SVG, by the browser of the tests.

    python -m bench.page_icons

Writes web/icons. iOS and masks cut corners by themselves, so theirs are filled; the artwork of a mask stays
within the inner 80 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from export.command import one_line_errors
from settings import PROJECT
from tests.browser import find

ARTWORK = PROJECT / "web" / "icon.svg"
FOLDER = PROJECT / "web" / "icons"
# Name -> side in pixels, whether it fills its corners, and the share of the side that the artwork has.
ICONS = {
    "apple-touch-icon.png": (180, True, 1.0),
    "icon-192.png": (192, False, 1.0),
    "icon-512.png": (512, False, 1.0),
    "icon-maskable-512.png": (512, True, 0.8),
}
# What the artwork says of itself: its ground, and the corners that are cut off it.
GROUND, ROUNDED = "#0b0b10", ' rx="15"'


def draw(folder: Path) -> None:
    """Write every icon of ICONS into `folder`."""
    artwork = ARTWORK.read_text()
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        for name, (side, filled, share) in ICONS.items():
            page = browser.new_page(viewport={"width": side, "height": side})
            inner = round(side * share)
            svg = artwork.replace(ROUNDED, "") if filled else artwork
            ground = GROUND if filled else "transparent"
            page.set_content(
                f"<style>body{{margin:0;height:{side}px;display:grid;place-items:center;background:{ground}}}"
                f"svg{{width:{inner}px;height:{inner}px}}</style>{svg}"
            )
            page.screenshot(path=folder / name, omit_background=True)
            page.close()
        browser.close()


@one_line_errors
def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(prog="python -m bench.page_icons", description=__doc__).parse_args()
    draw(FOLDER)


if __name__ == "__main__":
    main()

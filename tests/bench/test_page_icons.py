"""The page's PNG icons are its artwork, at the sizes that the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.page_icons import FOLDER, ICONS, draw
from settings import PROJECT

WEB = PROJECT / "web"


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_has_its_size_and_corners(name: str) -> None:
    side, filled, _ = ICONS[name]
    with Image.open(FOLDER / name) as icon:
        assert icon.size == (side, side)
        corner = icon.convert("RGBA").getpixel((0, 0))
    assert corner == ((11, 11, 16, 255) if filled else (0, 0, 0, 0))


def test_the_page_names_them() -> None:
    manifest = json.loads((WEB / "manifest.webmanifest").read_text())
    named = {icon["src"]: icon for icon in manifest["icons"]}
    for address, icon in named.items():
        assert (WEB / address.removeprefix("/")).is_file()
        if address.endswith(".png"):
            side = ICONS[address.rpartition("/")[2]][0]
            assert (icon["sizes"], icon["type"]) == (f"{side}x{side}", "image/png")
    assert named["/icons/icon-maskable-512.png"]["purpose"] == "maskable"
    assert {"/icons/icon-192.png", "/icons/icon-512.png"} < set(named)
    index = (WEB / "index.html").read_text()
    (apple,) = re.findall(r'<link rel="apple-touch-icon" href="([^"]+)">', index)
    assert (WEB / apple.removeprefix("/")).is_file()


def test_they_are_drawn_from_the_artwork(tmp_path: Path) -> None:
    draw(tmp_path)
    for name in ICONS:
        with Image.open(FOLDER / name) as kept, Image.open(tmp_path / name) as drawn:
            apart = np.asarray(kept.convert("RGBA"), float) - np.asarray(drawn.convert("RGBA"), float)
        # Browsers smooth edges each in their own way.
        assert np.abs(apart).mean() < 2, name

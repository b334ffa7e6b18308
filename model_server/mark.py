"""The visible mark: a small "AI" in a corner of everything that is played."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

TEXT = "AI"
# Readable on a phone, out of the picture's way: 16 px of a video 384 px high.
HEIGHT_SHARE = 1 / 24
# A phone shows the middle three quarters of a 2:3 video's width, so the mark stands inside of them.
LEFT_SHARE, TOP_SHARE = 0.15, 0.02
PLATE, INK = (0, 0, 0, 90), (255, 255, 255, 200)


def marked(image: Image.Image) -> Image.Image:
    """The RGB picture with the mark on it; the picture given is left as it is."""
    mark = _mark(max(8, round(image.height * HEIGHT_SHARE)))
    copy = image.copy()
    copy.paste(mark, (round(image.width * LEFT_SHARE), round(image.height * TOP_SHARE)), mark)
    return copy


@lru_cache(maxsize=8)
def _mark(height: int) -> Image.Image:
    font = ImageFont.load_default(size=0.72 * height)
    width = round(font.getlength(TEXT) + 0.7 * height)
    mark = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(mark)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), height / 2, fill=PLATE)
    draw.text((width / 2, height / 2), TEXT, font=font, fill=INK, anchor="mm")
    return mark

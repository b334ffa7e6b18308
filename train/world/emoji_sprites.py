"""Sprites beyond the vocabulary, for subjects that only a reference picture shows: about 900 emoji.

Training draws them from the font of Debian's package fonts-noto-color-emoji. A fifth is held out of all
training; 16 of those lie in `sprites/unseen`, so that measuring needs no font.
"""

import hashlib
import random
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
UNSEEN = Path(__file__).parent / "sprites" / "unseen"
SIDE = 96  # pixels of a sprite
GLYPH = (136, 128)  # the font's own bitmaps, at its only size
POINTS = 109
BLOCKS = (
    (0x1F300, 0x1F5FF),
    (0x1F600, 0x1F64F),
    (0x1F680, 0x1F6FF),
    (0x1F90C, 0x1F9FF),
    (0x1FA70, 0x1FAFF),
)
# Signs and flat squares are no subjects; the last ones are what the vocabulary's own sprites show.
NO_SUBJECTS = (
    *("CLOCK FACE", "ARROW", "SQUARED", "SYMBOL", "SIGN", "MOON", "BUTTON", "INPUT", "FLAG", "MODIFIER"),
    *("COMPONENT", "HAIR", "NO ", "LEVITATING", "MUSICAL", "SPEECH", "THOUGHT", "HEART", "DIAMOND"),
    *("CAT FACE", "DOG FACE", "FOX", "FROG", "PENGUIN", "PANDA", "LION", "PIG FACE", "ELEPHANT", "TURTLE"),
    *("OCTOPUS", "TROPICAL FISH", "BUTTERFLY", "DUCK", "FLAMINGO", "AUTOMOBILE", "ONCOMING BUS", "SAILBOAT"),
    *("BALLOON", "ROCKET", "ROBOT", "GHOST", "JACK-O", "UNICORN"),
)
# How a training clip varies its sprite, so that a teacher learns to copy and doesn't memorize them.
RECOLOURED = 0.5  # of the clips: all hues turned by one angle
MIRRORED = 0.5
STRETCH = (0.8, 1.0)  # of width or height
SPLICED = 0.4  # below some height they are another sprite: shapes that no emoji has
SPLICE = (0.4, 0.6)  # where, from above
COVERED = (0.25, 0.88)  # how much of its square a subject fills
HELD_OUT = 0.2


@cache
def emoji_characters(*, unseen: bool = False) -> tuple[str, ...]:
    """The sprites' characters that training may show, or those that are held out of it.

    Raises:
        OSError: the font isn't there.
    """
    return tuple(each for each in _subjects() if held_out(each) == unseen)


def held_out(character: str) -> bool:
    """True for the fifth of all sprites that no training clip shows."""
    return hashlib.sha256(f"sprite {ord(character):x}".encode()).digest()[0] < HELD_OUT * 256


@lru_cache(maxsize=2048)
def emoji_sprite(character: str) -> Image.Image:
    """A sprite, mode RGBa, 96x96."""
    glyph = Image.new("RGBA", GLYPH)
    ImageDraw.Draw(glyph).text((0, 0), character, font=_font(), embedded_color=True)
    box = glyph.getbbox()
    glyph = glyph.crop(box)
    side = max(glyph.size)
    square = Image.new("RGBA", (side, side))
    square.paste(glyph, ((side - glyph.width) // 2, (side - glyph.height) // 2))
    # Premultiplied alpha, so that resampling leaves no dark fringe.
    return square.convert("RGBa").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def vary_sprite(sprite: Image.Image, other: Image.Image, rng: random.Random) -> Image.Image:
    """A sprite as another subject: ending as the other one, with other hues, mirrored, narrower or lower.

    All of mode RGBa, 96x96.
    """
    plain = sprite.convert("RGBA")
    if rng.random() < SPLICED:
        height = round(SIDE * rng.uniform(*SPLICE))
        plain.paste(other.convert("RGBA").crop((0, height, SIDE, SIDE)), (0, height))
    if rng.random() < RECOLOURED:
        turn = rng.randrange(256)
        hue, *others = plain.convert("RGB").convert("HSV").split()
        turned = Image.merge("HSV", (hue.point(lambda level: (level + turn) % 256), *others)).convert("RGB")
        plain = Image.merge("RGBA", (*turned.split(), plain.getchannel("A")))
    if rng.random() < MIRRORED:
        plain = ImageOps.mirror(plain)
    sides = [plain.width, plain.height]
    sides[rng.randrange(2)] = round(SIDE * rng.uniform(*STRETCH))
    square = Image.new("RGBa", plain.size)
    small = plain.convert("RGBa").resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
    square.paste(small, ((plain.width - sides[0]) // 2, (plain.height - sides[1]) // 2))
    return square


def save_held_out_sprites(count: int = 16, seed: int = 16) -> None:
    """Write the held-out sprites that this repository keeps: a random sample, with their names."""
    UNSEEN.mkdir(parents=True, exist_ok=True)
    for character in random.Random(seed).sample(emoji_characters(unseen=True), count):
        name = unicodedata.name(character).lower().replace(" ", "-")
        emoji_sprite(character).convert("RGBA").save(UNSEEN / f"{name}.png", optimize=True)


def held_out_sprites() -> dict[str, Image.Image]:
    """The 16 held-out sprites of this repository by name, mode RGBa."""
    return {path.stem: Image.open(path).convert("RGBa") for path in sorted(UNSEEN.glob("*.png"))}


def random_sprite(rng: random.Random) -> Image.Image:
    """A varied sprite for a training clip, mode RGBa, 96x96."""
    sprite, other = (emoji_sprite(rng.choice(emoji_characters())) for _ in range(2))
    return vary_sprite(sprite, other, rng)


@cache
def _font() -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(FONT), POINTS)
    except OSError as error:
        raise OSError(f"{FONT} is missing: install Debian's package fonts-noto-color-emoji") from error


@cache
def _subjects() -> tuple[str, ...]:
    """Every character that looks like a subject, each picture once."""
    found: dict[bytes, str] = {}
    for first, last in BLOCKS:
        for code in range(first, last + 1):
            name = unicodedata.name(chr(code), "")
            if not name or any(word in name for word in NO_SUBJECTS):
                continue
            glyph = Image.new("RGBA", GLYPH)
            ImageDraw.Draw(glyph).text((0, 0), chr(code), font=_font(), embedded_color=True)
            box = glyph.getbbox()
            if box is None or max(box[2] - box[0], box[3] - box[1]) < SIDE:
                continue
            cover = np.asarray(emoji_sprite(chr(code)))[..., 3] / 255
            if COVERED[0] < cover.mean() < COVERED[1]:
                found.setdefault(glyph.tobytes(), chr(code))
    return tuple(found.values())

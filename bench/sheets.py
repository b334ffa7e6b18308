"""Sheets of what Riffle draws, for its documentation: subjects, places, motions and looks.

    python -m bench.sheets [OUT] [--bundle DIR] [--teacher DIR] [--tier full] [--count 100] [--seed 3]

Prompts are put together from names of the library and words of the model by a seed: nothing is chosen by
looking. OUT (docs/images) gets subjects.webp (`--count` of them), feed.webp (the first 24: the README's
picture), places.webp, motions.webp and looks.webp, each of at most 400 kB. Renders of all take a quarter of
an hour on two cores, previews a minute.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.library_prompts import Vocabulary, with_article
from bench.word_clips import WordStudio, studio_of, studio_parser
from export.command import one_line_errors
from model_server.engine.pixels import Frames
from model_server.engine.resize import Size
from schemas.library import LibrarySubject
from schemas.videos import Tier
from settings import PROJECT

OUT = PROJECT / "docs" / "images"
# Of a file: what a page about a product shows without a wait.
MOST_BYTES = 400_000
QUALITIES = range(92, 30, -4)
TILE: Size = (128, 192)
GAP, LABEL_PX, FONT_PX = 4, 16, 12
# Of all that is shown, by what it is; animals move best.
MIX = (("animal", 0.5), ("person", 0.2), ("thing", 0.3))
# How many of the subjects the README shows, and in a row of it.
FEED, FEED_COLUMNS = 24, 8
COLUMNS, PLACE_COLUMNS, MOMENTS = 10, 5, 6
# Motions that the model's vocabulary has no word for: the composer knows them.
COMPOSED_MOTIONS = ("walks", "dances", "flies", "swims", "floats")
WEATHERS = ("in the rain", "while it snows", "in the fog")


class Tile(NamedTuple):
    """A prompt, the seed that draws it, and what stands below."""

    prompt: str
    seed: int
    label: str


class Sheet(NamedTuple):
    """Tiles in so many columns; of a clip `moments` frames side by side."""

    name: str
    columns: int
    tiles: list[Tile]
    moments: int = 1


def shown_subjects(
    subjects: Sequence[LibrarySubject], count: int, rng: random.Random
) -> list[LibrarySubject]:
    """`count` subjects in a mix, each name once; a role once, not as man and woman too."""
    found: list[LibrarySubject] = []
    for kind, share in MIX:
        known = [each for each in subjects if kind in each.kinds and not each.role]
        wanted = max(1, round(count * share))
        found += rng.sample(known, min(wanted, len(known)))
    rng.shuffle(found)
    return found[:count]


def all_sheets(
    subjects: Sequence[LibrarySubject], vocabulary: Vocabulary, count: int, seed: int
) -> list[Sheet]:
    """What is drawn, by rule."""
    rng = random.Random(f"sheets {seed}")
    who = shown_subjects(subjects, count, rng)
    words = {slot: [phrases[0] for phrases in named.values()] for slot, named in vocabulary.items()}
    places, times, styles = words["places"], words["times"], words["styles"]
    motions = [*words["motions"], *COMPOSED_MOTIONS]
    # Whole ones: a face alone hardly walks.
    animals = [each for each in subjects if "animal" in each.kinds and not each.name.endswith("face")]

    def tile(subject: LibrarySubject, number: int, *said: str) -> Tile:
        return Tile(" ".join((with_article(subject.name), *said)), seed + number, " ".join(said))

    def named(number: int, subject: LibrarySubject) -> Tile:
        said = (motions[number % len(motions)], rng.choice(places), times[number % len(times)])
        return tile(subject, number, *said)._replace(label=subject.name)

    shown = [named(number, subject) for number, subject in enumerate(who)]
    standing = [rng.choice(animals) for _ in places]
    look = rng.choice(animals)
    looks = [(time, other) for time in times for other in ("", *styles, *WEATHERS)]
    return [
        Sheet("subjects", COLUMNS, shown),
        Sheet("feed", FEED_COLUMNS, shown[:FEED]),
        Sheet("places", PLACE_COLUMNS, [tile(*each, place) for each, place in _numbered(standing, places)]),
        Sheet("motions", 2, [tile(*each, word) for each, word in _numbered(standing, motions)], MOMENTS),
        Sheet(
            "looks",
            len(looks) // len(times),
            [
                tile(look, 0, *filter(None, (places[0], *each)))._replace(label=each[1] or each[0])
                for each in looks
            ],
        ),
    ]


def _numbered(
    subjects: Sequence[LibrarySubject], words: Sequence[str]
) -> Iterable[tuple[tuple[LibrarySubject, int], str]]:
    """Each word with a subject and a number."""
    return (((subjects[number % len(subjects)], number), word) for number, word in enumerate(words))


class SheetDrawer:
    """Draws tiles, each prompt and seed once."""

    def __init__(self, studio: WordStudio, tier: Tier) -> None:
        self._studio, self._tier = studio, tier
        self._drawn: dict[tuple[str, int], Frames] = {}

    def sheet(self, sheet: Sheet) -> Image.Image:
        """All tiles of a sheet, with their labels."""
        wide, tall = TILE[0] * sheet.moments + GAP, TILE[1] + LABEL_PX + GAP
        rows = -(-len(sheet.tiles) // sheet.columns)
        image = Image.new("RGB", (sheet.columns * wide - GAP, rows * tall - GAP), "white")
        pen, font = ImageDraw.Draw(image), ImageFont.load_default(FONT_PX)
        for number, tile in enumerate(sheet.tiles):
            left, top = number % sheet.columns * wide, number // sheet.columns * tall
            frames = self._frames(tile)
            # The middle, where there is one; else from the first to the last.
            ends = (0.5, 0.5) if sheet.moments == 1 else (0.0, 1.0)
            for place, part in enumerate(np.linspace(*ends, sheet.moments)):
                frame = Image.fromarray(frames[round(part * (len(frames) - 1))])
                image.paste(frame.resize(TILE, Image.Resampling.LANCZOS), (left + place * TILE[0], top))
            pen.text((left + 2, top + TILE[1] + 1), cut(tile.label, wide - GAP, font), "#333333", font)
        return image

    def _frames(self, tile: Tile) -> Frames:
        key = tile.prompt, tile.seed
        if key not in self._drawn:
            clip = self._studio.preview(self._studio.recipe(tile.prompt, tile.seed))
            self._drawn[key] = (self._studio.render(clip) if self._tier is Tier.FULL else clip).frames
        return self._drawn[key]


def cut(label: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As much of a label as fits."""
    while font.getlength(label) > width - 4:
        label = label[:-1].rstrip()
    return label


def webp(image: Image.Image, most: int = MOST_BYTES) -> bytes:
    """The picture as WebP in the best quality that is small enough; the poorest, where none is."""
    for quality in QUALITIES:
        written = io.BytesIO()
        image.save(written, "WEBP", quality=quality, method=4)
        if written.tell() <= most:
            break
    return written.getvalue()


@one_line_errors
def main() -> None:
    """Draw and write."""
    parser = studio_parser("sheets", __doc__, 100, renders=True)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    parser.add_argument("--tier", type=Tier, default=Tier.FULL, choices=list(Tier))
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    studio = studio_of(options)
    drawer = SheetDrawer(studio, options.tier)
    options.out.mkdir(parents=True, exist_ok=True)
    subjects, vocabulary = studio.library.index.subjects, studio.card.vocabulary
    for sheet in all_sheets(subjects, vocabulary, options.count, options.seed):
        path = options.out / f"{sheet.name}.webp"
        path.write_bytes(webp(drawer.sheet(sheet)))
        print(f"{path}: {len(sheet.tiles)} clips, {path.stat().st_size // 1000} kB", flush=True)


if __name__ == "__main__":
    main()

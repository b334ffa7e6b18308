"""How well do copies of frames agree with what is kept of them, and how well do others at their nearest?

    python -m bench.sketch_distance [--frames 24]

Frames are those of drawn clips and of reference pictures. Each is copied as people do: encoded again,
mirrored, cropped, padded. Others are frames that are not kept. Agreement is 1 where all cells are the same.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from export.command import one_line_errors
from export.options import count
from media import sketch, sketch_match
from media.sketch import Cells, Grey
from train.world import emoji_sprites
from train.world.clips import draw, reference_picture
from train.world.scenes import random_scene

Picture = Image.Image


def crop(picture: Picture, share: float) -> Picture:
    """A picture with this share cut off each side."""
    across, down = round(picture.width * share), round(picture.height * share)
    return picture.crop((across, down, picture.width - across, picture.height - down))


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "encoded again": lambda picture: picture,
    "mirrored": ImageOps.mirror,
    "turned": lambda picture: picture.rotate(90, expand=True),
    "5 % off each side": lambda picture: crop(picture, 0.05),
    "10 % off each side": lambda picture: crop(picture, 0.1),
    "18 % off each side": lambda picture: crop(picture, 0.18),
    "10 % off, mirrored": lambda picture: ImageOps.mirror(crop(picture, 0.1)),
    "in a frame": lambda picture: ImageOps.expand(picture, picture.width // 4, "black"),
    "10 % off, in a frame": lambda picture: ImageOps.expand(crop(picture, 0.1), picture.width // 4, "white"),
}


def looked_at(picture: Picture) -> Grey:
    """A picture as it is seen after a JPEG of middling quality."""
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=60)
    return sketch.look_at(written.getvalue(), "image/jpeg")[0]


def pictures(count: int, first: int) -> list[Picture]:
    """Frames of drawn clips and reference pictures, in turn."""
    rng = random.Random(first)
    sprites = list(emoji_sprites.held_out_sprites().values())
    half = len(sprites) // 2
    # Others are of other sprites than those that are kept.
    sprites = sprites[half:] if first else sprites[:half]
    made = []
    for seed in range(first, first + count):
        pixels = (
            draw(random_scene(rng), seed).frames[8]
            if seed % 2
            else reference_picture(sprites[seed % len(sprites)], seed, (256, 256))
        )
        made.append(Image.fromarray(pixels))
    return made


def agreement(picture: Picture, kept: Cells, index: int | None) -> float:
    """How well a picture agrees with one of what is kept; with the nearest, where `index` is None."""
    frame = looked_at(picture)
    found = [
        match
        for match in (sketch_match.match_whole(frame, kept), sketch_match.match_part(frame, kept))
        if match
    ]
    return max((match.score for match in found if index in (None, match.place)), default=0.0)


def measure(count: int) -> str:
    """The table, as Markdown."""
    known = pictures(count, 0)
    small = [np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.BOX)) for picture in known]
    kept = np.stack([sketch.sketch(frame) for frame in small])
    rows = {
        name: [agreement(change(picture), kept, index) for index, picture in enumerate(known)]
        for name, change in COPIES.items()
    }
    lines = ["| | worst | median | found |", "|---|---|---|---|"]
    for name, scores in rows.items():
        found = sum(score > 0 for score in scores)
        lines.append(f"| {name} | {min(scores):.2f} | {np.median(scores):.2f} | {found} of {count} |")
    strangers = pictures(count, 1000)
    refused = sum(agreement(picture, kept, None) > 0 for picture in strangers)
    lines.append(f"| others | | | {refused} of {count} |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=count, default=24)
    print(measure(parser.parse_args().frames))


if __name__ == "__main__":
    main()

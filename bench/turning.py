"""Does anything turn that the words don't turn, and does what they turn?

    python -m bench.turning [--bundle DIR] [--count 300] [--turning 100]

Prompts are put together by a seed, of every motion but turning, and of turning in several wordings. Each
clip is asked twice: its layout, whose largest angle counts, and its frames, where the picture is looked for
at every angle (`bench.turn_angle`). There the largest difference from the median counts, of five frames one
may be mistaken, and what is slanted and squashed looks turned by up to 10 degrees. Goals: of 300 clips
without turning at most one turns more than 5 degrees, of those that should 90 % do.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from bench.library_prompts import TURNING, library_prompts, with_article
from bench.turn_angle import keyed, pattern, seen, turned
from bench.word_clips import WordClip, WordStudio, studio_of, studio_parser
from export.command import one_line_errors
from export.options import count

# Degrees that a clip may turn without being said to.
LIMIT = 5.0
# Degrees by which what is slanted and squashed looks turned.
SEEN_LIMIT = 10.0
# One that turns is seen so far round, at least.
ROUND = 45.0
GOAL_UNASKED, GOAL_ASKED = 1 / 300, 0.9
# As parts of the clip: no two of them half a round apart in every turn.
MOMENTS = (0.0, 0.2, 0.45, 0.7, 0.95)
# Frames in which the picture may be taken for turned, of those.
MISTAKEN = 1


class LargestAngles(NamedTuple):
    """The largest angle of a clip in degrees, as its layout says and as its frames show."""

    layout: float
    frames: float


def upright(angle: float) -> float:
    """Degrees from upright, whichever way round: 0..180."""
    return abs((angle + 180) % 360 - 180)


def largest_angles(clip: WordClip) -> LargestAngles:
    """How far the first actor of a clip turns; nothing, where there is none."""
    if clip.staging is None or not clip.staging.paths:
        return LargestAngles(0.0, 0.0)
    path = clip.staging.paths[0]
    front = pattern(clip.staging.actors[0].picture)
    mirrored = np.ascontiguousarray(front[:, ::-1])
    count, height, width, _ = clip.frames.shape
    in_keyed = clip.staging.compose(keyed((width, height), count))
    found = []
    for moment in {round(part * (len(path) - 1)) for part in MOMENTS}:
        shown = seen(clip.frames[moment], in_keyed[moment])
        if shown is not None:
            found.append(turned(mirrored if path[moment].mirrored else front, shown))
    return LargestAngles(max(upright(pose.angle) for pose in path), spread(found))


def spread(angles: Sequence[float]) -> float:
    """The largest difference from the median of some angles, but for those that may be mistaken."""
    apart = sorted(upright(angle - median(angles)) for angle in angles)
    return apart[-1 - MISTAKEN] if len(apart) > MISTAKEN else 0.0


def draw_and_look(studio: WordStudio, prompts: Sequence[str]) -> list[LargestAngles]:
    """The angles of a preview of each."""
    return [largest_angles(studio.preview(studio.recipe(text, seed))) for seed, text in enumerate(prompts)]


def turning_prompts(studio: WordStudio, count: int) -> list[str]:
    """Prompts that turn their subject, in all wordings that the vocabulary has."""
    subjects, vocabulary = studio.library.index.subjects, studio.card.vocabulary
    wordings = vocabulary["motions"][TURNING]
    prompts = library_prompts(subjects, vocabulary, count, 2, motions=[TURNING])
    return [
        f"{with_article(each.subject.name)} {wordings[number % len(wordings)]}"
        f" {vocabulary['places'][each.place][0]}"
        for number, each in enumerate(prompts)
    ]


def line(kind: str, angles: Sequence[float], limit: float, goal: str) -> str:
    """A row of the table."""
    over = sum(angle > limit for angle in angles)
    return f"| {kind} | {over} of {len(angles)} | {goal} | {max(angles):.0f} |"


@one_line_errors
def main() -> None:
    """Draw, look and print."""
    parser = studio_parser("turning", __doc__, 300, renders=False)
    parser.add_argument("--turning", type=count, default=100, help="clips that should turn")
    options = parser.parse_args()
    studio = studio_of(options)
    subjects, vocabulary = studio.library.index.subjects, studio.card.vocabulary
    still = [each.text for each in library_prompts(subjects, vocabulary, options.count, 1)]
    unasked = draw_and_look(studio, still)
    asked = draw_and_look(studio, turning_prompts(studio, options.turning))
    most = max(1, round(GOAL_UNASKED * len(unasked)))
    least = round(GOAL_ASKED * len(asked))
    print("| clips | turn | goal | largest angle |\n|---|---|---|---|")
    for number, (name, limit) in enumerate(zip(LargestAngles._fields, (LIMIT, SEEN_LIMIT), strict=True)):
        one, other = [each[number] for each in unasked], [each[number] for each in asked]
        print(line(f"unasked, by {name}, over {limit:.0f}°", one, limit, f"<= {most}"))
        print(line(f"asked, by {name}, over {ROUND:.0f}°", other, ROUND, f">= {least}"))
    for text, found in zip(still, unasked, strict=True):
        if found.layout > LIMIT or found.frames > SEEN_LIMIT:
            print(f"{text}: {found.layout:.0f}° by its layout, {found.frames:.0f}° as seen")


if __name__ == "__main__":
    main()

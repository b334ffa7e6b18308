"""Does anything of a subject remain that isn't its picture: around it, or in the scene behind it?

    python -m bench.remains [--bundle DIR] [--count 50] [--rounds 3]

Each preview is held against the same scene drawn without anybody: outside of the picture and of where its
shadow may fall nothing should differ. Then these empty scenes are looked at: a student that can't leave out
the subject draws a smear where one would stand, which no difference shows. What an empty scene looks like
is learned from the drawn world with and without anybody, as the bundle decodes it: `--rounds` pictures of
each for every place and time; half as many again say how far that can be trusted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from bench.imagenet_features import ImageNetFeatures
from bench.library_prompts import library_prompts
from bench.somebody import SomebodyDetector
from bench.word_clips import WordClip, WordStudio, studio_of, studio_parser, without_subjects
from export.command import one_line_errors
from export.options import count
from model_server.engine.actors import ActorPose
from model_server.engine.compose import Actor
from model_server.engine.layers import box_pixels, cut_to_box
from model_server.engine.resize import Size

# Of 255: what differs by more is seen.
SEEN = 4
# Pixels around a picture that its smooth edge takes.
EDGE = 3
# Where a shadow falls: beside the feet in halves of the box's width, above and below them in sizes.
SHADOW_WIDE, SHADOW_DEEP = 1.7, 0.25
# Of empty scenes, how many more than of the drawn world's may look inhabited.
GOAL_SOMEBODY = 0.05


class Remains(NamedTuple):
    """Outside of pictures and shadows: the mean difference, of 255, and the share of pixels that is seen."""

    mean: float
    share: float


def covered(actor: Actor, pose: ActorPose, size: Size) -> np.ndarray:
    """Where a picture and its shadow may be in a frame of `size`: bool [H, W]; found without the composer."""
    ratio = actor.figure.ratio
    wide, tall = box_pixels(pose, ratio, size)
    width, height = wide / pose.stretch, tall * pose.stretch
    short = min(size)
    middle = pose.x * size[0], pose.y * size[1] - pose.lift * short - height / 2
    alpha = cut_to_box(actor.picture).getchannel("a")
    if pose.mirrored:
        alpha = alpha.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    cos, sin = math.cos(math.radians(pose.angle)), math.sin(math.radians(pose.angle))
    scale = alpha.width / width, alpha.height / height
    matrix = (cos * scale[0], sin * scale[0], 0.0, -sin * scale[1], cos * scale[1], 0.0)
    left = alpha.width / 2 - matrix[0] * middle[0] - matrix[1] * middle[1]
    top = alpha.height / 2 - matrix[3] * middle[0] - matrix[4] * middle[1]
    there = alpha.transform(
        size, Image.Transform.AFFINE, (*matrix[:2], left, *matrix[3:5], top), Image.Resampling.BILINEAR
    ).point(lambda value: 255 if value else 0)
    # A wave moves its parts to both sides.
    reach = EDGE + math.ceil(abs(pose.wobble) * pose.size * short)
    grown = np.asarray(there.filter(ImageFilter.MaxFilter(2 * reach + 1))) > 0
    x, y = pose.x * size[0], pose.y * size[1]
    columns, rows = np.arange(size[0]) + 0.5 - x, np.arange(size[1]) + 0.5 - y
    shadow = np.outer(abs(rows) < SHADOW_DEEP * pose.size * short, abs(columns) < SHADOW_WIDE * width / 2)
    return grown | shadow


def remains(clip: WordClip, empty: WordClip) -> Remains:
    """What differs between a clip and its scene without anybody, where nobody is."""
    height, width = clip.frames.shape[1:3]
    outside = np.ones(clip.frames.shape[:3], dtype=bool)
    if clip.staging is not None:
        for actor, path in zip(clip.staging.actors, clip.staging.paths, strict=True):
            for number, pose in enumerate(path):
                outside[number] &= ~covered(actor, pose, (width, height))
    apart = np.abs(clip.frames.astype(np.int16) - empty.frames).max(axis=3)[outside]
    return Remains(float(apart.mean()), float((apart > SEEN).mean())) if apart.size else Remains(0.0, 0.0)


def draw_both(studio: WordStudio, count: int) -> tuple[list[WordClip], list[WordClip]]:
    """Clips of library subjects, and the same without them."""
    prompts = library_prompts(studio.library.index.subjects, studio.card.vocabulary, count, 3)
    recipes = [studio.recipe(prompt.text, seed) for seed, prompt in enumerate(prompts)]
    return (
        [studio.preview(recipe) for recipe in recipes],
        [studio.preview(without_subjects(recipe)) for recipe in recipes],
    )


@one_line_errors
def main() -> None:
    """Draw, look and print."""
    parser = studio_parser("remains", __doc__, 50, renders=False)
    parser.add_argument(
        "--rounds", type=count, default=2, help="pictures of the drawn world a place and time"
    )
    options = parser.parse_args()
    features, studio = ImageNetFeatures(), studio_of(options)
    clips, empty = draw_both(studio, options.count)
    found = [remains(*pair) for pair in zip(clips, empty, strict=True)]
    mean, share = np.mean(found, axis=0)
    worst = max(range(len(found)), key=lambda number: found[number].share)
    print(
        f"outside of pictures and shadows, {len(found)} clips: {mean:.3f} of 255 differ, seen in {share:.2%}"
    )
    print(f"at most seen in {found[worst].share:.2%}: seed {worst}, {clips[worst].recipe.prompt}")
    detector = SomebodyDetector(studio.engine, features, options.rounds)
    sees = detector.sees([clip.frames[len(clip.frames) // 2] for clip in empty])
    print(
        f"somebody seems to be in {sees.mean():.0%} of {len(sees)} empty scenes "
        f"(goal: {detector.alarms + GOAL_SOMEBODY:.0%}, as in the drawn world's and {GOAL_SOMEBODY:.0%} more)"
    )
    print(f"of the drawn world's pictures {detector.accuracy:.0%} are told right")
    for number in np.flatnonzero(sees).tolist():
        print(f"seed {number}: {empty[number].recipe.prompt}")


if __name__ == "__main__":
    main()

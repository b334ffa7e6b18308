"""Is what the words named recognised? By ImageNet features, among 100 pictures of the library.

    python -m bench.recognition [--bundle DIR] [--teacher DIR] [--count 60] [--renders 12] [--misses]

Prompts are put together by a seed. Of each clip three frames are looked at as a stranger would: the middle
square of the whole frame (`seen`); beside it the square around the actor, which only its layout knows
(`cropped`). The features of the three are averaged, and so are those of each library picture on three plain
grounds; the nearest by cosine is what was recognised. Goal: of `seen` at least 88 %.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.imagenet_features import ImageNetFeatures
from bench.library_prompts import LibraryPrompt, library_prompts
from bench.word_clips import WordClip, WordStudio, studio_of, studio_parser
from export.command import one_line_errors
from export.options import count
from model_server.engine.layers import box_pixels, picture_box
from model_server.engine.pixels import Floats, Frames
from schemas.library import LibrarySubject

GOAL = 0.88
AMONG = 100
# Grey, white, and a blue like a sky's.
GROUNDS = ((128, 128, 128), (255, 255, 255), (90, 120, 160))
# Of a picture's longer side, left free on each side.
MARGIN = 0.15
# As parts of the clip.
MOMENTS = (0.125, 0.5, 0.875)
SEED = 7


class Recognised(NamedTuple):
    """A clip's prompt, and the name that was recognised."""

    prompt: LibraryPrompt
    name: str

    @property
    def right(self) -> bool:
        """Whether it is what was asked for."""
        return self.name == self.prompt.subject.name


class LibraryGallery:
    """Library pictures that clips are compared with: all that were asked for, and others."""

    def __init__(
        self, studio: WordStudio, features: ImageNetFeatures, asked: Sequence[LibrarySubject], among: int
    ) -> None:
        known = {subject.name: subject for subject in asked}
        others = [each for each in studio.library.index.subjects if each.name not in known]
        more = random.Random(SEED).sample(others, min(len(others), max(0, among - len(known))))
        known |= {subject.name: subject for subject in more}
        self.names = list(known)
        pictures = [studio.library.picture(subject.id) for subject in known.values()]
        found = [features([on_ground(each, ground) for each in pictures]) for ground in GROUNDS]
        self._features, self._look = np.mean(found, axis=0), features
        self._features /= np.linalg.norm(self._features, axis=1, keepdims=True)

    def recognise(self, pictures: Sequence[Sequence[Frames]]) -> list[str]:
        """The names of what several pictures of each clip show."""
        each = len(pictures[0])
        features = self._look([picture for clip in pictures for picture in clip])
        clips: Floats = features.reshape(len(pictures), each, -1).mean(axis=1)
        return [self.names[number] for number in (clips @ self._features.T).argmax(axis=1)]


def on_ground(picture: Frames, ground: tuple[int, int, int]) -> Frames:
    """A library picture uint8 [H, W, 4] in the middle of a plain square."""
    box = Image.fromarray(picture).crop(picture_box(picture))
    side = round(max(box.size) * (1 + 2 * MARGIN))
    out = Image.new("RGB", (side, side), ground)
    out.paste(box, ((side - box.width) // 2, (side - box.height) // 2), box)
    return np.asarray(out)


def moments(clip: WordClip) -> list[int]:
    """The frames that are looked at."""
    return [round(part * (len(clip.frames) - 1)) for part in MOMENTS]


def seen(clip: WordClip) -> list[Frames]:
    """What anybody sees."""
    return [clip.frames[moment] for moment in moments(clip)]


def cropped(clip: WordClip) -> list[Frames]:
    """The surroundings of the first actor; all of the frame, where nobody was composed."""
    if clip.staging is None or not clip.staging.paths:
        return seen(clip)
    path, ratio = clip.staging.paths[0], clip.staging.actors[0].figure.ratio
    found = []
    for moment in moments(clip):
        frame, pose = clip.frames[moment], path[moment]
        height, width = frame.shape[:2]
        wide, tall = box_pixels(pose, ratio, (width, height))
        half = max(wide, tall) * (0.5 + MARGIN)
        x = pose.x * width
        y = pose.y * height - pose.lift * min(width, height) - tall / 2
        found.append(np.asarray(Image.fromarray(frame).crop((x - half, y - half, x + half, y + half))))
    return found


def measure(
    gallery: LibraryGallery,
    prompts: Sequence[LibraryPrompt],
    clips: Sequence[WordClip],
    look: Callable[[WordClip], list[Frames]],
) -> list[Recognised]:
    """What was recognised in each clip."""
    names = gallery.recognise([look(clip) for clip in clips])
    return [Recognised(*each) for each in zip(prompts, names, strict=True)]


def share(found: Sequence[Recognised]) -> float:
    """How many of them are right."""
    return sum(each.right for each in found) / len(found)


@one_line_errors
def main() -> None:
    """Draw, look and print."""
    parser = studio_parser("recognition", __doc__, 60, renders=True)
    parser.add_argument("--renders", type=count, default=12, help="of the clips, how many are rendered too")
    parser.add_argument("--misses", action="store_true", help="print what was taken for what")
    options = parser.parse_args()
    features, studio = ImageNetFeatures(), studio_of(options)
    prompts = library_prompts(studio.library.index.subjects, studio.card.vocabulary, options.count, SEED)
    gallery = LibraryGallery(studio, features, [prompt.subject for prompt in prompts], AMONG)
    clips = [studio.preview(studio.recipe(prompt.text, seed)) for seed, prompt in enumerate(prompts)]
    renders = [studio.render(clip) for clip in clips[: options.renders]]
    print(f"| clips | n | among | seen (goal {GOAL:.0%}) | cropped |\n|---|---|---|---|---|")
    for name, drawn in (("previews", clips), ("renders", renders)):
        found = [measure(gallery, prompts[: len(drawn)], drawn, look) for look in (seen, cropped)]
        shares = " | ".join(f"{share(each):.1%}" for each in found)
        print(f"| {name} | {len(drawn)} | {len(gallery.names)} | {shares} |")
        for each in found[0] if options.misses else ():
            if not each.right:
                print(f"{each.prompt.text}: {each.name}")


if __name__ == "__main__":
    main()

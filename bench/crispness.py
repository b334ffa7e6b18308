"""How crisp are drawn backgrounds, and is it detail or noise? Held against the drawn world's own.

    python -m bench.crispness [--bundle DIR] [--teacher DIR] [--count 20] [--renders 6]

Scenes without anybody, of every place. `gradient`: energy of the gradients, shown at the size of renders, as
a share of the drawn world's at that size (goals: previews 45 %, renders 70 %). The others are at the
pictures' own size and against the drawn world's at that size: the `finest` octave and `rings` beside edges as
shares, where more than 110 % is nothing that the world has; `grain` in the flattest places in levels of 255
more than the world's, where more than one is seen. `decoded` is the drawn world through the autoencoder and
the upsampling decoder: what a perfect transformer would reach. `the world` is drawn at that size: what the
size itself leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.library_prompts import library_prompts
from bench.picture_detail import PictureDetail, detail, gradient_energy
from bench.somebody import known_places
from bench.word_clips import WordStudio, studio_of, studio_parser, without_subjects
from export.command import one_line_errors
from export.options import count
from model_server.engine.pixels import Frames
from model_server.engine.resize import Size
from schemas.videos import Tier
from train.world.clips import FRAMES, draw
from train.world.scenes import NOBODY, Scene

GOALS = {"previews": 0.45, "renders": 0.7}
# Of what the world has: more is noise.
MOST = 1.1
# Levels of 255 of grain that aren't seen.
GRAIN = 1.0
# Of each drawn clip: the first, the middle and the last frame. The drawn world stands still.
LOOKED_AT = (0, FRAMES // 2, -1)
STILL = 2


class Backgrounds:
    """Scenes, as the drawn world has them and as a bundle and its teacher draw them."""

    def __init__(self, studio: WordStudio, count: int) -> None:
        subjects, vocabulary = studio.library.index.subjects, studio.card.vocabulary
        known = {
            **vocabulary,
            "places": {name: vocabulary["places"][name] for name in known_places(vocabulary)},
        }
        self.prompts = library_prompts(subjects, known, count, 5, motions=["still"])
        self.studio = studio
        self.small, self.large = (_size(studio.card.sizes[tier][0]) for tier in (Tier.PREVIEW, Tier.FULL))
        recipes = [without_subjects(studio.recipe(each.text, seed)) for seed, each in enumerate(self.prompts)]
        self._previews = [studio.preview(recipe) for recipe in recipes]

    def world(self, number: int, size: Size) -> Frames:
        """A scene as the drawn world paints it: one frame."""
        return self._painted(number, size, STILL)[:1]

    def preview(self, number: int) -> Frames:
        """As the student draws it."""
        return self._previews[number].scene

    def render(self, number: int) -> Frames:
        """As the teacher draws it from that preview."""
        return self.studio.render(self._previews[number]).scene

    def decoded(self, number: int, size: Size) -> Frames:
        """The drawn world at the autoencoder's size for frames of `size`, encoded and drawn again."""
        times = self.studio.engine.manifest.enlargement
        native = size[0] // times, size[1] // times
        frames = self._painted(number, native, FRAMES)
        if size == self.small:
            latents = self.studio.engine.encode(frames, self.studio.engine.manifest.buckets[0])
        else:
            latents = self.studio.renderer.encode(frames, *native)
        return self.studio.engine.draw_latents(latents.astype(np.float32))

    def _painted(self, number: int, size: Size, frames: int) -> Frames:
        prompt = self.prompts[number]
        scene = Scene(NOBODY, prompt.place, prompt.time, "still")
        return np.asarray(draw(scene, number, size, frames).frames, dtype=np.uint8)


def shares(drawn: Sequence[Frames], world: Sequence[Frames], large: Sequence[Frames]) -> PictureDetail:
    """The detail of clips as shares of the world's, the gradient of `large`; grain is what they have more."""
    height, width = large[0].shape[1:3]
    ours, theirs = (detail(np.concatenate(list(clips))) for clips in (drawn, world))
    gradients = [gradient_energy(each, (width, height)) for each in drawn]
    whole = float(np.mean([gradient_energy(each) for each in large]))
    return PictureDetail(
        gradient=float(np.mean(gradients)) / whole,
        finest=float(ours.finest / theirs.finest),
        grain=ours.grain - theirs.grain,
        rings=float(ours.rings / theirs.rings),
    )


def row(name: str, found: PictureDetail) -> str:
    """A row of the table; with its goal where it has one, and a word where there is noise."""
    goal = GOALS.get(name)
    cells = (
        f"{found.gradient:.0%}" + ("" if goal is None else f" (goal {goal:.0%})"),
        f"{found.finest:.0%}" + (" noise" if found.finest > MOST else ""),
        f"{found.grain:+.1f}" + (" noise" if found.grain > GRAIN else ""),
        f"{found.rings:.0%}" + (" noise" if found.rings > MOST else ""),
    )
    return f"| {name} | {' | '.join(cells)} |"


def _size(text: str) -> Size:
    width, height = text.split("x")
    return int(width), int(height)


@one_line_errors
def main() -> None:
    """Draw, measure and print."""
    parser = studio_parser("crispness", __doc__, 20, renders=True)
    parser.add_argument("--renders", type=count, default=6, help="of the scenes, how many are rendered too")
    options = parser.parse_args()
    scenes = Backgrounds(studio_of(options), options.count)
    numbers, few = range(options.count), range(min(options.renders, options.count))
    small, large = ([scenes.world(each, size) for each in numbers] for size in (scenes.small, scenes.large))
    previews = [_looked_at(scenes.preview(each)) for each in numbers]
    decoded = [_looked_at(scenes.decoded(each, scenes.small)) for each in numbers]
    print("| scenes | gradient | finest | grain | rings |\n|---|---|---|---|---|")
    print(row("the world, as previews", shares(small, small, large)))
    print(row("previews, decoded", shares(decoded, small, large)))
    print(row("previews", shares(previews, small, large)))
    fewer = [large[each] for each in few]
    decoded = [_looked_at(scenes.decoded(each, scenes.large)) for each in few]
    print(row("renders, decoded", shares(decoded, fewer, fewer)))
    renders = [_looked_at(scenes.render(each)) for each in few]
    print(row("renders", shares(renders, fewer, fewer)))
    parts = [
        gradient_energy(drawn, scenes.large) / gradient_energy(whole)
        for drawn, whole in zip(previews, large, strict=True)
    ]
    print("previews by place:", end="")
    for place in dict.fromkeys(each.place for each in scenes.prompts):
        of_place = [part for part, each in zip(parts, scenes.prompts, strict=True) if each.place == place]
        print(f" {place} {np.mean(of_place):.0%}", end="")
    print()


def _looked_at(frames: Frames) -> Frames:
    return frames[list(LOOKED_AT)]


if __name__ == "__main__":
    main()

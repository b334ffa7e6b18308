"""The measure of styles knows drawn clips, also of another seed and blurred."""

from dataclasses import replace

import torch
import torch.nn.functional as F

from train.measure.style_adherence import NAMES, colours, in_every_style, nearest_style
from train.models.vae import as_video
from train.world.clips import draw
from train.world.scenes import Scene

SCENES = (Scene("cat", "beach", "day", "jump"), Scene("bus", "city", "night", "left"))


def test_a_drawn_clip_of_another_seed_is_nearest_to_its_own_style() -> None:
    drawn = torch.stack([in_every_style(scene, 1) for scene in SCENES for _ in NAMES])
    clips = torch.stack(
        [as_video(draw(replace(scene, style=style), 2).frames) for scene in SCENES for style in NAMES]
    )
    wanted = torch.arange(len(NAMES)).repeat(len(SCENES))
    assert torch.equal(nearest_style(clips, drawn), wanted)
    blurred = F.avg_pool3d(clips, (1, 4, 4))
    assert torch.equal(nearest_style(blurred, drawn), wanted)


def test_colours_of_one_colour_have_no_spread() -> None:
    found = colours(torch.full((2, 3, 1, 4, 4), 0.5))
    assert found.shape == (2, 9)
    assert found[0].tolist() == [0.5] * 3 + [0.0] * 6

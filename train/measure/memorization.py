"""Memorization: does a preview copy its reference picture, or was the sprite memorized in training?

    python -m train.measure.memorization [--model DIR] [--rounds 8]  needs the font of emoji_sprites

Sprites that training shows against sprites that it never does, 16 at a time: how often the scorer of
train.measure.likeness finds the right one. What the first have above the second is not copied but memorized.
"""

import random

import numpy as np
import torch
from PIL import Image

from export.command import one_line_errors
from export.options import count
from train.measure.command import measured_model, measurement_parser, set_threads
from train.measure.sampler import ModelSampler
from train.models.conditioning import REFERENCE
from train.models.likeness import Likeness, load_likeness, nearest_reference
from train.models.vae import as_video
from train.stages.refiner_shards import PICTURE
from train.world.captions import plain_caption
from train.world.clips import PREVIEW, draw, reference_picture
from train.world.emoji_sprites import emoji_characters, emoji_sprite
from train.world.scenes import referred_scenes

EACH = 16  # references of a round, as in train.measure.likeness


@torch.no_grad()
def found(
    sampler: ModelSampler, model: Likeness, sprites: list[Image.Image], rng: random.Random, first: int
) -> np.ndarray:
    """bool [4, N]: which of N sprites are found in drawn clips, in those through the autoencoder, in what the
    student draws from the seeds `first` and on, and in previews: the same refined.
    """
    scenes = [rng.choice(referred_scenes()) for _ in sprites]
    numbers = range(first, first + len(sprites))
    asked = list(zip(scenes, sprites, numbers, strict=True))
    drawn = as_video(np.stack([draw(scene, i, PREVIEW, sprite=sprite).frames for scene, sprite, i in asked]))
    shown, large = (
        as_video(np.stack([reference_picture(sprite, i + 70, size)[None] for _, sprite, i in asked]))
        for size in (REFERENCE, PICTURE)
    )
    judged_by = as_video(np.stack([reference_picture(sprite, i + 170)[None] for _, sprite, i in asked]))[
        :, :, 0
    ]
    prompts = [plain_caption(scene) for scene in scenes]
    alone = sampler.decode(sampler.preview(prompts, numbers, references=sampler.encode(shown)))
    videos = (
        drawn,
        sampler.decode(sampler.encode(drawn)),
        alone,
        sampler.refined(alone, large[:, :, 0]),
    )
    own = torch.arange(len(sprites))
    return np.stack([(nearest_reference(model, video, judged_by) == own).numpy() for video in videos])


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("memorization", __doc__)
    parser.add_argument("--rounds", type=count, default=8, help="times 16 sprites of each kind")
    options = parser.parse_args()
    set_threads(options)
    sampler, model = measured_model(options), load_likeness()
    print("| sprites | drawn | through the autoencoder | student alone | preview | n |")
    print("|---|---|---|---|---|---|")
    for name, unseen in (("shown in training", False), ("never shown", True)):
        rounds = []
        for number in range(options.rounds):
            # The wording of the seed is that of the published figures.
            rng = random.Random(f"by heart {unseen} {number}")
            sprites = [emoji_sprite(each) for each in rng.sample(emoji_characters(unseen=unseen), EACH)]
            rounds.append(found(sampler, model, sprites, rng, 1000 * number))
        shares = np.concatenate(rounds, axis=1).mean(1)
        cells = " | ".join(f"{100 * share:.1f} %" for share in shares)
        print(f"| {name} | {cells} | {EACH * options.rounds} |", flush=True)


if __name__ == "__main__":
    main()

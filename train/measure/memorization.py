"""Does a preview copy its reference picture, or does it know the sprite by heart?

    python -m train.measure.memorization [--model DIR] [--rounds 8]  needs the font of emoji_sprites

Sprites that training shows against sprites that it never does, 16 at a time: how often the scorer of
train.measure.likeness finds the right one. What the first have above the second is not copied but remembered.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from export.assemble import assemble
from train.measure.likeness import Likeness, load_likeness, nearest
from train.measure.studio import Studio
from train.models.conditions import REFERENCE
from train.models.vae import as_video
from train.stages.refiner_clips import PICTURE
from train.world.captions import plain_caption, referred_scenes
from train.world.emoji_sprites import crowd, crowd_sprite
from train.world.world import PREVIEW, draw, portrait

EACH = 16  # references of a round, as in train.measure.likeness


@torch.no_grad()
def found(
    studio: Studio, model: Likeness, sprites: list[Image.Image], rng: random.Random, first: int
) -> np.ndarray:
    """bool [4, N]: which of N sprites are found in drawn clips, in those through the autoencoder, in what the
    student draws from the seeds `first` and on, and in previews: the same refined.
    """
    scenes = [rng.choice(referred_scenes()) for _ in sprites]
    numbers = range(first, first + len(sprites))
    asked = list(zip(scenes, sprites, numbers, strict=True))
    drawn = as_video(np.stack([draw(scene, i, PREVIEW, sprite=sprite).frames for scene, sprite, i in asked]))
    shown, large = (
        as_video(np.stack([portrait(sprite, i + 70, size)[None] for _, sprite, i in asked]))
        for size in (REFERENCE, PICTURE)
    )
    judged_by = as_video(np.stack([portrait(sprite, i + 170)[None] for _, sprite, i in asked]))[:, :, 0]
    prompts = [plain_caption(scene) for scene in scenes]
    alone = studio.decode(studio.preview(prompts, numbers, references=studio.encode(shown)))
    videos = (
        drawn,
        studio.decode(studio.encode(drawn)),
        alone,
        studio.refined(alone, large[:, :, 0]),
    )
    own = torch.arange(len(sprites))
    return np.stack([(nearest(model, video, judged_by) == own).numpy() for video in videos])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.memorization", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--rounds", type=int, default=8, help="times 16 sprites of each kind")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    studio, model = Studio(chosen.model or assemble(chosen.home / "model")), load_likeness()
    print("| sprites | drawn | through the autoencoder | student alone | preview | n |")
    print("|---|---|---|---|---|---|")
    for name, unseen in (("shown in training", False), ("never shown", True)):
        rounds = []
        for number in range(chosen.rounds):
            rng = random.Random(f"by heart {unseen} {number}")
            sprites = [crowd_sprite(each) for each in rng.sample(crowd(unseen=unseen), EACH)]
            rounds.append(found(studio, model, sprites, rng, 1000 * number))
        shares = np.concatenate(rounds, axis=1).mean(1)
        cells = " | ".join(f"{100 * share:.1f} %" for share in shares)
        print(f"| {name} | {cells} | {EACH * chosen.rounds} |", flush=True)


if __name__ == "__main__":
    main()

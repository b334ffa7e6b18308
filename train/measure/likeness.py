"""Likeness: which of 16 reference pictures does a clip show?

    python -m train.measure.likeness [--bundle DIR]    16 sprites that no training has shown

The scorer itself is trained by `python -m train.train --stages likeness`.
"""

import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.command import one_line_errors
from export.options import count
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.render_start import KEEP_STRENGTH
from train.arguments import weights_folder
from train.measure.bundle_sampler import bundle_clips
from train.measure.command import measured_bundle, measured_model, measurement_parser, set_threads
from train.measure.sampler import ModelSampler
from train.models.conditioning import REFERENCE
from train.models.judge import to_preview
from train.models.likeness import FOLDER, Likeness, load_likeness, nearest_reference
from train.models.vae import as_video
from train.reports.contact_sheets import contact_sheet, sheet_name
from train.stages.refiner_shards import PICTURE
from train.world.captions import plain_caption
from train.world.clips import PREVIEW, draw, reference_picture
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import referred_scenes


@torch.no_grad()
def score(
    sampler: ModelSampler, model: Likeness, engine: PreviewEngine | None, scenes: int, pictures: Path | None
) -> str:
    """Markdown: how often the nearest of 16 references is the one that was given, by what drew the clip."""
    rng = random.Random(31)
    sprites = list(held_out_sprites().values())
    asked = [scene for _ in sprites for scene in rng.sample(referred_scenes(), scenes)]
    own = torch.arange(len(sprites)).repeat_interleave(scenes)
    # What the scorer compares with is a portrait of its own: neither its size nor its ground is the model's.
    others = np.stack([reference_picture(sprite, 170 + number) for number, sprite in enumerate(sprites)])
    references = as_video(others[:, None])[:, :, 0]
    shown, large = (
        np.stack([reference_picture(sprite, 70 + number, size) for number, sprite in enumerate(sprites)])
        for size in (REFERENCE, PICTURE)
    )
    pictures_of = as_video(large[:, None])[own, :, 0]
    prompts, seeds = [plain_caption(scene) for scene in asked], list(range(len(asked)))
    drawn = np.stack(
        [
            draw(scene, 40_000 + i, PREVIEW, sprite=sprites[int(own[i])]).frames
            for i, scene in enumerate(asked)
        ]
    )
    latents = sampler.encode(as_video(shown[:, None]))[own]
    previews = sampler.preview(prompts, seeds, references=latents)
    refined = sampler.refined(sampler.decode(previews), pictures_of)

    def render() -> Tensor:
        # A render starts from the preview as it was seen.
        start = sampler.enlarged(sampler.encode(refined))
        return sampler.decode(
            sampler.teacher_finish(prompts, seeds, start, KEEP_STRENGTH, references=latents)
        )

    methods = {
        "drawn": lambda: as_video(drawn),
        "decoded": lambda: sampler.decode(sampler.encode(as_video(drawn))),
        "preview (student, refined)": lambda: refined,
        "render of that preview (refined)": lambda: sampler.refined(render(), pictures_of),
        "student alone": lambda: sampler.decode(previews),
        "teacher alone at preview size": lambda: sampler.decode(
            sampler.teacher_preview(prompts, seeds, references=latents)
        ),
        "no reference given (student)": lambda: sampler.decode(sampler.preview(prompts, seeds)),
    }
    if engine is not None:
        given = [ConditioningInputs(reference=large[int(number)][None]) for number in own]
        methods["preview (bundle)"] = lambda: bundle_clips(engine, prompts, seeds, given)
    lines = ["| clips | nearest of 16 | n |", "|---|---|---|"]
    for name, method in methods.items():
        video = method()
        share = (nearest_reference(model, video, references) == own).float().mean()
        lines.append(f"| {name} | {100 * share:.1f} % | {len(video)} |")
        print(lines[-1], flush=True)
        if pictures is not None:
            video = to_preview(video)
            stills = references[own][:, :, None].expand(-1, -1, video.shape[2], -1, -1)
            rows = [
                torch.cat((stills[i], video[i]), dim=3)
                for i in range(0, len(video), max(1, len(video) // 16))
            ]
            contact_sheet(rows, pictures / f"likeness-{sheet_name(name)}.png", columns=5)
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("likeness", __doc__, bundle=True)
    parser.add_argument("--scorer", type=weights_folder, default=FOLDER, help="weights of the scorer")
    parser.add_argument("--scenes", type=count, default=4, help="prompts a sprite")
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    set_threads(options)
    engine, sampler = measured_bundle(options), measured_model(options)
    print(score(sampler, load_likeness(options.scorer), engine, options.scenes, options.pictures))


if __name__ == "__main__":
    main()

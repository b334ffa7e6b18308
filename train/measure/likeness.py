"""A scorer of likeness: which of 16 reference pictures does a clip show?

    python -m train.measure.likeness train    needs the font of emoji_sprites
    python -m train.measure.likeness score [--bundle DIR]    16 sprites that no training has shown

A small picture network, trained to bring a frame of a drawn clip near its sprite's reference picture and away
from all others' (the contrastive loss of van den Oord et al., "Representation learning with contrastive
predictive coding", 2018). Frames are blurred and recoloured, so that it sees who it is and not how crisp.
"""

import argparse
import random
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from export.assemble import WEIGHTS, assemble
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.render_start import KEEP_STRENGTH
from train.measure.contact_sheets import contact_sheet, sheet_name
from train.measure.judge import augmented, to_preview
from train.measure.studio import Studio, bundle_clips
from train.models.conditions import REFERENCE
from train.models.vae import as_video
from train.stages.refiner_clips import PICTURE
from train.stages.training import DRAWERS, Budget, Log, Muon, set_rate
from train.world.captions import plain_caption, referred_scenes
from train.world.emoji_sprites import crowd, crowd_sprite, unseen_sprites
from train.world.world import PREVIEW, draw, portrait

FILE = WEIGHTS / "likeness" / "model.safetensors"
TEMPERATURE = 0.07
FRAMES_SEEN = (2, 6, 10, 14)


class Likeness(nn.Module):
    """Pictures [B, 3, 96, 64] in -1..1 -> unit vectors [B, 96]."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (3, width, width * 2, width * 3, width * 4)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU())
                for a, b in pairwise(channels)
            ),
            nn.Conv2d(channels[-1], channels[-1], 3, padding=1),
            nn.SiLU(),
        )
        self.where = nn.Conv2d(channels[-1], 1, 1)
        self.head = nn.Linear(channels[-1], 96)

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.stages(pictures)
        # The subject fills a part of the picture only: the network says which.
        weight = F.softmax(self.where(hidden).flatten(2), dim=2)
        return F.normalize(self.head((hidden.flatten(2) * weight).sum(2)), dim=1)

    def clips(self, video: Tensor) -> Tensor:
        """Videos [B, 3, F, 96, 64] -> unit vectors [B, 96]."""
        frames = video[:, :, list(FRAMES_SEEN)].transpose(1, 2)
        return F.normalize(self(frames.flatten(0, 1)).unflatten(0, (len(video), -1)).mean(1), dim=1)


class _Pairs(IterableDataset):
    """(a frame of a drawn clip [3, 96, 64], a reference picture [3, 96, 64] of the same sprite)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"likeness {self.seed} {info.id if info else 0}")
        scenes = referred_scenes()
        while True:
            # No sprite twice in a batch, or the loss would push a pair of one sprite apart.
            for character in rng.sample(crowd(), len(crowd())):
                sprite, number = crowd_sprite(character), rng.getrandbits(40)
                frames = draw(rng.choice(scenes), number, PREVIEW, sprite=sprite).frames
                one = as_video(frames[rng.randrange(len(frames))][None])
                yield augmented(one, rng)[:, 0], as_video(portrait(sprite, number + 1)[None])[:, 0]


def train_likeness(
    folder: Path, budget: Budget, *, seed: int = 0, batch: int = 96, device: str = "cpu"
) -> Likeness:
    """Train until the budget ends and store `folder/likeness.safetensors`."""
    torch.manual_seed(seed)
    rate = 2e-3
    model, log = Likeness().to(device), Log(folder, "likeness")
    optimiser = Muon(model, rate)
    stream = iter(DataLoader(_Pairs(seed), batch_size=batch, num_workers=DRAWERS, prefetch_factor=4))
    hits: deque[Tensor] = deque(maxlen=50)
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        frames, pictures = (part.to(device) for part in next(stream))
        near = model(frames) @ model(pictures).T / TEMPERATURE
        own = torch.arange(len(frames), device=device)
        loss = F.cross_entropy(near, own) + F.cross_entropy(near.T, own)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        budget.tick()
        hits.append((near.argmax(1) == own).float().mean())
        if budget.done_steps % 50 == 0 or budget.progress >= 1:
            log.row(step=budget.done_steps, loss=loss.detach(), nearest=torch.stack(list(hits)).mean())
    save_file(
        {name: value.half() for name, value in model.state_dict().items()}, folder / "likeness.safetensors"
    )
    return model.cpu().eval()


def load_likeness(file: Path = FILE) -> Likeness:
    """The scorer from its weights."""
    model = Likeness()
    model.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return model.eval().requires_grad_(False)


def nearest(model: Likeness, video: Tensor, references: Tensor) -> Tensor:
    """Which of the reference pictures [R, 3, 96, 64] each clip [B, 3, F, H, W] shows: int [B]."""
    return (model.clips(to_preview(video)) @ model(references).T).argmax(1)


@torch.no_grad()
def score(
    studio: Studio, model: Likeness, engine: PreviewEngine | None, scenes: int, pictures: Path | None
) -> str:
    """Markdown: how often the nearest of 16 references is the one that was given, by what drew the clip."""
    rng = random.Random(31)
    sprites = list(unseen_sprites().values())
    asked = [scene for _ in sprites for scene in rng.sample(referred_scenes(), scenes)]
    own = torch.arange(len(sprites)).repeat_interleave(scenes)
    # What the scorer compares with is a portrait of its own: neither its size nor its ground is the model's.
    others = np.stack([portrait(sprite, 170 + number) for number, sprite in enumerate(sprites)])
    references = as_video(others[:, None])[:, :, 0]
    shown, large = (
        np.stack([portrait(sprite, 70 + number, size) for number, sprite in enumerate(sprites)])
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
    latents = studio.encode(as_video(shown[:, None]))[own]
    previews = studio.preview(prompts, seeds, references=latents)
    refined = studio.refined(studio.decode(previews), pictures_of)

    def render() -> Tensor:
        # A render starts from the preview as it was seen.
        start = studio.enlarged(studio.encode(refined))
        return studio.decode(studio.finish(prompts, seeds, start, KEEP_STRENGTH, references=latents))

    ways = {
        "drawn": lambda: as_video(drawn),
        "decoded": lambda: studio.decode(studio.encode(as_video(drawn))),
        "preview (student, refined)": lambda: refined,
        "render of that preview (refined)": lambda: studio.refined(render(), pictures_of),
        "student alone": lambda: studio.decode(previews),
        "teacher alone at preview size": lambda: studio.decode(
            studio.teacher_preview(prompts, seeds, references=latents)
        ),
        "no reference given (student)": lambda: studio.decode(studio.preview(prompts, seeds)),
    }
    if engine is not None:
        given = [ConditioningInputs(reference=large[int(number)][None]) for number in own]
        ways["preview (bundle)"] = lambda: bundle_clips(engine, prompts, seeds, given)
    lines = ["| clips | nearest of 16 | n |", "|---|---|---|"]
    for name, way in ways.items():
        video = way()
        share = (nearest(model, video, references) == own).float().mean()
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.likeness", description=__doc__.split("\n")[0]
    )
    parser.add_argument("action", choices=("train", "score"))
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--scorer", type=Path, default=FILE, help="weights of the scorer")
    parser.add_argument("--bundle", type=Path, default=None, help="an exported bundle to judge too")
    parser.add_argument("--scenes", type=int, default=4, help="prompts a sprite")
    parser.add_argument("--pictures", type=Path, default=None, help="folder for contact sheets")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    if chosen.action == "train":
        model = train_likeness(chosen.home, Budget(20_000, chosen.minutes), device=chosen.device)
        print(f"{_accuracy(model):.1%} of fresh drawn clips of unseen sprites are nearest to their own")
    else:
        engine = None if chosen.bundle is None else PreviewEngine(chosen.bundle, chosen.threads)
        studio = Studio(chosen.model or assemble(chosen.home / "model"))
        print(score(studio, load_likeness(chosen.scorer), engine, chosen.scenes, chosen.pictures))


@torch.no_grad()
def _accuracy(model: Likeness, rounds: int = 16) -> float:
    """Over draws of 16 of all held-out sprites, on drawn clips."""
    rng, hits = random.Random(5), []
    for _ in range(rounds):
        sprites = [crowd_sprite(each) for each in rng.sample(crowd(unseen=True), 16)]
        number = rng.getrandbits(30)
        clips = np.stack(
            [draw(rng.choice(referred_scenes()), number, sprite=each).frames for each in sprites]
        )
        pictures = np.stack([portrait(each, number)[None] for each in sprites])
        found = nearest(model, as_video(clips), as_video(pictures)[:, :, 0])
        hits.append(float((found == torch.arange(16)).float().mean()))
    return float(np.mean(hits))


if __name__ == "__main__":
    main()

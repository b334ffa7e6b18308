"""A scorer that knows nothing of the generator: what does a clip show?

    python -m train.measure.judge score [--bundle DIR]       the adherence table
    python -m train.measure.judge shapes [--bundle DIR]      the same for every size and length
    python -m train.measure.judge train                      the scorer itself, in some minutes

A small video network, trained on drawn clips that are blurred, shifted, recoloured and noised, so that it
judges what is shown and not how crisply it's drawn.
"""

import argparse
import random
from collections import Counter, deque
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
from model_server.engine.preview import PreviewEngine
from train.measure import statistics
from train.measure.studio import Shape, Studio, bundle_previews
from train.models.vae import as_video
from train.stages.precision import mixed
from train.stages.training import DRAWERS, Budget, Log, Muon, set_rate
from train.world.captions import Scene, plain_caption, random_scene
from train.world.vocabulary import MOTIONS, PLACES, SUBJECTS, TIMES
from train.world.world import FRAMES, FULL_SIZES, LENGTHS, PREVIEW, PREVIEW_SIZES, draw

SLOTS: dict[str, tuple[str, ...]] = {
    "subject": tuple(SUBJECTS),
    "place": tuple(PLACES),
    "time": tuple(TIMES),
    "motion": tuple(MOTIONS),
}
# Relative to WEIGHTS or to a training's home.
FOLDER = "judge"
JUDGED_FRAMES = slice(0, 17, 2)
LARGE_SHARE = 0.2
FEATURES = 192
SHAPES: tuple[Shape, ...] = tuple((*size, frames) for size in PREVIEW_SIZES for frames in LENGTHS)


class Judge(nn.Module):
    """Video [B, 3, 17, 96, 64] in -1..1 -> logits of each slot, and features [B, FEATURES] for distances."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = (3, width, width * 2, width * 3, width * 4)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(a, b, 3, stride=(1 if i in (0, 2) else 2, 2, 2), padding=1),
                nn.GroupNorm(8, b),
                nn.SiLU(),
            )
            for i, (a, b) in enumerate(pairwise(channels))
        )
        # Where something is tells how it moves: keep a coarse map instead of a mean over the picture.
        self.flat = nn.Linear(channels[-1] * 3 * 3 * 2, FEATURES)
        self.heads = nn.ModuleDict({slot: nn.Linear(FEATURES, len(names)) for slot, names in SLOTS.items()})

    def features(self, video: Tensor) -> Tensor:
        """The numbers by which two clips are compared."""
        hidden = video[:, :, JUDGED_FRAMES]
        for stage in self.stages:
            hidden = stage(hidden)
        return F.silu(self.flat(F.adaptive_avg_pool3d(hidden, (3, 3, 2)).flatten(1)))

    def forward(self, video: Tensor) -> dict[str, Tensor]:
        features = self.features(video)
        return {slot: head(features) for slot, head in self.heads.items()}


class _Labelled(IterableDataset):
    """(augmented video, class index of each slot), from the whole world, held-out combinations too."""

    def __init__(self, seed: int, augment: bool = True) -> None:
        self.seed, self.augment = seed, augment

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"judge {self.seed} {info.id if info else 0}")
        while True:
            scene = random_scene(rng, unseen=rng.random() < 0.2)
            size, frames = rng.choice(PREVIEW_SIZES), rng.choice(LENGTHS)
            if rng.random() < LARGE_SHARE:
                size, frames = rng.choice(FULL_SIZES), FRAMES
            clip = draw(scene, rng.getrandbits(40), size, frames)
            video = to_preview(as_video(clip.frames)[None])[0]
            yield augmented(video, rng) if self.augment else video, labels(scene)


def labels(scene: Scene) -> Tensor:
    """The class index of each slot, in the order of SLOTS."""
    return torch.tensor([names.index(getattr(scene, slot)) for slot, names in SLOTS.items()])


def to_preview(video: Tensor) -> Tensor:
    """Scale [B, 3, F, H, W] to the portrait preview by area, and take 17 frames all over it."""
    video = video[:, :, torch.linspace(0, video.shape[2] - 1, FRAMES).round().long()]
    if video.shape[-2:] == PREVIEW[::-1]:
        return video
    batch, _, frames = video.shape[:3]
    small = F.interpolate(video.transpose(1, 2).flatten(0, 1), size=PREVIEW[::-1], mode="area")
    return small.unflatten(0, (batch, frames)).transpose(1, 2)


def augmented(video: Tensor, rng: random.Random) -> Tensor:
    """Blur, noise, and small changes of brightness, contrast and position, one setting a clip."""
    if rng.random() < 0.6:
        scale = rng.uniform(0.3, 0.9)
        small = F.interpolate(video.transpose(0, 1), scale_factor=scale, mode="bilinear", antialias=True)
        video = F.interpolate(small, size=video.shape[-2:], mode="bilinear").transpose(0, 1)
    dx, dy = rng.randint(-3, 3), rng.randint(-3, 3)
    video = F.pad(video, (3, 3, 3, 3), mode="replicate")[..., 3 + dy : 99 + dy, 3 + dx : 67 + dx]
    gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-0.08, 0.08)
    tint = torch.tensor([rng.uniform(-0.05, 0.05) for _ in range(3)]).view(3, 1, 1, 1)
    return video * gain + offset + tint + rng.uniform(0, 0.08) * torch.randn_like(video)


def train_judge(
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    batch: int = 24,
    rate: float = 1.5e-3,
    device: str = "cpu",
) -> Judge:
    """Train until the budget ends and store the weights in `folder/judge`."""
    torch.manual_seed(seed)
    judge, log = Judge().to(device), Log(folder, "judge")
    optimiser = Muon(judge, rate)
    stream = iter(DataLoader(_Labelled(seed), batch_size=batch, num_workers=DRAWERS, prefetch_factor=4))
    hits: deque[Tensor] = deque(maxlen=50)
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        video, wanted = (part.to(device) for part in next(stream))
        with mixed(device):
            logits = judge(video)
        loss = sum(F.cross_entropy(part.float(), wanted[:, i]) for i, part in enumerate(logits.values()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        budget.tick()
        guess = torch.stack([part.argmax(1) for part in logits.values()], dim=1)
        hits.append((guess == wanted).float().mean(0))
        if budget.done_steps % 50 == 0 or budget.progress >= 1:
            share = torch.stack(list(hits)).mean(0)
            log.row(step=budget.done_steps, loss=loss.detach(), **dict(zip(SLOTS, share, strict=True)))
    (folder / FOLDER).mkdir(exist_ok=True)
    halves = {name: value.half().contiguous() for name, value in judge.state_dict().items()}
    save_file(halves, folder / FOLDER / "model.safetensors")
    return judge.cpu().eval()


def load_judge(folder: Path = WEIGHTS / FOLDER) -> Judge:
    """The scorer from its weights, those of this repository or others."""
    judge = Judge()
    weights = load_file(folder / "model.safetensors")
    judge.load_state_dict({name: value.float() for name, value in weights.items()})
    return judge.eval().requires_grad_(False)


@torch.no_grad()
def verdicts(judge: Judge, video: Tensor, scenes: list[Scene]) -> np.ndarray:
    """bool [B, 4]: does each clip show what each slot of its scene asks for?"""
    logits = judge(to_preview(video))
    guess = torch.stack([part.argmax(1) for part in logits.values()], dim=1)
    return (guess == torch.stack([labels(scene) for scene in scenes])).numpy()


def table(rows: dict[str, np.ndarray]) -> str:
    """Markdown: the share of clips that show each slot, and all four together."""
    lines = ["| clips | " + " | ".join(SLOTS) + " | all four | n |", "|---" * (len(SLOTS) + 3) + "|"]
    for name, hits in rows.items():
        shares = [f"{100 * part:.1f} %" for part in hits.mean(0)] + [f"{100 * hits.all(1).mean():.1f} %"]
        lines.append(f"| {name} | " + " | ".join(shares) + f" | {len(hits)} |")
    return "\n".join(lines)


def unseen_scenes(count: int, seed: int = 11) -> list[Scene]:
    rng = random.Random(seed)
    return [random_scene(rng, unseen=True) for _ in range(count)]


def confusions(judge: Judge, video: Tensor, scenes: list[Scene], most: int = 8) -> str:
    """What was taken for what, most frequent first: `cat for lion (2)`; `none` if nothing was."""
    wrong: Counter[str] = Counter()
    for slot, logits in judge(to_preview(video)).items():
        for scene, guess in zip(scenes, logits.argmax(1).tolist(), strict=True):
            asked, seen = getattr(scene, slot), SLOTS[slot][guess]
            if asked != seen:
                wrong[f"{asked} shown as {seen}"] += 1
    return ", ".join(f"{pair} ({count})" for pair, count in wrong.most_common(most)) or "none"


@torch.no_grad()
def score(model: Path, judge: Judge, count: int, engine: PreviewEngine | None = None) -> str:
    """Markdown: adherence on held-out combinations, what was mistaken, and numbers about all clips together.

    Every fourth prompt is drawn from `measures.SEEDS` seeds, for the diversity.
    """
    studio, scenes = Studio(model), unseen_scenes(count)
    drawn = [draw(scene, 90_000 + i).frames for i, scene in enumerate(scenes)]
    clips = as_video(np.stack(drawn))
    prompts, seeds = [plain_caption(scene) for scene in scenes], list(range(count))
    made = {"drawn": clips, "decoded": studio.decode(studio.encode(clips))}
    made["preview (student)"] = studio.decode(studio.preview(prompts, seeds))
    if engine is not None:
        made["preview (bundle)"] = studio.decode(bundle_previews(engine, prompts, seeds))
    made["teacher, preview size"] = studio.decode(studio.teacher_preview(prompts, seeds))
    parts = [table({name: verdicts(judge, video, scenes) for name, video in made.items()})]
    parts += [f"{name}: {confusions(judge, video, scenes)}" for name, video in made.items()]
    parts.append(_whole(judge, studio, scenes, made))
    return "\n\n".join(parts)


@torch.no_grad()
def shapes_table(studio: Studio, judge: Judge, count: int, engine: PreviewEngine | None = None) -> str:
    """Markdown: adherence of previews of every size and length, `count` held-out prompts each.

    The bundle's previews where there is one, else the student's.
    """
    rows = {}
    for number, shape in enumerate(SHAPES):
        scenes, label = unseen_scenes(count, seed=40 + number), f"{shape[0]}x{shape[1]}x{shape[2]}"
        clips = [draw(scene, 60_000 + i, shape[:2], shape[2]).frames for i, scene in enumerate(scenes)]
        prompts, seeds = [plain_caption(scene) for scene in scenes], list(range(count))
        if engine is None:
            latents = studio.preview(prompts, seeds, shape=shape)
        else:
            latents = bundle_previews(engine, prompts, seeds, shape=shape)
        rows[f"{label}, drawn"] = verdicts(judge, as_video(np.stack(clips)), scenes)
        rows[f"{label}, preview"] = verdicts(judge, studio.decode(latents), scenes)
    return table(rows)


def _whole(judge: Judge, studio: Studio, scenes: list[Scene], made: dict[str, Tensor]) -> str:
    """Diversity and flicker as shares of the drawn world's, and the Frechet distance to it."""
    some = [scene for scene in scenes[:: statistics.SEEDS] for _ in range(statistics.SEEDS)]
    texts, seeds = [plain_caption(scene) for scene in some], [500 + i for i in range(len(some))]
    again = as_video(np.stack([draw(scene, 70_000 + i).frames for i, scene in enumerate(some)]))
    other = as_video(np.stack([draw(scene, 80_000 + i).frames for i, scene in enumerate(scenes)]))
    groups = {
        "drawn": again,
        "preview (student)": studio.decode(studio.preview(texts, seeds)),
    }
    lines = [
        "| clips | diversity of seeds | flicker | Frechet distance | n |",
        "|---|---|---|---|---|",
    ]
    world = judge.features(to_preview(other))
    spread, steady = statistics.diversity(judge.features(again)), statistics.flicker(made["drawn"])
    for name, video in made.items():
        diverse = "-"
        if name in groups:
            diverse = f"{statistics.diversity(judge.features(to_preview(groups[name]))) / spread:.2f}"
        distance = statistics.frechet(judge.features(to_preview(video)), world)
        cells = (diverse, f"{statistics.flicker(video) / steady:.2f}", f"{distance:.2f}", str(len(video)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.judge", description="Does a clip show what was asked?"
    )
    parser.add_argument("action", choices=("train", "score", "shapes"))
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--judge", type=Path, default=WEIGHTS / FOLDER, help="weights of the scorer")
    parser.add_argument("--bundle", type=Path, default=None, help="an exported bundle to judge too")
    parser.add_argument("--count", type=int, default=None, help="held-out prompts: 96, of a shape 24")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    if chosen.action == "train":
        chosen.home.mkdir(parents=True, exist_ok=True)
        judge = train_judge(chosen.home, Budget(20_000, chosen.minutes), device=chosen.device)
        video, wanted = next(iter(DataLoader(_Labelled(5, augment=False), batch_size=400)))
        with torch.no_grad():
            guess = torch.stack([part.argmax(1) for part in judge(video).values()], dim=1)
        print(table({"fresh drawn clips": (guess == wanted).numpy()}))
    else:
        engine = None if chosen.bundle is None else PreviewEngine(chosen.bundle, chosen.threads)
        model, judge = chosen.model or assemble(chosen.home / "model"), load_judge(chosen.judge)
        if chosen.action == "score":
            print(score(model, judge, chosen.count or 96, engine))
        else:
            print(shapes_table(Studio(model), judge, chosen.count or 24, engine))


if __name__ == "__main__":
    main()

"""What does a preview cost with everything, where does it go, and what does a full render cost against it?

    python -m bench.preview_cost [--bundle DIR] [--teacher DIR] [--count 12] [--renders 2]

CPU seconds of this process, of the product's own code from the words to the MP4 with its thumbnails:
`reading` the prompt, `begin` (the text encoder), `denoising` with a picture of each step, `decoding` and
composing, and `files`. Medians of clips, each of other words. Goals: a preview of at most 0.30 CPU seconds on
AVX2 and 0.10 with VNNI, and a full render of at least 50 times as much on both. `python -m bench.without_vnni
bench.preview_cost --bundle DIR` measures on AVX2 what this machine has more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

import settings
from bench.library_prompts import library_prompts
from bench.processor_name import processor
from bench.word_clips import WordStudio, studio_of, studio_parser
from domain.videos.recipes import rendered
from export.command import one_line_errors
from export.options import count
from model_server.engine.host import host_target
from model_server.serve.engines import Engines, EngineState
from model_server.serve.generation import Output, generate
from schemas.videos import Recipe, Tier
from schemas.work import Inputs, Render

# By what the processor does with int8.
GOALS = {"avx2": 0.30, "vnni": 0.10}
GOAL_CHEAPER = 50.0
STAGES = {
    "begin": "begin",
    "denoise": "denoising",
    "decode": "decoding",
    "measure": "decoding",
    "encode": "files",
}

Cost = dict[str, float]


def loaded(bundle: Path, teacher: Path, tiers: Sequence[Tier]) -> Engines:
    """The model server's engines.

    Raises:
        RuntimeError: one can't be loaded.
    """
    engines = Engines(msgspec.structs.replace(settings.load(), bundle=bundle, teacher=teacher))
    for tier in tiers:
        engines.load(tier)
        if engines.states[tier] is not EngineState.READY:
            raise RuntimeError(f"the {tier} engine: {engines.errors[tier]}")
    return engines


def generated(engines: Engines, recipe: Recipe, tier: Tier) -> Cost:
    """CPU seconds of each stage of one video, as the model server counts them."""
    request = Render(id="bench", attempt=1, owner="bench", tier=tier, recipe=recipe, inputs=Inputs())
    spent: Cost = defaultdict(float)
    since = time.process_time()
    for unit in generate(request, engines):
        now = time.process_time()
        spent[STAGES["encode" if isinstance(unit, Output) else unit.stage]] += now - since
        since = now
    return dict(spent)


def preview_costs(studio: WordStudio, engines: Engines, clips: int) -> tuple[list[Recipe], list[Cost]]:
    """The recipes of previews, and what each took with the reading of its words; the first isn't counted."""
    prompts = library_prompts(studio.library.index.subjects, studio.card.vocabulary, clips + 1, 9)
    recipes, costs = [], []
    for seed, prompt in enumerate(prompts):
        since = time.process_time()
        recipe = studio.recipe(prompt.text, seed)
        reading = time.process_time() - since
        recipes.append(recipe)
        costs.append({"reading": reading, **generated(engines, recipe, Tier.PREVIEW)})
    return recipes[1:], costs[1:]


@one_line_errors
def main() -> None:
    """Draw, measure and print."""
    parser = studio_parser("preview_cost", __doc__, 12, renders=True)
    parser.add_argument("--renders", type=count, default=2, help="full videos")
    options = parser.parse_args()
    studio = studio_of(options)
    engines = loaded(options.bundle, options.teacher, [Tier.PREVIEW, Tier.FULL])
    recipes, costs = preview_costs(studio, engines, options.count)
    full = [
        sum(generated(engines, rendered(recipe, studio.card), Tier.FULL).values())
        for recipe in recipes[: options.renders]
    ]
    target = host_target()
    preview, render = median(sum(cost.values()) for cost in costs), median(full)
    print(f"{processor()}; the bundle is for {studio.engine.manifest.target}\n")
    print("| | CPU s | goal |\n|---|---|---|")
    for stage in costs[0]:
        print(f"| {stage} | {median(cost[stage] for cost in costs):.3f} | |")
    goal = f"<= {GOALS[target]:.2f}" if target in GOALS else ""
    print(f"| a preview | {preview:.3f} | {goal} |")
    print(f"| a full video | {render:.2f}, {render / preview:.1f} x | >= {GOAL_CHEAPER:.0f} x |")


if __name__ == "__main__":
    main()

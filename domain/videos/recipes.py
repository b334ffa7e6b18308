"""How a request becomes recipes. Pure."""

from __future__ import annotations

import msgspec

from domain.videos.relations import STARTS_FROM_PIXELS, repeated_frames
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_SEED, CreateVideo, ModelCard, Recipe, Tier

# From 0.85 the words win over the source's place and subject, at 0.95 little but the layout is left.
DEFAULT_STRENGTH = 0.9


def resolve(
    request: CreateVideo,
    card: ModelCard,
    first_seed: int,
    *,
    source: Recipe | None = None,
    prompt: str | None = None,
    likeness: str | None = None,
) -> list[Recipe]:
    """One recipe for each video of a checked request: seeds count up from its own, else `first_seed`.

    `source` is the recipe of what it is made from, whose shape and length are kept where none are requested;
    `prompt` the model's own, where that is not what was typed.
    """
    width, height = _pixels(request.size) if request.size else _default_size(card.sizes[request.tier], source)
    seconds = int(request.seconds if request.seconds is not None else _default_seconds(card, source))
    start = first_seed if request.seed is None else request.seed
    strength = repeated = None
    if request.source is not None and source is not None:
        repeated = repeated_frames(request.source, source, card)
    if request.source is not None and request.source.relation in STARTS_FROM_PIXELS:
        strength = DEFAULT_STRENGTH if request.source.strength is None else request.source.strength
    first = Recipe(
        model=card.id,
        prompt=prompt or request.prompt.strip(),
        width=width,
        height=height,
        # The first frame stands at time 0, so whole seconds need one more.
        frames=seconds * card.fps + 1,
        fps=card.fps,
        seed=start % (MAX_SEED + 1),
        strength=strength,
        likeness=likeness,
        repeats=repeated,
        input_reference=None if request.input_reference is None else True,
    )
    return [msgspec.structs.replace(first, seed=(start + i) % (MAX_SEED + 1)) for i in range(request.n)]


def layout_seed(request: CreateVideo, source: Recipe | None) -> int | None:
    """What places the subjects of a composed clip: a remix keeps where everyone is, as it keeps the scene."""
    if request.source is None or source is None or request.source.relation not in STARTS_FROM_PIXELS:
        return None
    return source.seed if source.layout_seed is None else source.layout_seed


def rendered(recipe: Recipe, card: ModelCard) -> Recipe:
    """The full recipe of a preview: the same but for its size, the smallest full one of the nearest shape.

    Raises:
        RiffleError: invalid_size, where the model renders no full video.
    """
    sizes = card.sizes.get(Tier.FULL, [])
    if not sizes:
        raise RiffleError(Code.INVALID_SIZE, f"{card.id} draws no full videos")
    width, height = _nearest(sizes, recipe)
    return msgspec.structs.replace(recipe, width=width, height=height)


def _default_size(sizes: list[str], source: Recipe | None) -> tuple[int, int]:
    return _pixels(sizes[0]) if source is None else _nearest(sizes, source)


def _default_seconds(card: ModelCard, source: Recipe | None) -> str:
    if source is None:
        return card.seconds[0]
    kept = (source.frames - 1) / source.fps
    return min(card.seconds, key=lambda seconds: abs(int(seconds) - kept))


def _nearest(sizes: list[str], recipe: Recipe) -> tuple[int, int]:
    """The smallest size of the shape nearest to a recipe's."""
    shape = recipe.width / recipe.height
    return min(map(_pixels, sizes), key=lambda size: (abs(size[0] / size[1] - shape), size[0] * size[1]))


def _pixels(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)

"""What may be asked of a model, and how a wish becomes recipes."""

from __future__ import annotations

import msgspec

from domain.videos.relations import STARTS_FROM_PIXELS, check_source, repeats
from domain.videos.steer import check_steer
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_PROMPT_CHARS, MAX_SEED, MAX_SWARM, CreateVideo, ModelCard, Recipe, Tier

# From 0.85 the words win over the source's place and subject, at 0.95 little but the layout is left.
DEFAULT_STRENGTH = 0.9


def check_create(wish: CreateVideo, card: ModelCard) -> None:
    """Refuse a wish that this model can't fulfil.

    Raises:
        RiffleError: unknown_model, invalid_request, prompt_too_long, invalid_n, invalid_size.
    """
    if wish.model is not None and wish.model != card.id:
        raise RiffleError(Code.UNKNOWN_MODEL, f"there is no model `{wish.model}`", param="model")
    if not wish.prompt.strip():
        raise RiffleError(Code.INVALID_REQUEST, "the prompt is empty", param="prompt")
    if len(wish.prompt) > MAX_PROMPT_CHARS:
        raise RiffleError(
            Code.PROMPT_TOO_LONG,
            f"the prompt has {len(wish.prompt)} characters: at most {MAX_PROMPT_CHARS} are taken",
            param="prompt",
        )
    if not 1 <= wish.n <= MAX_SWARM:
        raise RiffleError(Code.INVALID_N, f"n takes 1 to {MAX_SWARM}", param="n")
    sizes = card.sizes.get(wish.tier, [])
    if not sizes or (wish.size is not None and wish.size not in sizes):
        raise RiffleError(
            Code.INVALID_SIZE, f"size of a {wish.tier} takes {' or '.join(sizes) or 'nothing'}", param="size"
        )
    if wish.seconds is not None and str(wish.seconds) not in card.seconds:
        raise RiffleError(Code.INVALID_REQUEST, f"seconds takes {' or '.join(card.seconds)}", param="seconds")
    if wish.source is not None:
        check_source(wish.source, card)
    if wish.steer is not None:
        check_steer(wish.steer, card.vocabulary)


def resolve(
    wish: CreateVideo,
    card: ModelCard,
    first_seed: int,
    *,
    source: Recipe | None = None,
    prompt: str | None = None,
    likeness: str | None = None,
) -> list[Recipe]:
    """One recipe for each video of a checked wish: seeds count up from the wished one, else `first_seed`.

    `source` is the recipe of what it is made from, whose shape and length are kept where none are wished;
    `prompt` what the model is told, where that is not what was typed.
    """
    width, height = _pixels(wish.size) if wish.size else _default_size(card.sizes[wish.tier], source)
    seconds = int(wish.seconds if wish.seconds is not None else _default_seconds(card, source))
    start = first_seed if wish.seed is None else wish.seed
    strength = repeated = None
    if wish.source is not None and source is not None:
        repeated = repeats(wish.source, source, card)
    if wish.source is not None and wish.source.relation in STARTS_FROM_PIXELS:
        strength = DEFAULT_STRENGTH if wish.source.strength is None else wish.source.strength
    first = Recipe(
        model=card.id,
        prompt=prompt or wish.prompt.strip(),
        width=width,
        height=height,
        # The first frame stands at time 0, so whole seconds need one more.
        frames=seconds * card.fps + 1,
        fps=card.fps,
        seed=start % (MAX_SEED + 1),
        strength=strength,
        likeness=likeness,
        repeats=repeated,
    )
    return [msgspec.structs.replace(first, seed=(start + i) % (MAX_SEED + 1)) for i in range(wish.n)]


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

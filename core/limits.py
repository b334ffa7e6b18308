"""What may be asked of a model, and how a wish becomes recipes."""

from __future__ import annotations

import msgspec

from schemas.errors import Code, RiffleError
from schemas.videos import (
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SWARM,
    CreateVideo,
    ModelCard,
    Recipe,
    Relation,
    Source,
    Tier,
)

# From 0.85 the words win over the source's place and subject, at 0.95 little but the layout is left.
DEFAULT_STRENGTH = 0.9
STARTS_FROM_PIXELS = frozenset({Relation.REMIX, Relation.EDIT})
# What can be made of a source today: an edge must never claim what the picture does not hold.
DRAWABLE = STARTS_FROM_PIXELS | {Relation.REROLL}


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
        _check_source(wish.source)


def _check_source(source: Source) -> None:
    if source.relation is Relation.RENDER:
        raise RiffleError(
            Code.INVALID_REQUEST, "a render is made by POST /v1/videos/{id}/render", param="source.relation"
        )
    if source.relation not in DRAWABLE:
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"source.relation takes {', '.join(sorted(DRAWABLE))}: this model draws no {source.relation}",
            param="source.relation",
        )
    if len(source.video_ids) != 1:
        raise RiffleError(
            Code.INVALID_REQUEST, f"a {source.relation} has one source video", param="source.video_ids"
        )


def resolve(wish: CreateVideo, card: ModelCard, first_seed: int) -> list[Recipe]:
    """One recipe for each video of a checked wish: seeds count up from the wished one, else `first_seed`."""
    width, height = _pixels(wish.size or card.sizes[wish.tier][0])
    seconds = int(wish.seconds if wish.seconds is not None else card.seconds[0])
    start = first_seed if wish.seed is None else wish.seed
    strength = None
    if wish.source is not None and wish.source.relation in STARTS_FROM_PIXELS:
        strength = DEFAULT_STRENGTH if wish.source.strength is None else wish.source.strength
    first = Recipe(
        model=card.id,
        prompt=wish.prompt.strip(),
        width=width,
        height=height,
        # The first frame stands at time 0, so whole seconds need one more.
        frames=seconds * card.fps + 1,
        fps=card.fps,
        seed=start % (MAX_SEED + 1),
        strength=strength,
    )
    return [msgspec.structs.replace(first, seed=(start + i) % (MAX_SEED + 1)) for i in range(wish.n)]


def rendered(recipe: Recipe, card: ModelCard) -> Recipe:
    """The full recipe of a preview: the same but for its size, the smallest full one of the nearest shape.

    Raises:
        RiffleError: invalid_size, where the model renders no full video.
    """
    sizes = [_pixels(size) for size in card.sizes.get(Tier.FULL, [])]
    if not sizes:
        raise RiffleError(Code.INVALID_SIZE, f"{card.id} draws no full videos")
    shape = recipe.width / recipe.height
    width, height = min(sizes, key=lambda size: (abs(size[0] / size[1] - shape), size[0] * size[1]))
    return msgspec.structs.replace(recipe, width=width, height=height)


def _pixels(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)

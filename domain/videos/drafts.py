"""How a request becomes a draft: all that is decided of new videos but consent and credits. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.videos.mentions import CameoIdentity, model_prompt
from domain.videos.pricing import STITCH_PRICE, price
from domain.videos.recipes import rendered, resolve
from domain.videos.relations import Piece, check_shape, joined_recipe
from domain.videos.steer import apply_steer
from schemas.errors import Code, RiffleError
from schemas.videos import CreateVideo, ModelCard, Recipe, Relation, Source, Tier


class Draft(msgspec.Struct, kw_only=True, frozen=True):
    """The videos of one swarm, in seed order; `prompt` is what was typed.

    `pictures` holds the ids that the videos get where a picture lies ready for each, and its key;
    `steered` says that the model is given other words than these, or a picture beside them.
    """

    prompt: str
    recipes: list[Recipe]
    tier: Tier
    price_each: int
    source: Source | None = None
    steered: bool = False
    pictures: dict[str, str] = {}


def draft_video(
    request: CreateVideo,
    card: ModelCard,
    sources: Sequence[Recipe],
    cameos: Sequence[CameoIdentity],
    seed: int,
) -> Draft:
    """The draft of a checked request; `cameos` are those that it names, and those in the sources.

    Raises:
        RiffleError: invalid_request, invalid_size.
    """
    source = request.source
    likeness = _likeness(request, card, cameos)
    conditioned = likeness is not None or (source is not None and source.relation is Relation.REFERENCE)
    words = model_prompt(request.prompt, cameos, card.vocabulary, conditioned=conditioned)
    typed = words
    if request.steer is not None:
        words = apply_steer(words, request.steer, card.vocabulary)
    recipes = resolve(
        request, card, seed, source=sources[0] if sources else None, prompt=words, likeness=likeness
    )
    if source is not None:
        check_shape(source, recipes[0], sources)
    return Draft(
        prompt=request.prompt.strip(),
        recipes=recipes,
        tier=request.tier,
        price_each=price(request.tier, recipes[0]),
        source=source,
        steered=words != typed,
    )


def draft_stitch(
    request: CreateVideo, source: Source, card: ModelCard, pieces: Sequence[Piece], seed: int
) -> Draft:
    """The draft of clips joined in order.

    Raises:
        RiffleError: invalid_request, invalid_n.
    """
    recipe, tier = joined_recipe(request, card, pieces, seed)
    return Draft(prompt=recipe.prompt, recipes=[recipe], tier=tier, price_each=STITCH_PRICE, source=source)


def draft_render(
    preview_id: str, prompt: str, preview: Recipe, card: ModelCard, *, steered: bool = False
) -> Draft:
    """The draft of the full render of a preview that was drawn by this recipe.

    Raises:
        RiffleError: invalid_size.
    """
    recipe = rendered(preview, card)
    return Draft(
        prompt=prompt,
        recipes=[recipe],
        tier=Tier.FULL,
        price_each=price(Tier.FULL, recipe),
        source=Source(relation=Relation.RENDER, video_ids=[preview_id]),
        steered=steered,
    )


def _likeness(request: CreateVideo, card: ModelCard, cameos: Sequence[CameoIdentity]) -> str | None:
    """The cameo whose picture conditions the drawing: of those that the request names the first with one."""
    if "reference" not in card.conditions:
        return None
    found = next((cameo.id for cameo in cameos if cameo.pictured and cameo.id in request.cameos), None)
    if found is not None and request.source is not None and request.source.relation is Relation.REFERENCE:
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"a model is shown one reference: leave out the source, or cameo {found}, which has a picture",
            param="cameos",
        )
    return found

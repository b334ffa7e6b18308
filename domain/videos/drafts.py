"""How a request becomes a draft: all that is decided of new videos but consent and credits. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.understanding.carry import carry
from domain.understanding.choose import CAMEO, choose, pictures_of, with_mentions
from domain.understanding.scene_prompt import scene_prompt
from domain.videos.mentions import CameoIdentity, model_prompt
from domain.videos.pricing import STITCH_PRICE, price
from domain.videos.recipes import layout_seed, rendered, resolve
from domain.videos.relations import Piece, check_shape, joined_recipe
from domain.videos.steer import Vocabulary, apply_steer
from schemas.errors import Code, RiffleError
from schemas.library import Candidate, PromptReading
from schemas.videos import CreateVideo, ModelCard, Recipe, Relation, Source, Tier, Understood

# What is drawn from a clip of pictures is one as well.
COMPOSED_FROM = frozenset({Relation.REMIX, Relation.EDIT, Relation.REROLL, Relation.EXTEND})
# Another seed is asked for to see others.
OTHER_PICTURES = frozenset({Relation.REROLL})


class ReadWords(msgspec.Struct, kw_only=True, frozen=True):
    """What a prompt was read to say, and the pictures that were picked by the phrases that they stand for."""

    reading: PromptReading
    picked: dict[str, Candidate] = {}


class Draft(msgspec.Struct, kw_only=True, frozen=True):
    """The videos of one swarm, in seed order; `prompt` is what was typed.

    `pictures` holds the ids that the videos get where a picture lies ready for each, and its key;
    `steered` says that the model is given other words than these, or a picture beside them; `background` that
    nobody waits for them.
    """

    prompt: str
    recipes: list[Recipe]
    tier: Tier
    price_each: int
    source: Source | None = None
    steered: bool = False
    pictures: dict[str, str] = {}
    background: bool = False


def draft_video(
    request: CreateVideo,
    card: ModelCard,
    sources: Sequence[Recipe],
    cameos: Sequence[CameoIdentity],
    seed: int,
    words: ReadWords | None = None,
) -> Draft:
    """The draft of a checked request; `cameos` are those that it names, and those in the sources.

    `words` is what its prompt was understood to say, where its model has a library of pictures.

    Raises:
        RiffleError: invalid_request, invalid_size.
    """
    source = request.source
    likeness = _likeness(request, card, cameos)
    conditioned = likeness is not None or (source is not None and source.relation is Relation.REFERENCE)
    prompt = model_prompt(request.prompt, cameos, card.vocabulary, conditioned=conditioned)
    typed = prompt
    if request.steer is not None:
        prompt = apply_steer(prompt, request.steer, card.vocabulary)
    recipes = resolve(
        request, card, seed, source=sources[0] if sources else None, prompt=prompt, likeness=likeness
    )
    if words is not None and is_composed(request, sources):
        recipes = [
            _understood(recipe, request, sources, cameos, words, card.vocabulary) for recipe in recipes
        ]
    if source is not None:
        check_shape(source, recipes[0], sources)
    return Draft(
        prompt=request.prompt.strip(),
        recipes=recipes,
        tier=request.tier,
        price_each=price(request.tier, recipes[0]),
        source=source,
        steered=prompt != typed,
    )


def is_composed(request: CreateVideo, sources: Sequence[Recipe]) -> bool:
    """Whether a clip can be composed of pictures: it shows nothing that isn't."""
    if request.input_reference is not None:
        return False
    if request.source is None:
        return True
    return (
        request.source.relation in COMPOSED_FROM
        and len(request.source.video_ids) == 1
        and all(recipe.understood is not None for recipe in sources)
    )


def understood_of(
    request: CreateVideo,
    sources: Sequence[Recipe],
    cameos: Sequence[CameoIdentity],
    words: ReadWords,
    seed: int,
) -> Understood:
    """What the clip of a seed shows; what is made from a clip shows the same subjects by its pictures."""
    named = [cameo for cameo in cameos if cameo.id in request.cameos]
    kept = kept_pictures(request, sources)
    reading = with_mentions(words.reading, named)
    said = choose(reading, seed, named, request.steer, words.picked, kept)
    before = sources[0].understood if sources else None
    if request.source is None or before is None:
        return said
    # One likeness is shown at most: that of the request, or else the source's.
    shown = next((cameo.id for cameo in named if cameo.pictured), sources[0].likeness)
    allowed = [cameo.id for cameo in cameos if cameo.pictured and cameo.id == shown]
    return carry(said, before, request.source.relation, reading, request.prompt, allowed)


def kept_pictures(request: CreateVideo, sources: Sequence[Recipe]) -> dict[str, str]:
    """The pictures of a request's sources that it keeps where its words leave the choice, by phrase."""
    if request.source is None or request.source.relation in OTHER_PICTURES:
        return {}
    return {
        phrase: picture
        for recipe in sources
        if recipe.understood is not None
        for phrase, picture in pictures_of(recipe.understood).items()
    }


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
    preview_id: str,
    prompt: str,
    preview: Recipe,
    card: ModelCard,
    *,
    steered: bool = False,
    background: bool = False,
) -> Draft:
    """The draft of the full render of a preview that was drawn by this recipe.

    One in the `background` is drawn for the feed, and costs its maker nothing.

    Raises:
        RiffleError: invalid_size.
    """
    recipe = rendered(preview, card)
    return Draft(
        prompt=prompt,
        recipes=[recipe],
        tier=Tier.FULL,
        price_each=0 if background else price(Tier.FULL, recipe),
        source=Source(relation=Relation.RENDER, video_ids=[preview_id]),
        steered=steered,
        background=background,
    )


def _understood(
    recipe: Recipe,
    request: CreateVideo,
    sources: Sequence[Recipe],
    cameos: Sequence[CameoIdentity],
    words: ReadWords,
    vocabulary: Vocabulary,
) -> Recipe:
    """A recipe with what its clip shows, whose model draws the scene; a remix keeps its source's places."""
    said = understood_of(request, sources, cameos, words, recipe.seed)
    likeness = recipe.likeness
    carried = sources[0].likeness if sources else None
    if likeness is None and any(each.picture == f"{CAMEO}{carried}" for each in said.subjects):
        likeness = carried
    return msgspec.structs.replace(
        recipe,
        likeness=likeness,
        prompt=scene_prompt(said, vocabulary),
        understood=said,
        layout_seed=layout_seed(request, sources[0] if sources else None),
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

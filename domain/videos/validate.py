"""What may be asked of a model. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from domain.videos.relations import check_source
from domain.videos.steer import check_steer
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_PROMPT_CHARS, MAX_SWARM, CreateVideo, ModelCard

# All that one video comes from, so its depth too. Their words are screened whenever somebody draws from it:
# at 5 ms each a quarter of a second. A chain that is remixed by hand is far shorter.
MAX_ANCESTORS = 50


def check_prompt(prompt: str) -> None:
    """Refuse a prompt that is longer than any model reads.

    Raises:
        RiffleError: prompt_too_long.
    """
    if len(prompt) > MAX_PROMPT_CHARS:
        raise RiffleError(
            Code.PROMPT_TOO_LONG,
            f"the prompt has {len(prompt)} characters: at most {MAX_PROMPT_CHARS} are taken",
            param="prompt",
        )


def find_card(
    cards: Sequence[ModelCard], model_id: str | None, otherwise: Code = Code.UNKNOWN_MODEL
) -> ModelCard:
    """The card of that id; the default one for None.

    Raises:
        RiffleError: `otherwise`, where there is none.
    """
    if model_id is None:
        return cards[0]
    for card in cards:
        if card.id == model_id:
            return card
    raise RiffleError(otherwise, f"there is no model `{model_id}`", param="model")


def check_request(request: CreateVideo, card: ModelCard) -> None:
    """Refuse what this model can't draw.

    Raises:
        RiffleError: unknown_model, invalid_request, prompt_too_long, invalid_n, invalid_size.
    """
    if request.model is not None and request.model != card.id:
        raise RiffleError(Code.UNKNOWN_MODEL, f"there is no model `{request.model}`", param="model")
    if not request.prompt.strip():
        raise RiffleError(Code.INVALID_REQUEST, "the prompt is empty", param="prompt")
    check_prompt(request.prompt)
    if not 1 <= request.n <= MAX_SWARM:
        raise RiffleError(Code.INVALID_N, f"n takes 1 to {MAX_SWARM}", param="n")
    sizes = card.sizes.get(request.tier, [])
    if not sizes or (request.size is not None and request.size not in sizes):
        raise RiffleError(
            Code.INVALID_SIZE,
            f"size of a {request.tier} takes {' or '.join(sizes) or 'nothing'}",
            param="size",
        )
    if request.seconds is not None and str(request.seconds) not in card.seconds:
        raise RiffleError(Code.INVALID_REQUEST, f"seconds takes {' or '.join(card.seconds)}", param="seconds")
    if request.input_reference is not None:
        _check_first_picture(request, card)
    if request.source is not None:
        check_source(request.source, card)
    if request.steer is not None:
        check_steer(request.steer, card.vocabulary)


def _check_first_picture(request: CreateVideo, card: ModelCard) -> None:
    """A clip begins with one thing, if its model can be shown one."""
    if "begin" not in card.conditions:
        raise RiffleError(
            Code.INVALID_REQUEST, f"{card.id} can't be shown a first picture", param="input_reference"
        )
    if request.source is not None:
        raise RiffleError(
            Code.INVALID_REQUEST, "leave out the source, or the first picture", param="input_reference"
        )

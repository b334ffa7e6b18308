"""What is made of other videos: which relation takes what, which frames are meant, what is joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from types import MappingProxyType

import msgspec

from schemas.errors import Code, RiffleError
from schemas.videos import MAX_SOURCES, CreateVideo, ModelCard, Recipe, Relation, Source, Tier

STARTS_FROM_PIXELS = frozenset({Relation.REMIX, Relation.EDIT})
# How many sources each relation has that can be asked for.
COUNTS = MappingProxyType(
    {
        Relation.REMIX: (1, 1),
        Relation.EDIT: (1, 1),
        Relation.REROLL: (1, 1),
        Relation.REFERENCE: (1, 1),
        # Of two it is a bridge: it begins with the end of the first and ends with the start of the second.
        Relation.EXTEND: (1, 2),
        Relation.STITCH: (2, MAX_SOURCES),
    }
)
# A minute at 8 frames a second is about 3 MB, a fourth of what a job may be made from.
MAX_JOINED_S = 60
# Sizes of one shape differ by rounding to the model's grid: 64x112 and 480x832 by 1 %. A square is 50 % off.
SHAPES_APART = 1.1
# So that 1.3 s of 10 frames a second is frame 13, whatever floats make of it.
ROUNDING = 1e-6


class Piece(msgspec.Struct, kw_only=True, frozen=True):
    """One clip to be joined.

    `drawing` names its drawing: the preview of a render, else the video itself. `source` says what that was
    made from, and `origins` the same by the drawings of those videos.
    """

    drawing: str
    tier: Tier
    recipe: Recipe
    source: Source | None = None
    origins: Sequence[str] = ()


def conditions(source: Source) -> list[str]:
    """What must be able to condition a model that draws from this."""
    if source.relation is Relation.EXTEND:
        return ["begin", "end"][: len(source.video_ids)]
    return ["reference"] if source.relation is Relation.REFERENCE else []


def check_source(source: Source, card: ModelCard) -> None:
    """Refuse a source that this relation, or this model, can't be made from.

    Raises:
        RiffleError: invalid_request.
    """
    if source.relation is Relation.RENDER:
        raise _refusal("a render is made by POST /v1/videos/{id}/render", "relation")
    missing = [name for name in conditions(source) if name not in card.conditions]
    if missing:
        count = len(source.video_ids)
        raise _refusal(
            f"{card.id} draws no {source.relation} of {count}: it can't be shown its {missing[0]}", "relation"
        )
    least, most = COUNTS[source.relation]
    if not least <= len(source.video_ids) <= most:
        allowed = str(least) if least == most else f"{least} to {most}"
        raise _refusal(f"a {source.relation} has {allowed} source videos", "video_ids")
    if source.from_s is not None and source.relation not in (Relation.EXTEND, Relation.REFERENCE):
        raise _refusal(f"a {source.relation} takes no from_s", "from_s")
    if source.to_s is not None and source.relation is not Relation.EXTEND:
        raise _refusal(f"a {source.relation} takes no to_s", "to_s")


def check_times(source: Source, recipes: Sequence[Recipe]) -> None:
    """Refuse moments that lie outside of the sources, whose recipes are given in order.

    Raises:
        RiffleError: invalid_request.
    """
    bridge = len(source.video_ids) == 2
    for name, moment, recipe in (
        ("from_s", source.from_s, recipes[1 if bridge else 0]),
        ("to_s", source.to_s, recipes[0]),
    ):
        if moment is not None and moment > (length := recipe.frames / recipe.fps):
            raise _refusal(f"{name} lies after the end of the source, which has {length:g} s", name)
    if not bridge and source.from_s is not None and source.to_s is not None and source.from_s > source.to_s:
        raise _refusal("from_s lies after to_s", "from_s")


def check_shape(source: Source, made: Recipe, recipes: Sequence[Recipe]) -> None:
    """Refuse to go on from, or to, a picture of another shape; `recipes` are those of the sources.

    Raises:
        RiffleError: invalid_size.
    """
    for recipe in recipes if source.relation is Relation.EXTEND else ():
        shapes = made.width * recipe.height, made.height * recipe.width
        if max(shapes) > min(shapes) * SHAPES_APART:
            raise RiffleError(
                Code.INVALID_SIZE,
                f"a source has {recipe.width}x{recipe.height}: {made.width}x{made.height} has another shape",
                param="size",
            )


def continued_frames(source: Source, recipe: Recipe) -> range:
    """The frames of its first source, drawn by `recipe`, from whose end an extension goes on."""
    end = recipe.frames if source.to_s is None else min(recipe.frames, _frame(source.to_s, recipe) + 1)
    bridge = len(source.video_ids) == 2
    return range(0 if bridge or source.from_s is None else _frame(source.from_s, recipe), end)


def repeated_frames(source: Source, recipe: Recipe, card: ModelCard) -> int | None:
    """How many frames of its first source, drawn by `recipe`, an extension repeats; None where none are.

    A model goes on from a movement, which takes `overlap` frames, or from a single picture.
    """
    if source.relation is not Relation.EXTEND:
        return None
    return card.overlap if len(continued_frames(source, recipe)) >= card.overlap else 1


def target_frame(source: Source, recipe: Recipe) -> int:
    """The frame of `recipe`'s video that `from_s` means: where a bridge arrives, or what a reference is."""
    return 0 if source.from_s is None else _frame(source.from_s, recipe)


def overlap_counts(pieces: Sequence[Piece]) -> list[int]:
    """How many first frames of each piece are left out, because the one before it showed them."""
    return [0, *(_overlap(first, second) for first, second in pairwise(pieces))]


def joined_recipe(
    request: CreateVideo, card: ModelCard, pieces: Sequence[Piece], seed: int
) -> tuple[Recipe, Tier]:
    """The recipe of pieces joined in order, and its tier: `full` where every piece is.

    Raises:
        RiffleError: invalid_request, invalid_n: they don't fit together, or joining can't give what is asked.
    """
    for name in ("size", "seconds", "steer"):
        if getattr(request, name) is not None:
            raise RiffleError(Code.INVALID_REQUEST, f"a stitch takes no {name}: its clips decide", param=name)
    if request.n != 1:
        raise RiffleError(Code.INVALID_N, "there is one stitch of the same clips: n takes 1", param="n")
    first = pieces[0].recipe
    largest = max((piece.recipe for piece in pieces), key=lambda recipe: recipe.width * recipe.height)
    for recipe in (piece.recipe for piece in pieces):
        if recipe.model != card.id or recipe.fps != first.fps:
            raise _refusal(
                f"all clips of this stitch must be {card.id}'s, at {first.fps} a second", "video_ids"
            )
        if recipe.width * first.height != recipe.height * first.width:
            raise _refusal("clips of different shapes can't be joined", "video_ids")
    frames = sum(
        piece.recipe.frames - skip for piece, skip in zip(pieces, overlap_counts(pieces), strict=True)
    )
    if frames > MAX_JOINED_S * first.fps + 1:
        raise _refusal(
            f"together they have {frames / first.fps:.0f} s: at most {MAX_JOINED_S} can be joined",
            "video_ids",
        )
    made = msgspec.structs.replace(
        largest,
        prompt=request.prompt.strip(),
        frames=frames,
        seed=seed,
        strength=None,
        likeness=None,
        repeats=None,
        input_reference=None,
        understood=None,
        layout_seed=None,
    )
    return made, Tier.FULL if all(piece.tier is Tier.FULL for piece in pieces) else Tier.PREVIEW


def _overlap(first: Piece, second: Piece) -> int:
    went_on = second.source is not None and second.source.relation is Relation.EXTEND
    if went_on and second.source is not None and second.origins[0] == first.drawing:
        frames = continued_frames(second.source, first.recipe)
        # One that goes on from the middle repeats what is no longer on the screen at the end.
        return (second.recipe.repeats or 0) if frames.stop == first.recipe.frames else 0
    arrives = (
        first.source is not None and first.source.relation is Relation.EXTEND and len(first.origins) == 2
    )
    if arrives and first.source is not None and first.origins[1] == second.drawing:
        return 1 if target_frame(first.source, second.recipe) == 0 else 0
    return 0


def _frame(moment: float, recipe: Recipe) -> int:
    """The frame that is on the screen at a moment, in seconds."""
    return min(recipe.frames - 1, math.floor(moment * recipe.fps + ROUNDING))


def _refusal(message: str, field: str) -> RiffleError:
    return RiffleError(Code.INVALID_REQUEST, message, param=f"source.{field}")

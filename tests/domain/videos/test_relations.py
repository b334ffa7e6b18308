"""Sources: how many and which moments a relation takes, what repeats what, and what joins."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.videos.relations import (
    MAX_JOINED_S,
    Piece,
    check_shape,
    check_source,
    check_times,
    conditions,
    continued_frames,
    joined_recipe,
    overlap_counts,
    repeated_frames,
    target_frame,
)
from schemas.errors import Code, RiffleError
from schemas.videos import CreateVideo, ModelCard, Recipe, Relation, Source, Tier, Understood
from tests.build import recipe

CARD = ModelCard(
    id="riffle-tiny",
    created=1,
    sizes={"preview": ["128x192"], "full": ["256x384"]},
    seconds=["2"],
    fps=8,
    price={},
    vocabulary={},
    conditions=["begin", "end", "reference"],
    overlap=5,
)
RECIPE = recipe()
FULL = msgspec.structs.replace(RECIPE, width=256, height=384)
WISH = CreateVideo(prompt=" all of it ")


def source(relation: Relation, *videos: str, **times: float) -> Source:
    return Source(relation=relation, video_ids=list(videos) or ["a"], **times)


def piece(drawing: str, made: Source | None = None, *origins: str, **changes: Any) -> Piece:
    repeated = None if made is None else repeated_frames(made, RECIPE, CARD)
    recipe = msgspec.structs.replace(RECIPE, repeats=repeated)
    found = Piece(drawing=drawing, tier=Tier.PREVIEW, recipe=recipe, source=made, origins=origins)
    return msgspec.structs.replace(found, **changes)


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (source(Relation.RENDER), "relation"),
        (source(Relation.REMIX, "a", "b"), "video_ids"),
        (source(Relation.REFERENCE, "a", "b"), "video_ids"),
        (source(Relation.EXTEND, "a", "b", "c"), "video_ids"),
        (source(Relation.STITCH, "a"), "video_ids"),
        (source(Relation.REMIX, from_s=1.0), "from_s"),
        (source(Relation.STITCH, "a", "b", to_s=1.0), "to_s"),
        (source(Relation.REFERENCE, to_s=1.0), "to_s"),
    ],
)
def test_what_no_relation_takes(made: Source, field: str) -> None:
    with pytest.raises(RiffleError) as caught:
        check_source(made, CARD)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, f"source.{field}")


@pytest.mark.parametrize(
    ("made", "needed"),
    [
        (source(Relation.EXTEND), ["begin"]),
        (source(Relation.EXTEND, "a", "b"), ["begin", "end"]),
        (source(Relation.REFERENCE), ["reference"]),
        (source(Relation.STITCH, "a", "b"), []),
        (source(Relation.REROLL), []),
    ],
)
def test_a_model_draws_what_it_can_be_shown(made: Source, needed: list[str]) -> None:
    assert conditions(made) == needed
    check_source(made, CARD)
    for name in needed:
        able = [other for other in CARD.conditions if other != name]
        with pytest.raises(RiffleError, match=f"can't be shown its {name}"):
            check_source(made, msgspec.structs.replace(CARD, conditions=able))


@pytest.mark.parametrize(
    ("times", "frames"),
    [
        ({}, range(17)),
        ({"to_s": 2.0}, range(17)),
        ({"to_s": 2.1}, range(17)),
        ({"to_s": 1.0}, range(9)),
        ({"from_s": 0.5, "to_s": 0.5}, range(4, 5)),
        ({"from_s": 2.0}, range(16, 17)),
        ({"from_s": 0.375}, range(3, 17)),
    ],
)
def test_the_frames_that_an_extension_goes_on_from(times: dict[str, float], frames: range) -> None:
    made = source(Relation.EXTEND, **times)
    check_times(made, [RECIPE])
    assert continued_frames(made, RECIPE) == frames


def test_a_bridge_leaves_one_and_meets_the_other() -> None:
    made = source(Relation.EXTEND, "a", "b", from_s=1.5, to_s=0.5)
    check_times(made, [RECIPE, RECIPE])
    assert (continued_frames(made, RECIPE), target_frame(made, RECIPE)) == (range(5), 12)
    assert target_frame(source(Relation.EXTEND, "a", "b"), RECIPE) == 0


@pytest.mark.parametrize(
    ("made", "recipes", "field"),
    [
        (source(Relation.EXTEND, to_s=2.2), [RECIPE], "to_s"),
        (source(Relation.EXTEND, from_s=2.2), [RECIPE], "from_s"),
        (source(Relation.EXTEND, from_s=1.0, to_s=0.5), [RECIPE], "from_s"),
        (source(Relation.REFERENCE, from_s=9.0), [RECIPE], "from_s"),
        (
            source(Relation.EXTEND, "a", "b", from_s=2.5),
            [msgspec.structs.replace(RECIPE, frames=33), RECIPE],
            "from_s",
        ),
    ],
)
def test_moments_outside_of_the_source(made: Source, recipes: list[Recipe], field: str) -> None:
    with pytest.raises(RiffleError) as caught:
        check_times(made, recipes)
    assert caught.value.param == f"source.{field}"


def test_what_an_extension_repeats() -> None:
    """A movement, where there is one; a single picture, where there is not, or the model takes no more."""
    assert repeated_frames(source(Relation.EXTEND), RECIPE, CARD) == 5
    assert repeated_frames(source(Relation.EXTEND, to_s=0.5), RECIPE, CARD) == 5
    assert repeated_frames(source(Relation.EXTEND, to_s=0.375), RECIPE, CARD) == 1
    assert repeated_frames(source(Relation.EXTEND), RECIPE, msgspec.structs.replace(CARD, overlap=1)) == 1
    assert repeated_frames(source(Relation.EXTEND), RECIPE, msgspec.structs.replace(CARD, overlap=9)) == 9
    assert repeated_frames(source(Relation.REMIX), RECIPE, CARD) is None


def test_a_stitch_is_no_composed_clip() -> None:
    composed = msgspec.structs.replace(RECIPE, understood=Understood(), layout_seed=3)
    made, _ = joined_recipe(WISH, CARD, [piece("a", recipe=composed), piece("b", recipe=composed)], 9)
    assert (made.understood, made.layout_seed) == (None, None)


def test_an_extension_has_the_shape_of_its_sources() -> None:
    wide = msgspec.structs.replace(RECIPE, width=192, height=128)
    for made in (source(Relation.EXTEND), source(Relation.EXTEND, "a", "b")):
        check_shape(made, FULL, [RECIPE, FULL])
    for recipes in ([wide], [RECIPE, wide]):
        with pytest.raises(RiffleError) as caught:
            check_shape(source(Relation.EXTEND, "a", "b"), RECIPE, recipes)
        assert (caught.value.code, caught.value.param) == (Code.INVALID_SIZE, "size")
    check_shape(source(Relation.REFERENCE), RECIPE, [wide])


def test_what_was_shown_is_left_out() -> None:
    extends = source(Relation.EXTEND, "a")
    bridge = source(Relation.EXTEND, "a", "c")
    first, third = piece("a"), piece("c")
    assert overlap_counts([first, piece("b", extends, "a")]) == [0, CARD.overlap]
    assert overlap_counts([first, piece("b", bridge, "a", "c"), third]) == [0, CARD.overlap, 1]
    assert overlap_counts([piece("b", extends, "a"), first]) == [0, 0]
    assert overlap_counts([first, first]) == [0, 0]
    assert overlap_counts([first, piece("b", source(Relation.REMIX, "a"), "a")]) == [0, 0]
    # One that was named by its render is known by its drawing.
    assert overlap_counts([first, piece("b", source(Relation.EXTEND, "render of a"), "a")]) == [
        0,
        CARD.overlap,
    ]
    # From the middle of it: what is repeated is no longer on the screen.
    assert overlap_counts([first, piece("b", source(Relation.EXTEND, "a", to_s=1.0), "a")]) == [0, 0]
    assert overlap_counts([first, piece("b", source(Relation.EXTEND, "a", to_s=2.0), "a")]) == [
        0,
        CARD.overlap,
    ]
    assert overlap_counts([first, piece("b", source(Relation.EXTEND, "a", from_s=1.8), "a")]) == [0, 1]
    late = source(Relation.EXTEND, "a", "c", from_s=1.0)
    assert overlap_counts([piece("b", late, "a", "c"), third]) == [0, 0]


def test_the_recipe_of_a_stitch() -> None:
    extended = piece("b", source(Relation.EXTEND, "a"), "a")
    made, tier = joined_recipe(WISH, CARD, [piece("a"), extended], 9)
    assert (made.frames, made.prompt, made.seed, made.repeats) == (17 + 12, "all of it", 9, None)
    assert (made.width, made.height, tier) == (128, 192, Tier.PREVIEW)
    large = piece("c", recipe=FULL, tier=Tier.FULL)
    made, tier = joined_recipe(WISH, CARD, [piece("a"), large], 9)
    assert (made.width, made.height, tier) == (256, 384, Tier.PREVIEW)
    assert joined_recipe(WISH, CARD, [large, large], 9)[1] is Tier.FULL


@pytest.mark.parametrize(
    ("changes", "second", "param"),
    [
        ({"size": "128x192"}, {}, "size"),
        ({"seconds": 4}, {}, "seconds"),
        ({"n": 2}, {}, "n"),
        ({}, {"fps": 9}, "source.video_ids"),
        ({}, {"model": "other"}, "source.video_ids"),
        ({}, {"width": 96, "height": 64}, "source.video_ids"),
        ({}, {"frames": MAX_JOINED_S * 8}, "source.video_ids"),
    ],
)
def test_what_does_not_join(changes: dict[str, Any], second: dict[str, Any], param: str) -> None:
    pieces = [piece("a"), piece("b", recipe=msgspec.structs.replace(RECIPE, **second))]
    with pytest.raises(RiffleError) as caught:
        joined_recipe(msgspec.structs.replace(WISH, **changes), CARD, pieces, 1)
    assert caught.value.param == param

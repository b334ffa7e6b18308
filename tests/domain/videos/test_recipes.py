"""The recipes that requests become."""

from __future__ import annotations

import msgspec
import pytest

from domain.videos.pricing import PRICE, START_CREDITS, price
from domain.videos.recipes import DEFAULT_STRENGTH, layout_seed, rendered, resolve
from schemas.errors import RiffleError
from schemas.videos import (
    MAX_SEED,
    MAX_SWARM,
    CreateVideo,
    ModelCard,
    Relation,
    Source,
    Tier,
)

CARD = ModelCard(
    id="riffle-tiny",
    created=1,
    sizes={"preview": ["64x96", "96x64"], "full": ["128x192", "192x128", "256x384"]},
    seconds=["2", "4"],
    fps=8,
    price={"preview": 1, "full": 8},
    vocabulary={},
)
REQUEST = CreateVideo(prompt=" a cat ")


def asking(**changes: object) -> CreateVideo:
    return msgspec.structs.replace(REQUEST, **changes)


def test_seeds_count_up_and_defaults_are_the_first_of_the_card() -> None:
    first, second = resolve(asking(n=2, seconds=4), CARD, MAX_SEED)
    assert (first.prompt, first.width, first.height, first.frames, first.fps) == ("a cat", 64, 96, 33, 8)
    assert (first.seed, second.seed, first.strength) == (MAX_SEED, 0, None)
    assert [recipe.seed for recipe in resolve(asking(n=3, seed=0), CARD, 99)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("relation", "strength", "expected"),
    [
        (Relation.REMIX, None, DEFAULT_STRENGTH),
        (Relation.REMIX, 0.0, 0.0),
        (Relation.EDIT, 0.3, 0.3),
        (Relation.REROLL, 0.3, None),
    ],
)
def test_strength(relation: Relation, strength: float | None, expected: float | None) -> None:
    source = Source(relation=relation, video_ids=["video_1"], strength=strength)
    assert resolve(asking(source=source), CARD, 1)[0].strength == expected


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (Relation.REMIX, 7),
        (Relation.EDIT, 7),
        (Relation.REROLL, None),
        (Relation.EXTEND, None),
        (None, None),
    ],
)
def test_a_remix_keeps_where_everyone_is(relation: Relation | None, expected: int | None) -> None:
    (first,) = resolve(asking(), CARD, 7)
    made = None if relation is None else Source(relation=relation, video_ids=["video_1"])
    assert layout_seed(asking(source=made), first) == expected
    # One of a remix keeps where they were in the first.
    second = msgspec.structs.replace(first, seed=8, layout_seed=expected)
    kept = 8 if expected is None and relation in (Relation.REMIX, Relation.EDIT) else expected
    assert layout_seed(asking(source=made), second) == kept
    assert layout_seed(asking(source=made), None) is None
    assert rendered(second, CARD).layout_seed == expected


def test_what_is_made_of_a_video_has_its_shape_and_length() -> None:
    (wide,) = resolve(asking(size="96x64", seconds=4), CARD, 1)
    kept = resolve(asking(), CARD, 1, source=wide)[0]
    assert (kept.width, kept.height, kept.frames) == (96, 64, 33)
    full = resolve(asking(tier=Tier.FULL), CARD, 1, source=wide)[0]
    assert (full.width, full.height) == (192, 128)
    other = resolve(asking(size="64x96", seconds=2), CARD, 1, source=wide)[0]
    assert (other.width, other.height, other.frames) == (64, 96, 17)
    # A joined video may be longer than anything that is drawn: the nearest length is taken.
    long = msgspec.structs.replace(wide, frames=101)
    assert resolve(asking(), CARD, 1, source=long)[0].frames == 33
    assert resolve(asking(), CARD, 1, source=msgspec.structs.replace(wide, frames=20))[0].frames == 17


def test_the_prompt_of_the_model_may_differ_from_what_was_typed() -> None:
    (made,) = resolve(asking(), CARD, 1, prompt="someone", likeness="cameo_1")
    assert (made.prompt, made.likeness) == ("someone", "cameo_1")


def test_a_render_keeps_everything_but_the_size() -> None:
    for size, full in (("64x96", (128, 192)), ("96x64", (192, 128))):
        (recipe,) = resolve(asking(size=size), CARD, 5)
        found = rendered(recipe, CARD)
        assert (found.width, found.height) == full
        assert msgspec.structs.replace(found, width=recipe.width, height=recipe.height) == recipe
    with pytest.raises(RiffleError):
        rendered(recipe, msgspec.structs.replace(CARD, sizes={"preview": ["96x64"]}))


def test_prices_grow_with_the_length() -> None:
    recipes = {seconds: resolve(asking(seconds=str(seconds)), CARD, 5)[0] for seconds in (2, 4)}
    long = msgspec.structs.replace(recipes[2], frames=41)
    assert [price(Tier.PREVIEW, each) for each in (*recipes.values(), long)] == [1, 2, 3]
    assert [price(Tier.FULL, each) for each in (*recipes.values(), long)] == [8, 16, 20]
    assert price(Tier.FULL, msgspec.structs.replace(long, frames=9)) == PRICE[Tier.FULL]
    assert MAX_SWARM * price(Tier.PREVIEW, long) <= START_CREDITS

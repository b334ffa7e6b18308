"""What is decided of new videos before consent and credits."""

from __future__ import annotations

import msgspec
import pytest

from domain.videos.drafts import draft_render, draft_video
from domain.videos.mentions import CameoIdentity
from domain.videos.pricing import PRICE
from schemas.errors import Code, RiffleError
from schemas.videos import Relation, Source, Steer, Tier
from tests.domain.videos.test_recipes import CARD, asking

SHOWS = msgspec.structs.replace(CARD, conditions=["reference"], vocabulary={"times": {"night": ["at night"]}})
ADA = CameoIdentity(id="cameo_1", handle="ada", display_name="Ada", pictured=True)
BOB = CameoIdentity(id="cameo_2", handle="bob", display_name="Bob", pictured=True)


def test_the_first_named_cameo_with_a_picture_conditions_the_drawing() -> None:
    plain = msgspec.structs.replace(ADA, pictured=False)
    for cameos, expected in (([ADA, BOB], ADA.id), ([plain, BOB], BOB.id), ([plain], None)):
        named = [cameo.id for cameo in cameos]
        made = draft_video(asking(cameos=named), SHOWS, [], cameos, 1)
        assert made.recipes[0].likeness == expected
        assert made.recipes[0].prompt == ("a cat" if expected is None else "someone a cat")
    # One that is only inherited is not drawn anew, and a model without references is given none.
    assert draft_video(asking(), SHOWS, [], [ADA], 1).recipes[0].likeness is None
    assert draft_video(asking(cameos=[ADA.id]), CARD, [], [ADA], 1).recipes[0].likeness is None


def test_there_is_one_reference() -> None:
    source = Source(relation=Relation.REFERENCE, video_ids=["video_1"])
    (recipe,) = draft_video(asking(), SHOWS, [], [], 1).recipes
    with pytest.raises(RiffleError) as caught:
        draft_video(asking(source=source, cameos=[ADA.id]), SHOWS, [recipe], [ADA], 1)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "cameos")


def test_what_was_typed_and_what_the_model_gets_are_kept_apart() -> None:
    made = draft_video(asking(prompt=" @ada on a beach ", steer=Steer(time="night")), SHOWS, [], [ADA], 1)
    assert (made.prompt, made.recipes[0].prompt) == ("@ada on a beach", "someone on a beach at night")


def test_a_render_costs_what_full_videos_cost() -> None:
    (preview,) = draft_video(asking(), CARD, [], [], 7).recipes
    made = draft_render("video_1", "a cat", preview, CARD)
    assert (made.tier, made.price_each, made.recipes[0].seed) == (Tier.FULL, PRICE[Tier.FULL], 7)
    assert made.source == Source(relation=Relation.RENDER, video_ids=["video_1"])

"""The words of the drawn world: each phrasing names one thing."""

from domain.videos.steer import names_in
from train.world.vocabulary import PLACES, STYLES, SUBJECTS, TIMES, WEATHERS, as_json

FIRST_PLACES = {
    "beach", "forest", "city", "desert", "mountains", "ocean", "space", "meadow", "room", "volcano",
}  # fmt: skip


def test_a_phrasing_of_a_place_or_weather_names_nothing_else():
    slots = {**as_json(), "weathers": {name: list(words) for name, words in WEATHERS.items()}}
    for own, entries in (("places", PLACES), ("weathers", WEATHERS)):
        for name, phrasings in entries.items():
            assert 4 <= len(phrasings) <= 5
            for phrase in phrasings:
                found = {(slot, each) for slot, words in slots.items() for each in names_in(phrase, words)}
                assert found == {(own, name)}, phrase


def test_no_phrasing_is_within_another_one():
    every = {
        f" {phrase} ": (slot, name)
        for slot, entries in enumerate((SUBJECTS, PLACES, TIMES, STYLES, WEATHERS))
        for name, phrasings in entries.items()
        for phrase in phrasings
    }
    within = [
        (a, b)
        for a, one in every.items()
        for b, other in every.items()
        if a in b and one != other and one[0] > 0
    ]
    assert not within


def test_snow_that_falls_is_weather_and_snow_that_lies_is_a_place():
    assert names_in("a fox in the snow", PLACES) == {"mountains"}
    assert not names_in("a fox in the snow", WEATHERS)
    assert names_in("a fox in a forest in a snowfall", WEATHERS) == {"snow"}
    assert names_in("a fox in a forest in a snowfall", PLACES) == {"forest"}


def test_the_first_places_kept_their_order():
    # A judge's classes are in this order: what is new comes behind them.
    assert set(list(PLACES)[:10]) == FIRST_PLACES

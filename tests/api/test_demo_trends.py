"""The written prompts of the first trends: each says what it shows, by the library that ships."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from api import demo_trends
from api.demo_trends import DemoTrend
from domain.safety.name_match import NameMatcher, shipped_entries
from domain.safety.rules import judge
from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from export.assemble import WEIGHTS
from model_server.engine.library import Library
from schemas.feed import MAX_CAPTION_CHARS
from train.world.vocabulary import PLACES, STYLES, TIMES, WEATHERS, as_json

TRENDS = demo_trends.read()


@cache
def known() -> tuple[NameIndex, SceneWords]:
    library = Library.load(WEIGHTS / "library" / "library.safetensors")
    return NameIndex(library.index), SceneWords(as_json())


def understood(prompt: str) -> dict[str, Any]:
    """What a prompt says, by what a remix can change; every word of it has to be understood by name."""
    reading = read(prompt, *known())
    assert reading.missed == [], prompt
    assert 1 <= len(reading.subjects) <= 3, prompt
    assert all(found.score == 1.0 for found in reading.subjects), prompt
    return {
        "subject": [found.candidates[0].name for found in reading.subjects],
        "place": reading.place,
        "time": reading.time,
        "style": reading.style,
        "weather": reading.weather,
        "motion": (reading.motions, reading.camera),
    }


@pytest.mark.parametrize("trend", TRENDS, ids=lambda trend: trend.prompt)
def test_a_remix_changes_the_one_thing_that_it_says(trend: DemoTrend) -> None:
    source = understood(trend.prompt)
    assert source["place"] is not None
    assert source["motion"][0]
    for change, prompt in trend.remixes.items():
        remix = understood(prompt)
        assert {slot for slot in source if source[slot] != remix[slot]} == {change}, prompt


def test_they_are_thirty_and_no_two_alike() -> None:
    assert len(TRENDS) == 30
    posts = demo_trends.in_order(TRENDS)
    assert Counter(post.prompt for post in posts).most_common(1)[0][1] == 1
    assert [post.source for post in posts[:30]] == [None] * 30
    read_all = [understood(post.prompt) for post in posts]
    assert {each["place"] for each in read_all} == set(PLACES)
    assert {each["time"] for each in read_all} == {*TIMES, None}
    assert {each["style"] for each in read_all} == {*STYLES, None}
    assert {each["weather"] for each in read_all} == {*WEATHERS, None}
    assert len({name for each in read_all for name in each["subject"]}) >= 60
    assert len({tuple(each["motion"][0]) for each in read_all}) >= 12


def test_what_stands_in_the_feed_first_shows_what_there_is() -> None:
    first = [understood(trend.prompt) for trend in TRENDS[:12]]
    assert len({each["place"] for each in first}) >= 10
    assert len({tuple(each["motion"][0]) for each in first}) >= 7
    assert {each["style"] for each in first} >= {"neon", "pastel", "monochrome"}
    assert {len(each["subject"]) for each in first} >= {1, 2}


def test_nothing_of_it_would_be_refused() -> None:
    texts = [text for trend in TRENDS for text in (trend.prompt, trend.caption, *trend.remixes.values())]
    assert judge(texts, True) == []
    assert NameMatcher(shipped_entries()).find(texts) == []
    assert max(len(trend.caption) for trend in TRENDS) <= MAX_CAPTION_CHARS

"""Small words of prompts, by what they do there: data/words.toml. Pure."""

from __future__ import annotations

import tomllib
from pathlib import Path

DATA = Path(__file__).parent / "data"
_TABLE = tomllib.loads((DATA / "words.toml").read_text(encoding="utf-8"))


def split(text: str) -> tuple[str, ...]:
    """The words and phrases of a list with commas."""
    return tuple(word for each in text.split(",") if (word := " ".join(each.split())))


JOINTS = frozenset(split(_TABLE["joints"]))
FILLERS = frozenset(split(_TABLE["fillers"]))
VAGUE = frozenset(split(_TABLE["vague"]))
BLANK = frozenset(split(_TABLE["blank"]))
RELATIVE = frozenset(split(_TABLE["relative"]))
CLAUSES = frozenset(split(_TABLE["clauses"]))
DETERMINERS = frozenset(split(_TABLE["determiners"]))
MEASURES = frozenset(split(_TABLE["measures"]))
PLAIN_VERBS = frozenset(split(_TABLE["plain_verbs"]))
PRONOUNS = frozenset(split(_TABLE["pronouns"]))
NOUNS_IN_ING = frozenset(split(_TABLE["nouns_in_ing"]))
JOINING = frozenset(split(_TABLE["joining"]))
ARTICLES = frozenset(split(_TABLE["articles"]))
PREPOSITIONS = frozenset(split(_TABLE["prepositions"]))
UPON = frozenset(split(_TABLE["upon"]))
OPEN_WATER = frozenset(split(_TABLE["open_water"]))
ADJECTIVES = frozenset(split(_TABLE["adjectives"]))
MALE = frozenset(split(_TABLE["male"]))
FEMALE = frozenset(split(_TABLE["female"]))
PARTS = frozenset(split(_TABLE["parts"]))
IDIOMS = frozenset(split(_TABLE["idioms"]))
HEAVENS = frozenset(split(_TABLE["heavens"]))
LEADS = split(_TABLE["leads"])
PERSONS = frozenset(split(_TABLE["persons"]))
ANIMALS = frozenset(split(_TABLE["animals"]))
CLASSES = frozenset(split(_TABLE["classes"]))
THINGS = frozenset(split(_TABLE["things"]))
# Words that are no slips of others.
SMALL_WORDS = FILLERS.union(VAGUE, BLANK, RELATIVE, CLAUSES, PREPOSITIONS, JOINTS, ADJECTIVES, MALE, FEMALE)

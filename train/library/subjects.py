"""From the tables and emojibase to the library's subjects: ids, names, what each can stand for."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.library import TONES, LibrarySubject
from train.library import wordnet
from train.library.tables import ROLES, Line, read_labels, read_tables
from train.library.wordnet import WordNet

# Emojibase numbers the tones of skin from 1, the lightest, to 5.
TONE_NUMBERS = {1: "light", 3: "medium", 5: "dark"}
# Which of WordNet's files a table's names are looked up in; kinds of these are near names.
FILES = {
    "nature": {wordnet.ANIMAL, wordnet.PLANT},
    "food": {wordnet.FOOD, wordnet.PLANT, wordnet.ARTIFACT},
    "travel": {wordnet.ARTIFACT, wordnet.OBJECT, wordnet.PHENOMENON},
    "activities": {wordnet.ARTIFACT},
    "objects": {wordnet.ARTIFACT},
    "people": {wordnet.PERSON},
    "roles": {wordnet.PERSON},
    "faces": set[int](),
}
# Nearly everything is a kind of these.
TOO_WIDE = {
    *("person", "man", "woman", "boy", "girl", "child", "baby", "person standing", "older person", "family"),
    *("potted plant", "herb", "fork and knife with plate", "package", "hammer and wrench", "office building"),
    *("seat", "sheaf of rice", "desert island", "rock", "jar", "performing arts", "memo", "label", "gear"),
    *("page with curl", "judge", "office worker", "mechanic", "person frowning", "adhesive bandage"),
    *("artist", "singer", "wood", "hole", "ring", "bell", "pick", "key", "star", "world map", "link", "wing"),
    *(
        "military medal",
        "sports medal",
        "closed book",
        "person walking",
        "person gesturing NO",
        "egg",
        "pill",
    ),
    *("chains", "hook", "door", "light bulb", "mobile phone", "construction", "clamp", "plate", "microbe"),
}
# What emojibase files animals under, and what these are beside that.
ANIMALS = "animal-"
ANIMAL_KINDS = {"animal-bird": ["animal", "bird"], "animal-bug": ["animal", "insect"]}
# Labels of people's parts, which have tones of skin too.
PARTS = {
    "hand",
    "hands",
    "finger",
    "fingers",
    "fist",
    "thumbs",
    "salute",
    "horns",
    "leg",
    "foot",
    "ear",
    "nose",
}
PARTS |= {"polish", "biceps", "selfie", "handshake"}
WOMEN = {"witch", "witches", "policewoman", "waitress", "stewardess", "bride", "brides", "bridesmaid"}
MEN = {"wizard", "wizards", "sorcerer", "warlock", "groom", "gentleman", "butler", "best man", "nutcracker"}


class Taken(NamedTuple):
    """A subject, the label and hexcode of its picture, and what is embedded for the search by meaning."""

    subject: LibrarySubject
    label: str
    hexcode: str
    texts: list[str]


def key(hexcode: str) -> str:
    """A picture's id: its code points in lower case, without selectors of how it is shown."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def plain(words: str) -> str:
    """A name as it is looked up: lower case, no punctuation, single spaces."""
    kept = "".join(sign if sign.isalnum() else "" if sign in "'’." else " " for sign in words.lower())
    return " ".join(kept.split())


def taken_subjects(emojibase: Path, words: WordNet) -> list[Taken]:
    """Every subject of the tables, in their order.

    Raises:
        KeyError: emojibase has no picture of a label.
    """
    known = msgspec.json.decode((emojibase / "en" / "data.json").read_bytes())
    messages = msgspec.json.decode((emojibase / "en" / "messages.json").read_bytes())
    groups = {each["order"]: each["key"] for each in messages["subgroups"]}
    by_label = {each["label"]: each | {"group": groups.get(each.get("subgroup"), "")} for each in known}
    lines = read_tables()
    taken = [each for line in lines for each in _of_line(line, by_label)]
    _add_kinds(taken, lines, words)
    _check(taken)
    return taken


def _of_line(line: Line, by_label: Mapping[str, Any]) -> Iterator[Taken]:
    base = _taken(line, line.label, line.name, by_label)
    yield base
    if line.table != ROLES:
        return
    for gender, others in (("man", WOMEN), ("woman", MEN)):
        label = _gendered(line.label, gender)
        name = line.name.replace("person", gender) if "person" in line.name else f"{gender} {line.name}"
        fitting = [
            each
            for each in line.synonyms
            if not _is_of(each, others, "man" if gender == "woman" else "woman")
        ]
        gendered = msgspec.structs.replace(
            base.subject,
            id=key(by_label[label]["hexcode"]),
            name=name,
            names=_unique([name, label, *([] if line.name in others else [line.name]), *fitting]),
            near=_unique(
                each
                for each in line.near
                if not _is_of(each, others, "man" if gender == "woman" else "woman")
            ),
            tones=_tones(by_label[label]),
            role=base.subject.id,
            gender=gender,
            faces=_faces(label),
            shows=_shows(label),
        )
        yield Taken(gendered, label, by_label[label]["hexcode"], [])


def _taken(line: Line, label: str, name: str, by_label: Mapping[str, Any]) -> Taken:
    found = by_label[label]
    base_synonyms = [
        each
        for each in line.synonyms
        if line.table != ROLES or not (_is_of(each, WOMEN, "woman") or _is_of(each, MEN, "man"))
    ]
    near = [
        each
        for each in line.near
        if line.table != ROLES or not (_is_of(each, WOMEN, "woman") or _is_of(each, MEN, "man"))
    ]
    subject = LibrarySubject(
        id=key(found["hexcode"]),
        name=name,
        names=_unique([name, label, *base_synonyms]),
        near=_unique(near),
        faces=_faces(label),
        shows=_shows(label),
        tones=_tones(found),
        kinds=_kinds_of(line, found),
    )
    return Taken(subject, label, found["hexcode"], _embedded(name, line))


def _kinds_of(line: Line, found: Mapping[str, Any]) -> list[str]:
    """What a subject is beyond doubt; nothing for faces and spirits, which are a bit of all."""
    if line.table == "faces":
        return []
    if found["group"].startswith(ANIMALS):
        return ANIMAL_KINDS.get(found["group"], ["animal"])
    is_person = line.table == ROLES or (line.table == "people" and bool(_tones(found)))
    return ["person"] if is_person and not PARTS & {*line.label.lower().split()} else ["thing"]


def _embedded(name: str, line: Line) -> list[str]:
    """Texts for the search by meaning; a plural is as near as its singular."""
    alike = [each for each in line.synonyms if each not in (f"{name}s", f"{line.label}s")]
    return list(dict.fromkeys([name, *alike[:3], *line.near[:3], *line.descriptions]))


def _is_of(word: str, words: set[str], ending: str) -> bool:
    last = word.split()[-1]
    if ending == "man" and last.endswith(("woman", "women")):
        return False
    return (
        word in words
        or last.endswith((ending, ending.replace("a", "e")))
        or (ending == "woman" and last.endswith(("ess", "heroine")))
    )


def _gendered(label: str, gender: str) -> str:
    if label.startswith("person "):
        return label.replace("person", gender, 1)
    if label.startswith("people "):
        return label.replace("people", {"man": "men", "woman": "women"}[gender], 1)
    return f"{gender} {label}"


def _tones(found: Mapping[str, Any]) -> dict[str, str]:
    tones = {
        TONE_NUMBERS[each["tone"]]: key(each["hexcode"])
        for each in found.get("skins", [])
        if isinstance(each["tone"], int) and each["tone"] in TONE_NUMBERS
    }
    return {tone: tones[tone] for tone in TONES if tone in tones}


_LEFT, _RIGHT = read_labels("faces_left"), read_labels("faces_right")


def _faces(label: str) -> Any:
    return "left" if label in _LEFT else "right" if label in _RIGHT else "front"


_BUSTS, _HEADS = read_labels("busts"), read_labels("heads")
# Those of one gender show as much as those of none.
_GENDERS = re.compile(r"^(?:man|woman|men|women)(?: with bunny ears)? ")


def _shows(label: str) -> Any:
    forms = {label, *(_GENDERS.sub(kind, label) for kind in ("", "person ", "people "))}
    return "bust" if forms & _BUSTS else "head" if forms & _HEADS else "whole"


def _unique(words: Any) -> list[str]:
    return list(dict.fromkeys(each for each in map(plain, words) if each))


def _add_kinds(taken: list[Taken], lines: list[Line], words: WordNet) -> None:
    """Near names from WordNet: whatever is a kind of a subject, unless a name of its own is nearer."""
    tables = {line.label: line.table for line in lines}
    owner: dict[str, Taken] = {}
    for each in taken:
        if each.subject.gender or each.label not in tables:
            continue
        for name in each.subject.names[:3]:
            meaning = words.meaning(name, FILES[tables[each.label]])
            if meaning is not None:
                owner.setdefault(meaning, each)
                break
    known = {name for each in taken for name in (*each.subject.names, *each.subject.near)}
    given: set[str] = set()
    for meaning, each in sorted(owner.items(), key=lambda item: -_depth(item[0], words)):
        if each.label in TOO_WIDE:
            continue
        near = list(_kinds(meaning, owner, words, given, set()))
        each.subject.names += [name for name in _unique(words.names(meaning)) if name not in known]
        known |= set(each.subject.names)
        each.subject.near += [name for name in _unique(near) if name not in known and len(name) > 2]
        known |= set(each.subject.near)


def _depth(meaning: str, words: WordNet) -> int:
    kinds = words.synsets[meaning].kinds
    return 0 if not kinds else -1 - max(_depth(kind, words) for kind in kinds)


def _kinds(
    meaning: str, owner: Mapping[str, Taken], words: WordNet, given: set[str], seen: set[str]
) -> Iterator[str]:
    for kind in words.synsets[meaning].kinds:
        if kind in owner or kind in given or kind in seen:
            continue
        seen.add(kind)
        yield from words.names(kind)
        yield from _kinds(kind, owner, words, given, seen)


def _check(taken: list[Taken]) -> None:
    ids = [each.subject.id for each in taken]
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise ValueError(f"pictures that are taken twice: {sorted(twice)}")

"""Captions for a scene, in many wordings, and the rule that keeps some scenes out of training."""

import hashlib
import random
from dataclasses import dataclass, replace
from itertools import combinations

from schemas.vocabulary import SOMEONE
from train.world.vocabulary import MOTIONS, PLACES, REFERRED, STYLES, SUBJECTS, TIMES

HELD_OUT_SHARE = 0.2
STYLED_SHARE = 0.2
# Of all scenes of two subjects that may be shown, so many are: about 1,650 of 39,000, and 340 of 5,100.
PAIRED_SHARE = 0.042
REFERRED_PAIRED_SHARE = 0.066
# The subject of a scene whose reference picture says what it looks like.
# What stands between two subjects; after all but the first, the verb is that of one.
JOINTS = ("and", "and", "and", "with", "next to", "beside", "together with")
PLURALS = {"is": "are", "does": "do", "goes": "go", "flies": "fly"}


@dataclass(frozen=True)
class Scene:
    """What a clip shows, by canonical names of the vocabulary; without a style it has its own colours.

    other: a second subject beside the first, if there is one.
    """

    subject: str
    place: str
    time: str
    motion: str
    style: str = ""
    other: str = ""


def held_out(scene: Scene) -> bool:
    """True for the fifth of all (subject, place, motion) combinations that no training clip shows.

    Of two subjects, both combinations and the pair must be shown ones; one that only a picture tells is in
    no combination of its own.
    """
    if scene.other:
        named = [subject for subject in (scene.subject, scene.other) if subject != SOMEONE]
        return (len(named) == 2 and held_out_pair(*named)) or any(
            held_out(replace(scene, subject=subject, other="")) for subject in named
        )
    key = f"{scene.subject}|{scene.place}|{scene.motion}".encode()
    return hashlib.sha256(key).digest()[0] < HELD_OUT_SHARE * 256


def held_out_pair(one: str, other: str) -> bool:
    """True for the fifth of all pairs of subjects that no training clip shows together."""
    return _drawn_lot("pair " + "|".join(sorted((one, other))), HELD_OUT_SHARE)


def _drawn_lot(key: str, share: float) -> bool:
    """True for this share of all keys, always the same ones."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) < share * 2**32


def referred_scenes() -> list[Scene]:
    """Every scene of a subject that only its reference picture tells, in a fixed order."""
    return [Scene(SOMEONE, place, time, motion) for place in PLACES for time in TIMES for motion in MOTIONS]


def paired_scenes() -> list[Scene]:
    """Scenes of two subjects of the vocabulary, some of those that training may show, chosen by a hash."""
    alone = (
        Scene(subject, place, time, motion, other=other)
        for subject, other in combinations(SUBJECTS, 2)
        for place in PLACES
        for time in TIMES
        for motion in MOTIONS
    )
    return [each for each in alone if _drawn_lot(f"paired {each}", PAIRED_SHARE) and not held_out(each)]


def referred_paired_scenes() -> list[Scene]:
    """Scenes of a subject that only its reference picture tells, beside one of the vocabulary."""
    beside = (replace(scene, other=other) for scene in referred_scenes() for other in SUBJECTS)
    return [
        each for each in beside if _drawn_lot(f"paired {each}", REFERRED_PAIRED_SHARE) and not held_out(each)
    ]


def styled_scenes(scenes: list[Scene]) -> list[Scene]:
    """A fifth of these scenes, each in one of the styles, chosen by a hash."""
    names, found = tuple(STYLES), []
    for scene in scenes:
        digest = hashlib.sha256(f"style {scene}".encode()).digest()
        if digest[0] < STYLED_SHARE * 256:
            found.append(replace(scene, style=names[digest[1] % len(names)]))
    return found


def random_scene(rng: random.Random, *, unseen: bool = False) -> Scene:
    """A uniformly drawn scene, either from the training part or (`unseen`) from the held-out part."""
    while True:
        scene = Scene(
            rng.choice(tuple(SUBJECTS)),
            rng.choice(tuple(PLACES)),
            rng.choice(tuple(TIMES)),
            rng.choice(tuple(MOTIONS)),
        )
        if held_out(scene) == unseen:
            return scene


def plain_caption(scene: Scene) -> str:
    """The plainest complete sentence for a scene, as used in evaluations."""
    who, verb = _with_article(_names(scene.subject)[0]), MOTIONS[scene.motion][0][0]
    if scene.other:
        who, verb = f"{who} and {_with_article(_names(scene.other)[0])}", _plural(verb)
    return " ".join(
        (
            who,
            verb,
            PLACES[scene.place][0],
            TIMES[scene.time][0],
            *((STYLES[scene.style][0],) if scene.style else ()),
        )
    )


def caption(scene: Scene, rng: random.Random) -> str:
    """One of the many captions of a scene: synonyms, free order, some slots left out.

    The subject is named in 96 % of captions, the place in 92 %, time and motion in about 85 % each, a style
    always.
    """
    subject = rng.choice(_names(scene.subject)) if rng.random() < 0.96 or scene.other else ""
    place = rng.choice(PLACES[scene.place]) if rng.random() < 0.92 or not subject else ""
    time = rng.choice(TIMES[scene.time]) if rng.random() < 0.85 else ""
    verb, participle = rng.choice(MOTIONS[scene.motion]) if rng.random() < 0.85 else ("", "")
    if scene.other:
        joint = rng.choice(JOINTS)
        subject = f"{subject} {joint} {_with_article(rng.choice(_names(scene.other)))}"
        verb = _plural(verb) if joint == "and" else verb
    text = _arrange(subject, place, time, verb, participle, rng)
    return _styled(text, rng.choice(STYLES[scene.style]), rng) if scene.style else text


def _plural(verb: str) -> str:
    """What two do: "jumps" -> "jump", "is filmed" -> "are filmed"."""
    first, space, rest = verb.partition(" ")
    if first in PLURALS:
        first = PLURALS[first]
    elif first.endswith(("ches", "shes")):
        first = first[:-2]
    else:
        first = first.removesuffix("s")
    return first + space + rest


def _styled(text: str, style: str, rng: random.Random) -> str:
    """The style's words behind the others, or now and then before them."""
    if rng.random() < 0.25:
        return f"{style}{rng.choice((', ', ': '))}{text}"
    return f"{text.rstrip('.')}{rng.choice((' ', ' ', ', '))}{style}"


def _arrange(subject: str, place: str, time: str, verb: str, participle: str, rng: random.Random) -> str:
    shape = rng.random()
    if shape < 0.15:
        bare = [
            part
            for part in (subject, _bare(place) if place else "", _bare(time) if time else "", participle)
            if part
        ]
        rng.shuffle(bare)
        return rng.choice((", ", " ")).join(bare)
    who = _with_article(subject, rng) if subject else rng.choice(("something", ""))
    if shape < 0.60:
        act = verb if rng.random() < 0.7 or not who else participle
        tail = [place, time]
        rng.shuffle(tail)
        order = [who, act, *tail] if rng.random() < 0.7 else [who, tail[0], act, tail[1]]
    elif shape < 0.80:
        lead, rest = (place, time) if rng.random() < 0.5 else (time, place)
        order = [f"{lead}," if lead else "", who, verb, rest]
    else:
        prefix = rng.choice(("a video of", "a clip of", "footage of", ""))
        order = [prefix, who or "a scene", participle, place, time]
    text = " ".join(part for part in order if part)
    return text[:1].upper() + text[1:] + rng.choice(("", "", ".")) if rng.random() < 0.3 else text


def _names(subject: str) -> tuple[str, ...]:
    return REFERRED if subject == SOMEONE else SUBJECTS[subject]


def _bare(phrase: str) -> str:
    """A place or time phrase without its leading preposition and article: "on a beach" -> "beach"."""
    words = phrase.split()
    while len(words) > 1 and words[0] in {"on", "in", "at", "by", "a", "an", "the", "near"}:
        words = words[1:]
    return " ".join(words)


def _with_article(noun: str, rng: random.Random | None = None) -> str:
    if f"{noun} ".startswith(tuple(f"{word} " for word in REFERRED)):
        return noun
    indefinite = ("an " if noun[0] in "aeio" else "a ") + noun
    if rng is None:
        return indefinite
    return rng.choice((indefinite, indefinite, indefinite, f"the {noun}", f"one {noun}", noun))

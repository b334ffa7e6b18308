"""Captions of a scene, in many wordings."""

import random

from train.world.scenes import NOBODY, SOMEONE, Scene
from train.world.vocabulary import MOTIONS, PLACES, REFERRED, STYLES, SUBJECTS, TIMES

# What stands between two subjects; after all but the first, the verb is that of one.
JOINTS = ("and", "and", "and", "with", "next to", "beside", "together with")
PLURALS = {"is": "are", "does": "do", "goes": "go", "flies": "fly"}


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
    if subject == NOBODY:
        return (NOBODY,)
    return REFERRED if subject == SOMEONE else SUBJECTS[subject]


def _bare(phrase: str) -> str:
    """A place or time phrase without its leading preposition and article: "on a beach" -> "beach"."""
    words = phrase.split()
    while len(words) > 1 and words[0] in {"on", "in", "at", "by", "a", "an", "the", "near"}:
        words = words[1:]
    return " ".join(words)


def _with_article(noun: str, rng: random.Random | None = None) -> str:
    if noun == NOBODY or f"{noun} ".startswith(tuple(f"{word} " for word in REFERRED)):
        return noun
    indefinite = ("an " if noun[0] in "aeio" else "a ") + noun
    if rng is None:
        return indefinite
    return rng.choice((indefinite, indefinite, indefinite, f"the {noun}", f"one {noun}", noun))

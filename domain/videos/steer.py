"""Steering: what shall happen, by names, becomes the words that the model was trained on. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from schemas.errors import Code, RiffleError
from schemas.videos import Steer

# slot -> canonical name -> phrasings, the plainest first; as `/v1/models` shows it.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]

# What the camera does stands among the motions: of these two names.
CAMERA = ("pan", "still")
# The slots in the order in which their words follow the rest of the prompt.
SLOTS = ("motions", "times", "styles")
# Words before a phrase that mean nothing without it: "at night" is also said as "night".
_LEADS = frozenset({"on", "in", "at", "by", "a", "an", "the", "near", "is", "while", "with"})
# Stands where a phrase was taken out.
_GAP = "\0"
_LINK = r"(?:,|;|\band\b|\bthen\b|\bbut\b|\bwhile\b)"
_GAPS = re.compile(rf"{_GAP}(?:\s*{_LINK}?\s*{_LINK}?\s*{_GAP})+")
_LOOSE = re.compile(rf"(?:\s*{_LINK})*\s*(?:\b(?:is|are)\s+)?{_GAP}(?:\s*{_LINK})*")
_ENDS = " ,;.!"
# Endings of a verb in the third person, and what two have: flies, fly; goes, go; jumps, jump.
_PLURALS = ((r"(?<=\w)ies$", "y"), (r"(?<=[oh])es$", ""), (r"(?<=\w\w)s$", ""))


def check_steer(steer: Steer, vocabulary: Vocabulary) -> None:
    """Refuse what the model has no words for, or has never seen together.

    Raises:
        RiffleError: invalid_request, with what is allowed.
    """
    motions = vocabulary.get("motions", {})
    for field, value, allowed in (
        ("motion", steer.motion, [name for name in motions if name != "pan"]),
        ("camera", steer.camera, [name for name in CAMERA if name in motions]),
        ("time", steer.time, list(vocabulary.get("times", {}))),
        ("style", steer.style, list(vocabulary.get("styles", {}))),
    ):
        if value is not None and value not in allowed:
            takes = " or ".join(allowed) or "nothing: this model has no word for one"
            raise RiffleError(Code.INVALID_REQUEST, f"steer.{field} takes {takes}", param=f"steer.{field}")
    if steer.camera == "pan" and steer.motion not in (None, "still"):
        raise RiffleError(
            Code.INVALID_REQUEST,
            "this model moves the camera or its subject, not both: leave out steer.motion or steer.camera",
            param="steer.camera",
        )


def apply_steer(prompt: str, steer: Steer, vocabulary: Vocabulary) -> str:
    """The prompt with a checked steer's words at its end: first the motion, then the time, then the style.

    Words of the same slot that say otherwise are taken out; where they were in the plural, the new ones are
    too. A slot that says it already is left as it is.
    """
    rest, added = prompt.strip(), []
    wanted = {"motions": _motion(prompt, steer, vocabulary), "times": steer.time, "styles": steer.style}
    for slot in SLOTS:
        name, phrasings = wanted[slot], vocabulary.get(slot, {})
        if name is None or names_in(rest, phrasings) == {name}:
            continue
        words = phrasings[name][0]
        added.append(_of_two(words) if _says_of_two(rest, phrasings) else words)
        rest = _without(rest, phrasings)
    return " ".join([rest, *added]).strip() if added else rest


def names_in(prompt: str, phrasings: Mapping[str, Sequence[str]]) -> set[str]:
    """The names of one slot that a prompt has words for."""
    return {name for name, phrases in phrasings.items() if _pattern(tuple(phrases)).search(prompt)}


def _says_of_two(prompt: str, phrasings: Mapping[str, Sequence[str]]) -> bool:
    """Whether a prompt has words of this slot in the plural."""
    every = tuple(phrase for phrases in phrasings.values() for phrase in phrases)
    plurals = {_of_two(phrase) for phrase in every}.difference(every)
    return any(" ".join(found[0].lower().split()) in plurals for found in _pattern(every).finditer(prompt))


def _motion(prompt: str, steer: Steer, vocabulary: Vocabulary) -> str | None:
    if steer.camera == "pan":
        return "pan"
    if steer.motion is None and steer.camera == "still":
        # A camera at rest says nothing of a subject that moves.
        moving = names_in(prompt, vocabulary.get("motions", {})) - {"pan"}
        return next(iter(moving)) if len(moving) == 1 else "still"
    return steer.motion


def _without(prompt: str, phrasings: Mapping[str, Sequence[str]]) -> str:
    found = _pattern(tuple(phrase for phrases in phrasings.values() for phrase in phrases)).sub(_GAP, prompt)
    if found == prompt:
        return prompt.rstrip(_ENDS)
    closed = _LOOSE.sub(lambda gap: ", " if "," in gap[0] else " ", _GAPS.sub(_GAP, found))
    return " ".join(closed.split()).strip(_ENDS)


@lru_cache(maxsize=256)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the phrases as whole words, what is left of one without its leading small words, or what of two
    subjects is said with it ("jump" for "jumps").
    """
    whole = sorted({_spaced(phrase) for phrase in phrases}, key=len, reverse=True)
    others = {form(phrase) for phrase in phrases for form in (_bare, _of_two)}
    bare = sorted({_spaced(other) for other in others} - set(whole), key=len, reverse=True)
    # "a sunny day out" is no time of day that could be taken out of its sentence.
    alone = rf"(?<!\ba )(?<!\bthe )(?:{'|'.join(bare)})" if bare else r"(?!)"
    return re.compile(rf"(?<!\w)(?:{'|'.join(whole) or '(?!)'}|{alone})(?!\w)", re.IGNORECASE)


def _bare(phrase: str) -> str:
    words = phrase.split()
    while len(words) > 1 and words[0] in _LEADS:
        words = words[1:]
    return " ".join(words)


def _of_two(phrase: str) -> str:
    """A phrase that begins with a verb in the third person, in the plural."""
    verb, *others = phrase.split()
    if verb in _LEADS:
        return phrase
    for ending, plural in _PLURALS:
        if re.search(ending, verb):
            return " ".join([re.sub(ending, plural, verb), *others])
    return phrase


def _spaced(phrase: str) -> str:
    return r"\s+".join(map(re.escape, phrase.split()))

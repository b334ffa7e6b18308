"""The words that are refused, as named rules over the texts of a whole lineage. Pure.

To refuse another word, add it to a rule of RULES, or add a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from domain.safety.text import readings, words


class Rule(msgspec.Struct, kw_only=True, frozen=True):
    """A named rule: it refuses when every group has at least one of its words or phrases in the lineage.

    `with_person` rules count only where a person's likeness is in it: a cameo, or a name of the registry.
    A trailing * stands for any ending.
    """

    name: str
    summary: str
    groups: tuple[tuple[str, ...], ...]
    with_person: bool = False


SEXUAL = (
    "sex", "sexual*", "sexy", "nude*", "naked", "nudity", "porn*", "erotic*", "nsfw", "topless", "undress*",
    "lingerie", "orgasm*", "fetish*", "hentai", "masturbat*", "genital*", "striptease", "without clothes",
    "no clothes", "takes off her clothes", "takes off his clothes", "take off her clothes", "bottomless",
)  # fmt: skip
YOUNG = (
    "child", "children", "kid", "kids", "minor", "minors", "toddler*", "baby", "babies", "infant*", "teen*",
    "underage", "schoolgirl*", "schoolboy*", "little girl", "little boy", "young girl", "young boy",
    "preteen*", "loli*", "shota*", "year old girl", "year old boy", "girl scout*", "boy scout*",
)  # fmt: skip
GORE = (
    "gore", "gory", "beheading", "beheaded", "decapitat*", "dismember*", "disembowel*", "eviscerat*",
    "mutilat*", "torture", "tortured", "torturing", "snuff", "bloodbath", "entrails", "flayed",
)  # fmt: skip
RULES: tuple[Rule, ...] = (
    Rule(
        name="sexual_minors",
        summary="nothing sexual together with children or teenagers",
        groups=(SEXUAL, YOUNG),
    ),
    Rule(
        name="sexual_person",
        summary="nothing sexual with a person's likeness",
        groups=((*SEXUAL, "seduc*", "making out", "twerk*", "in bed with"),),
        with_person=True,
    ),
    Rule(
        name="sexual_explicit",
        summary="no explicit sexual content",
        groups=(("porn*", "hentai", "nsfw", "orgasm*", "masturbat*", "genital*", "having sex", "sex scene"),),
    ),
    Rule(name="gore", summary="no graphic violence", groups=(GORE,)),
    Rule(
        name="violence_person",
        summary="no violence or death done to a person's likeness",
        groups=(
            ("shot dead", "gets shot", "being shot", "shot in the head", "shot in the chest",
             "shot in the back", "stab", "stabs", "stabbed", "stabbing", "murder*", "kills", "killed",
             "killing", "strangl*", "hanged", "noose", "beaten up", "dead body", "corpse", "executed",
             "execution", "burned alive", "lynch*", "assault*", "bleeding"),
        ),
        with_person=True,
    ),
    Rule(
        name="self_harm",
        summary="nothing that shows or praises self-harm",
        groups=(
            ("self harm*", "suicide", "kills himself", "kills herself", "kill himself", "kill herself",
             "cuts her wrists", "cuts his wrists", "hangs himself", "hangs herself", "anorexia goals"),
        ),
    ),
    Rule(
        name="hate",
        summary="no hatred against people for what they are",
        groups=(
            ("kill all", "exterminate", "gas the", "subhuman*", "ethnic cleansing", "master race",
             "white power", "heil hitler", "swastika*", "deport all", "vermin"),
            ("people", "jew*", "muslim*", "christian*", "hindu*", "black*", "white", "asian*", "immigrant*",
             "refugee*", "gay*", "women", "foreigner*", "hitler", "swastika*", "gypsies", "disabled", "race"),
        ),
    ),
    Rule(
        name="deception_person",
        summary="no forged news, endorsement or confession by a person's likeness",
        groups=(
            ("breaking news", "news report*", "press conference", "confess*", "admits to", "endorse*",
             "announces that", "resign*", "arrested", "mugshot*", "surveillance footage", "security camera*",
             "leaked video", "election*", "vote for", "invest in", "crypto", "deepfake*", "real footage"),
        ),
        with_person=True,
    ),
    Rule(
        name="humiliation_person",
        summary="nothing that degrades a person's likeness",
        groups=(
            ("humiliat*", "degrad*", "on a leash", "begging for mercy", "spat on", "spit on", "urinat*",
             "peeing", "defecat*", "vomit*", "drunk", "taking drugs", "fat shaming", "blackface"),
        ),
        with_person=True,
    ),
    Rule(
        name="weapons",
        summary="no instructions for weapons or explosives",
        groups=(
            ("how to make", "how to build", "instructions for", "step by step", "tutorial for", "recipe for"),
            ("bomb*", "explosive*", "pipe bomb*", "nerve gas", "ricin", "molotov*", "ghost gun*", "grenade*"),
        ),
    ),
)  # fmt: skip


class Finding(NamedTuple):
    """A rule that refuses, in words for the person who asked."""

    rule: str
    summary: str


def judge(texts: Sequence[str], person: bool) -> list[Finding]:
    """The rules that refuse a lineage; `person`: a likeness is in it, by a cameo or by name."""
    padded = [" " + " ".join(words(reading)) + " " for text in texts for reading in readings(text)]
    return [
        Finding(rule.name, rule.summary)
        for rule in RULES
        if (person or not rule.with_person)
        and all(
            any(_has_phrase(text, phrase) for text in padded for phrase in group) for group in rule.groups
        )
    ]


def _has_phrase(text: str, phrase: str) -> bool:
    return f" {phrase[:-1]}" in text if phrase.endswith("*") else f" {phrase} " in text

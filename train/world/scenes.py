"""Scenes of the drawn world, which of them training shows, and which are held out of it."""

import hashlib
import random
from dataclasses import dataclass, replace
from itertools import combinations

from train.world.vocabulary import MOTIONS, PLACES, STYLES, SUBJECTS, TIMES

HELD_OUT_SHARE = 0.2
STYLED_SHARE = 0.2
# Shares of all scenes of two subjects that training may show: about 1,650 of 39,000, and 340 of 5,100.
PAIRED_SHARE = 0.042
REFERRED_PAIRED_SHARE = 0.066
# The subject of a scene in which only a reference picture shows what it looks like.
SOMEONE = "someone"
# The subject of a scene without any: the place alone, seen by a camera that stands or pans.
NOBODY = "nobody"
# The places that subjects are trained in; the others are trained without anybody alone.
SUBJECT_PLACES = tuple(PLACES)[:10]
EMPTY_MOTIONS = ("still", "pan")


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

    Of two subjects, neither combination may be held out, nor the pair; a subject that only a reference
    picture shows is in no combination of its own.
    """
    if scene.subject == NOBODY:
        return False
    if scene.other:
        named = [subject for subject in (scene.subject, scene.other) if subject != SOMEONE]
        return (len(named) == 2 and held_out_pair(*named)) or any(
            held_out(replace(scene, subject=subject, other="")) for subject in named
        )
    key = f"{scene.subject}|{scene.place}|{scene.motion}".encode()
    return hashlib.sha256(key).digest()[0] < HELD_OUT_SHARE * 256


def held_out_pair(one: str, other: str) -> bool:
    """True for the fifth of all pairs of subjects that no training clip shows together."""
    return _hashed_into("pair " + "|".join(sorted((one, other))), HELD_OUT_SHARE)


def _hashed_into(key: str, share: float) -> bool:
    """True for this share of all keys, chosen by a hash: always the same ones."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) < share * 2**32


def referred_scenes() -> list[Scene]:
    """Every scene of one subject that only a reference picture shows, in a fixed order."""
    return [
        Scene(SOMEONE, place, time, motion)
        for place in SUBJECT_PLACES
        for time in TIMES
        for motion in MOTIONS
    ]


def empty_scenes() -> list[Scene]:
    """Every scene without anybody, in a fixed order."""
    return [
        Scene(NOBODY, place, time, motion) for place in PLACES for time in TIMES for motion in EMPTY_MOTIONS
    ]


def paired_scenes() -> list[Scene]:
    """Scenes of two subjects of the vocabulary, some of those that training may show, chosen by a hash."""
    alone = (
        Scene(subject, place, time, motion, other=other)
        for subject, other in combinations(SUBJECTS, 2)
        for place in SUBJECT_PLACES
        for time in TIMES
        for motion in MOTIONS
    )
    return [each for each in alone if _hashed_into(f"paired {each}", PAIRED_SHARE) and not held_out(each)]


def referred_paired_scenes() -> list[Scene]:
    """Scenes of a subject that only a reference picture shows, beside one of the vocabulary."""
    beside = (replace(scene, other=other) for scene in referred_scenes() for other in SUBJECTS)
    return [
        each
        for each in beside
        if _hashed_into(f"paired {each}", REFERRED_PAIRED_SHARE) and not held_out(each)
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
            rng.choice(SUBJECT_PLACES),
            rng.choice(tuple(TIMES)),
            rng.choice(tuple(MOTIONS)),
        )
        if held_out(scene) == unseen:
            return scene


def training_scenes() -> list[Scene]:
    """Every scene that training describes by words alone, in a fixed order: all plain ones, then some in a
    style, then some of two subjects, then those without anybody.
    """
    scenes = (Scene(s, p, t, m) for s in SUBJECTS for p in SUBJECT_PLACES for t in TIMES for m in MOTIONS)
    plain = [scene for scene in scenes if not held_out(scene)]
    return plain + styled_scenes(plain) + paired_scenes() + empty_scenes()


def all_referred_scenes() -> list[Scene]:
    """Every scene whose subject only a reference picture shows, in a fixed order: alone, then paired."""
    return referred_scenes() + referred_paired_scenes()

"""From what a prompt says to what one clip shows: a seed chooses among pictures, people's picks win. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec

from domain.videos.mentions import CameoIdentity
from schemas.library import Candidate, FoundSubject, PromptReading
from schemas.videos import MAX_SUBJECTS, Steer, Understood, UnderstoodSubject

# Before the id of a cameo whose picture shows a subject.
CAMEO = "cameo:"


def choose(
    reading: PromptReading,
    seed: int,
    cameos: Sequence[CameoIdentity] = (),
    steer: Steer | None = None,
    picked: Mapping[str, Candidate] | None = None,
    kept: Mapping[str, str] | None = None,
) -> Understood:
    """What the clip of a seed shows.

    `cameos` are those that the request names, in its order: whoever has a picture is a subject, by a mention
    or first of all. `picked` are pictures by the phrase that they stand for, in lower case; a phrase that
    nothing was found for gets its subject so. `kept` are the pictures of the clip that this one is made from,
    by phrase: where one of them is among those that the seed would choose from, it is chosen.
    """
    picks = dict(picked or {})
    shown = dict(kept or {})
    pictured = {cameo.id: cameo for cameo in cameos if cameo.pictured}
    unmentioned = [each for each in pictured if each not in {found.cameo for found in reading.subjects}]
    subjects: list[UnderstoodSubject] = []
    missed = list(reading.missed)
    rng = random.Random(f"pictures {seed}")
    for found in reading.subjects:
        pick = picks.get(phrase_key(found.phrase))
        # Drawn in any case, so that one pick changes no other picture.
        chosen = rng.choice(found.candidates) if found.candidates else None
        before = shown.get(phrase_key(found.phrase))
        chosen = next((each for each in found.candidates if each.picture == before), chosen)
        if found.cameo is not None:
            cameo = pictured.get(found.cameo or (unmentioned.pop(0) if unmentioned else ""))
            if cameo is None:
                missed.append(found.phrase)
            else:
                subjects.append(_of_cameo(found, cameo))
        elif pick is not None:
            subjects.append(_picked(found.phrase, pick))
        elif chosen is not None:
            subjects.append(_of(found.phrase, chosen, found.score))
    found_phrases = {phrase_key(found.phrase) for found in reading.subjects}
    for phrase in reading.missed:
        pick = picks.get(phrase_key(phrase))
        if pick is not None and phrase_key(phrase) not in found_phrases:
            subjects.append(_picked(phrase, pick))
            missed.remove(phrase)
    first = [_of_cameo(None, pictured[each]) for each in unmentioned]
    return Understood(
        subjects=[*first, *subjects][:MAX_SUBJECTS],
        place=reading.place,
        time=(steer and steer.time) or reading.time,
        motion=(steer and steer.motion) or _motion(reading, rng),
        camera=(steer and steer.camera) or reading.camera,
        style=(steer and steer.style) or reading.style,
        weather=reading.weather,
        missed=missed,
    )


def phrases_of(reading: PromptReading) -> set[str]:
    """The phrases that a picture can be picked for, as `phrase_key` has them."""
    found = [each.phrase for each in reading.subjects if each.cameo is None]
    return {phrase_key(phrase) for phrase in (*found, *reading.missed)}


def pictures_of(understood: Understood) -> dict[str, str]:
    """The pictures of a clip by the phrases that they stand for; not those of cameos."""
    return {
        phrase_key(each.phrase): each.picture
        for each in understood.subjects
        if not each.picture.startswith(CAMEO)
    }


def screened_texts(reading: PromptReading, prompt: str, picked: Mapping[str, Candidate]) -> list[str]:
    """What a prompt would be drawn as, in words: the names of all pictures, and the prompt with them."""
    names: list[str] = []
    drawn = prompt
    for found in reading.subjects:
        if found.cameo is not None:
            continue
        pick = picked.get(phrase_key(found.phrase))
        shown = [pick] if pick is not None else found.candidates
        names += [each.name for each in shown]
        if shown:
            drawn = drawn.replace(found.phrase, shown[0].name, 1)
    names += [each.name for each in picked.values()]
    texts = list(dict.fromkeys([*names, *([drawn] if drawn != prompt else [])]))
    return [text for text in texts if text]


def with_mentions(reading: PromptReading, cameos: Sequence[CameoIdentity]) -> PromptReading:
    """A reading in which mentions of cameos, which it was given by their ids, are said by their handles."""
    handles = {cameo.id: f"@{cameo.handle}" for cameo in cameos}
    subjects = [
        msgspec.structs.replace(each, phrase=handles.get(each.cameo or "", each.phrase))
        for each in reading.subjects
    ]
    return msgspec.structs.replace(reading, subjects=subjects)


def _motion(reading: PromptReading, rng: random.Random) -> str | None:
    return rng.choice(reading.motions) if reading.motions else None


def _of(phrase: str, chosen: Candidate, score: float) -> UnderstoodSubject:
    return UnderstoodSubject(phrase=phrase, name=chosen.name, picture=chosen.picture, score=score)


def _picked(phrase: str, pick: Candidate) -> UnderstoodSubject:
    return UnderstoodSubject(phrase=phrase, name=pick.name, picture=pick.picture, score=1.0, picked=True)


def _of_cameo(found: FoundSubject | None, cameo: CameoIdentity) -> UnderstoodSubject:
    phrase = f"@{cameo.handle}" if found is None else found.phrase
    return UnderstoodSubject(
        phrase=phrase, name=cameo.display_name or cameo.handle, picture=f"{CAMEO}{cameo.id}", score=1.0
    )


def phrase_key(phrase: str) -> str:
    """A phrase however it was typed: in lower case, with single spaces."""
    return " ".join(phrase.lower().split())

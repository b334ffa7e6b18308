"""What the model is asked to draw of a composed clip: the scene, with nobody in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.videos import Understood

# slot -> canonical name -> phrasings, the plainest first.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]
# What scenes without anyone are captioned with in training.
NOBODY = "nobody"


def scene_prompt(understood: Understood, vocabulary: Vocabulary) -> str:
    """The plainest sentence for a scene; what the words leave open is left out, and the seed decides it.

    Subjects, motion, style and weather are the composer's.
    """
    camera = "pan" if understood.camera == "pan" else "still"
    phrases = (
        _plainest(vocabulary, "motions", camera),
        _plainest(vocabulary, "places", understood.place),
        _plainest(vocabulary, "times", understood.time),
    )
    return " ".join((NOBODY, *filter(None, phrases)))


def _plainest(vocabulary: Vocabulary, slot: str, name: str | None) -> str:
    found = vocabulary.get(slot, {}).get(name or "", ())
    return found[0] if found else ""

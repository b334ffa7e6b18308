"""The library of pictures that is a part of a model: what its words can show, and by which names."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.base import Page, ResponseBody

# Raise it when a reader of the previous version could misread a library.
LIBRARY_VERSION = 1
# The side of a picture in pixels.
PICTURE_SIDE = 256
# The tones of skin that a person's picture has beside its default, as words name them.
TONES = ("light", "medium", "dark")
# What is found by a name that is only near ("labrador" for a dog) scores this; by its own name it scores 1.
NEAR_SCORE = 0.9

Faces = Literal["left", "right", "front"]
# How much of its subject a picture shows: a bust is cut off below, a head has nothing under it.
Shows = Literal["whole", "bust", "head"]


class LibrarySubject(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One subject and its picture.

    `names` are exact, in lower case without punctuation, the subject's own first; `near` are names of what it
    can stand for. `tones` are the pictures of other tones of skin. A man or a woman of a role says so by
    `gender`, and by `role` the subject that is neither.
    """

    id: str
    name: str
    names: list[str]
    near: list[str] = []
    faces: Faces = "front"
    shows: Shows = "whole"
    tones: dict[str, str] = {}
    role: str = ""
    gender: Literal["", "man", "woman"] = ""
    # What it is beyond doubt: "person", "animal", "bird", "insect", "thing".
    kinds: list[str] = []


class LibraryIndex(msgspec.Struct, kw_only=True):
    """All that a library says in words, and words of everyday English by what they are."""

    version: int
    licence: str
    subjects: list[LibrarySubject]
    verbs: list[str]
    adjectives: list[str]
    # Names that are verbs as well: "a king watches" shows no watch.
    both: list[str] = []
    # Words for things, and for what no picture shows.
    nouns: list[str] = []
    abstract: list[str] = []


class Candidate(msgspec.Struct, kw_only=True):
    """A picture that shows a subject, and what it is called."""

    picture: str
    name: str


class FoundSubject(msgspec.Struct, kw_only=True):
    """What a phrase of a prompt names: pictures to choose from, or a cameo."""

    phrase: str
    score: float
    candidates: list[Candidate] = []
    cameo: str | None = None


class PromptReading(msgspec.Struct, kw_only=True):
    """What a prompt says, before a seed chooses: subjects in order, and names of the model's vocabulary.

    `motions` are several where the words leave a choice. `missed` are phrases that nothing was found for.
    """

    subjects: list[FoundSubject] = []
    place: str | None = None
    time: str | None = None
    motions: list[str] = []
    camera: str | None = None
    style: str | None = None
    weather: str | None = None
    missed: list[str] = []


class ReadPrompt(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the model server is asked to understand; `referring`: words such as "someone" mean a cameo."""

    prompt: Annotated[str, Meta(max_length=4000)]
    referring: bool = False


class PictureCard(ResponseBody, kw_only=True):
    """A subject that a model can show, with a small picture as a data URL.

    `tones` are the pictures of other tones of skin. `score` says how well a search found it: 1 by a name, 0.9
    by one of something that it stands for, else the cosine of the meanings.
    """

    id: str
    name: str
    picture: str
    tones: list[str]
    score: float | None = None
    object: str = "subject"


class SubjectPage(Page, kw_only=True):
    """`GET /v1/models/{id}/subjects`."""

    data: list[PictureCard]

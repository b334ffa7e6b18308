"""Prompts by themselves: what one is understood to say, before anything is drawn or paid."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.base import RequestBody, ResponseBody
from schemas.cameos import TextRule
from schemas.library import Candidate
from schemas.videos import MAX_CAMEOS, MAX_SEED, PickedPictures, Prompt, Source, Steer, Understood


class UnderstandPrompt(RequestBody, kw_only=True):
    """`POST /v1/prompts/understand`: those fields of `POST /v1/videos` that decide what is in a clip."""

    prompt: Prompt
    model: str | None = None
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    cameos: Annotated[list[str], Meta(max_length=MAX_CAMEOS)] = msgspec.field(default_factory=list)
    source: Source | None = None
    steer: Steer | None = None
    subjects: PickedPictures | None = None


class SubjectChoice(msgspec.Struct, kw_only=True):
    """What a phrase may be shown by: each seed chooses one of these."""

    phrase: str
    candidates: list[Candidate]


class PromptUnderstood(ResponseBody, kw_only=True):
    """What a prompt says. `understood` is that of the video's recipe; None: its words alone would be drawn.

    `choices` are of phrases for which a seed chooses; where none was given, `understood` has the choice of
    some seed. `rules` are those that refuse the words, or what they would be drawn as; nothing is said of
    refused words.
    """

    understood: Understood | None = None
    choices: list[SubjectChoice] = msgspec.field(default_factory=list)
    rules: list[TextRule] = msgspec.field(default_factory=list)
    object: str = "prompt.understood"

"""An api whose model has a library of pictures; names alone decide what a prompt says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from export.assemble import WEIGHTS
from model_server.engine.library import Library
from schemas.library import Candidate, PictureCard, PromptReading, SubjectPage
from schemas.videos import ModelCard, PickedPicture
from tests.build import CARD
from train.world.vocabulary import as_json

LIBRARY = Library.load(WEIGHTS / "library" / "library.safetensors")
PICTURED = msgspec.structs.replace(CARD, subjects=len(LIBRARY.index.subjects), vocabulary=as_json())


class PicturedCards:
    """A model server with a library that is up."""

    async def all(self) -> list[ModelCard]:
        return [PICTURED]

    async def check_ready(self) -> None:
        """It can draw."""


class NamedSubjects:
    """Reads by the library's names."""

    def __init__(self) -> None:
        self.names = NameIndex(LIBRARY.index)
        self.scene = SceneWords(PICTURED.vocabulary)

    async def read(self, card: ModelCard, prompt: str, *, referring: bool = False) -> PromptReading | None:
        return read(prompt, self.names, self.scene, referring=referring)

    async def pictures(self, card: ModelCard, picked: Sequence[PickedPicture]) -> list[Candidate]:
        found = [self.names.picture(each.picture) for each in picked]
        return [each for each in found if each is not None]

    async def page(self, card: ModelCard, query: str, after: str | None, limit: int) -> SubjectPage:
        return SubjectPage(data=[])

    async def subject(self, card: ModelCard, picture: str) -> PictureCard:
        found = LIBRARY.subject(picture)
        return PictureCard(id=found.id, name=found.name, picture="data:", tones=list(found.tones.values()))

    async def small_picture(self, card: ModelCard, picture: str) -> bytes:
        return LIBRARY.subject(picture).id.encode()

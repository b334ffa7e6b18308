"""What prompts name, asked of the model server; while it is away only names that it has told are found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import quote

import httpx
import msgspec

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from schemas.errors import Code, RiffleError
from schemas.library import (
    Candidate,
    LibraryIndex,
    PictureCard,
    PromptReading,
    ReadPrompt,
    SubjectPage,
)
from schemas.videos import ModelCard, PickedPicture

log = logging.getLogger(__name__)
# PromptReading takes 20 ms on a quiet core and a second on a busy one; nobody waits longer for a near match.
READ_TIMEOUT_S = 2.5
# The names of a library: half a megabyte, once for each model.
NAMES_TIMEOUT_S = 5.0
PAGE_TIMEOUT_S = 5.0
RETRY_AFTER_S = 2
# Names of this many models are kept: the default one, and those that were asked for last.
MODELS_KEPT = 4


class Named(msgspec.Struct, frozen=True):
    """The names and scene words of one model."""

    names: NameIndex
    scene: SceneWords


@runtime_checkable
class Subjects(Protocol):
    """Where prompts are understood."""

    async def read(self, card: ModelCard, prompt: str, *, referring: bool = False) -> PromptReading | None:
        """What a prompt says; None if this model has no library, or nobody knows its names yet."""
        ...

    async def pictures(self, card: ModelCard, picked: Sequence[PickedPicture]) -> list[Candidate]:
        """The pictures that somebody picked.

        Raises:
            RiffleError: invalid_request, busy.
        """
        ...

    async def page(self, card: ModelCard, query: str, after: str | None, limit: int) -> SubjectPage:
        """A page of what a model can show.

        Raises:
            RiffleError: not_found (`after`), busy.
        """
        ...

    async def subject(self, card: ModelCard, picture: str) -> PictureCard:
        """The subject that has a picture.

        Raises:
            RiffleError: not_found, busy.
        """
        ...

    async def small_picture(self, card: ModelCard, picture: str) -> bytes:
        """A small picture as webp.

        Raises:
            RiffleError: not_found, busy.
        """
        ...


class ModelServerSubjects:
    """The subjects of a model server's libraries."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = READ_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` takes the place of the network."""
        self._url = f"{url}/v1/models"
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(transport=transport)
        self._named: dict[tuple[str, int], Named] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[Named]] = {}

    async def read(self, card: ModelCard, prompt: str, *, referring: bool = False) -> PromptReading | None:
        """What a prompt says: by meaning if the model server answers soon, else by exact names."""
        if not card.subjects:
            return None
        body = msgspec.json.encode(ReadPrompt(prompt=prompt, referring=referring))
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._client.post(
                    f"{self._url}/{card.id}/read",
                    content=body,
                    headers={"content-type": "application/json"},
                    timeout=self._timeout_s,
                )
            reading = msgspec.json.decode(reply.raise_for_status().content, type=PromptReading)
        except (httpx.HTTPError, msgspec.MsgspecError, TimeoutError) as away:
            log.warning("the model server read no prompt (%r): only names count", away)
            named = self._known(card)
            return None if named is None else read(prompt, named.names, named.scene, referring=referring)
        # Told now, it is there when the model server is away.
        self._ask(card)
        return reading

    async def pictures(self, card: ModelCard, picked: Sequence[PickedPicture]) -> list[Candidate]:
        """The pictures that somebody picked.

        Raises:
            RiffleError: invalid_request, where the model has no such picture; busy.
        """
        if not picked:
            return []
        if not card.subjects:
            raise RiffleError(
                Code.INVALID_REQUEST, f"{card.id} has no pictures of subjects", param="subjects"
            )
        named = await self._names(card)
        found = []
        for each in picked:
            candidate = named.names.picture(each.picture)
            if candidate is None:
                raise RiffleError(
                    Code.INVALID_REQUEST, f"{card.id} has no picture `{each.picture}`", param="subjects"
                )
            found.append(candidate)
        return found

    async def page(self, card: ModelCard, query: str, after: str | None, limit: int) -> SubjectPage:
        """A page of what a model can show; an empty one where it has no library.

        Raises:
            RiffleError: not_found (`after`), busy.
        """
        if not card.subjects:
            return SubjectPage(data=[])
        asked = {"q": query, "limit": str(limit)} | ({} if after is None else {"after": after})
        try:
            reply = await self._client.get(
                f"{self._url}/{card.id}/subjects", params=asked, timeout=PAGE_TIMEOUT_S
            )
            if reply.status_code == 404 and after is not None:
                raise RiffleError(Code.NOT_FOUND, f"there is no subject `{after}` here", param="after")
            return msgspec.json.decode(reply.raise_for_status().content, type=SubjectPage)
        except (httpx.HTTPError, msgspec.MsgspecError) as away:
            raise _busy() from away

    async def subject(self, card: ModelCard, picture: str) -> PictureCard:
        """The subject that has a picture.

        Raises:
            RiffleError: not_found, busy.
        """
        content = await self._get_subject(card, picture, "")
        try:
            return msgspec.json.decode(content, type=PictureCard)
        except msgspec.MsgspecError as broken:
            raise _busy() from broken

    async def small_picture(self, card: ModelCard, picture: str) -> bytes:
        """A small picture as webp.

        Raises:
            RiffleError: not_found, busy.
        """
        return await self._get_subject(card, picture, "/picture")

    async def _get_subject(self, card: ModelCard, picture: str, what: str) -> bytes:
        missing = RiffleError(Code.NOT_FOUND, f"{card.id} has no picture `{picture}`")
        if not card.subjects:
            raise missing
        try:
            url = f"{self._url}/{card.id}/subjects/{quote(picture, safe='')}{what}"
            reply = await self._client.get(url, timeout=PAGE_TIMEOUT_S)
            if reply.status_code == 404:
                raise missing
            return reply.raise_for_status().content
        except httpx.HTTPError as away:
            raise _busy() from away

    def _known(self, card: ModelCard) -> Named | None:
        return self._named.get((card.id, card.created))

    def _ask(self, card: ModelCard) -> asyncio.Task[Named]:
        """The names of a model, asked for once."""
        key = (card.id, card.created)
        running = self._asking.get(key)
        if running is None or (running.done() and (running.cancelled() or running.exception() is not None)):
            running = self._asking[key] = asyncio.create_task(self._fetch(card))
            running.add_done_callback(_log_failure)
            for old in list(self._asking)[:-MODELS_KEPT]:
                self._asking.pop(old).cancel()
                self._named.pop(old, None)
        return running

    async def _names(self, card: ModelCard) -> Named:
        try:
            return await asyncio.shield(self._ask(card))
        except (httpx.HTTPError, msgspec.MsgspecError) as away:
            raise _busy() from away

    async def _fetch(self, card: ModelCard) -> Named:
        reply = await self._client.get(f"{self._url}/{card.id}/names", timeout=NAMES_TIMEOUT_S)
        content = reply.raise_for_status().content
        named = await asyncio.to_thread(_named, content, card)
        self._named[card.id, card.created] = named
        return named


def _named(content: bytes, card: ModelCard) -> Named:
    library = msgspec.json.decode(content, type=LibraryIndex)
    return Named(NameIndex(library), SceneWords(card.vocabulary))


def _log_failure(task: asyncio.Task[Named]) -> None:
    if not task.cancelled() and (failed := task.exception()) is not None:
        log.warning("the model server told no names (%r)", failed)


def _busy() -> RiffleError:
    message = "the model server does not answer"
    return RiffleError(Code.BUSY, message, retry_after_s=RETRY_AFTER_S)

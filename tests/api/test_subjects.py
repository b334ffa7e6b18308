"""What prompts name, asked of the model server, and what happens while it is away."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest

from api.subjects import ModelServerSubjects
from export.assemble import WEIGHTS
from model_server.engine.library import Library
from schemas.errors import Code, RiffleError
from schemas.library import FoundSubject, PictureCard, PromptReading, SubjectPage
from schemas.videos import PickedPicture
from tests.build import CARD

LIBRARY = Library.load(WEIGHTS / "library" / "library.safetensors")
PICTURED = msgspec.structs.replace(CARD, subjects=len(LIBRARY.index.subjects))
READING = PromptReading(subjects=[FoundSubject(phrase="a thing", score=0.7)])


class Server:
    """A model server that reads every prompt the same way; away: nobody listens; slow: nobody answers."""

    def __init__(self) -> None:
        self.away = self.slow = False
        self.asked: list[str] = []
        self.paths: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.raw_path.decode())
        self.asked.append(request.url.path.rsplit("/", 1)[-1])
        if self.away:
            raise httpx.ConnectError("connection refused")
        if self.slow:
            await asyncio.sleep(60)
        if request.url.path.endswith("/read"):
            return httpx.Response(200, content=msgspec.json.encode(READING))
        if "/subjects/" in request.url.path:
            if "nobody" in request.url.path:
                return httpx.Response(404)
            if request.url.path.endswith("/picture"):
                return httpx.Response(200, content=b"webp")
            card = PictureCard(id="1f996", name="T-Rex", picture="data:", tones=[])
            return httpx.Response(200, content=msgspec.json.encode(card))
        if request.url.path.endswith("/subjects"):
            if request.url.params.get("after") == "nobody":
                return httpx.Response(404)
            card = PictureCard(id="1f996", name="T-Rex", picture="data:", tones=[])
            return httpx.Response(200, content=msgspec.json.encode(SubjectPage(data=[card])))
        return httpx.Response(200, content=msgspec.json.encode(LIBRARY.index))

    def subjects(self) -> ModelServerSubjects:
        return ModelServerSubjects("http://nowhere", timeout_s=0.3, transport=httpx.MockTransport(self))


async def told(server: Server, subjects: ModelServerSubjects) -> None:
    """Until it knows the names."""
    await subjects.pictures(PICTURED, [PickedPicture(phrase="x", picture="1f996")])
    assert "names" in server.asked


async def test_a_model_without_a_library_is_asked_nothing() -> None:
    server = Server()
    assert await server.subjects().read(CARD, "a cat") is None
    assert (await server.subjects().page(CARD, "cat", None, 5)).data == []
    assert server.asked == []
    with pytest.raises(RiffleError) as caught:
        await server.subjects().pictures(CARD, [PickedPicture(phrase="x", picture="1f996")])
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "subjects")


async def test_the_model_server_reads_while_it_is_there() -> None:
    server = Server()
    assert await server.subjects().read(PICTURED, "a cat") == READING


@pytest.mark.parametrize("trouble", ["away", "slow"])
async def test_names_are_found_while_it_is_not(trouble: str) -> None:
    server = Server()
    subjects = server.subjects()
    setattr(server, trouble, True)
    assert await subjects.read(PICTURED, "a T-Rex") is None
    setattr(server, trouble, False)
    await told(server, subjects)
    setattr(server, trouble, True)
    reading = await subjects.read(PICTURED, "a T-Rex jumps")
    assert reading is not None
    assert [each.candidates[0].picture for each in reading.subjects] == ["1f996"]
    assert reading.motions == ["jump"]


async def test_names_are_asked_for_once() -> None:
    server = Server()
    subjects = server.subjects()
    await asyncio.gather(*(told(server, subjects) for _ in range(5)))
    assert server.asked.count("names") == 1


async def test_only_pictures_of_the_library_can_be_picked() -> None:
    server = Server()
    subjects = server.subjects()
    (found,) = await subjects.pictures(PICTURED, [PickedPicture(phrase="x", picture="1f996")])
    assert found.name == "T-Rex"
    with pytest.raises(RiffleError) as caught:
        await subjects.pictures(PICTURED, [PickedPicture(phrase="x", picture="../etc")])
    assert caught.value.code is Code.INVALID_REQUEST
    server.away = True
    with pytest.raises(RiffleError) as caught:
        await server.subjects().pictures(PICTURED, [PickedPicture(phrase="x", picture="1f996")])
    assert caught.value.code is Code.BUSY


async def test_pages_come_from_the_model_server_or_not_at_all() -> None:
    server = Server()
    subjects = server.subjects()
    page = await subjects.page(PICTURED, "dino", None, 5)
    assert [each.name for each in page.data] == ["T-Rex"]
    with pytest.raises(RiffleError) as caught:
        await subjects.page(PICTURED, "", "nobody", 5)
    assert caught.value.code is Code.NOT_FOUND
    server.away = True
    with pytest.raises(RiffleError) as caught:
        await subjects.page(PICTURED, "dino", None, 5)
    assert caught.value.code is Code.BUSY


async def test_one_subject_and_one_picture_come_from_the_model_server_or_not_at_all() -> None:
    server = Server()
    subjects = server.subjects()
    assert (await subjects.subject(PICTURED, "1f996")).name == "T-Rex"
    assert await subjects.small_picture(PICTURED, "1f996") == b"webp"
    for card, picture in ((PICTURED, "nobody"), (PICTURED, "../nobody"), (CARD, "1f996")):
        for ask in (subjects.subject, subjects.small_picture):
            with pytest.raises(RiffleError) as caught:
                await ask(card, picture)
            assert caught.value.code is Code.NOT_FOUND
    # No id reaches another address.
    assert not [path for path in server.paths if ".." in path.split("/")]
    server.away = True
    for ask in (subjects.subject, subjects.small_picture):
        with pytest.raises(RiffleError) as caught:
            await ask(PICTURED, "1f996")
        assert caught.value.code is Code.BUSY

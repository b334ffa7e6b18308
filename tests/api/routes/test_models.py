"""The model cards, and what happens while their server is away."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest

from api.model_cards import ModelServerCards
from schemas.errors import Code, RiffleError
from schemas.videos import ModelCard, ModelList
from tests.api.people import refused
from tests.build import CARD


async def test_models_need_no_account(anyone: httpx.AsyncClient) -> None:
    found = (await anyone.get("/v1/models")).json()
    assert found["object"] == "list"
    assert found["data"] == [msgspec.to_builtins(CARD)]
    assert (await anyone.get("/v1/models/riffle-tiny")).json()["id"] == "riffle-tiny"
    refused(await anyone.get("/v1/models/sora-2"), 404, "not_found", "model")


class Server:
    """A model server whose next answer is `answer`; none: nobody listens."""

    def __init__(self) -> None:
        self.answer: ModelList | None = None
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/models"
        self.asked += 1
        if self.answer is None:
            raise httpx.ConnectError("connection refused")
        return httpx.Response(200, content=msgspec.json.encode(self.answer))

    def cards(self, fresh_s: float) -> ModelServerCards:
        transport = httpx.MockTransport(self)
        return ModelServerCards("http://nowhere", fresh_s=fresh_s, transport=transport)


async def eventually(cards: ModelServerCards, expected: list[ModelCard]) -> bool:
    """Whether cards that are renewed in the background become these."""
    for _ in range(1000):
        if await cards.all() == expected:
            return True
        await asyncio.sleep(0)
    return False


async def test_cards_are_cached() -> None:
    server = Server()
    cards = server.cards(fresh_s=3600.0)
    with pytest.raises(RiffleError) as caught:
        await cards.all()
    assert caught.value.code is Code.BUSY
    assert caught.value.retry_after_s
    server.answer = ModelList(data=[CARD])
    assert await cards.all() == [CARD]
    assert await cards.all() == [CARD]
    assert server.asked == 2


async def test_cards_outlive_their_server_and_follow_a_newer_one() -> None:
    server = Server()
    cards = server.cards(fresh_s=0.0)
    server.answer = ModelList(data=[CARD])
    assert await cards.all() == [CARD]
    newer = msgspec.structs.replace(CARD, created=CARD.created + 1)
    server.answer = None
    asked = server.asked
    assert not await eventually(cards, [newer])
    assert await cards.all() == [CARD]
    assert server.asked > asked
    server.answer = ModelList(data=[newer])
    assert await eventually(cards, [newer])


async def test_a_server_without_a_model_is_busy() -> None:
    server = Server()
    server.answer = ModelList(data=[])
    with pytest.raises(RiffleError) as caught:
        await server.cards(fresh_s=0.0).all()
    assert caught.value.code is Code.BUSY


async def test_a_server_that_is_not_there_is_busy() -> None:
    with pytest.raises(RiffleError) as caught:
        await ModelServerCards("http://127.0.0.1:9").all()
    assert caught.value.code is Code.BUSY


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"[" * 100_000, b'{"engines":{"preview":"\xff\xfe"}}', b"\xff"]
)
async def test_whatever_answers_in_its_place_is_no_model_server(answer: bytes) -> None:
    server = Server()
    server.answer = ModelList(data=[CARD])

    def reply(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answer) if request.url.path == "/health" else server(request)

    cards = ModelServerCards("http://nowhere", fresh_s=3600.0, transport=httpx.MockTransport(reply))
    with pytest.raises(RiffleError) as caught:
        await cards.check_ready()
    assert caught.value.code is Code.BUSY

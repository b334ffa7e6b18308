"""The model cards, and what happens while their server is away."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from api.model_cards import ModelServerCards
from schemas.errors import Code, RiffleError
from schemas.videos import ModelList
from tests.api.people import refused
from tests.build import CARD


async def test_models_need_no_account(anyone: httpx.AsyncClient) -> None:
    found = (await anyone.get("/v1/models")).json()
    assert found["object"] == "list"
    assert found["data"] == [msgspec.to_builtins(CARD)]
    assert (await anyone.get("/v1/models/riffle-tiny")).json()["id"] == "riffle-tiny"
    refused(await anyone.get("/v1/models/sora-2"), 404, "not_found", "model")


class Server:
    """A model server whose next answer is `answer`."""

    def __init__(self) -> None:
        self.answer: ModelList | Exception = OSError("connection refused")
        self.asked = 0

    def fetch(self) -> list[object]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer.data)


async def test_cards_are_cached_and_outlive_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server, cards = Server(), ModelServerCards("http://nowhere")
    monkeypatch.setattr(cards, "_fetch", server.fetch)
    with pytest.raises(RiffleError) as caught:
        await cards.all()
    assert caught.value.code is Code.BUSY
    assert caught.value.retry_after_s
    server.answer = ModelList(data=[CARD])
    assert await cards.all() == [CARD]
    assert await cards.all() == [CARD]
    assert server.asked == 2
    monkeypatch.setattr("api.model_cards.FRESH_S", 0.0)
    server.answer = OSError("gone")
    assert await cards.all() == [CARD]
    await _renewed(cards)
    assert server.asked == 3
    newer = msgspec.structs.replace(CARD, created=CARD.created + 1)
    server.answer = ModelList(data=[newer])
    assert await cards.all() == [CARD]
    await _renewed(cards)
    assert await cards.all() == [newer]
    await _renewed(cards)


async def _renewed(cards: ModelServerCards) -> None:
    assert cards._newer is not None
    await cards._newer


async def test_a_server_that_is_not_there_is_busy() -> None:
    with pytest.raises(RiffleError) as caught:
        await ModelServerCards("http://127.0.0.1:9").all()
    assert caught.value.code is Code.BUSY

"""Which models there are."""

from __future__ import annotations

from litestar import Controller, get

from api.http.auth import PUBLIC
from api.model_cards import Cards
from domain.videos.validate import find_card
from schemas.errors import Code
from schemas.videos import ModelCard, ModelList


class Models(Controller):
    """The models and what each can draw."""

    path = "/models"
    tags = ("models",)

    @get("/", opt=PUBLIC, summary="Models, their sizes, prices and vocabulary")
    async def everything(self, cards: Cards) -> ModelList:
        """Every model, the default first.

        Raises:
            RiffleError: busy, while the model loads.
        """
        return ModelList(data=await cards.all())

    @get("/{model_id:str}", opt=PUBLIC, summary="One model")
    async def one(self, model_id: str, cards: Cards) -> ModelCard:
        """One model.

        Raises:
            RiffleError: not_found, busy.
        """
        return find_card(await cards.all(), model_id, Code.NOT_FOUND)

"""Which models there are."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get
from litestar.params import Parameter

from api.http.auth import PUBLIC
from api.model_cards import Cards
from api.subjects import Subjects
from domain.videos.validate import find_card
from schemas.errors import Code
from schemas.library import PictureCard, SubjectPage
from schemas.videos import MAX_PHRASE_CHARS, MAX_PICTURE_CHARS, ModelCard, ModelList

# A phone shows some forty small pictures, of 2 kB each.
DEFAULT_PAGE = 24
MAX_PAGE = 100
# A library changes with its model; a search for the same words is asked again while somebody types.
KEEP_S = 300
KEPT = {"cache-control": f"public, max-age={KEEP_S}"}
PictureId = Annotated[str, Parameter(description="id of a picture", max_length=MAX_PICTURE_CHARS)]


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

    @get("/{model_id:str}/subjects", opt=PUBLIC, summary="What a model has pictures of")
    async def subjects(
        self,
        model_id: str,
        cards: Cards,
        subjects: Subjects,
        q: Annotated[
            str, Parameter(description="words to search for by meaning", max_length=MAX_PHRASE_CHARS)
        ] = "",
        after: Annotated[
            str | None,
            Parameter(description="id of the last subject of the page before", max_length=MAX_PICTURE_CHARS),
        ] = None,
        limit: Annotated[int, Parameter(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
    ) -> Response[SubjectPage]:
        """A page of subjects with small pictures: those that `q` names or means, else all in order.

        Raises:
            RiffleError: not_found (the model, or `after`), busy.
        """
        card = find_card(await cards.all(), model_id, Code.NOT_FOUND)
        page = await subjects.page(card, q, after, limit)
        return Response(page, headers=KEPT)

    @get("/{model_id:str}/subjects/{picture:str}", opt=PUBLIC, summary="The subject of a picture")
    async def subject(
        self, model_id: str, picture: PictureId, cards: Cards, subjects: Subjects
    ) -> Response[PictureCard]:
        """The subject that has this picture, or has it in another tone of skin.

        Raises:
            RiffleError: not_found, busy.
        """
        card = find_card(await cards.all(), model_id, Code.NOT_FOUND)
        return Response(await subjects.subject(card, picture), headers=KEPT)

    @get(
        "/{model_id:str}/subjects/{picture:str}/picture",
        opt=PUBLIC,
        media_type="image/webp",
        summary="A small picture of a subject",
    )
    async def picture(
        self, model_id: str, picture: PictureId, cards: Cards, subjects: Subjects
    ) -> Response[bytes]:
        """A picture of a model's library, as small as in its list, as webp.

        Raises:
            RiffleError: not_found, busy.
        """
        card = find_card(await cards.all(), model_id, Code.NOT_FOUND)
        small = await subjects.small_picture(card, picture)
        return Response(small, media_type="image/webp", headers=KEPT)

"""Videos in OpenAI's shape: create, read, list, cancel, delete, and where they come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from litestar import Controller, Response, delete, get, post
from litestar.params import Parameter

from api.http.auth import AuthedRequest, asker
from api.http.idempotency import idempotent_with_check
from api.http.input_reference import store_pictures
from api.model_cards import Cards
from api.subjects import Subjects
from api.understanding import understand
from domain.consent import receipts
from domain.safety.screen import Screen
from domain.videos import lineage, record, transitions
from domain.videos.create import create_video, render_video
from domain.videos.delete import delete_video
from domain.videos.drafts import ReadWords
from domain.videos.to_wire import to_video, to_videos
from domain.videos.validate import check_request, find_card
from domain.videos.visibility import get_viewable
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.reference import MAX_BYTES
from media.store import MediaStore
from schemas.base import RequestBody
from schemas.videos import (
    CreateVideo,
    DeletedVideo,
    Lineage,
    ModelCard,
    ReceiptList,
    Relation,
    RemixVideo,
    Source,
    Status,
    Tier,
    Video,
    VideoPage,
)

# A picture, and what a form puts around it.
MAX_FORM_BYTES = MAX_BYTES + 64 * 1024
# OpenAI's bounds.
DEFAULT_PAGE = 20
MAX_PAGE = 100
# A preview is drawn in about two seconds, a full render in tens: ask about four times a preview's life.
POLL_AFTER_MS = {Tier.PREVIEW: 500, Tier.FULL: 1500}
POLL_HEADER = "openai-poll-after-ms"


class Checked(NamedTuple):
    """What a request needs that passed every check: the model cards, its first pictures, what it says."""

    cards: list[ModelCard]
    pictures: dict[str, str]
    words: ReadWords | None


class Videos(Controller):
    """Generations and their results."""

    path = "/videos"
    tags = ("videos",)

    @post(
        "/",
        status_code=200,
        request_max_body_size=MAX_FORM_BYTES,
        summary="Draw a video, or a swarm of previews",
    )
    async def create(
        self,
        request: AuthedRequest,
        now: datetime,
        data: CreateVideo,
        cards: Cards,
        screen: Screen,
        media: MediaStore,
        credentials: Credentials,
        decoder: DecodePool,
        subjects: Subjects,
    ) -> Response[Video]:
        """Queue `n` videos, one seed each. The answer is the first; `swarm.video_ids` lists them all.

        Takes JSON, or multipart/form-data as the openai SDK sends it. `input_reference` is an own picture
        that the clip begins with: a file of the form, or `{"image_url": "data:image/png;base64,..."}`.

        Raises:
            RiffleError: invalid_request, prompt_too_long, invalid_size, invalid_n, unknown_model,
                not_found (a source or cameo), not_ready, consent_refused, likeness_protected,
                moderation_refused, taken_down, insufficient_credits, idempotency_mismatch, busy.
        """

        async def pictures() -> dict[str, str]:
            assert data.input_reference is not None
            return await store_pictures(
                request.user.id, data.input_reference, data.n, media, credentials, decoder, now=now
            )

        given = None if data.input_reference is None else pictures
        return await create_response(request, now, data, data, cards, screen, subjects, given)

    @post("/{video_id:str}/remix", status_code=200, summary="A new video from this one and another prompt")
    async def remix(
        self,
        request: AuthedRequest,
        now: datetime,
        video_id: str,
        data: RemixVideo,
        cards: Cards,
        screen: Screen,
        subjects: Subjects,
    ) -> Response[Video]:
        """Start from a completed video; `strength` 0 keeps it, 1 keeps nothing of it.

        Raises:
            RiffleError: what making a video raises; not_ready, while the source is being drawn.
        """
        asked = CreateVideo(
            prompt=data.prompt,
            n=data.n,
            seed=data.seed,
            source=Source(relation=Relation.REMIX, video_ids=[video_id], strength=data.strength),
            subjects=data.subjects,
        )
        return await create_response(request, now, data, asked, cards, screen, subjects)

    @post("/{video_id:str}/render", status_code=200, summary="The full render of a preview")
    async def render(
        self, request: AuthedRequest, now: datetime, video_id: str, cards: Cards, screen: Screen
    ) -> Response[Video]:
        """A new video of tier `full` with the preview's recipe: same prompt, seed and noise.

        Raises:
            RiffleError: not_found, not_ready, invalid_state (not a preview), consent_refused,
                likeness_protected, moderation_refused, taken_down, insufficient_credits,
                idempotency_mismatch, busy.
        """

        async def check() -> list[ModelCard]:
            known = await cards.all()
            await screen.check_video(asker(request, now), "", [video_id], [])
            return known

        async def create(known: list[ModelCard]) -> Video:
            return await render_video(request.user.id, video_id, known, now)

        return await idempotent_with_check(
            request, None, check, create, _reread(request, now), status=200, headers=_poll(Tier.FULL)
        )

    @get("/", summary="My videos")
    async def page(
        self,
        request: AuthedRequest,
        after: Annotated[str | None, Parameter(description="id of the last video of the page before")] = None,
        limit: Annotated[int, Parameter(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
        order: Literal["asc", "desc"] = "desc",
    ) -> VideoPage:
        """A page of one's own videos by creation.

        Raises:
            RiffleError: not_found, where `after` is no video of one's own.
        """
        rows, has_more = await record.page(request.user.id, after, limit, order)
        data = await to_videos(rows)
        return VideoPage(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=has_more,
        )

    @get("/{video_id:str}", summary="One video")
    async def one(self, request: AuthedRequest, now: datetime, video_id: str) -> Response[Video]:
        """A video as the asker may see it.

        Raises:
            RiffleError: not_found.
        """
        return _to_response(await to_video(await get_viewable(video_id, request.user.id, now)))

    @post("/{video_id:str}/cancel", status_code=200, summary="Stop drawing")
    async def cancel(self, request: AuthedRequest, now: datetime, video_id: str) -> Response[Video]:
        """Cancel; drawing stops within one step, and what it showed is erased.

        Credits go back, but for the steps that were done, once a picture was sent; a use of a grant counts
        from then on too.

        Raises:
            RiffleError: not_found; invalid_state, where it has ended already.
        """
        return _to_response(await to_video(await transitions.cancel(video_id, request.user.id, now)))

    @delete("/{video_id:str}", status_code=200, summary="Delete a video and its media")
    async def remove(self, request: AuthedRequest, now: datetime, video_id: str) -> DeletedVideo:
        """Delete for good; a running one is cancelled first, a posted one is taken back.

        Nobody gets its media from then on; the store loses it within moments, or as soon as it can delete.

        Raises:
            RiffleError: not_found.
        """
        await delete_video(video_id, request.user.id, now)
        return DeletedVideo(id=video_id)

    @get("/{video_id:str}/lineage", summary="What it was made from, and what was made from it")
    async def lineage(self, request: AuthedRequest, now: datetime, video_id: str) -> Lineage:
        """The graph up and down, by what the asker may see.

        Raises:
            RiffleError: not_found.
        """
        return await lineage.lineage(video_id, request.user.id, now)

    @get("/{video_id:str}/receipts", summary="The consent that it rests on")
    async def receipts(self, request: AuthedRequest, now: datetime, video_id: str) -> ReceiptList:
        """One receipt for each cameo in it.

        Raises:
            RiffleError: not_found.
        """
        await get_viewable(video_id, request.user.id, now)
        return ReceiptList(data=await receipts.of_video(video_id))


async def create_response(
    request: AuthedRequest,
    now: datetime,
    data: RequestBody,
    asked: CreateVideo,
    cards: Cards,
    screen: Screen,
    subjects: Subjects,
    pictures: Callable[[], Awaitable[dict[str, str]]] | None = None,
) -> Response[Video]:
    """Check and screen what is asked for, then create it, once for each key; `data` is the body as sent.

    `pictures` stores the first picture of each video, once all else is in order.
    """

    async def check() -> Checked:
        known = await cards.all()
        card = find_card(known, asked.model)
        check_request(asked, card)
        sources = asked.source.video_ids if asked.source else []
        who = asker(request, now)
        await screen.check_video(who, asked.prompt, sources, asked.cameos)
        words = await understand(asked, card, subjects, screen, who)
        return Checked(known, {} if pictures is None else await pictures(), words)

    async def create(checked: Checked) -> Video:
        return await create_video(request.user.id, asked, checked.cards, now, checked.pictures, checked.words)

    return await idempotent_with_check(
        request, data, check, create, _reread(request, now), status=200, headers=_poll(asked.tier)
    )


def _reread(request: AuthedRequest, now: datetime) -> Callable[[str], Awaitable[Video]]:
    async def reread(video_id: str) -> Video:
        return await to_video(await get_viewable(video_id, request.user.id, now))

    return reread


def _poll(tier: Tier) -> dict[str, str]:
    return {POLL_HEADER: str(POLL_AFTER_MS[tier])}


def _to_response(video: Video) -> Response[Video]:
    running = video.status in (Status.QUEUED, Status.IN_PROGRESS)
    return Response(video, headers=_poll(video.tier) if running else None)

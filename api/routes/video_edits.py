"""Edits and extensions where the openai SDK asks for them: each is a `source` of `POST /v1/videos`."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, Response, post

from api.http.auth import AuthedRequest
from api.http.upload import MAX_CLIP_BYTES
from api.model_cards import Cards
from api.routes.videos import create_response
from api.subjects import Subjects
from domain.safety.screen import Screen
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.fingerprint import UnreadableVideo
from schemas.errors import Code, RiffleError
from schemas.videos import CreateVideo, EditVideo, ExtendVideo, Relation, Source, Video, VideoInput


class VideoEdits(Controller):
    """Videos made from one that is there: by its id, or by its file, which names it in its credentials."""

    path = "/videos"
    tags = ("videos",)

    @post(
        "/edits",
        status_code=200,
        request_max_body_size=MAX_CLIP_BYTES,
        summary="Edit a video by another prompt",
    )
    async def edit(
        self,
        request: AuthedRequest,
        now: datetime,
        data: EditVideo,
        cards: Cards,
        screen: Screen,
        subjects: Subjects,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Response[Video]:
        """The same as `source` with relation `edit`: `strength` 0 keeps the video, 1 keeps nothing of it.

        `video` is `{"id": ...}`, or the file of a video that was made here, as it was downloaded.

        Raises:
            RiffleError: what making a video raises; not_ready, while the source is being drawn.
        """
        video_id = await _video_id(data.video, request.user.id, credentials, decoder)
        source = Source(relation=Relation.EDIT, video_ids=[video_id], strength=data.strength)
        return await _create_from(source, None, request, now, data, cards, screen, subjects)

    @post("/extensions", status_code=200, request_max_body_size=MAX_CLIP_BYTES, summary="Go on from a video")
    async def extend(
        self,
        request: AuthedRequest,
        now: datetime,
        data: ExtendVideo,
        cards: Cards,
        screen: Screen,
        subjects: Subjects,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Response[Video]:
        """The same as `source` with relation `extend`: a clip that first repeats the source's end.

        `video` is `{"id": ...}`, or the file of a video that was made here, as it was downloaded.

        Raises:
            RiffleError: what making a video raises; not_ready, while the source is being drawn.
        """
        video_id = await _video_id(data.video, request.user.id, credentials, decoder)
        source = Source(relation=Relation.EXTEND, video_ids=[video_id])
        return await _create_from(source, data.seconds, request, now, data, cards, screen, subjects)


async def _create_from(
    source: Source,
    seconds: str | int | None,
    request: AuthedRequest,
    now: datetime,
    data: EditVideo | ExtendVideo,
    cards: Cards,
    screen: Screen,
    subjects: Subjects,
) -> Response[Video]:
    """What `POST /v1/videos` answers to the same, said by a `source`."""
    asked = CreateVideo(prompt=data.prompt, seconds=seconds, n=data.n, seed=data.seed, source=source)
    return await create_response(request, now, data, asked, cards, screen, subjects)


async def _video_id(video: VideoInput, account: str, credentials: Credentials, decoder: DecodePool) -> str:
    """The id of a video; of a file, the one in its content credentials, where we signed them.

    Nothing else of a file counts: what only looks like a video of ours may be anybody's.
    """
    if not isinstance(video, bytes):
        return video.id
    try:
        found = await decoder.active_manifest(video, credentials.authority, who=account, kind="reference")
    except UnreadableVideo:
        found = None
    if found is None or found.state != "Trusted" or found.title is None:
        raise RiffleError(
            Code.INVALID_REQUEST,
            "this is not the file of a video that was made here, as it was downloaded: send the id of one",
            param="video",
        )
    return found.title

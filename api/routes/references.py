"""The reference picture of a cameo: stored privately, shown to its owner and to who has a grant for it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from litestar import Controller, Response, delete, get, put

from api.http.auth import AuthedRequest
from api.http.clock import read_clock
from api.http.etags import Preconditions
from api.http.file_names import content_disposition
from api.http.multipart import media_type
from api.http.openapi_files import ChangeOperation, PictureOperation, ShownFileOperation
from api.http.reference_upload import ENDINGS, check_reference, keep_reference, put_reference
from api.http.unread_body import READS_BODY
from api.http.upload import QUICKTIME
from domain import media_keys
from domain.consent import cameos
from domain.consent.ages import check_age
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.reference import CLIP, MAX_BYTES, PICTURES
from media.store import MediaStore
from schemas.cameos import Cameo
from schemas.errors import Code, RiffleError
from settings import Settings

# A grant can end at any moment, so no cache may outlive it.
CACHE = "private, no-store"
# What phones call the same: a clip with Apple's brand, a photo by its ending.
ALSO = {QUICKTIME: CLIP, "image/jpg": "image/jpeg"}


class References(Controller):
    """Reference pictures of cameos."""

    path = "/cameos"
    tags = ("cameos",)

    @put(
        "/{cameo_id:str}/reference",
        summary="Give a cameo its picture",
        description=f"The body is the file itself: {', '.join(PICTURES)} or {CLIP} (at most 10 seconds).",
        request_max_body_size=MAX_BYTES,
        operation_class=PictureOperation,
        opt=READS_BODY,
    )
    async def give(
        self,
        request: AuthedRequest,
        cameo_id: str,
        media: MediaStore,
        settings: Settings,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Cameo:
        """Store a picture or short clip: a new revision. It's written anew, without its metadata or sound.

        What was made here, or looks like another person's likeness here, is refused, and its owner is told.

        Raises:
            RiffleError: not_found, invalid_state, unsupported_media_type, body_too_large, invalid_request,
                precondition_failed, likeness_protected; consent_refused, by age; busy.
        """
        check_age(request.user.age_bracket, settings.cameos_for)
        found = await cameos.get(cameo_id, request.user.id)
        if found.owner != request.user.handle:
            raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo_id}` of yours")
        kind = media_type(request.headers.get("content-type", ""))
        kind = ALSO.get(kind, kind)
        if kind not in (*PICTURES, CLIP):
            raise RiffleError(Code.UNSUPPORTED_MEDIA_TYPE, f"send {', '.join(PICTURES)} or {CLIP}")
        asked = Preconditions.of(request)
        # Before it is decoded, and again where it is replaced.
        asked.check_change(await cameos.reference_etag(cameo_id))
        checked = await check_reference(
            request.user.id, await request.body(), kind, credentials, decoder, now=read_clock(request)
        )
        key = await put_reference(cameo_id, checked, media)
        try:
            return await keep_reference(
                cameo_id, request.user.id, key, checked, check=asked.check_change, now=read_clock(request)
            )
        except RiffleError:
            await media_keys.discard([key])
            raise

    @delete(
        "/{cameo_id:str}/reference",
        status_code=200,
        summary="Take the picture of a cameo back",
        operation_class=ChangeOperation,
    )
    async def take_back(self, request: AuthedRequest, now: datetime, cameo_id: str) -> Cameo:
        """Delete the picture: a new revision, without one. What was drawn with it stays, under its consent.

        Raises:
            RiffleError: not_found, invalid_state, precondition_failed.
        """
        check = Preconditions.of(request).check_change
        return await cameos.delete_reference(cameo_id, request.user.id, check=check, now=now)

    @get("/{cameo_id:str}/reference", summary="The picture of a cameo", operation_class=ShownFileOperation)
    async def show(
        self, request: AuthedRequest, now: datetime, cameo_id: str, media: MediaStore
    ) -> Response[Any]:
        """The picture or clip: for its owner, and for people with an accepted grant.

        Raises:
            RiffleError: not_found, consent_refused, precondition_failed.
        """
        key = await cameos.reference(cameo_id, request.user.id, now=now)
        kind = next(name for name, ending in ENDINGS.items() if key.endswith(ending))
        try:
            data = await media.get(key)
        except FileNotFoundError:
            raise RiffleError(Code.NOT_FOUND, "this cameo has no picture") from None
        # As `cameos.reference_etag` has it, of these very bytes.
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        headers = {"cache-control": CACHE, "etag": etag}
        if Preconditions.of(request).has_newest(etag):
            return Response(b"", status_code=304, headers=headers)
        name = content_disposition("cameo", cameo_id, ENDINGS[kind])
        return Response(data, media_type=kind, headers={**headers, "content-disposition": name})

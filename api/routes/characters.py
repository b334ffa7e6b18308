"""Characters of the openai SDK: a cameo for oneself alone, made from a clip."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, Response, get, post

from api.http.auth import AuthedRequest, asker
from api.http.idempotency import idempotent_with_check
from api.http.reference_upload import CheckedReference, check_reference, keep_reference, put_reference
from domain.consent import cameos
from domain.consent.ages import check_age
from domain.ids import new_id
from domain.safety.screen import Screen
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.reference import CLIP, MAX_BYTES
from media.store import MediaStore
from schemas.cameos import Audience, Cameo, Character, CreateCameo, CreateCharacter
from settings import Settings

# The clip, its name and what a form puts around them.
MAX_FORM_BYTES = MAX_BYTES + 64 * 1024


class Characters(Controller):
    """Cameos by another name."""

    path = "/videos/characters"
    tags = ("cameos",)

    @post("/", status_code=200, request_max_body_size=MAX_FORM_BYTES, summary="Make a character from a clip")
    async def create(
        self,
        request: AuthedRequest,
        now: datetime,
        data: CreateCharacter,
        screen: Screen,
        settings: Settings,
        media: MediaStore,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Response[Character]:
        """A cameo that only its owner may use, with the clip as its picture; it's drawn by `cameos`.

        Raises:
            RiffleError: invalid_request, idempotency_mismatch, likeness_protected, moderation_refused,
                consent_refused (age), busy.
        """
        account, cameo_id = request.user.id, new_id("cameo")

        async def check() -> tuple[str, CheckedReference]:
            check_age(request.user.age_bracket, settings.cameos_for)
            await screen.check_name(asker(request, now), data.name)
            checked = await check_reference(account, data.video, CLIP, credentials, decoder, now=now)
            return await put_reference(cameo_id, checked, media), checked

        async def create(stored: tuple[str, CheckedReference]) -> Character:
            key, checked = stored
            asked = CreateCameo(display_name=data.name, audience=Audience.ONLY_ME)
            await cameos.create(account, asked, cameo_id=cameo_id, now=now)
            return _character(await keep_reference(cameo_id, account, key, checked, now=now))

        async def reread(made: str) -> Character:
            return _character(await cameos.get(made, account))

        return await idempotent_with_check(request, data, check, create, reread, status=200)

    @get("/{character_id:str}", summary="One character")
    async def one(self, request: AuthedRequest, character_id: str) -> Character:
        """A cameo as the SDK reads it.

        Raises:
            RiffleError: not_found.
        """
        return _character(await cameos.get(character_id, request.user.id))


def _character(cameo: Cameo) -> Character:
    return Character(
        id=cameo.id,
        name=cameo.display_name,
        created_at=cameo.created_at,
        handle=cameo.handle,
        audience=cameo.audience,
    )

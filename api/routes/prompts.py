"""Prompts by themselves: asked while somebody types, before anything is drawn."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, post
from msgspec.structs import asdict

from api.http.auth import AuthedRequest, asker
from api.http.rate_limits import PROMPT_READINGS, account_limited
from api.model_cards import Cards
from api.subjects import Subjects
from api.understanding import dry_run
from domain.safety.screen import Screen
from domain.videos.validate import check_request, find_card
from schemas.prompts import PromptUnderstood, UnderstandPrompt
from schemas.videos import CreateVideo


class Prompts(Controller):
    """What prompts say."""

    path = "/prompts"
    tags = ("videos",)

    @post(
        "/understand",
        status_code=200,
        guards=[account_limited(PROMPT_READINGS)],
        summary="What a prompt is understood to say",
    )
    async def understand(
        self,
        request: AuthedRequest,
        now: datetime,
        data: UnderstandPrompt,
        cards: Cards,
        screen: Screen,
        subjects: Subjects,
    ) -> PromptUnderstood:
        """Say what `POST /v1/videos` would understand by the same fields; nothing is drawn, nothing paid.

        Refusals by words are told as `rules`, without an appeal; cameos that one may not use are left out.

        Raises:
            RiffleError: invalid_request, prompt_too_long, unknown_model, not_found (a source), not_ready,
                gone, consent_refused, invalid_state (of a source), rate_limited, busy.
        """
        asked = CreateVideo(**asdict(data))
        card = find_card(await cards.all(), asked.model)
        check_request(asked, card)
        return await dry_run(asked, card, subjects, screen, asker(request, now))

"""May I? Asked by people before they pay; making a video decides again."""

from __future__ import annotations

from litestar import Controller, post

import db.cameos
import db.videos
from api.auth import Authed
from api.clock import now
from api.screen import Screen
from core.consent import Ask, action_of, decide
from schemas.cameos import ConsentAnswer, ConsentCheck, Decision
from schemas.errors import Code, RiffleError
from schemas.videos import Tier


class Consent(Controller):
    """Consent, before paying."""

    path = "/consent"
    tags = ("cameos",)

    @post("/check", status_code=200, summary="May I?")
    async def check(self, request: Authed, data: ConsentCheck, screen: Screen) -> ConsentAnswer:
        """Say for each cameo, in the sources too, whether it may be used, why (not), and what to ask for.

        Raises:
            RiffleError: not_found.
        """
        at, cameos = now(), list(data.cameos)
        for video_id in data.source.video_ids if data.source else ():
            cameos += (await db.videos.get(video_id, request.user.id)).cameos
        wanted = list(dict.fromkeys(cameos))
        facts = {fact.id: fact for fact in await db.cameos.facts(wanted, request.user.id, at)}
        ask = Ask(
            requester=request.user.id,
            action=action_of(Tier.PREVIEW, data.source.relation if data.source else None),
            prompt=data.prompt or "",
            now=at,
        )
        decisions = []
        for cameo in wanted:
            if cameo not in facts:
                raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo}`", param="cameos")
            verdict = decide(facts[cameo], ask)
            decisions.append(
                Decision(cameo=cameo, allowed=verdict.allowed, reason=verdict.reason, ask=verdict.ask)
            )
        sources = data.source.video_ids if data.source else ()
        rules = await screen.rules(request, data.prompt or "", sources, wanted)
        allowed = not rules and all(item.allowed for item in decisions)
        return ConsentAnswer(allowed=allowed, decisions=decisions, rules=rules)

"""May I? Asked by people before they pay; making or posting a video decides again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from litestar import Controller, post

from api.http.auth import AuthedRequest, asker
from api.http.rate_limits import CONSENT_CHECKS, account_limited
from api.model_cards import Cards
from domain.consent import facts, verdicts
from domain.consent.mentioned import with_mentioned
from domain.consent.policy import Verdict, public_reason
from domain.feed import posts
from domain.safety.screen import Screen
from domain.videos.steer import apply_steer, check_steer
from domain.videos.validate import check_prompt
from domain.videos.visibility import get_viewable
from schemas.cameos import ConsentAnswer, ConsentCheck, Decision, TextRule
from schemas.errors import Code, RiffleError
from schemas.videos import ModelCard, Steer


class Consent(Controller):
    """Consent, before paying."""

    path = "/consent"
    tags = ("cameos",)

    @post("/check", status_code=200, guards=[account_limited(CONSENT_CHECKS)], summary="May I?")
    async def check(
        self, request: AuthedRequest, now: datetime, data: ConsentCheck, screen: Screen, cards: Cards
    ) -> ConsentAnswer:
        """Say for each cameo, in the sources too, whether it may be used, why (not), and what to ask for.

        With `video_id` it is asked whether that video may be posted.

        Raises:
            RiffleError: not_found; busy; prompt_too_long; invalid_request, where there is nothing to ask
                about, or the model has no word for what `steer` says.
        """
        check_prompt(data.prompt or "")
        if data.video_id is not None:
            allowed, found = await posts.may_post(data.video_id, request.user.id, now, data.caption)
            rules = await screen.refusing_rules(
                asker(request, now), data.caption or "", [data.video_id], list(found)
            )
            found = found | await _refused(screen, request.user.id, list(found))
            return _answer(allowed and not rules, found, rules)
        if not data.cameos and data.source is None and not data.prompt:
            raise RiffleError(
                Code.INVALID_REQUEST, "name a cameo, a prompt, a source or a video", param="cameos"
            )
        parents = data.source.video_ids if data.source else []
        sources = [await get_viewable(video_id, request.user.id, now) for video_id in parents]
        inherited = sorted({cameo for row in sources for cameo in row.cameos})
        named = await with_mentioned(data.cameos, [data.prompt or ""])
        wanted = list(dict.fromkeys([*named, *inherited]))
        steered = None if data.steer is None else _steered(data, data.steer, (await cards.all())[0])
        (lineage,) = await facts.lineage_facts([parents])
        found = await verdicts.of_request(
            request.user.id,
            wanted,
            data.source,
            data.tier,
            data.prompt or "",
            lineage=lineage,
            extra_texts=[] if steered is None else [steered],
            steered=data.input_reference is not None
            or (steered is not None and steered != (data.prompt or "").strip()),
            now=now,
        )
        # Of a cameo of somebody who blocks them (or is blocked), people learn what they would of none.
        hidden = {
            cameo for cameo in verdicts.blocked(found) if cameo in data.cameos and cameo not in inherited
        }
        missing = [cameo for cameo in wanted if cameo not in found or cameo in hidden]
        if missing:
            raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{missing[0]}`", param="cameos")
        rules = await screen.refusing_rules(asker(request, now), data.prompt or "", parents, wanted)
        usable = not rules and all(source.withheld is None for source in sources)
        decided = {cameo: found[cameo] for cameo in wanted}
        return _answer(usable, decided | await _refused(screen, request.user.id, wanted), rules)


def _steered(data: ConsentCheck, steer: Steer, card: ModelCard) -> str:
    check_steer(steer, card.vocabulary)
    return apply_steer(data.prompt or "", steer, card.vocabulary)


async def _refused(screen: Screen, account: str, cameos: Sequence[str]) -> dict[str, Verdict]:
    """What is refused of cameos whatever their owners say."""
    refused = await screen.refused_cameos(account, cameos)
    return {cameo: Verdict(allowed=False, reason=reason) for cameo, reason in refused.items()}


def _answer(usable: bool, verdicts: Mapping[str, Verdict], rules: Sequence[TextRule]) -> ConsentAnswer:
    return ConsentAnswer(
        allowed=usable and all(item.allowed for item in verdicts.values()),
        decisions=[
            Decision(cameo=cameo, allowed=item.allowed, reason=public_reason(item.reason), ask=item.ask)
            for cameo, item in verdicts.items()
        ],
        rules=list(rules),
    )

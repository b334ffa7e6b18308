"""Stands before everything that words or likenesses enter by: rules, registry, minors, takedowns, proofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from api.http.auth import Authed
from api.http.clock import now
from api.http.request_id import request_id
from domain.consent import enrolments
from domain.safety import appeals
from domain.safety.appeals import Texts
from domain.safety.name_match import Hit
from domain.safety.remote import Outside
from domain.safety.rules import Finding
from domain.videos import visibility
from schemas.cameos import TextRule
from schemas.errors import Code, RiffleError
from settings import Settings

APPEAL = "you can appeal: POST /v1/appeals with this request_id"


class Screen(NamedTuple):
    """The screen of one api; `outside` gives the second opinion."""

    settings: Settings
    outside: Outside

    async def video(
        self, request: Authed, prompt: str, sources: Sequence[str], cameos: Sequence[str]
    ) -> None:
        """Refuse to draw `prompt` from `sources` with `cameos`; nothing is charged then.

        Raises:
            RiffleError: not_found, likeness_protected, moderation_refused, consent_refused, taken_down, busy.
        """
        lineage = await self._lineage(request, prompt, sources, cameos)
        await self._refuse_texts(request, lineage, "prompt")
        await self._refuse_cameos(lineage.cameos, "cameos")
        if await visibility.is_taken_down(lineage.videos, now()):
            raise RiffleError(Code.TAKEN_DOWN, "what this is made from was taken down", param="source")

    async def post(self, request: Authed, video_id: str, caption: str | None) -> None:
        """Refuse to publish a video under a caption.

        Raises:
            RiffleError: as `video`.
        """
        lineage = await self._lineage(request, caption or "", [video_id], ())
        await self._refuse_texts(request, lineage, "caption" if caption else "video_id")
        await self._refuse_cameos(lineage.cameos, "video_id")
        if await visibility.is_taken_down(lineage.videos, now()):
            raise RiffleError(Code.TAKEN_DOWN, "this video was taken down", param="video_id")

    async def name(self, request: Authed, name: str | None) -> None:
        """Refuse a cameo that goes by a protected name, or by one that breaks a rule.

        Raises:
            RiffleError: likeness_protected, moderation_refused, busy.
        """
        if name is not None:
            await self._refuse_texts(request, Texts([name], [], []), "display_name")

    async def rules(
        self, request: Authed, prompt: str, sources: Sequence[str], cameos: Sequence[str]
    ) -> list[TextRule]:
        """Every rule that would refuse, without refusing.

        Raises:
            RiffleError: not_found; busy.
        """
        lineage = await self._lineage(request, prompt, sources, cameos)
        findings, hits = await self._judged(request, lineage)
        rules = [TextRule(rule=item.rule, summary=item.summary) for item in findings]
        return rules + [
            TextRule(
                rule=f"registry:{hit.entry.id}", summary=_protected(hit), ask="the rights holder's grant"
            )
            for hit in hits
        ]

    async def _lineage(
        self, request: Authed, own: str, sources: Sequence[str], cameos: Sequence[str]
    ) -> Texts:
        for video_id in sources:
            # What the asker can't see must not be told by what it would be refused for.
            await visibility.get_viewable(video_id, request.user.id, now())
        return await appeals.lineage([own], sources, cameos)

    async def _judged(self, request: Authed, lineage: Texts) -> tuple[list[Finding], list[Hit]]:
        judged = await appeals.judged(lineage, request.user.id, now())
        findings = judged.findings
        # What is refused anyway is told to nobody outside.
        if not judged.rules and lineage.texts:
            more = await self.outside.judge(lineage.texts, bool(lineage.cameos))
            if more is not None and more.rule not in judged.waived:
                findings = [more]
        return findings, judged.hits

    async def _refuse_texts(self, request: Authed, lineage: Texts, param: str) -> None:
        findings, hits = await self._judged(request, lineage)
        if not findings and not hits:
            return
        rules = [item.rule for item in findings] + [f"registry:{hit.entry.id}" for hit in hits]
        request_key = request_id(request.scope)
        await appeals.record(request_key, request.user.id, lineage.texts, rules, now())
        if findings:
            first = findings[0]
            message = f"rule `{first.rule}` refuses this: {first.summary}; {APPEAL}"
            raise RiffleError(Code.MODERATION_REFUSED, message, param=param)
        message = f"rule `registry` refuses this: {_protected(hits[0])}; {APPEAL}"
        raise RiffleError(Code.LIKENESS_PROTECTED, message, param=param)

    async def _refuse_cameos(self, cameos: Sequence[str], param: str) -> None:
        for cameo in await visibility.of_minors(cameos):
            raise RiffleError(Code.CONSENT_REFUSED, f"cameo {cameo} may not be used: minor", param=param)
        if self.settings.require_proof == "on":
            for cameo in await enrolments.unproven(cameos):
                message = f"cameo {cameo} may not be used: not_proven"
                raise RiffleError(Code.CONSENT_REFUSED, message, param=param)


def _protected(hit: Hit) -> str:
    return f"it names {hit.entry.name} ({hit.entry.id}, {hit.entry.kind}), whose side has not granted it"

"""Stands before everything that words or likenesses enter by: rules, registry, minors, takedowns, proofs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.accounts import reserved_names
from domain.consent import ages, enrolments
from domain.consent.mentioned import with_mentioned
from domain.safety import appeals, lineage_texts, registry
from domain.safety.lineage_texts import LineageTexts
from domain.safety.name_match import NameHit, NameKind
from domain.safety.remote import ModerationClient
from domain.safety.rules import Finding, judge
from domain.videos import visibility
from domain.work_threads import WorkThreads
from schemas.cameos import TextRule
from schemas.errors import Code, RiffleError
from settings import Settings

# Up to twenty milliseconds a prompt; a long lineage takes a second.
THREADS = WorkThreads(
    "rules", threads=2, max_waiting=100, busy="many texts are being looked at: try again in a moment"
)
APPEAL = "If you think that is a mistake, you can ask us to look at it again."
# Why nobody may use a cameo, by its name in the consent check.
UNUSABLE = {
    "minor": "a likeness in this shows somebody under age: nobody may use it",
    "not_proven": "a likeness in this is not proven yet: its owner has to send a clip first",
}
UNASKED = {
    NameKind.MINOR: "who is a child: nobody may use that likeness",
    NameKind.CHARACTER: "a character whose owner has not agreed to it",
}


class Asker(NamedTuple):
    """Who asks, by which request (its refusal can be appealed by that id), and when."""

    account: str
    request_id: str
    now: datetime


class Judgement(NamedTuple):
    """What refuses a lineage: rules of domain.safety.rules, and names of the registry."""

    findings: list[Finding]
    hits: list[NameHit]

    @property
    def rules(self) -> list[str]:
        """Every rule by name; that of an entry is `registry:<id>`."""
        return [item.rule for item in self.findings] + [_rule_of(hit) for hit in self.hits]


class Screen(NamedTuple):
    """The screen of one api; `moderation` gives the second opinion."""

    settings: Settings
    moderation: ModerationClient

    async def check_video(
        self, asker: Asker, prompt: str, sources: Sequence[str], cameos: Sequence[str]
    ) -> None:
        """Refuse to draw `prompt` from `sources` with `cameos`; nothing is charged then.

        Raises:
            RiffleError: not_found, likeness_protected, moderation_refused, consent_refused, taken_down, busy.
        """
        named = await with_mentioned(cameos, [prompt])
        lineage = await self._lineage(asker, prompt, sources, named)
        await self._check_texts(asker, lineage, "prompt")
        await self._check_cameos(asker, lineage.cameos, "cameos")
        if await visibility.is_taken_down(lineage.videos, asker.now):
            raise RiffleError(Code.TAKEN_DOWN, "what this is made from was taken down", param="source")

    async def check_found(self, asker: Asker, texts: Sequence[str], cameos: Sequence[str]) -> None:
        """Refuse what a prompt would be drawn as, with `cameos`: names of pictures found for its words.

        Raises:
            RiffleError: likeness_protected, moderation_refused, busy.
        """
        if texts:
            await self._check_texts(
                asker, LineageTexts(list(texts), list(cameos), []), "prompt", outside=False
            )

    async def check_post(self, asker: Asker, video_id: str, caption: str | None) -> None:
        """Refuse to publish a video under a caption.

        Raises:
            RiffleError: as `check_video`.
        """
        mentioned = await with_mentioned((), [caption or ""], "caption")
        lineage = await self._lineage(asker, caption or "", [video_id], mentioned)
        await self._check_texts(asker, lineage, "caption" if caption else "video_id")
        await self._check_cameos(asker, lineage.cameos, "video_id")
        if await visibility.is_taken_down(lineage.videos, asker.now):
            raise RiffleError(Code.TAKEN_DOWN, "this video was taken down", param="video_id")

    async def check_name(self, asker: Asker, name: str | None) -> None:
        """Refuse a cameo that goes by a protected name, or by one that breaks a rule.

        Raises:
            RiffleError: likeness_protected, moderation_refused, busy; invalid_request, for a name that speaks
                for the service.
        """
        if name is not None:
            reserved_names.check(name, "display_name")
            await self._check_texts(asker, LineageTexts([name], [], []), "display_name")

    async def check_new_account(self, handle: str, display_name: str | None, now: datetime) -> None:
        """Refuse an account that goes by a protected name, or by one that breaks a rule.

        Nothing is recorded: there is nobody yet who could appeal.

        Raises:
            RiffleError: likeness_protected, moderation_refused; invalid_request, as `check_name`.
        """
        reserved_names.check(handle, "handle")
        if display_name is not None:
            reserved_names.check(display_name, "display_name")
        nobody = Asker("", "", now)
        texts = [handle, *([] if display_name is None else [display_name])]
        # No other service is asked: while it is away people can still sign up.
        judgement = await self._judge(nobody, LineageTexts(texts, [], []), outside=False)
        if not judgement.rules:
            return
        by_handle = (await self._judge(nobody, LineageTexts([handle], [], []), outside=False)).rules
        param = "handle" if by_handle else "display_name"
        if judgement.findings:
            raise RiffleError(Code.MODERATION_REFUSED, judgement.findings[0].summary, param=param)
        raise RiffleError(Code.LIKENESS_PROTECTED, _protected(judgement.hits[0]), param=param)

    async def refusing_rules(
        self,
        asker: Asker,
        prompt: str,
        sources: Sequence[str],
        cameos: Sequence[str],
        *,
        outside: bool = True,
    ) -> list[TextRule]:
        """Every rule that would refuse, without refusing; without `outside` no other service is asked.

        Raises:
            RiffleError: not_found; busy.
        """
        lineage = await self._lineage(asker, prompt, sources, cameos)
        return await self._rules(asker, lineage, outside=outside)

    async def rules_of_found(
        self, asker: Asker, texts: Sequence[str], cameos: Sequence[str]
    ) -> list[TextRule]:
        """Every rule that `check_found` would refuse by.

        Raises:
            RiffleError: busy.
        """
        if not texts:
            return []
        return await self._rules(asker, LineageTexts(list(texts), list(cameos), []), outside=False)

    async def _rules(self, asker: Asker, lineage: LineageTexts, *, outside: bool) -> list[TextRule]:
        judgement = await self._judge(asker, lineage, outside=outside)
        if await ages.excluded(asker.account, lineage.cameos, self.settings.cameos_for):
            return [TextRule(rule="adults_only", summary=ages.FOR_ADULTS)]
        rules = [TextRule(rule=item.rule, summary=item.summary) for item in judgement.findings]
        return rules + [
            TextRule(rule=_rule_of(hit), summary=_protected(hit), ask="the rights holder's grant")
            for hit in judgement.hits
        ]

    async def _lineage(
        self, asker: Asker, own: str, sources: Sequence[str], cameos: Sequence[str]
    ) -> LineageTexts:
        for video_id in sources:
            # A refusal must not tell of words in a video that the asker can't see.
            await visibility.get_viewable(video_id, asker.account, asker.now)
        return await lineage_texts.collect([own], sources, cameos)

    async def _judge(self, asker: Asker, lineage: LineageTexts, *, outside: bool = True) -> Judgement:
        """What refuses these texts for this person; an upheld appeal takes its rules away.

        Without `outside` no other service is asked.
        """
        matcher = await registry.matcher()
        # A long lineage takes seconds, in which others are served.
        named = await THREADS.run(matcher.find, lineage.texts)
        findings = await THREADS.run(judge, lineage.texts, bool(lineage.cameos or named))
        hits = await registry.without_grant(named, asker.account, now=asker.now)
        waived = await appeals.waived_rules(asker.account, lineage)
        judgement = Judgement(
            [item for item in findings if item.rule not in waived],
            [hit for hit in hits if _rule_of(hit) not in waived],
        )
        # What is refused anyway is not sent to another service.
        if outside and not judgement.rules and lineage.texts:
            more = await self.moderation.judge(lineage.texts, bool(lineage.cameos))
            if more is not None and more.rule not in waived:
                return judgement._replace(findings=[more])
        return judgement

    async def _check_texts(
        self, asker: Asker, lineage: LineageTexts, param: str, *, outside: bool = True
    ) -> None:
        judgement = await self._judge(asker, lineage, outside=outside)
        if not judgement.rules:
            return
        await appeals.record_refusal(asker.request_id, asker.account, lineage, judgement.rules, now=asker.now)
        if judgement.findings:
            first = judgement.findings[0]
            message = f"This is not allowed here: {first.summary}. {APPEAL}"
            raise RiffleError(Code.MODERATION_REFUSED, message, param=param)
        hit = judgement.hits[0]
        message = f"This is not allowed here: {_protected(hit)}. {APPEAL}"
        raise RiffleError(Code.LIKENESS_PROTECTED, message, param=param)

    async def refused_cameos(self, account: str, cameos: Sequence[str]) -> dict[str, str]:
        """The cameos that `account` may not use whatever their owners say, each with why."""
        excluded = await ages.excluded(account, cameos, self.settings.cameos_for)
        refused: dict[str, str] = dict.fromkeys(await visibility.of_minors(cameos), "minor")
        refused |= dict.fromkeys(excluded, ages.FOR_ADULTS)
        if self.settings.require_proof != "off":
            owner = account if self.settings.require_proof == "others" else None
            refused |= dict.fromkeys(await enrolments.unproven(cameos, owner), "not_proven") | refused
        return refused

    async def _check_cameos(self, asker: Asker, cameos: Sequence[str], param: str) -> None:
        for reason in (await self.refused_cameos(asker.account, cameos)).values():
            raise RiffleError(Code.CONSENT_REFUSED, UNUSABLE.get(reason, reason), param=param)


def _rule_of(hit: NameHit) -> str:
    return f"registry:{hit.entry.id}"


def _protected(hit: NameHit) -> str:
    return f"it names {hit.entry.name}, {UNASKED.get(hit.entry.kind, 'who has not agreed to it')}"

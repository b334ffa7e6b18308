"""What moderators can do: each act with its form, its role, and the one function that does it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from domain.consent import enrolments
from domain.safety import appeals, registry, reports, takedowns
from domain.safety.name_match import NameKind, RegistryEntry
from schemas.registry import Role

# Between the names of a list.
BREAK = re.compile(r"[;\n]")


class AdminAction(NamedTuple):
    """One form: `superuser` acts are closed to plain moderators."""

    name: str
    group: str
    about: str
    model: type[BaseModel]
    run: Callable[[Any, str, datetime], Awaitable[str]]
    superuser: bool = False


class Choice(StrEnum):
    """A closed list as a person types it."""

    @classmethod
    def _missing_(cls, value: object) -> Choice | None:
        typed = str(value).strip().lower().replace(" ", "_")
        return next((one for one in cls if one.value == typed), None)


def _one_of(label: str, choices: type[StrEnum]) -> Any:
    """A field for one of the choices: the pages draw a line to type into, so its label says them."""
    return Field(title=f"{label}: {', '.join(choices)}")


def _list_of(label: str) -> Any:
    # The line takes no line breaks.
    return Field(default="", max_length=5000, title=f"{label}, separated by ;")


class TakedownDecision(Choice):
    """What becomes of a takedown."""

    UPHELD = "upheld"
    REJECTED = "rejected"
    RESTORED = "restored"


class ProofDecision(Choice):
    """What becomes of a proof."""

    VERIFIED = "verified"
    REJECTED = "rejected"


class ReportDecision(Choice):
    """What is done about a report."""

    HIDDEN = "hidden"
    MINOR = "minor"
    DISMISSED = "dismissed"


class AppealDecision(Choice):
    """What becomes of an appeal."""

    UPHELD = "upheld"
    REJECTED = "rejected"


class Switch(Choice):
    """On or off."""

    ON = "on"
    OFF = "off"


class Speaker(Choice):
    """Why somebody speaks for a name; `nobody` ends it."""

    SELF = "self"
    RIGHTS_HOLDER = "rights_holder"
    ESTATE = "estate"
    NOBODY = "nobody"


class DecideTakedown(BaseModel):
    """A takedown by its id."""

    takedown_id: str
    decision: TakedownDecision = _one_of("Decision", TakedownDecision)
    note: str = Field(min_length=1, max_length=2000)


class DecideProof(BaseModel):
    """A proof by its id."""

    proof_id: str
    decision: ProofDecision = _one_of("Decision", ProofDecision)
    note: str = Field(min_length=1, max_length=2000)


class SeeProof(BaseModel):
    """A proof by its id."""

    proof_id: str


class SeeVideo(BaseModel):
    """A video by its id, or by that of its post."""

    video_id: str


class DecideReport(BaseModel):
    """A report by its id."""

    report_id: str
    decision: ReportDecision = _one_of("Decision", ReportDecision)


class DecideAppeal(BaseModel):
    """An appeal by its id."""

    appeal_id: str
    decision: AppealDecision = _one_of("Decision", AppealDecision)
    note: str = Field(min_length=1, max_length=2000)


class HideVideo(BaseModel):
    """A video by its id: `off` shows it again."""

    video_id: str
    hidden: Switch = _one_of("Hidden", Switch)
    reason: str = Field(min_length=1, max_length=2000)


class FlagMinor(BaseModel):
    """A cameo by its id: `off` takes the flag back."""

    cameo_id: str
    minor: Switch = _one_of("Minor", Switch)


class PutEntry(BaseModel):
    """An entry of the registry; names, handles and exceptions are lists. An existing id is replaced."""

    entry_id: str = Field(pattern=r"^reg_[a-z0-9_]{2,60}$")
    name: str = Field(min_length=2, max_length=60)
    kind: NameKind = _one_of("Kind", NameKind)
    names: str = _list_of("Other names")
    handles: str = _list_of("Handles")
    unless: str = _list_of("Not meant by")


class SwitchEntry(BaseModel):
    """An entry of the registry by its id."""

    entry_id: str
    active: Switch = _one_of("Active", Switch)


class NameSpeaker(BaseModel):
    """Who may grant the use of an entry, by the handle of their account."""

    entry_id: str
    handle: str
    role: Speaker = _one_of("Role", Speaker)


async def _takedown(data: DecideTakedown, actor: str, now: datetime) -> str:
    await takedowns.decide(data.takedown_id, data.decision.value, data.note, actor, now=now)
    return f"{data.takedown_id} is {data.decision.value}"


async def _proof(data: DecideProof, actor: str, now: datetime) -> str:
    await enrolments.decide(data.proof_id, data.decision.value, data.note, actor, now=now)
    return f"{data.proof_id} is {data.decision.value}"


async def _report(data: DecideReport, actor: str, now: datetime) -> str:
    await reports.decide(data.report_id, data.decision.value, actor, now=now)
    return f"{data.report_id}: {data.decision.value}"


async def _appeal(data: DecideAppeal, actor: str, now: datetime) -> str:
    uphold = data.decision is AppealDecision.UPHELD
    await appeals.decide(data.appeal_id, uphold, data.note, actor, now=now)
    return f"{data.appeal_id} is {data.decision.value}"


async def _hide(data: HideVideo, actor: str, now: datetime) -> str:
    if data.hidden is Switch.ON:
        await reports.hide(data.video_id, data.reason, actor, now=now)
        return f"{data.video_id} is hidden"
    await reports.show(data.video_id, actor, now=now)
    return f"{data.video_id} is shown"


async def _minor(data: FlagMinor, actor: str, now: datetime) -> str:
    if data.minor is Switch.ON:
        await reports.flag_minor(data.cameo_id, actor, now=now)
        return f"{data.cameo_id} is used by nobody any more"
    await reports.unflag_minor(data.cameo_id, actor, now=now)
    return f"{data.cameo_id} can be used again"


async def _put_entry(data: PutEntry, actor: str, now: datetime) -> str:
    texts = (data.names, data.handles, data.unless)
    lists = [[name.strip() for name in BREAK.split(text) if name.strip()] for text in texts]
    # An entry's everyday names have no place in a form: those that it has stay.
    earlier = await registry.entry(data.entry_id)
    entry = RegistryEntry(
        id=data.entry_id,
        name=data.name,
        kind=data.kind,
        names=lists[0],
        handles=lists[1],
        unless=lists[2],
        near=earlier.near if earlier else {},
    )
    await registry.put_entry(entry, actor, now=now)
    return f"{data.entry_id} is in the registry"


async def _switch_entry(data: SwitchEntry, actor: str, now: datetime) -> str:
    await registry.set_active(data.entry_id, data.active is Switch.ON, actor, now=now)
    return f"{data.entry_id} is {data.active.value}"


async def _speaker(data: NameSpeaker, actor: str, now: datetime) -> str:
    role = None if data.role is Speaker.NOBODY else Role(data.role.value)
    await registry.set_representative(data.entry_id, data.handle, role, actor, now=now)
    return f"{data.handle}: {data.role.value} of {data.entry_id}"


ADMIN_ACTIONS = (
    AdminAction(
        "Decide a takedown",
        "Takedowns",
        "Upheld hides its videos, as does the end of the 48 hours; restored answers a counter-notice.",
        DecideTakedown,
        _takedown,
    ),
    AdminAction("Decide a proof", "Enrolments", "After you have seen its clip.", DecideProof, _proof),
    AdminAction(
        "Decide a report",
        "Reports",
        "Hidden takes its video out of sight; minor flags every cameo in it.",
        DecideReport,
        _report,
    ),
    AdminAction("Hide or show a video", "Reports", "Nobody sees it, its maker neither.", HideVideo, _hide),
    AdminAction("Flag a minor's cameo", "Reports", "Nobody uses or sees it.", FlagMinor, _minor),
    AdminAction(
        "Decide an appeal",
        "Appeals",
        "Upheld lets the same person use the same texts.",
        DecideAppeal,
        _appeal,
    ),
    AdminAction(
        "Put a name into the registry", "Registry", "An existing id is replaced.", PutEntry, _put_entry,
        superuser=True,
    ),
    AdminAction(
        "Switch a name of the registry", "Registry", "Off lets everybody use it.", SwitchEntry, _switch_entry,
        superuser=True,
    ),
    AdminAction(
        "Say who speaks for a name", "Registry", "They grant its use.", NameSpeaker, _speaker, superuser=True
    ),
)  # fmt: skip

"""Cameos: likeness profiles, grants and the answers of the consent check."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.base import Answer, Request
from schemas.enrolment import Challenge
from schemas.videos import Source


class Audience(StrEnum):
    """Who may use a cameo without asking; `people_i_approve` always asks."""

    ONLY_ME = "only_me"
    PEOPLE_I_APPROVE = "people_i_approve"
    MUTUALS = "mutuals"
    EVERYONE = "everyone"


class CameoStatus(StrEnum):
    """A revoked cameo can't be used again by anybody."""

    ACTIVE = "active"
    REVOKED = "revoked"


class GrantStatus(StrEnum):
    """The state of one consent record."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"


Word = Annotated[str, Meta(min_length=1, max_length=60)]


class Restrictions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the person never allows, whoever asks."""

    words: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)
    no_remix: bool = False


class Scope(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a grant covers: one prompt or any, previews only or posts too, how often, until when (unix s)."""

    prompt: Annotated[str, Meta(max_length=1000)] | None = None
    post: bool = True
    uses: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    until: int | None = None


class CreateCameo(Request, kw_only=True):
    """`POST /v1/cameos`."""

    display_name: Annotated[str, Meta(min_length=1, max_length=60)]
    audience: Audience
    restrictions: Restrictions = msgspec.field(default_factory=Restrictions)


class PatchCameo(Request, kw_only=True):
    """`PATCH /v1/cameos/{id}`; what is absent stays. Each change is a new revision."""

    display_name: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    audience: Audience | None = None
    restrictions: Restrictions | None = None


class RequestCameo(Request, kw_only=True):
    """`POST /v1/cameos/{id}/requests`."""

    scope: Scope = msgspec.field(default_factory=Scope)
    message: Annotated[str, Meta(max_length=280)] | None = None


class RevokeCameo(Request, kw_only=True):
    """`POST /v1/cameos/{id}/revoke`: one grant, one person (`grantee`, a handle), or the whole cameo."""

    grant_id: str | None = None
    grantee: str | None = None


class ConsentCheck(Request, kw_only=True):
    """`POST /v1/consent/check`: may I, before paying."""

    cameos: Annotated[list[str], Meta(min_length=1, max_length=4)]
    prompt: str | None = None
    source: Source | None = None


class Cameo(Answer, kw_only=True):
    """A likeness profile. `restrictions` is None to people other than its owner.

    `challenge` stands in the answer to `POST /v1/cameos` alone: what a proof clip must show.
    """

    id: str
    handle: str
    owner: str
    display_name: str
    audience: Audience
    status: CameoStatus
    revision: int
    created_at: int
    restrictions: Restrictions | None = None
    challenge: Challenge | None = None
    object: str = "cameo"


class CameoList(Answer, kw_only=True):
    """`GET /v1/cameos`: one's own."""

    data: list[Cameo]
    object: str = "list"


class Grant(Answer, kw_only=True):
    """One consent record at its latest revision; `grantee` is a handle."""

    id: str
    cameo_id: str
    cameo_name: str
    grantee: str
    status: GrantStatus
    scope: Scope
    revision: int
    created_at: int
    expires_at: int | None = None
    message: str | None = None
    object: str = "grant"


class GrantList(Answer, kw_only=True):
    """`GET /v1/cameo-requests`: what awaits my answer (`role=owner`) or what I asked for (`role=grantee`)."""

    data: list[Grant]
    object: str = "list"


class Decision(Answer, kw_only=True):
    """May this cameo be used: `reason` is a code of core.consent, `ask` says what to ask its owner for."""

    cameo: str
    allowed: bool
    reason: str
    ask: str | None = None


class TextRule(Answer, kw_only=True):
    """A rule that refuses the words of a request or of what it rests on."""

    rule: str
    summary: str
    ask: str | None = None


class ConsentAnswer(Answer, kw_only=True):
    """All must be allowed, and no rule refuse, for `allowed`."""

    allowed: bool
    decisions: list[Decision]
    rules: list[TextRule] = msgspec.field(default_factory=list)


class Use(Answer, kw_only=True):
    """One video in which a cameo appears, as its owner sees it."""

    video_id: str
    by: str
    prompt: str
    status: str
    post_id: str | None
    at: int


class UseList(Answer, kw_only=True):
    """`GET /v1/cameos/{id}/uses`."""

    data: list[Use]
    object: str = "list"

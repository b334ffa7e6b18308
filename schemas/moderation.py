"""Appeals against refused texts, and reports of what should not be there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import RequestBody, ResponseBody, UnixSeconds
from schemas.shown_text import PARAGRAPH

AppealReason = Annotated[str, Meta(min_length=1, max_length=2000, extra=PARAGRAPH)]


class AppealStatus(StrEnum):
    """An upheld appeal lets the same person use the same texts."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"


class CreateAppeal(RequestBody, kw_only=True):
    """`POST /v1/appeals`: `request_id` is that of the refusal."""

    request_id: Annotated[str, Meta(max_length=64)]
    reason: AppealReason


class Appeal(ResponseBody, kw_only=True):
    """An appeal and the rules that it is against."""

    id: str
    request_id: str
    rules: list[str]
    reason: str
    status: AppealStatus
    created_at: UnixSeconds
    decided_at: UnixSeconds | None = None
    note: str | None = None
    object: str = "appeal"


class AppealList(ResponseBody, kw_only=True):
    """`GET /v1/appeals`: one's own."""

    data: list[Appeal]
    object: str = "list"


class ReportReason(StrEnum):
    """Why it should not be there."""

    MINOR = "minor"
    NO_CONSENT = "no_consent"
    IMPERSONATION = "impersonation"
    SEXUAL = "sexual"
    VIOLENCE = "violence"
    HATE = "hate"
    HARASSMENT = "harassment"
    SELF_HARM = "self_harm"
    DECEPTION = "deception"
    SPAM = "spam"
    OTHER = "other"


class CreateReport(RequestBody, kw_only=True):
    """`POST /v1/reports`: one thing by `kind` and `id` (of an account: its handle)."""

    kind: Literal["video", "post", "cameo", "account"]
    id: Annotated[str, Meta(min_length=1, max_length=64)]
    reason: ReportReason
    note: Annotated[str, Meta(max_length=2000, extra=PARAGRAPH)] | None = None


class Report(ResponseBody, kw_only=True):
    """A report as its author sees it; `outcome` is what was done, None while it is open."""

    id: str
    kind: str
    subject_id: str
    reason: ReportReason
    status: Literal["open", "acted", "dismissed"]
    created_at: UnixSeconds
    outcome: str | None = None
    object: str = "report"


class ReportList(ResponseBody, kw_only=True):
    """`GET /v1/reports`: one's own, newest first."""

    data: list[Report]
    object: str = "list"

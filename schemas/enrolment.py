"""Enrolment: a challenge that only the person can answer now, and the proof clip that answers it."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import ResponseBody, UnixSeconds

Turn = Literal["left", "right", "up", "down"]
ProofStatus = Literal["in_review", "verified", "rejected"]


class Challenge(ResponseBody, kw_only=True):
    """Say `digits` and turn the head as `turns` say, in one clip, until `expires_at` (unix s). Works once."""

    id: str
    digits: str
    turns: list[Turn]
    expires_at: UnixSeconds
    object: str = "challenge"


class ProofCheck(ResponseBody, kw_only=True):
    """One check of a proof; `passed` None means that nothing here can check it."""

    name: str
    passed: bool | None


class Proof(ResponseBody, kw_only=True):
    """A proof clip as its owner hears of it; the clip itself is sealed and never served."""

    id: str
    cameo_id: str
    status: ProofStatus
    checks: list[ProofCheck]
    created_at: UnixSeconds
    decided_at: UnixSeconds | None = None
    note: str | None = None
    object: str = "proof"


class ProofList(ResponseBody, kw_only=True):
    """`GET /v1/cameos/{id}/proofs`: one's own, newest first."""

    data: list[Proof] = msgspec.field(default_factory=list)
    object: str = "list"

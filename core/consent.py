"""May a person use a likeness? Pure: facts and the clock go in, a verdict with its reason comes out."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum

import msgspec

from schemas.cameos import Audience, CameoStatus, GrantStatus, Restrictions, Scope
from schemas.videos import Relation, Tier

# Pinned into each receipt; raise it whenever `decide` answers any question differently.
POLICY_VERSION = 1
# An owner who said no is left in peace by the same person for a day.
ASK_AGAIN_AFTER_S = 24 * 3600

GRANT_EDGES: dict[GrantStatus, frozenset[GrantStatus]] = {
    GrantStatus.PENDING: frozenset(
        {GrantStatus.ACCEPTED, GrantStatus.REFUSED, GrantStatus.REVOKED, GrantStatus.EXPIRED}
    ),
    GrantStatus.ACCEPTED: frozenset({GrantStatus.REVOKED, GrantStatus.EXPIRED}),
    GrantStatus.REFUSED: frozenset(),
    GrantStatus.REVOKED: frozenset(),
    GrantStatus.EXPIRED: frozenset(),
}


class Reason(StrEnum):
    """Why a use is allowed (the first four) or refused."""

    OWNER = "owner"
    EVERYONE = "everyone"
    MUTUALS = "mutuals"
    GRANTED = "granted"
    CAMEO_REVOKED = "cameo_revoked"
    BLOCKED = "blocked"
    RESTRICTED_WORDS = "restricted_words"
    NO_REMIX = "no_remix"
    ONLY_ME = "only_me"
    NOT_ASKED = "not_asked"
    PENDING = "pending"
    REFUSED = "refused"
    GRANT_REVOKED = "grant_revoked"
    GRANT_EXPIRED = "grant_expired"
    OTHER_PROMPT = "other_prompt"
    NO_POSTING = "no_posting"
    USED_UP = "used_up"


class GrantFacts(msgspec.Struct, kw_only=True, frozen=True):
    """A grant to the requester at its latest revision; `used` counts the requests drawn under it."""

    id: str
    revision: int
    status: GrantStatus
    scope: Scope
    used: int = 0


class CameoFacts(msgspec.Struct, kw_only=True, frozen=True):
    """A cameo as it stands between its owner and one requester; grants oldest first."""

    id: str
    owner: str
    status: CameoStatus
    audience: Audience
    revision: int
    restrictions: Restrictions = msgspec.field(default_factory=Restrictions)
    blocked: bool = False
    mutual: bool = False
    grants: list[GrantFacts] = msgspec.field(default_factory=list)


class Ask(msgspec.Struct, kw_only=True, frozen=True):
    """Who wants to do what: `action` is preview, render, remix or post."""

    requester: str
    action: str
    prompt: str
    now: datetime


class Verdict(msgspec.Struct, kw_only=True, frozen=True):
    """The answer. `ask` says what its owner could be asked for; `grant_revision` pins the record behind it.

    Where no grant was needed, `grant_id` is None and `grant_revision` is the revision of the cameo itself.
    """

    allowed: bool
    reason: str
    ask: str | None = None
    grant_id: str | None = None
    grant_revision: int = 0


def action_of(tier: Tier, relation: Relation | None) -> str:
    """What is done to the likeness when such a video is drawn."""
    if relation is None:
        return "preview" if tier is Tier.PREVIEW else "render"
    return "render" if relation is Relation.RENDER else "remix"


def decide(cameo: CameoFacts, ask: Ask) -> Verdict:
    """Decide one use of one cameo."""
    if cameo.status is CameoStatus.REVOKED:
        return _refuse(Reason.CAMEO_REVOKED)
    if ask.requester == cameo.owner:
        return _allow(Reason.OWNER, cameo)
    if cameo.blocked:
        return _refuse(Reason.BLOCKED)
    if _mentions(ask.prompt, cameo.restrictions.words):
        return _refuse(Reason.RESTRICTED_WORDS)
    if cameo.restrictions.no_remix and ask.action == "remix":
        return _refuse(Reason.NO_REMIX)
    if cameo.audience is Audience.ONLY_ME:
        return _refuse(Reason.ONLY_ME)
    open_grants = [grant for grant in cameo.grants if grant.status is GrantStatus.ACCEPTED]
    shortfalls = {grant.id: _shortfall(grant, ask) for grant in open_grants}
    for grant in reversed(open_grants):
        if shortfalls[grant.id] is None:
            return Verdict(
                allowed=True, reason=Reason.GRANTED, grant_id=grant.id, grant_revision=grant.revision
            )
    statuses = {grant.status for grant in cameo.grants}
    # Withdrawn from this one person counts for more than open to all.
    revoked = GrantStatus.REVOKED in statuses and not open_grants
    if not revoked and cameo.audience is Audience.EVERYONE:
        return _allow(Reason.EVERYONE, cameo)
    if not revoked and cameo.audience is Audience.MUTUALS and cameo.mutual:
        return _allow(Reason.MUTUALS, cameo)
    if GrantStatus.PENDING in statuses:
        return _refuse(Reason.PENDING)
    if open_grants:
        reason = shortfalls[open_grants[-1].id]
        assert reason is not None
        return _refuse(reason, _ASK_FOR[reason])
    if revoked:
        return _refuse(Reason.GRANT_REVOKED, "approval")
    return _refuse(Reason.REFUSED if GrantStatus.REFUSED in statuses else Reason.NOT_ASKED, "approval")


_ASK_FOR = {
    Reason.GRANT_EXPIRED: "more time",
    Reason.OTHER_PROMPT: "this prompt",
    Reason.NO_POSTING: "posting",
    Reason.USED_UP: "more uses",
}


def _shortfall(grant: GrantFacts, ask: Ask) -> Reason | None:
    """Why an accepted grant does not cover this; None where it does."""
    scope = grant.scope
    if scope.until is not None and ask.now.timestamp() >= scope.until:
        return Reason.GRANT_EXPIRED
    if scope.prompt is not None and _plain(scope.prompt) != _plain(ask.prompt):
        return Reason.OTHER_PROMPT
    if ask.action == "post" and not scope.post:
        return Reason.NO_POSTING
    # Rendering or posting what was drawn is part of the use that drew it.
    if ask.action in ("preview", "remix") and scope.uses is not None and grant.used >= scope.uses:
        return Reason.USED_UP
    return None


def _plain(text: str) -> str:
    """Text by its letters alone: one Unicode form, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _mentions(prompt: str, words: list[str]) -> bool:
    plain = _plain(prompt)
    return any(re.search(rf"(?<!\w){re.escape(_plain(word))}(?!\w)", plain) for word in words if _plain(word))


def _allow(reason: Reason, cameo: CameoFacts) -> Verdict:
    return Verdict(allowed=True, reason=reason, grant_revision=cameo.revision)


def _refuse(reason: Reason, ask: str | None = None) -> Verdict:
    return Verdict(allowed=False, reason=reason, ask=ask)

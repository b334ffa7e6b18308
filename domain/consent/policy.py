"""May a person use a likeness? Pure: facts and the clock go in, a verdict with its reason comes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from domain.consent.refused_topics import WORDS
from domain.safety.text import has_word, normalize_text
from schemas.cameos import Audience, CameoStatus, GrantStatus, Restrictions, RevokeMode, Scope
from schemas.videos import Relation, Tier

# Pinned into each grant and receipt; raise it whenever `decide` answers any question differently.
POLICY_VERSION = 4
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


class Action(StrEnum):
    """What is done with a likeness. The first four are asked of who does them, and so is `show`: whether
    what they posted still stands. `read` is asked of who looks at it, `reference` of who wants the picture.
    """

    PREVIEW = "preview"
    RENDER = "render"
    REMIX = "remix"
    POST = "post"
    SHOW = "show"
    READ = "read"
    REFERENCE = "reference"


class UseReason(StrEnum):
    """Why a use is allowed (the first five) or refused."""

    OWNER = "owner"
    EVERYONE = "everyone"
    MUTUALS = "mutuals"
    GRANTED = "granted"
    POSTED = "posted"
    SIGN_IN = "sign_in"
    CAMEO_REVOKED = "cameo_revoked"
    WITHDRAWN = "withdrawn"
    BLOCKED = "blocked"
    CAMEO_EXPIRED = "cameo_expired"
    RESTRICTED_WORDS = "restricted_words"
    RESTRICTED_TOPIC = "restricted_topic"
    RESTRICTED_STYLE = "restricted_style"
    NO_REMIX = "no_remix"
    NO_OTHERS = "no_others"
    ONLY_ME = "only_me"
    NOT_ASKED = "not_asked"
    PENDING = "pending"
    REFUSED = "refused"
    GRANT_REVOKED = "grant_revoked"
    GRANT_EXPIRED = "grant_expired"
    OTHER_PROMPT = "other_prompt"
    MORE_THAN_PROMPT = "more_than_prompt"
    OTHER_TREND = "other_trend"
    OTHER_VIDEO = "other_video"
    NO_POSTING = "no_posting"
    POST_NOT_APPROVED = "post_not_approved"
    USED_UP = "used_up"


class GrantFacts(msgspec.Struct, kw_only=True, frozen=True):
    """A grant to the requester at its latest revision; `used` counts the requests drawn under it.

    `mode` is how a revoked one was revoked.
    """

    id: str
    revision: int
    status: GrantStatus
    scope: Scope
    used: int = 0
    mode: RevokeMode | None = None


class CameoFacts(msgspec.Struct, kw_only=True, frozen=True):
    """A cameo as it stands between its owner and one requester; grants oldest first.

    `revoked` is how the whole cameo was revoked, `shut_out` how the requester was last, by name; None = not.
    """

    id: str
    owner: str
    status: CameoStatus
    audience: Audience
    revision: int
    restrictions: Restrictions = msgspec.field(default_factory=Restrictions)
    blocked: bool = False
    mutual: bool = False
    grants: list[GrantFacts] = msgspec.field(default_factory=list)
    revoked: RevokeMode | None = None
    shut_out: RevokeMode | None = None


class UseRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Who wants to do what with one cameo.

    `requester` is an account, empty for somebody who is not signed in; `action` is one of `Action`;
    `texts` are what is said beside the prompt, and `judged` says that the prompt is not new: of what was said
    before, `said_before` is the restriction that it breaks. `trend` is the trend it stands in; `video` its id
    where it exists; `remixed` says whether a remix is anywhere in its making, `steered` whether the model is
    given other words than the prompt; `others` whether people other than the owner appear by cameo;
    `withdrawn` how a use that it comes from was withdrawn.
    """

    requester: str
    action: str
    prompt: str
    now: datetime
    texts: list[str] = msgspec.field(default_factory=list)
    judged: bool = False
    said_before: UseReason | None = None
    trend: str | None = None
    video: str | None = None
    remixed: bool = False
    steered: bool = False
    others: bool = False
    withdrawn: RevokeMode | None = None


class Verdict(msgspec.Struct, kw_only=True, frozen=True):
    """The answer. `ask` says what its owner could be asked for; `grant_revision` pins the record behind it.

    Where no grant was needed, `grant_id` is None and `grant_revision` is the revision of the cameo itself.
    """

    allowed: bool
    reason: str
    ask: str | None = None
    grant_id: str | None = None
    grant_revision: int = 0


def action_of(tier: Tier, relation: Relation | None) -> Action:
    """What is done to the likeness when such a video is drawn."""
    if relation is None:
        return Action.PREVIEW if tier is Tier.PREVIEW else Action.RENDER
    return Action.RENDER if relation is Relation.RENDER else Action.REMIX


def decide(cameo: CameoFacts, request: UseRequest) -> Verdict:
    """Decide one use of one cameo."""
    if not request.requester:
        return _refuse(UseReason.SIGN_IN)
    if request.action == Action.READ:
        return _read(cameo, request)
    if _ended(cameo, request):
        return _refuse(UseReason.CAMEO_REVOKED)
    if request.withdrawn is not None:
        return _refuse(UseReason.WITHDRAWN)
    if request.requester == cameo.owner:
        return _allow(UseReason.OWNER, cameo)
    if cameo.blocked:
        return _refuse(UseReason.BLOCKED)
    restricted = _restricted(cameo.restrictions, request)
    if restricted is not None:
        return _refuse(restricted)
    if cameo.audience is Audience.ONLY_ME:
        return _refuse(UseReason.ONLY_ME)
    open_grants = [grant for grant in cameo.grants if _open(grant, request)]
    shortfalls = {grant.id: _shortfall(grant, request, cameo.restrictions) for grant in open_grants}
    for grant in reversed(open_grants):
        if shortfalls[grant.id] is None:
            return Verdict(
                allowed=True, reason=UseReason.GRANTED, grant_id=grant.id, grant_revision=grant.revision
            )
    # Withdrawn from this one person counts for more than open to all.
    revoked = not open_grants and _turned_away(cameo, request)
    if not revoked and _by_audience(cameo.restrictions, request):
        if cameo.audience is Audience.EVERYONE:
            return _allow(UseReason.EVERYONE, cameo)
        if cameo.audience is Audience.MUTUALS and cameo.mutual:
            return _allow(UseReason.MUTUALS, cameo)
    statuses = {grant.status for grant in cameo.grants}
    if GrantStatus.PENDING in statuses:
        return _refuse(UseReason.PENDING)
    if open_grants:
        reason = shortfalls[open_grants[-1].id]
        assert reason is not None
        return _refuse(reason, _ASK_FOR[reason])
    if revoked:
        return _refuse(UseReason.GRANT_REVOKED, "approval")
    if GrantStatus.REFUSED in statuses:
        return _refuse(UseReason.REFUSED, "approval")
    # Whether it has been written down as expired yet changes no answer.
    if any(grant.status is GrantStatus.EXPIRED and _has_run_out(grant, request) for grant in cameo.grants):
        return _refuse(UseReason.GRANT_EXPIRED, _ASK_FOR[UseReason.GRANT_EXPIRED])
    if request.action in _POSTING and cameo.restrictions.approve_posts:
        return _refuse(UseReason.POST_NOT_APPROVED, "this video")
    return _refuse(UseReason.NOT_ASKED, "approval")


_POSTING = (Action.POST, Action.SHOW)
_STRICTNESS = (UseReason.RESTRICTED_WORDS, UseReason.RESTRICTED_TOPIC, UseReason.RESTRICTED_STYLE)
_ASK_FOR = {
    UseReason.GRANT_EXPIRED: "more time",
    UseReason.OTHER_PROMPT: "this prompt",
    UseReason.MORE_THAN_PROMPT: "approval",
    UseReason.OTHER_TREND: "this trend",
    UseReason.OTHER_VIDEO: "this video",
    UseReason.NO_POSTING: "posting",
    UseReason.POST_NOT_APPROVED: "this video",
    UseReason.USED_UP: "more uses",
}


def public_reason(reason: str) -> str:
    """The reason as people hear it. Nobody is told who blocks them: it is its owner's alone, they hear."""
    return UseReason.ONLY_ME if reason == UseReason.BLOCKED else reason


def _read(cameo: CameoFacts, request: UseRequest) -> Verdict:
    """May this person look at a post that stands: everybody who signed in and isn't blocked."""
    if request.requester == cameo.owner:
        return _allow(UseReason.OWNER, cameo)
    return _refuse(UseReason.BLOCKED) if cameo.blocked else _allow(UseReason.POSTED, cameo)


def _ended(cameo: CameoFacts, request: UseRequest) -> bool:
    """Whether the end of the whole cameo counts: one that blocks new uses leaves what is posted alone."""
    kept = request.action == Action.SHOW and cameo.revoked is RevokeMode.BLOCK_NEW
    return cameo.status is CameoStatus.REVOKED and not kept


def _open(grant: GrantFacts, request: UseRequest) -> bool:
    """Whether a grant counts as given: for what is posted, one revoked for new uses only does too."""
    kept = request.action == Action.SHOW and grant.mode is RevokeMode.BLOCK_NEW
    return grant.status is GrantStatus.ACCEPTED or (grant.status is GrantStatus.REVOKED and kept)


def _turned_away(cameo: CameoFacts, request: UseRequest) -> bool:
    if GrantStatus.REVOKED in {grant.status for grant in cameo.grants}:
        return True
    kept = request.action == Action.SHOW and cameo.shut_out is RevokeMode.BLOCK_NEW
    return cameo.shut_out is not None and not kept


def _by_audience(restrictions: Restrictions, request: UseRequest) -> bool:
    """Whether an audience is enough for this; the reference picture and approved posts need a grant."""
    return request.action != Action.REFERENCE and not (
        restrictions.approve_posts and request.action in _POSTING
    )


def _restricted(restrictions: Restrictions, request: UseRequest) -> UseReason | None:
    """The restriction that refuses this, whoever asks; None where none does."""
    if restrictions.until is not None and request.now.timestamp() >= restrictions.until:
        return UseReason.CAMEO_EXPIRED
    new = request.texts if request.judged else [request.prompt, *request.texts]
    said = [reason for reason in (text_refusal(restrictions, new), request.said_before) if reason is not None]
    if said:
        return strictest(said)
    if restrictions.no_remix and (request.remixed or request.action == Action.REMIX):
        return UseReason.NO_REMIX
    if restrictions.no_others and request.others:
        return UseReason.NO_OTHERS
    return None


def text_refusal(restrictions: Restrictions, texts: Sequence[str]) -> UseReason | None:
    """The restriction that these words break, the strictest where several do; None where none."""
    if has_word(texts, restrictions.words):
        return UseReason.RESTRICTED_WORDS
    if any(has_word(texts, WORDS[topic]) for topic in restrictions.topics):
        return UseReason.RESTRICTED_TOPIC
    if has_word(texts, restrictions.styles):
        return UseReason.RESTRICTED_STYLE
    return None


def strictest(reasons: Sequence[UseReason]) -> UseReason:
    """Of restrictions on words, the one that is told first."""
    return min(reasons, key=_STRICTNESS.index)


def _has_run_out(grant: GrantFacts, request: UseRequest) -> bool:
    return grant.scope.until is not None and request.now.timestamp() >= grant.scope.until


def _shortfall(grant: GrantFacts, request: UseRequest, restrictions: Restrictions) -> UseReason | None:
    """Why a grant does not cover this; None where it does."""
    scope = grant.scope
    if _has_run_out(grant, request):
        return UseReason.GRANT_EXPIRED
    if request.action == Action.REFERENCE:
        return None
    if scope.video_id is not None and scope.video_id != request.video:
        return UseReason.OTHER_VIDEO
    if scope.prompt is not None and normalize_text(scope.prompt) != normalize_text(request.prompt):
        return UseReason.OTHER_PROMPT
    # A grant for one prompt covers what the model is given by it: no steering, no picture, no other video.
    if scope.prompt is not None and (request.steered or request.remixed):
        return UseReason.MORE_THAN_PROMPT
    if scope.trend is not None and scope.trend != request.trend:
        return UseReason.OTHER_TREND
    if request.action in _POSTING:
        if not scope.post:
            return UseReason.NO_POSTING
        if restrictions.approve_posts and scope.video_id is None:
            return UseReason.POST_NOT_APPROVED
    # Rendering or posting what was drawn is part of the use that drew it.
    if (
        request.action in (Action.PREVIEW, Action.REMIX)
        and scope.uses is not None
        and grant.used >= scope.uses
    ):
        return UseReason.USED_UP
    return None


def _allow(reason: UseReason, cameo: CameoFacts) -> Verdict:
    return Verdict(allowed=True, reason=reason, grant_revision=cameo.revision)


def _refuse(reason: UseReason, ask: str | None = None) -> Verdict:
    return Verdict(allowed=False, reason=reason, ask=ask)

"""Cameos: likeness profiles, grants and the answers of the consent check."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from schemas.accounts import DisplayName
from schemas.base import Page, RequestBody, ResponseBody, UnixSeconds
from schemas.enrolment import Challenge
from schemas.feed import MAX_CAPTION_CHARS
from schemas.shown_text import LINE, PARAGRAPH
from schemas.videos import MAX_CAMEOS, MAX_PROMPT_CHARS, ImageReference, Prompt, Source, Steer, Tier

# 9999-12-31: a calendar goes no further.
MAX_UNIX_S = 253_402_214_400
# A page of the ledger: 100 entries of at most about 6 kB (a prompt, 50 words) stay under a megabyte.
MAX_LEDGER_PAGE = 100


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


class RevokeMode(StrEnum):
    """What a revocation reaches: new uses; also what is posted; also every draft, with all media deleted."""

    BLOCK_NEW = "block_new"
    HIDE_POSTS = "hide_posts"
    TOMBSTONE = "tombstone"


class Topic(StrEnum):
    """Subjects that a person can refuse as a whole; domain.consent.refused_topics lists the words of each."""

    ALCOHOL = "alcohol"
    DEATH = "death"
    DRUGS = "drugs"
    GAMBLING = "gambling"
    HATE = "hate"
    HORROR = "horror"
    NUDITY = "nudity"
    POLITICS = "politics"
    RELIGION = "religion"
    SEX = "sex"
    SMOKING = "smoking"
    VIOLENCE = "violence"
    WEAPONS = "weapons"


Word = Annotated[str, Meta(min_length=1, max_length=60, extra=LINE)]
Until = Annotated[UnixSeconds, Meta(ge=1, le=MAX_UNIX_S)]


class Restrictions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the person never allows, whoever asks.

    `words` and `styles` are refused wherever the prompt, or that of any video it comes from, has them;
    `no_others` keeps the cameo out of videos with other people's; with `approve_posts` each post needs a
    grant that names its video; from `until` (unix seconds) on nobody but the owner may use it.
    """

    words: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)
    topics: Annotated[list[Topic], Meta(max_length=len(Topic))] = msgspec.field(default_factory=list)
    styles: Annotated[list[Word], Meta(max_length=50)] = msgspec.field(default_factory=list)
    no_remix: bool = False
    no_others: bool = False
    approve_posts: bool = False
    until: Until | None = None


class Scope(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a grant covers: one prompt, one trend, one video (to be posted) or any; how often; until when.

    `prompt` covers what a model is given by that prompt alone: no steering, and nothing made from a video.
    `post` False means drafts only; `until` is in unix seconds.
    """

    prompt: Annotated[str, Meta(max_length=MAX_PROMPT_CHARS, extra=PARAGRAPH)] | None = None
    trend: str | None = None
    video_id: str | None = None
    post: bool = True
    uses: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    until: int | None = None


class CreateCameo(RequestBody, kw_only=True):
    """`POST /v1/cameos`."""

    display_name: DisplayName
    audience: Audience
    restrictions: Restrictions = msgspec.field(default_factory=Restrictions)


class CreateCharacter(RequestBody, kw_only=True):
    """`POST /v1/videos/characters`; `video` is an MP4, as the file of a form or in base64."""

    name: DisplayName
    video: bytes


class PatchCameo(RequestBody, kw_only=True):
    """`PATCH /v1/cameos/{id}`; what is absent stays. Each change is a new revision."""

    display_name: DisplayName | None = None
    audience: Audience | None = None
    restrictions: Restrictions | None = None


class RequestCameo(RequestBody, kw_only=True):
    """`POST /v1/cameos/{id}/requests`."""

    scope: Scope = msgspec.field(default_factory=Scope)
    message: Annotated[str, Meta(max_length=280, extra=PARAGRAPH)] | None = None


class RevokeCameo(RequestBody, kw_only=True):
    """What is withdrawn: one grant, one person's leave (`grantee`, a handle), or the whole cameo."""

    mode: RevokeMode = RevokeMode.HIDE_POSTS
    grant_id: str | None = None
    grantee: str | None = None


class WithdrawConsent(RequestBody, kw_only=True):
    """`POST /v1/cameos/{id}/revoke`: a `RevokeCameo` in which something has to be said.

    For the whole cameo that is the `mode`; for a grant or a person it is hide_posts unless another is named.
    """

    mode: RevokeMode | None = None
    grant_id: str | None = None
    grantee: str | None = None


class RevocationReach(ResponseBody, kw_only=True):
    """What a revocation does, or did.

    `scope` is what was made under one grant, by one person (`grantee`), or with the cameo at all: `videos`
    that are there, hidden ones too, `posts` of them posted, by `people`. This mode deletes `deleted` of them
    for good, takes `hidden` posts out of sight, and stops `ended` that are being drawn.
    """

    scope: Literal["cameo", "person", "grant"]
    mode: RevokeMode
    videos: int
    posts: int
    people: int
    deleted: int
    hidden: int
    ended: int
    grantee: str | None = None
    grant_id: str | None = None
    object: str = "revocation.reach"


class ConsentCheck(RequestBody, kw_only=True):
    """`POST /v1/consent/check`: may I, before paying.

    What `POST /v1/videos` would be asked with these fields; with `video_id`, what posting that video under
    `caption` would. Cameos that `prompt` or `caption` mention by @handle are asked about too. Of
    `input_reference` nothing is looked at but whether there is one.
    """

    cameos: Annotated[list[str], Meta(max_length=MAX_CAMEOS)] = msgspec.field(default_factory=list)
    prompt: Prompt | None = None
    source: Source | None = None
    steer: Steer | None = None
    input_reference: ImageReference | None = None
    tier: Tier = Tier.PREVIEW
    video_id: str | None = None
    caption: Annotated[str, Meta(max_length=MAX_CAPTION_CHARS, extra=PARAGRAPH)] | None = None


class Cameo(ResponseBody, kw_only=True):
    """A likeness profile. `restrictions` is None to people other than its owner.

    `challenge` stands in the answer to `POST /v1/cameos` alone: what a proof clip must show; `reached` in
    that to a revocation: what it reached.
    """

    id: str
    handle: str
    owner: str
    display_name: str
    audience: Audience
    status: CameoStatus
    revision: int
    created_at: UnixSeconds
    restrictions: Restrictions | None = None
    has_reference: bool = False
    challenge: Challenge | None = None
    reached: RevocationReach | None = None
    object: str = "cameo"


class Character(ResponseBody, kw_only=True):
    """A cameo as the openai SDK reads it."""

    id: str
    name: str
    created_at: UnixSeconds
    handle: str
    audience: Audience
    object: str = "character"


class CameoList(ResponseBody, kw_only=True):
    """`GET /v1/cameos`: one's own."""

    data: list[Cameo]
    object: str = "list"


class Grant(ResponseBody, kw_only=True):
    """One consent record at its latest revision; `grantee` is a handle."""

    id: str
    cameo_id: str
    cameo_name: str
    grantee: str
    status: GrantStatus
    scope: Scope
    revision: int
    created_at: UnixSeconds
    expires_at: UnixSeconds | None = None
    message: str | None = None
    policy_version: int = 1
    object: str = "grant"


class GrantList(ResponseBody, kw_only=True):
    """`GET /v1/cameo-requests`: what awaits my answer (`role=owner`) or what I asked for (`role=grantee`)."""

    data: list[Grant]
    object: str = "list"


class Decision(ResponseBody, kw_only=True):
    """May this cameo be used: `reason` is a code of the policy, `ask` says what to ask its owner for."""

    cameo: str
    allowed: bool
    reason: str
    ask: str | None = None


class TextRule(ResponseBody, kw_only=True):
    """A rule that refuses the words of a request or of what it rests on."""

    rule: str
    summary: str
    ask: str | None = None


class ConsentAnswer(ResponseBody, kw_only=True):
    """All must be allowed, and no rule refuse, for `allowed`."""

    allowed: bool
    decisions: list[Decision]
    rules: list[TextRule] = msgspec.field(default_factory=list)


class CameoUse(ResponseBody, kw_only=True):
    """One video in which a cameo appears, as its owner sees it.

    `visible`: its post (`post_id`) is seen by others now; a post may be hidden by consent or by moderators.
    """

    video_id: str
    by: str
    prompt: str
    status: str
    post_id: str | None
    at: UnixSeconds
    visible: bool = False


class CameoUseList(ResponseBody, kw_only=True):
    """`GET /v1/cameos/{id}/uses`."""

    data: list[CameoUse]
    object: str = "list"


class LedgerEntry(ResponseBody, kw_only=True):
    """One entry of a cameo's ledger. `kind` is cameo, grant, receipt or revocation.

    `hash` is the SHA-256, in hex, of the canonical JSON (keys sorted, no spaces, UTF-8) of an object with
    `cameo_id` and every other field here; `prev` is the hash before it, empty at `seq` 1.
    """

    seq: int
    at: str
    kind: str
    body: dict[str, Any]
    prev: str
    hash: str


class Ledger(Page, kw_only=True):
    """`GET /v1/cameos/{id}/ledger`: a page, oldest first; `after` takes the last `seq` of the page before."""

    cameo_id: str
    data: list[LedgerEntry]

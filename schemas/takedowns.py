"""Takedowns, which need no account, and the counter-notices of those whose videos they are about."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import RequestBody, ResponseBody, UnixSeconds, whole
from schemas.shown_text import LINE, PARAGRAPH

MAX_TARGETS = 50
FullName = Annotated[str, Meta(min_length=2, max_length=200, extra=LINE)]
CONTACT = whole(r"\S+@\S+\.\S+|\+?[0-9 ()./-]{7,30}", "an e-mail address or a telephone number")
Contact = Annotated[str, Meta(min_length=5, max_length=320, pattern=CONTACT, extra=LINE)]
StatementText = Annotated[str, Meta(min_length=10, max_length=5000, extra=PARAGRAPH)]
TakedownRole = Literal["self", "guardian", "rights_holder", "estate", "agent"]
TakedownStatus = Literal["open", "upheld", "rejected", "restored"]


class CreateTakedown(RequestBody, kw_only=True):
    """`POST /v1/takedowns`, by anybody.

    `videos` are ids of videos or posts, or links that hold one. `identification` says whose likeness or work
    it is and where. `good_faith` must be true: it stands for the sentence in how-to/moderate.md. `signature`
    is the claimant's full name as a signature; `contact` an e-mail address or telephone number.
    """

    claimant: FullName
    role: TakedownRole
    contact: Contact
    identification: StatementText
    statement: StatementText
    good_faith: bool
    signature: FullName
    videos: Annotated[list[Annotated[str, Meta(max_length=500)]], Meta(min_length=1, max_length=MAX_TARGETS)]


class CreateCounterNotice(RequestBody, kw_only=True):
    """`POST /v1/takedowns/{id}/counter-notice`, by the maker of a video that the takedown is about."""

    statement: StatementText
    good_faith: bool
    signature: FullName
    contact: Contact


class Takedown(ResponseBody, kw_only=True):
    """A takedown without the claimant's particulars; undecided by `due_at` (unix s) it counts as upheld.

    `videos` are those that were named; `copies` counts the further ones that look the same.
    """

    id: str
    status: TakedownStatus
    role: TakedownRole
    created_at: UnixSeconds
    due_at: UnixSeconds
    decided_at: UnixSeconds | None
    videos: list[str]
    copies: int
    countered: bool
    object: str = "takedown"


class TakedownList(ResponseBody, kw_only=True):
    """`GET /v1/takedowns`: those about one's own videos; `videos` are one's own alone."""

    data: list[Takedown]
    object: str = "list"


class CounterNotice(ResponseBody, kw_only=True):
    """A counter-notice was received."""

    id: str
    takedown_id: str
    created_at: UnixSeconds
    object: str = "counter_notice"

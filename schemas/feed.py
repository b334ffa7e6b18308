"""Posts, the feed (down = trends) and lanes (sideways = remixes by closeness)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from schemas.accounts import Account
from schemas.base import RequestBody, ResponseBody, UnixSeconds
from schemas.shown_text import PARAGRAPH
from schemas.videos import Video

MAX_CAPTION_CHARS = 500


class Cut(StrEnum):
    """Which trends, in which order."""

    TRENDING = "trending"
    FRESH = "fresh"
    FOLLOWING = "following"


class LaneOrder(StrEnum):
    """How a lane is ordered."""

    CLOSENESS = "closeness"
    TOP = "top"
    FRESH = "fresh"


class CreatePost(RequestBody, kw_only=True):
    """`POST /v1/posts`."""

    video_id: str
    caption: Annotated[str, Meta(max_length=MAX_CAPTION_CHARS, extra=PARAGRAPH)] | None = None


class Closeness(ResponseBody, kw_only=True):
    """How near this post lies to what it was made from and to its trend's root, 0..1; None = not measured."""

    source: float | None = None
    root: float | None = None


class Post(ResponseBody, kw_only=True):
    """A published video; of a posted preview, `video` is the render as soon as that is there."""

    id: str
    video: Video
    caption: str
    author: Account
    trend_id: str
    source_post_id: str | None
    closeness: Closeness
    likes: int
    remixes: int
    liked: bool
    created_at: UnixSeconds
    object: str = "post"


class Trend(ResponseBody, kw_only=True):
    """A lineage tree named by its root post."""

    id: str
    prompt: str
    posts: int
    contributors: int


class LanePreview(ResponseBody, kw_only=True):
    """The first posts of a lane and where to go on."""

    items: list[Post]
    cursor: str | None


class FeedItem(ResponseBody, kw_only=True):
    """One screen of the feed; `why` says in words why it is shown."""

    trend: Trend
    lane: LanePreview
    why: str


class Feed(ResponseBody, kw_only=True):
    """`GET /v1/feed`."""

    items: list[FeedItem]
    cursor: str | None


class DiffPart(ResponseBody, kw_only=True):
    """A run of words that is kept, added or removed against the source prompt."""

    op: Literal["keep", "add", "remove"]
    text: str


class LaneItem(ResponseBody, kw_only=True):
    """One post of a lane and how its prompt differs from its source's."""

    post: Post
    prompt_diff: list[DiffPart]


class Lane(ResponseBody, kw_only=True):
    """`GET /v1/trends/{id}/lane`."""

    items: list[LaneItem]
    cursor: str | None


class Deleted(ResponseBody, kw_only=True):
    """Reply of a DELETE."""

    id: str
    deleted: bool = True
    object: str = "deleted"

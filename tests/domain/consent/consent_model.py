"""The rules of consent once more, small and slow, by somebody who has not read domain.consent.policy.

Nothing here is shared with the product: facts are Python objects, and every question walks all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

HIDING = ("hide_posts", "tombstone")


@dataclass
class Revoked:
    """Consent taken back at moment `order`; the target is everything where all three are None."""

    order: int
    mode: str
    person: str | None = None
    grant: str | None = None
    video: str | None = None

    @property
    def everything(self) -> bool:
        return self.person is None and self.grant is None and self.video is None


@dataclass
class Cameo:
    id: str
    owner: str
    audience: str
    words: tuple[str, ...] = ()
    no_remix: bool = False
    no_others: bool = False
    approve_posts: bool = False
    until: int | None = None
    revoked: bool = False
    revocations: list[Revoked] = field(default_factory=list)


@dataclass
class Grant:
    id: str
    cameo: str
    person: str
    prompt: str | None
    post: bool
    uses: int | None
    until: int | None
    video: str | None
    status: str = "pending"
    revoked_how: str | None = None


@dataclass
class Video:
    """`receipts` holds, for each cameo, each grant (or None) it was drawn or posted under, and when."""

    id: str
    maker: str
    prompt: str
    cameos: tuple[str, ...]
    parents: tuple[str, ...]
    relation: str | None
    status: str = "queued"
    posted: str | None = None
    deleted: bool = False
    seen: bool = False
    receipts: list[tuple[str, str | None, int]] = field(default_factory=list)


class Rules:
    """All facts, and what follows from them."""

    def __init__(self) -> None:
        self.now = 0
        self.order = 0
        self.follows: set[tuple[str, str]] = set()
        self.blocks: set[tuple[str, str]] = set()
        self.cameos: dict[str, Cameo] = {}
        self.grants: dict[str, Grant] = {}
        self.videos: dict[str, Video] = {}

    def moment(self) -> int:
        self.order += 1
        return self.order

    def blocked(self, one: str, other: str) -> bool:
        return (one, other) in self.blocks or (other, one) in self.blocks

    def lineage(self, parents: tuple[str, ...]) -> list[Video]:
        found: dict[str, Video] = {}
        todo = list(parents)
        while todo:
            video = self.videos[todo.pop()]
            if video.id not in found:
                found[video.id] = video
                todo += video.parents
        return list(found.values())

    def withdrawn(self, cameo: str, line: list[Video]) -> str | None:
        """The strongest way in which a use in this lineage was taken back after it happened."""
        strongest = None
        for taken in self.cameos[cameo].revocations:
            if taken.mode not in HIDING:
                continue
            for video in line:
                for used, grant, order in video.receipts:
                    if used != cameo or order > taken.order:
                        continue
                    hit = (
                        taken.everything
                        or taken.person == video.maker
                        or (taken.grant is not None and taken.grant == grant)
                        or taken.video == video.id
                    )
                    if hit and strongest != "tombstone":
                        strongest = taken.mode
        return strongest

    def withheld(self, video: Video) -> str | None:
        found = {self.withdrawn(cameo, self.lineage((video.id,))) for cameo in video.cameos}
        return "tombstone" if "tombstone" in found else "hide_posts" if "hide_posts" in found else None

    def used(self, grant: str, besides: str | None) -> int:
        return sum(
            any(under == grant for _, under, _ in video.receipts[: len(video.cameos)])
            for video in self.videos.values()
            if video.id != besides
            and (video.status not in ("failed", "cancelled") or video.seen)
            and video.relation != "render"
        )

    def agrees(
        self,
        cameo_id: str,
        maker: str,
        action: str,
        prompt: str,
        cameos: tuple[str, ...],
        parents: tuple[str, ...],
        relation: str | None,
        video: str | None = None,
    ) -> tuple[bool, str | None]:
        """Whether this cameo lets it happen, and the grant that says so."""
        cameo = self.cameos[cameo_id]
        showing, publishing = action == "show", action in ("show", "post")
        line = self.lineage(parents if video is None else (video,))
        ends = [taken.mode for taken in cameo.revocations if taken.everything]
        if cameo.revoked and not (showing and set(ends) == {"block_new"}):
            return False, None
        if self.withdrawn(cameo_id, line) is not None:
            return False, None
        if maker == cameo.owner:
            return True, None
        if self.blocked(maker, cameo.owner) or cameo.audience == "only_me":
            return False, None
        if cameo.until is not None and self.now >= cameo.until:
            return False, None
        texts = [prompt, *(ancestor.prompt for ancestor in line)]
        if any(word in text.split() for word in cameo.words for text in texts):
            return False, None
        remixed = bool({relation, *(ancestor.relation for ancestor in line)} - {None, "render"})
        if cameo.no_remix and remixed:
            return False, None
        if cameo.no_others and any(self.cameos[other].owner != cameo.owner for other in cameos):
            return False, None
        given = [
            grant
            for grant in self.grants.values()
            if grant.cameo == cameo_id
            and grant.person == maker
            and (grant.status == "accepted" or (showing and grant.revoked_how == "block_new"))
        ]
        for grant in reversed(given):
            if self._covers(grant, cameo, action, prompt, video, remixed):
                return True, grant.id
        if not given and self._turned_away(cameo, maker, showing):
            return False, None
        if publishing and cameo.approve_posts:
            return False, None
        mutual = {(maker, cameo.owner), (cameo.owner, maker)} <= self.follows
        return cameo.audience == "everyone" or (cameo.audience == "mutuals" and mutual), None

    def _covers(
        self, grant: Grant, cameo: Cameo, action: str, prompt: str, video: str | None, remixed: bool
    ) -> bool:
        if grant.until is not None and self.now >= grant.until:
            return False
        if grant.video is not None and grant.video != video:
            return False
        if grant.prompt is not None and (grant.prompt != prompt or remixed):
            return False
        if action in ("show", "post"):
            return grant.post and (grant.video is not None or not cameo.approve_posts)
        return action == "render" or grant.uses is None or self.used(grant.id, video) < grant.uses

    def _turned_away(self, cameo: Cameo, person: str, showing: bool) -> bool:
        if any(
            grant.status == "revoked"
            for grant in self.grants.values()
            if (grant.cameo, grant.person) == (cameo.id, person)
        ):
            return True
        by_name = [taken.mode for taken in cameo.revocations if taken.person == person]
        return bool(by_name) and not (showing and by_name[-1] == "block_new")

    def stands(self, video: Video, action: str) -> bool:
        """Whether every cameo in a video that exists lets its maker go on with it."""
        return all(
            self.agrees(
                cameo,
                video.maker,
                action,
                video.prompt,
                video.cameos,
                video.parents,
                video.relation,
                video.id,
            )[0]
            for cameo in video.cameos
        )

    def drawing(self, video: Video) -> str:
        return {None: "preview", "render": "render"}.get(video.relation, "remix")

    def may_watch(self, video: Video, viewer: str) -> bool:
        """Whether this person may look at the media of this video."""
        if video.status != "completed" or video.deleted or self.withheld(video) == "tombstone":
            return False
        owners = {self.cameos[cameo].owner for cameo in video.cameos}
        if viewer in owners:
            return True
        if any(self.blocked(viewer, owner) for owner in owners):
            return False
        return viewer == video.maker or self.shows(video, viewer)

    def shows(self, video: Video, viewer: str) -> bool:
        """Whether it stands in the feed of this person."""
        owners = {self.cameos[cameo].owner for cameo in video.cameos}
        return (
            video.posted is not None
            and not video.deleted
            and not self.blocked(viewer, video.maker)
            and not any(self.blocked(viewer, owner) for owner in owners if owner != viewer)
            and self.withheld(video) is None
            and self.stands(video, "show")
        )

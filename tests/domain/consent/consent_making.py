"""Videos, the jobs that draw them and their posts, as rules of a state machine over the real database."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.consent import cameos, cascades, receipts
from domain.feed import posts
from domain.videos import leases, transitions
from domain.videos.delete import delete_video
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.errors import Code, RiffleError
from schemas.videos import Relation, Source, Tier
from tests.build import complete, queue
from tests.domain.consent.consent_model import Revoked, Video
from tests.domain.consent.consent_people import PROMPTS, People, index, pick


class Making(People):
    """What people make of the likenesses, and how their owners take them back."""

    def begin(self) -> None:
        """Two posts, a remix of the first by somebody else, and a draft."""
        self.publish(1, "a cat", 0, None)
        self.publish(0, "a cat", 1, None)
        self.publish(3, "a cat", 0, Relation.REMIX)
        self.generate(3, "a cat", [0])

    # --- making

    def make(self, maker: str, prompt: str, named: list[str], source: Source | None, tier: Tier) -> None:
        parents = tuple(source.video_ids) if source else ()
        relation = source.relation.value if source else None
        held = sorted({cameo for parent in parents for cameo in self.rules_.videos[parent].cameos})
        wanted = tuple(dict.fromkeys([*named, *held]))
        draft = Video("", maker, prompt, wanted, parents, relation)
        found = {
            cameo: self.rules_.agrees(
                cameo, maker, self.rules_.drawing(draft), prompt, wanted, parents, relation
            )
            for cameo in wanted
        }
        made = self.tried(
            queue(maker, tier=tier, prompt=prompt, source=source, cameos=tuple(named), now=self.now)
        )
        allowed = all(yes for yes, _ in found.values())
        assert isinstance(made, RiffleError) is not allowed, (made, found)
        if isinstance(made, RiffleError):
            # Who is blocked is told that there is no such cameo.
            blocked = any(
                self.rules_.blocked(maker, self.rules_.cameos[cameo].owner)
                for cameo in set(wanted).difference(held)
            )
            assert made.code is Code.CONSENT_REFUSED or (blocked and made.code is Code.NOT_FOUND)
            return
        draft.id = made[0].id
        draft.receipts = [(cameo, grant, self.rules_.moment()) for cameo, (_, grant) in found.items()]
        assert {item.cameo_id: item.grant_id for item in self.run(receipts.of_video(draft.id))} == {
            cameo: grant for cameo, (_, grant) in found.items()
        }
        self.rules_.videos[draft.id] = draft

    @precondition(lambda self: self.rules_.cameos)
    @rule(who=index, prompt=st.sampled_from(PROMPTS), numbers=st.lists(index, min_size=1, max_size=2))
    def generate(self, who: int, prompt: str, numbers: list[int]) -> None:
        every = list(self.rules_.cameos)
        named = list(dict.fromkeys(pick(every, number) for number in numbers))
        self.make(pick(self.who, who), prompt, named, None, Tier.PREVIEW)

    def sources(self, viewer: str) -> list[str]:
        return [video.id for video in self.rules_.videos.values() if self.rules_.may_watch(video, viewer)]

    @precondition(lambda self: self.rules_.videos)
    @rule(
        who=index,
        prompt=st.sampled_from(PROMPTS),
        number=index,
        named=st.lists(index, max_size=1),
        relation=st.sampled_from([Relation.REMIX, Relation.EDIT, Relation.EXTEND, Relation.REFERENCE]),
    )
    def remix(self, who: int, prompt: str, number: int, named: list[int], relation: Relation) -> None:
        maker = pick(self.who, who)
        if seen := self.sources(maker):
            source = Source(relation=relation, video_ids=[pick(seen, number)])
            extra = [pick(list(self.rules_.cameos), item) for item in named]
            self.make(maker, prompt, extra, source, Tier.PREVIEW)

    @precondition(lambda self: self.rules_.videos)
    @rule(who=index, prompt=st.sampled_from(PROMPTS), a=index, b=index)
    def stitch(self, who: int, prompt: str, a: int, b: int) -> None:
        maker = pick(self.who, who)
        seen = self.sources(maker)
        if len(seen) > 1:
            both = list(dict.fromkeys([pick(seen, a), pick(seen, b)]))
            self.make(maker, prompt, [], Source(relation=Relation.STITCH, video_ids=both), Tier.PREVIEW)

    @precondition(lambda self: self.rules_.videos)
    @rule(number=index)
    def render(self, number: int) -> None:
        mine = [v for v in self.rules_.videos.values() if self.rules_.may_watch(v, v.maker)]
        if mine:
            video = pick(mine, number)
            source = Source(relation=Relation.RENDER, video_ids=[video.id])
            self.make(video.maker, video.prompt, [], source, Tier.FULL)

    # --- the jobs

    @precondition(lambda self: self.by_status("queued"))
    @rule()
    def lease(self) -> None:
        taken = self.run(leases.lease("w", limit_preview=100, limit_full=100, now=self.now, ttl_s=10_000_000))
        jobs = {job.id for job in taken}
        for video in self.by_status("queued"):
            goes_on = self.rules_.stands(video, self.rules_.drawing(video))
            assert (video.id in jobs) is goes_on
            video.status = "running" if goes_on else "failed"

    @precondition(lambda self: self.by_status("running"))
    @rule(number=index, last=st.booleans())
    def draw(self, number: int, last: bool) -> None:
        video = pick(self.by_status("running"), number)
        goes_on = self.rules_.stands(video, self.rules_.drawing(video))
        if last:
            assert self.run(complete(video.id, 1, self.now)) is goes_on
        else:
            assert goes_on is self.run(leases.step(video.id, 1, i=1, n=4, picture=b"face", now=self.now))
        if not goes_on:
            video.status = "failed"
        elif last:
            video.status = "completed"
        else:
            video.seen = True

    @precondition(lambda self: self.by_status("running"))
    @rule()
    def draw_all(self) -> None:
        for number in range(len(self.by_status("running"))):
            if self.by_status("running"):
                self.draw(number, True)

    @precondition(lambda self: self.by_status("queued", "running"))
    @rule(number=index)
    def cancel(self, number: int) -> None:
        video = pick(self.by_status("queued", "running"), number)
        self.run(transitions.cancel(video.id, video.maker, self.now))
        video.status = "cancelled"

    @rule(
        who=index,
        prompt=st.sampled_from(PROMPTS),
        number=index,
        relation=st.sampled_from([None, Relation.REMIX]),
    )
    def publish(self, who: int, prompt: str, number: int, relation: Relation | None) -> None:
        """All the way from a payload to a post, as most videos go."""
        before = set(self.rules_.videos)
        if relation is None or not self.rules_.videos:
            self.generate(who, prompt, [number])
        else:
            self.remix(who, prompt, number, [], relation)
        made = [video for video in self.rules_.videos.values() if video.id not in before]
        if made:
            self.lease()
            self.draw_all()
            if made[0].status == "completed":
                self.post_one(made[0])

    # --- posts

    @precondition(lambda self: self.by_status("completed"))
    @rule(number=index)
    def post(self, number: int) -> None:
        ready = [video for video in self.by_status("completed") if not video.deleted and video.posted is None]
        if not ready:
            return
        self.post_one(pick(ready, number))

    def post_one(self, video: Video) -> None:
        rules = self.rules_
        facts = (video.prompt, video.cameos, video.parents, video.relation, video.id)
        found = [(cameo, *rules.agrees(cameo, video.maker, "post", *facts)) for cameo in video.cameos]
        allowed = all(yes for _, yes, _ in found)
        assert self.run(posts.may_post(video.id, video.maker, self.now))[0] is allowed
        made = self.tried(posts.post(video.id, video.maker, None, self.now))
        assert isinstance(made, RiffleError) is not allowed, (made, found)
        if isinstance(made, RiffleError):
            assert made.code is Code.CONSENT_REFUSED
            return
        video.posted = made.id
        video.receipts += [(cameo, grant, rules.moment()) for cameo, _, grant in found]

    def posted(self) -> list[Video]:
        return [video for video in self.rules_.videos.values() if video.posted and not video.deleted]

    @precondition(lambda self: self.posted())
    @rule(number=index)
    def take_back(self, number: int) -> None:
        video = pick(self.posted(), number)
        self.run(posts.delete_post(str(video.posted), video.maker, self.now))
        video.posted = None

    @precondition(lambda self: self.by_status("completed"))
    @rule(number=index)
    def delete(self, number: int) -> None:
        video = pick(self.by_status("completed"), number)
        if not video.deleted:
            self.run(delete_video(video.id, video.maker, self.now))
            video.deleted, video.posted = True, None

    # --- taking back

    @precondition(lambda self: self.rules_.cameos)
    @rule(
        number=index,
        mode=st.sampled_from(RevokeMode),
        what=st.sampled_from(["all", "person", "person", "grant", "grant", "video"]),
        which=index,
    )
    def revoke(self, number: int, mode: RevokeMode, what: str, which: int) -> None:
        cameo = pick(list(self.rules_.cameos.values()), number)
        payload, taken = RevokeCameo(mode=mode), Revoked(0, mode.value)
        others = [who for who in self.who if who != cameo.owner]
        theirs = [grant for grant in self.rules_.grants.values() if grant.cameo == cameo.id]
        used = [v for v in self.rules_.videos.values() if cameo.id in v.cameos and not v.deleted]
        if what == "video":
            if not used:
                return
            taken.mode, taken.video = "tombstone", pick(used, which).id
            self.run(receipts.delete_use(cameo.id, cameo.owner, taken.video, now=self.now))
        else:
            if what == "person":
                taken.person = pick(others, which)
                payload.grantee = self.handle[taken.person]
            elif what == "grant":
                if not theirs:
                    return
                taken.grant = payload.grant_id = pick(theirs, which).id
            self.run(cameos.revoke(cameo.id, cameo.owner, payload, now=self.now))
            for grant in theirs:
                hit = taken.everything or taken.person == grant.person or taken.grant == grant.id
                if hit and grant.status in ("pending", "accepted"):
                    grant.status, grant.revoked_how = "revoked", mode.value
            cameo.revoked = cameo.revoked or taken.everything
        taken.order = self.rules_.moment()
        cameo.revocations.append(taken)
        self.end_refused(cameo.id)

    @rule()
    def sweep_once(self) -> None:
        self.run(cascades.run_batch(now=self.now))

    @rule()
    def sweep_all(self) -> None:
        while self.run(cascades.run_batch(now=self.now)):
            pass

    @rule(seconds=st.sampled_from([1, 40, 400, 90_000]), written=st.booleans())
    def wait(self, seconds: int, written: bool) -> None:
        self.tick(seconds)
        if written:
            while self.run(cameos.expire(now=self.now)):
                pass
            out = [
                grant
                for grant in self.rules_.grants.values()
                if grant.status in ("pending", "accepted")
                and grant.until is not None
                and grant.until <= self.rules_.now
            ]
            for grant in out:
                grant.status = "expired"
            for grant in out:
                self.end_refused(grant.cameo)

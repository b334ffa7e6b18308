"""People, their cameos and their grants, as rules of a state machine over the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from domain.accounts import social
from domain.consent import cameos, grants
from domain.videos import transitions
from schemas.cameos import Audience, CreateCameo, PatchCameo, RequestCameo, Restrictions, Scope
from schemas.errors import Code, RiffleError
from tests.build import START, person
from tests.domain.consent.consent_model import Cameo, Grant, Rules, Video

T = TypeVar("T")
PEOPLE = 4
PROMPTS = ("a cat", "a cat in the rain", "a dog")
WORDS = ("rain", "dog")
# Taken modulo whatever there is to pick from.
index = st.integers(0, 1000)


class Clock(datetime):
    """The time of the machine, for the readings that look at the clock themselves."""

    at = START

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.at


def pick(items: list[T], number: int) -> T:
    return items[number % len(items)]


class People(RuleBasedStateMachine):
    """A handful of people, their cameos and videos; jobs run all the while."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    steps: ClassVar[int] = 0
    shown: ClassVar[int] = 0
    hidden: ClassVar[int] = 0

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(120)

    def tried(self, doing: Coroutine[Any, Any, T]) -> T | RiffleError:
        """Do it; what came of it, or what refused it."""
        try:
            return self.run(doing)
        except RiffleError as refused:
            return refused

    def code(self, doing: Coroutine[Any, Any, object]) -> Code | None:
        """Do it; the code of what refused it, None where nothing did."""
        found = self.tried(doing)
        return found.code if isinstance(found, RiffleError) else None

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.rules_.now)

    def tick(self, seconds: int) -> None:
        self.rules_.now += seconds
        Clock.at = self.now

    @initialize()
    def people(self) -> None:
        self.rules_ = Rules()
        self.tick(0)
        found = [self.run(person()) for _ in range(PEOPLE)]
        self.who = [item.id for item in found]
        self.handle = {item.id: item.handle for item in found}
        self.turn = 0
        # Not from nothing: some can use each other's likeness from the start.
        self.befriend(0, 1)
        for number, audience in enumerate((Audience.EVERYONE, Audience.MUTUALS, Audience.PEOPLE_I_APPROVE)):
            self.enrol(number, audience)
        self.begin()

    def begin(self) -> None:
        """What there is before the first step."""

    def teardown(self) -> None:
        for video in getattr(self, "rules_", Rules()).videos.values():
            if video.status in ("queued", "running"):
                self.code(transitions.cancel(video.id, video.maker, self.now))

    def by_status(self, *status: str) -> list[Video]:
        return [video for video in self.rules_.videos.values() if video.status in status]

    def end_refused(self, cameo: str) -> None:
        """What a change of a cameo ends at once."""
        for video in self.by_status("queued", "running"):
            if cameo in video.cameos and not self.rules_.stands(video, self.rules_.drawing(video)):
                video.status = "failed"

    # --- who is what to whom

    @rule(a=index, b=index)
    def follow(self, a: int, b: int) -> None:
        one, other = pick(self.who, a), pick(self.who, b)
        if one == other:
            return
        refused = self.code(social.follow(one, other, self.now))
        blocked = self.rules_.blocked(one, other)
        # Who is blocked isn't told.
        assert refused is None or blocked
        if not blocked:
            self.rules_.follows.add((one, other))

    @rule(a=index, b=index)
    def befriend(self, a: int, b: int) -> None:
        self.follow(a, b)
        self.follow(b, a)

    @rule(a=index, b=index)
    def unfollow(self, a: int, b: int) -> None:
        one, other = pick(self.who, a), pick(self.who, b)
        self.run(social.unfollow(one, other))
        self.rules_.follows.discard((one, other))

    @rule(a=index, b=index)
    def block(self, a: int, b: int) -> None:
        one, other = pick(self.who, a), pick(self.who, b)
        if one == other:
            return
        self.run(social.block(one, other, self.now))
        self.rules_.blocks.add((one, other))
        self.rules_.follows -= {(one, other), (other, one)}

    @precondition(lambda self: self.rules_.blocks)
    @rule(number=index)
    def unblock(self, number: int) -> None:
        one, other = pick(sorted(self.rules_.blocks), number)
        self.run(social.unblock(one, other))
        self.rules_.blocks.discard((one, other))

    # --- cameos

    @rule(who=index, audience=st.sampled_from(Audience))
    def enrol(self, who: int, audience: Audience) -> None:
        owner = pick(self.who, who)
        payload = CreateCameo(display_name="Face", audience=audience)
        made = self.run(cameos.create(owner, payload, now=self.now))
        self.rules_.cameos[made.id] = Cameo(made.id, owner, audience.value)

    def living(self) -> list[Cameo]:
        return [cameo for cameo in self.rules_.cameos.values() if not cameo.revoked]

    @precondition(lambda self: self.living())
    @rule(number=index, audience=st.sampled_from(Audience))
    def audience(self, number: int, audience: Audience) -> None:
        cameo = pick(self.living(), number)
        self.run(cameos.patch(cameo.id, cameo.owner, PatchCameo(audience=audience), now=self.now))
        cameo.audience = audience.value
        self.end_refused(cameo.id)

    @precondition(lambda self: self.living())
    @rule(
        number=index,
        words=st.sampled_from([(), (), ("rain",), WORDS]),
        flags=st.tuples(*[st.sampled_from([False, False, True])] * 3),
        until=st.sampled_from([None, None, 30, 300]),
    )
    def restrict(
        self, number: int, words: tuple[str, ...], flags: tuple[bool, ...], until: int | None
    ) -> None:
        cameo = pick(self.living(), number)
        cameo.words = words
        cameo.no_remix, cameo.no_others, cameo.approve_posts = flags
        cameo.until = None if until is None else self.rules_.now + until
        payload = Restrictions(
            words=list(words),
            no_remix=cameo.no_remix,
            no_others=cameo.no_others,
            approve_posts=cameo.approve_posts,
            until=None if cameo.until is None else int(START.timestamp()) + cameo.until,
        )
        self.run(cameos.patch(cameo.id, cameo.owner, PatchCameo(restrictions=payload), now=self.now))
        self.end_refused(cameo.id)

    # --- asking

    @precondition(lambda self: self.living())
    @rule(
        number=index,
        who=index,
        prompt=st.sampled_from([None, None, *PROMPTS]),
        post=st.sampled_from([True, True, False]),
        limit=st.sampled_from([None, None, 1, 2]),
        until=st.sampled_from([None, None, 30, 300]),
        video=st.sampled_from([None, None, 0, 1, 2]),
    )
    def request(
        self,
        number: int,
        who: int,
        prompt: str | None,
        post: bool,
        limit: int | None,
        until: int | None,
        video: int | None,
    ) -> None:
        cameo, grantee = pick(self.living(), number), pick(self.who, who)
        mine = [
            item.id
            for item in self.rules_.videos.values()
            if item.maker == grantee and cameo.id in item.cameos and not item.deleted
        ]
        grant = Grant(
            id="",
            cameo=cameo.id,
            person=grantee,
            prompt=prompt,
            post=post,
            uses=limit,
            until=None if until is None else self.rules_.now + until,
            video=pick(mine, video) if mine and video is not None else None,
        )
        scope = Scope(
            prompt=prompt,
            post=post,
            uses=limit,
            until=None if grant.until is None else int(START.timestamp()) + grant.until,
            video_id=grant.video,
        )
        made = self.tried(grants.request(cameo.id, grantee, RequestCameo(scope=scope), now=self.now))
        if isinstance(made, RiffleError):
            return
        assert not self.rules_.blocked(grantee, cameo.owner)
        assert cameo.audience != "only_me"
        for other in self.rules_.grants.values():
            if (other.cameo, other.person, other.status) == (cameo.id, grantee, "pending"):
                assert other.until is not None
                assert other.until <= self.rules_.now
                other.status = "expired"
        grant.id = made.id
        self.rules_.grants[made.id] = grant

    def pending(self) -> list[Grant]:
        return [grant for grant in self.rules_.grants.values() if grant.status == "pending"]

    @precondition(lambda self: self.pending())
    @rule(number=index, accept=st.sampled_from([True, True, True, False]))
    def answer(self, number: int, accept: bool) -> None:
        grant = pick(self.pending(), number)
        owner = self.rules_.cameos[grant.cameo].owner
        refused = self.code(grants.answer(grant.id, owner, accept, now=self.now))
        late = grant.until is not None and self.rules_.now >= grant.until
        assert refused is (Code.INVALID_STATE if late else None)
        if refused is None:
            grant.status = "accepted" if accept else "refused"

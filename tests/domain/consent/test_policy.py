"""Who may use a likeness: each rule, what it yields to, and what holds whatever the facts are."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consent.policy import (
    GRANT_EDGES,
    Action,
    CameoFacts,
    GrantFacts,
    UseReason,
    UseRequest,
    Verdict,
    action_of,
    decide,
)
from domain.consent.refused_topics import WORDS
from domain.safety.text import has_word
from schemas.cameos import Audience, CameoStatus, GrantStatus, Restrictions, RevokeMode, Scope, Topic
from schemas.videos import Relation, Tier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = int(NOW.timestamp())
FACTS = CameoFacts(
    id="cameo_1", owner="ada", status=CameoStatus.ACTIVE, audience=Audience.PEOPLE_I_APPROVE, revision=3
)
ASK = UseRequest(requester="bob", action="preview", prompt="a cat on a beach", now=NOW)
ALLOWING = {UseReason.OWNER, UseReason.EVERYONE, UseReason.MUTUALS, UseReason.GRANTED, UseReason.POSTED}


def grant(
    status: GrantStatus = GrantStatus.ACCEPTED, used: int = 0, name: str = "g", **scope: object
) -> GrantFacts:
    return GrantFacts(id=name, revision=2, status=status, scope=msgspec.convert(scope, Scope), used=used)


def verdict(ask: UseRequest = ASK, **facts: object) -> Verdict:
    return decide(msgspec.structs.replace(FACTS, **facts), ask)


def asking(**changes: object) -> UseRequest:
    return msgspec.structs.replace(ASK, **changes)


def test_the_owner_may_whatever_else_holds_but_nobody_may_use_a_revoked_cameo() -> None:
    own = asking(requester="ada", prompt="in the rain", action="remix")
    strict = Restrictions(words=["rain"], no_remix=True)
    assert verdict(own, audience=Audience.ONLY_ME, restrictions=strict).reason == UseReason.OWNER
    for ask in (own, ASK):
        assert verdict(ask, status=CameoStatus.REVOKED, audience=Audience.EVERYONE) == Verdict(
            allowed=False, reason=UseReason.CAMEO_REVOKED
        )


@pytest.mark.parametrize(
    ("audience", "mutual", "allowed", "reason"),
    [
        (Audience.EVERYONE, False, True, UseReason.EVERYONE),
        (Audience.MUTUALS, True, True, UseReason.MUTUALS),
        (Audience.MUTUALS, False, False, UseReason.NOT_ASKED),
        (Audience.PEOPLE_I_APPROVE, True, False, UseReason.NOT_ASKED),
        (Audience.ONLY_ME, True, False, UseReason.ONLY_ME),
    ],
)
def test_audiences(audience: Audience, mutual: bool, allowed: bool, reason: UseReason) -> None:
    found = verdict(audience=audience, mutual=mutual)
    assert (found.allowed, found.reason, found.grant_id) == (allowed, reason, None)
    assert found.grant_revision == (3 if allowed else 0)
    assert found.ask == ("approval" if reason is UseReason.NOT_ASKED else None)


def test_blocks_words_and_no_remix_outweigh_a_grant() -> None:
    yes = [grant()]
    assert verdict(grants=yes, blocked=True).reason == UseReason.BLOCKED
    assert verdict(grants=yes, restrictions=Restrictions(words=["Cat"])).reason == UseReason.RESTRICTED_WORDS
    no_remix = Restrictions(no_remix=True)
    assert verdict(asking(action="remix"), grants=yes, restrictions=no_remix).reason == UseReason.NO_REMIX
    assert verdict(asking(action="render"), grants=yes, restrictions=no_remix).allowed
    assert verdict(grants=yes, audience=Audience.ONLY_ME).reason == UseReason.ONLY_ME


@pytest.mark.parametrize(
    ("word", "prompt", "hit"),
    [
        ("gun", "a GUN in hand", True),
        ("gun", "it has begun", False),
        ("gun", "gun", True),
        ("gun", "ｇｕｎ shop", True),
        ("straße", "on a STRASSE", True),
        ("nude beach", "a nude   beach", True),
        ("c++", "writes c++ code", True),
        ("c++", "writes c code", False),
        (".*", "anything", False),
        (" ", "anything", False),
    ],
)
def test_restricted_words(word: str, prompt: str, hit: bool) -> None:
    found = verdict(
        asking(prompt=prompt), audience=Audience.EVERYONE, restrictions=Restrictions(words=[word])
    )
    assert (found.reason == UseReason.RESTRICTED_WORDS) is hit


@pytest.mark.parametrize(
    ("given_grant", "action", "reason", "ask"),
    [
        (grant(), "preview", UseReason.GRANTED, None),
        (grant(until=S + 1), "preview", UseReason.GRANTED, None),
        (grant(until=S), "preview", UseReason.GRANT_EXPIRED, "more time"),
        (grant(prompt=" A  cat on a BEACH"), "preview", UseReason.GRANTED, None),
        (grant(prompt="a dog"), "preview", UseReason.OTHER_PROMPT, "this prompt"),
        (grant(prompt="a cat on a beach"), "render", UseReason.GRANTED, None),
        (grant(prompt="a cat on a beach"), "post", UseReason.GRANTED, None),
        (grant(post=False), "render", UseReason.GRANTED, None),
        (grant(post=False), "post", UseReason.NO_POSTING, "posting"),
        (grant(uses=2, used=1), "remix", UseReason.GRANTED, None),
        (grant(uses=2, used=2), "remix", UseReason.USED_UP, "more uses"),
        (grant(uses=2, used=2), "preview", UseReason.USED_UP, "more uses"),
        (grant(uses=2, used=2), "render", UseReason.GRANTED, None),
        (grant(uses=2, used=2), "post", UseReason.GRANTED, None),
        (grant(GrantStatus.PENDING), "preview", UseReason.PENDING, None),
        (grant(GrantStatus.REFUSED), "preview", UseReason.REFUSED, "approval"),
        (grant(GrantStatus.REVOKED), "preview", UseReason.GRANT_REVOKED, "approval"),
        (grant(GrantStatus.EXPIRED), "preview", UseReason.NOT_ASKED, "approval"),
        (grant(GrantStatus.EXPIRED, until=S), "preview", UseReason.GRANT_EXPIRED, "more time"),
    ],
)
def test_grants(given_grant: GrantFacts, action: str, reason: UseReason, ask: str | None) -> None:
    found = verdict(asking(action=action), grants=[given_grant])
    assert (found.reason, found.ask) == (reason, ask)
    if reason is UseReason.GRANTED:
        assert (found.grant_id, found.grant_revision) == ("g", 2)


def test_any_grant_that_covers_it_will_do_and_the_newest_is_pinned() -> None:
    both = [grant(name="old"), grant(name="narrow", prompt="a dog")]
    assert verdict(grants=both).grant_id == "old"
    assert verdict(asking(prompt="a dog"), grants=both).grant_id == "narrow"


def test_a_revocation_for_one_person_outweighs_an_audience_until_they_are_accepted_again() -> None:
    revoked = grant(GrantStatus.REVOKED)
    for audience in (Audience.EVERYONE, Audience.MUTUALS):
        assert verdict(grants=[revoked], audience=audience, mutual=True).reason == UseReason.GRANT_REVOKED
    assert verdict(grants=[revoked, grant(name="again")], audience=Audience.EVERYONE).allowed
    refused = grant(GrantStatus.REFUSED)
    assert verdict(grants=[refused], audience=Audience.EVERYONE).allowed


@pytest.mark.parametrize(
    ("restrictions", "ask", "reason"),
    [
        (Restrictions(topics=[Topic.WEAPONS]), {"prompt": "a man with a Pistol"}, UseReason.RESTRICTED_TOPIC),
        (Restrictions(topics=[Topic.SEX]), {"prompt": "a man with a pistol"}, None),
        (
            Restrictions(topics=[Topic.WEAPONS]),
            {"texts": ["two swords", "a cat"]},
            UseReason.RESTRICTED_TOPIC,
        ),
        (Restrictions(styles=["anime"]), {"prompt": "a cat, ANIME style"}, UseReason.RESTRICTED_STYLE),
        (Restrictions(words=["rain"]), {"texts": ["in the rain"]}, UseReason.RESTRICTED_WORDS),
        (Restrictions(words=["café"]), {"prompt": "at the CAFE\u0301"}, UseReason.RESTRICTED_WORDS),
        (Restrictions(words=["naked"]), {"prompt": "na\u200bked"}, UseReason.RESTRICTED_WORDS),
        (Restrictions(no_remix=True), {"action": "post", "remixed": True}, UseReason.NO_REMIX),
        (Restrictions(no_remix=True), {"action": "show", "remixed": True}, UseReason.NO_REMIX),
        (Restrictions(no_remix=True), {"action": "render", "remixed": True}, UseReason.NO_REMIX),
        (Restrictions(no_others=True), {"others": True}, UseReason.NO_OTHERS),
        (Restrictions(no_others=True), {"others": False}, None),
        (Restrictions(until=S), {}, UseReason.CAMEO_EXPIRED),
        (Restrictions(until=S + 1), {}, None),
        (Restrictions(approve_posts=True), {"action": "preview"}, None),
        (Restrictions(approve_posts=True), {"action": "post"}, UseReason.POST_NOT_APPROVED),
        (Restrictions(approve_posts=True), {"action": "show"}, UseReason.POST_NOT_APPROVED),
    ],
)
@pytest.mark.parametrize("audience", [Audience.EVERYONE, Audience.PEOPLE_I_APPROVE])
def test_restrictions_bind_whoever_may(
    restrictions: Restrictions, ask: dict[str, object], reason: UseReason | None, audience: Audience
) -> None:
    by_grant = audience is Audience.PEOPLE_I_APPROVE
    facts = {"audience": audience, "restrictions": restrictions, "grants": [grant()] if by_grant else []}
    found = verdict(asking(**ask), **facts)
    assert found.reason == (reason or (UseReason.GRANTED if by_grant else UseReason.EVERYONE))
    assert verdict(asking(requester="ada", **ask), **facts).allowed


def test_a_post_is_approved_by_a_grant_that_names_it() -> None:
    strict = Restrictions(approve_posts=True)
    named = grant(video_id="video_1")
    for action in ("post", "show"):
        assert verdict(asking(action=action, video="video_1"), restrictions=strict, grants=[named]).allowed
        other = verdict(asking(action=action, video="video_2"), restrictions=strict, grants=[named])
        assert (other.reason, other.ask) == (UseReason.OTHER_VIDEO, "this video")
    assert verdict(asking(video="video_1"), grants=[named]).allowed
    assert not verdict(grants=[named]).allowed
    drafts = grant(video_id="video_1", post=False)
    assert verdict(asking(action="post", video="video_1"), grants=[drafts]).reason == UseReason.NO_POSTING


def test_a_grant_for_a_trend() -> None:
    inside = grant(trend="post_1")
    assert verdict(asking(trend="post_1"), grants=[inside]).allowed
    for other in (None, "post_2"):
        found = verdict(asking(trend=other), grants=[inside])
        assert (found.reason, found.ask) == (UseReason.OTHER_TREND, "this trend")


@pytest.mark.parametrize("mode", RevokeMode)
@pytest.mark.parametrize("what", ["cameo", "grant", "person"])
def test_only_what_blocks_new_uses_leaves_posts_alone(mode: RevokeMode, what: str) -> None:
    facts: dict[str, object] = {
        "cameo": {"status": CameoStatus.REVOKED, "revoked": mode, "audience": Audience.EVERYONE},
        "grant": {"grants": [msgspec.structs.replace(grant(GrantStatus.REVOKED), mode=mode)]},
        "person": {"shut_out": mode, "audience": Audience.EVERYONE},
    }[what]
    for action in ("preview", "render", "remix", "post", "reference"):
        assert not verdict(asking(action=action), **facts).allowed
    assert verdict(asking(action="show"), **facts).allowed is (mode is RevokeMode.BLOCK_NEW)


def test_what_was_withdrawn_is_nobodys() -> None:
    for requester in ("ada", "bob"):
        ask = asking(requester=requester, withdrawn=RevokeMode.HIDE_POSTS)
        assert verdict(ask, audience=Audience.EVERYONE, grants=[grant()]).reason == UseReason.WITHDRAWN


def test_the_picture_is_for_the_owner_and_for_grants() -> None:
    want = asking(action="reference", prompt="")
    assert verdict(asking(action="reference", requester="ada")).allowed
    assert verdict(want, grants=[grant(prompt="a dog", trend="t", post=False, uses=1)]).allowed
    assert not verdict(want, grants=[grant(until=S)]).allowed
    for audience in Audience:
        assert not verdict(want, audience=audience, mutual=True).allowed
    assert not verdict(want, grants=[grant()], blocked=True).allowed


def test_reading() -> None:
    assert verdict(asking(action="read")).reason == UseReason.POSTED
    assert verdict(asking(action="read"), blocked=True).reason == UseReason.BLOCKED
    assert verdict(asking(action="read", requester="ada")).reason == UseReason.OWNER
    for action in Action:
        assert (
            verdict(asking(action=action, requester=""), audience=Audience.EVERYONE).reason
            == UseReason.SIGN_IN
        )


def test_every_topic_has_words_that_can_be_met() -> None:
    for topic in Topic:
        for word in WORDS[topic]:
            assert has_word([f"a {word.upper()}!"], WORDS[topic]), word
        assert len(WORDS[topic]) == len(set(WORDS[topic])) >= 15
    innocent = ["begun", "a grape", "shotgunned", "a skilled killjoy", "the cemeteries", "essex", "warm"]
    assert not any(has_word(innocent, words) for words in WORDS.values())


@pytest.mark.parametrize(
    "prompt",
    ["a GUN", "a gún", "a ɢun", "a g​un", "a guuuun", "a GUΝ", "ｇｕｎ", "a b33r", "a bееr", "𝓫𝓮𝓮𝓻", "ᗷeer"],
)
def test_a_disguise_hides_no_refused_word(prompt: str) -> None:
    for restrictions in (Restrictions(words=["gun", "beer"]), Restrictions(styles=["gun", "beer"])):
        assert not verdict(
            asking(prompt=prompt), restrictions=restrictions, audience=Audience.EVERYONE
        ).allowed
    # A word of its own stays one: nothing is found inside of another, nor by reading rn as m.
    innocent = Restrictions(words=["bum", "ten", "oat"])
    assert verdict(
        asking(prompt="a burn often floats"), restrictions=innocent, audience=Audience.EVERYONE
    ).allowed


facts = st.builds(
    CameoFacts,
    id=st.just("cameo_1"),
    owner=st.just("ada"),
    status=st.sampled_from(CameoStatus),
    audience=st.sampled_from(Audience),
    revision=st.integers(1, 9),
    restrictions=st.builds(
        Restrictions,
        words=st.lists(st.sampled_from(["cat", "dog"])),
        no_remix=st.booleans(),
        no_others=st.booleans(),
        approve_posts=st.booleans(),
        until=st.sampled_from([None, S - 1, S + 1]),
    ),
    revoked=st.sampled_from([None, *RevokeMode]),
    shut_out=st.sampled_from([None, *RevokeMode]),
    blocked=st.booleans(),
    mutual=st.booleans(),
    grants=st.lists(
        st.builds(
            GrantFacts,
            id=st.sampled_from(["g1", "g2"]),
            revision=st.integers(1, 5),
            status=st.sampled_from(GrantStatus),
            scope=st.builds(
                Scope,
                prompt=st.sampled_from([None, "a cat", "a dog"]),
                trend=st.sampled_from([None, "post_1"]),
                video_id=st.sampled_from([None, None, "video_1"]),
                post=st.booleans(),
                uses=st.sampled_from([None, 1, 2]),
                until=st.sampled_from([None, S - 1, S + 1]),
            ),
            used=st.integers(0, 3),
        ),
        max_size=3,
        unique_by=lambda item: item.id,
    ),
)
asks = st.builds(
    UseRequest,
    requester=st.sampled_from(["ada", "bob"]),
    action=st.sampled_from([action for action in Action if action is not Action.READ]),
    prompt=st.sampled_from(["a cat", "a dog", "a boat"]),
    now=st.just(NOW),
    texts=st.lists(st.sampled_from(["a cat", "in the rain"])),
    trend=st.sampled_from([None, "post_1"]),
    video=st.sampled_from([None, "video_1"]),
    remixed=st.booleans(),
    others=st.booleans(),
    withdrawn=st.sampled_from([None, None, RevokeMode.TOMBSTONE]),
)


@given(facts, asks)
def test_what_holds_always(cameo: CameoFacts, ask: UseRequest) -> None:
    found = decide(cameo, ask)
    assert found.allowed == (found.reason in ALLOWING)
    if found.allowed:
        kept = ask.action == Action.SHOW and cameo.revoked is RevokeMode.BLOCK_NEW
        assert cameo.status is CameoStatus.ACTIVE or kept
        assert ask.withdrawn is None
        assert found.ask is None
        assert ask.requester == cameo.owner or not cameo.blocked
    if found.grant_id is not None:
        assert (found.grant_id, found.grant_revision) in {
            (item.id, item.revision) for item in cameo.grants if item.status is GrantStatus.ACCEPTED
        }
    # Less consent never allows more.
    revoked = [
        msgspec.structs.replace(item, status=GrantStatus.REVOKED)
        if GrantStatus.REVOKED in GRANT_EDGES[item.status]
        else item
        for item in cameo.grants
    ]
    # Whoever may post it may show it, and what may not be shown may not be posted anew.
    if ask.action == Action.POST and found.allowed:
        assert decide(cameo, msgspec.structs.replace(ask, action=Action.SHOW)).allowed
    for less in ({"grants": revoked}, {"blocked": True}, {"audience": Audience.ONLY_ME}, {"grants": []}):
        stricter = decide(msgspec.structs.replace(cameo, **less), ask)
        unheard = less.get("grants") == []
        assert found.allowed or not stricter.allowed or unheard


def test_actions() -> None:
    assert action_of(Tier.PREVIEW, None) == "preview"
    assert action_of(Tier.FULL, None) == "render"
    assert action_of(Tier.FULL, Relation.RENDER) == "render"
    assert {action_of(Tier.PREVIEW, item) for item in Relation if item is not Relation.RENDER} == {"remix"}


@pytest.mark.parametrize("action", ["preview", "render", "remix", "post", "show"])
@pytest.mark.parametrize("beyond", [{"steered": True}, {"remixed": True}])
def test_a_grant_for_one_prompt_covers_nothing_beyond_its_words(action: str, beyond: dict[str, bool]) -> None:
    for_prompt, for_all = grant(prompt="a cat on a beach"), grant()
    found = verdict(asking(action=action, **beyond), grants=[for_prompt])
    assert (found.allowed, found.reason, found.ask) == (False, UseReason.MORE_THAN_PROMPT, "approval")
    assert verdict(asking(action=action, **beyond), grants=[for_prompt, for_all]).allowed

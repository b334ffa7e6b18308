"""Who may use a likeness: each rule, what it yields to, and what holds whatever the facts are."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consent import (
    GRANT_EDGES,
    Ask,
    CameoFacts,
    GrantFacts,
    Reason,
    Verdict,
    action_of,
    decide,
)
from schemas.cameos import Audience, CameoStatus, GrantStatus, Restrictions, Scope
from schemas.videos import Relation, Tier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = int(NOW.timestamp())
FACTS = CameoFacts(
    id="cameo_1", owner="ada", status=CameoStatus.ACTIVE, audience=Audience.PEOPLE_I_APPROVE, revision=3
)
ASK = Ask(requester="bob", action="preview", prompt="a cat on a beach", now=NOW)
ALLOWING = {Reason.OWNER, Reason.EVERYONE, Reason.MUTUALS, Reason.GRANTED}


def grant(
    status: GrantStatus = GrantStatus.ACCEPTED, used: int = 0, name: str = "g", **scope: object
) -> GrantFacts:
    return GrantFacts(id=name, revision=2, status=status, scope=msgspec.convert(scope, Scope), used=used)


def verdict(ask: Ask = ASK, **facts: object) -> Verdict:
    return decide(msgspec.structs.replace(FACTS, **facts), ask)


def asking(**changes: object) -> Ask:
    return msgspec.structs.replace(ASK, **changes)


def test_the_owner_may_whatever_else_holds_but_nobody_may_use_a_revoked_cameo() -> None:
    own = asking(requester="ada", prompt="in the rain", action="remix")
    strict = Restrictions(words=["rain"], no_remix=True)
    assert verdict(own, audience=Audience.ONLY_ME, restrictions=strict).reason == Reason.OWNER
    for ask in (own, ASK):
        assert verdict(ask, status=CameoStatus.REVOKED, audience=Audience.EVERYONE) == Verdict(
            allowed=False, reason=Reason.CAMEO_REVOKED
        )


@pytest.mark.parametrize(
    ("audience", "mutual", "allowed", "reason"),
    [
        (Audience.EVERYONE, False, True, Reason.EVERYONE),
        (Audience.MUTUALS, True, True, Reason.MUTUALS),
        (Audience.MUTUALS, False, False, Reason.NOT_ASKED),
        (Audience.PEOPLE_I_APPROVE, True, False, Reason.NOT_ASKED),
        (Audience.ONLY_ME, True, False, Reason.ONLY_ME),
    ],
)
def test_audiences(audience: Audience, mutual: bool, allowed: bool, reason: Reason) -> None:
    found = verdict(audience=audience, mutual=mutual)
    assert (found.allowed, found.reason, found.grant_id) == (allowed, reason, None)
    assert found.grant_revision == (3 if allowed else 0)
    assert found.ask == ("approval" if reason is Reason.NOT_ASKED else None)


def test_blocks_words_and_no_remix_outweigh_a_grant() -> None:
    yes = [grant()]
    assert verdict(grants=yes, blocked=True).reason == Reason.BLOCKED
    assert verdict(grants=yes, restrictions=Restrictions(words=["Cat"])).reason == Reason.RESTRICTED_WORDS
    no_remix = Restrictions(no_remix=True)
    assert verdict(asking(action="remix"), grants=yes, restrictions=no_remix).reason == Reason.NO_REMIX
    assert verdict(asking(action="render"), grants=yes, restrictions=no_remix).allowed
    assert verdict(grants=yes, audience=Audience.ONLY_ME).reason == Reason.ONLY_ME


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
    assert (found.reason == Reason.RESTRICTED_WORDS) is hit


@pytest.mark.parametrize(
    ("given_grant", "action", "reason", "ask"),
    [
        (grant(), "preview", Reason.GRANTED, None),
        (grant(until=S + 1), "preview", Reason.GRANTED, None),
        (grant(until=S), "preview", Reason.GRANT_EXPIRED, "more time"),
        (grant(prompt=" A  cat on a BEACH"), "preview", Reason.GRANTED, None),
        (grant(prompt="a dog"), "preview", Reason.OTHER_PROMPT, "this prompt"),
        (grant(post=False), "render", Reason.GRANTED, None),
        (grant(post=False), "post", Reason.NO_POSTING, "posting"),
        (grant(uses=2, used=1), "remix", Reason.GRANTED, None),
        (grant(uses=2, used=2), "remix", Reason.USED_UP, "more uses"),
        (grant(uses=2, used=2), "preview", Reason.USED_UP, "more uses"),
        (grant(uses=2, used=2), "render", Reason.GRANTED, None),
        (grant(uses=2, used=2), "post", Reason.GRANTED, None),
        (grant(GrantStatus.PENDING), "preview", Reason.PENDING, None),
        (grant(GrantStatus.REFUSED), "preview", Reason.REFUSED, "approval"),
        (grant(GrantStatus.REVOKED), "preview", Reason.GRANT_REVOKED, "approval"),
        (grant(GrantStatus.EXPIRED), "preview", Reason.NOT_ASKED, "approval"),
    ],
)
def test_grants(given_grant: GrantFacts, action: str, reason: Reason, ask: str | None) -> None:
    found = verdict(asking(action=action), grants=[given_grant])
    assert (found.reason, found.ask) == (reason, ask)
    if reason is Reason.GRANTED:
        assert (found.grant_id, found.grant_revision) == ("g", 2)


def test_any_grant_that_covers_it_will_do_and_the_newest_is_pinned() -> None:
    both = [grant(name="old"), grant(name="narrow", prompt="a dog")]
    assert verdict(grants=both).grant_id == "old"
    assert verdict(asking(prompt="a dog"), grants=both).grant_id == "narrow"


def test_a_revocation_for_one_person_outweighs_an_audience_until_they_are_accepted_again() -> None:
    revoked = grant(GrantStatus.REVOKED)
    for audience in (Audience.EVERYONE, Audience.MUTUALS):
        assert verdict(grants=[revoked], audience=audience, mutual=True).reason == Reason.GRANT_REVOKED
    assert verdict(grants=[revoked, grant(name="again")], audience=Audience.EVERYONE).allowed
    refused = grant(GrantStatus.REFUSED)
    assert verdict(grants=[refused], audience=Audience.EVERYONE).allowed


facts = st.builds(
    CameoFacts,
    id=st.just("cameo_1"),
    owner=st.just("ada"),
    status=st.sampled_from(CameoStatus),
    audience=st.sampled_from(Audience),
    revision=st.integers(1, 9),
    restrictions=st.builds(
        Restrictions, words=st.lists(st.sampled_from(["cat", "dog"])), no_remix=st.booleans()
    ),
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
    Ask,
    requester=st.sampled_from(["ada", "bob"]),
    action=st.sampled_from(["preview", "render", "remix", "post"]),
    prompt=st.sampled_from(["a cat", "a dog", "a boat"]),
    now=st.just(NOW),
)


@given(facts, asks)
def test_what_holds_always(cameo: CameoFacts, ask: Ask) -> None:
    found = decide(cameo, ask)
    assert found.allowed == (found.reason in ALLOWING)
    if found.allowed:
        assert cameo.status is CameoStatus.ACTIVE
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
    for less in ({"grants": revoked}, {"blocked": True}, {"audience": Audience.ONLY_ME}, {"grants": []}):
        stricter = decide(msgspec.structs.replace(cameo, **less), ask)
        unheard = less.get("grants") == []
        assert found.allowed or not stricter.allowed or unheard


def test_actions() -> None:
    assert action_of(Tier.PREVIEW, None) == "preview"
    assert action_of(Tier.FULL, None) == "render"
    assert action_of(Tier.FULL, Relation.RENDER) == "render"
    assert {action_of(Tier.PREVIEW, item) for item in Relation if item is not Relation.RENDER} == {"remix"}

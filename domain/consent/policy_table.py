"""What the consent policy answers to everybody about everything: the table of docs/reference/consent.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from domain.consent.policy import Action, CameoFacts, GrantFacts, UseRequest, Verdict, decide
from schemas.cameos import Audience, CameoStatus, GrantStatus, Scope

OWNER, OTHER = "owner", "other"
ACTIONS = (Action.PREVIEW, Action.RENDER, Action.POST, Action.REMIX, Action.READ)
# No rule of the table depends on the date.
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Standing(StrEnum):
    """What somebody is to the owner of a cameo. Only `mutual` follows and is followed back."""

    SELF = "self"
    APPROVED = "approved"
    MUTUAL = "mutual"
    FOLLOWER = "follower"
    STRANGER = "stranger"
    BLOCKED = "blocked"
    ANONYMOUS = "anonymous"


def table_verdict(audience: Audience, standing: Standing, action: Action) -> Verdict:
    """May somebody of this standing do this with an unrestricted cameo of this audience?"""
    grant = GrantFacts(id="grant", revision=2, status=GrantStatus.ACCEPTED, scope=Scope())
    cameo = CameoFacts(
        id="cameo",
        owner=OWNER,
        status=CameoStatus.ACTIVE,
        audience=audience,
        revision=1,
        blocked=standing is Standing.BLOCKED,
        mutual=standing is Standing.MUTUAL,
        grants=[grant] if standing is Standing.APPROVED else [],
    )
    who = {Standing.SELF: OWNER, Standing.ANONYMOUS: ""}.get(standing, OTHER)
    return decide(cameo, UseRequest(requester=who, action=action, prompt="a cat", now=NOW))


def table() -> str:
    """The whole table as Markdown: yes or no, and the reason."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f"| audience | who asks | {' | '.join(ACTIONS)} |"
    yield "|---" * (2 + len(ACTIONS)) + "|"
    for audience in Audience:
        for standing in Standing:
            found = [table_verdict(audience, standing, action) for action in ACTIONS]
            cells = [f"{'yes' if item.allowed else 'no'}: `{item.reason}`" for item in found]
            yield f"| `{audience}` | {standing} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(table(), end="")

"""Whose likeness may be lent, and who may draw with one, by what people said of their age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from db.engine import fetch
from schemas.accounts import AgeBracket
from schemas.errors import Code, RiffleError

CameosFor = Literal["adults", "declared_adults", "everyone"]
# By the setting, whom cameos are not for.
EXCLUDED: dict[CameosFor, frozenset[AgeBracket]] = {
    "adults": frozenset({AgeBracket.TEEN}),
    "declared_adults": frozenset({AgeBracket.TEEN, AgeBracket.UNDECLARED}),
    "everyone": frozenset(),
}
FOR_ADULTS = "cameos are for adults"


def check_age(bracket: AgeBracket, cameos_for: CameosFor) -> None:
    """Refuse somebody whom cameos are not for.

    Raises:
        RiffleError: consent_refused.
    """
    if bracket in EXCLUDED[cameos_for]:
        undeclared = bracket is AgeBracket.UNDECLARED
        message = f"{FOR_ADULTS}: say your age first (PATCH /v1/me)" if undeclared else FOR_ADULTS
        raise RiffleError(Code.CONSENT_REFUSED, message)


async def excluded(account_id: str, cameo_ids: Sequence[str], cameos_for: CameosFor) -> list[str]:
    """Those of the cameos that are not for this person, or of people whom cameos are not for."""
    brackets = [bracket.value for bracket in EXCLUDED[cameos_for]]
    if not cameo_ids or not brackets:
        return []
    rows = await fetch(
        """
        SELECT c.id FROM cameos c JOIN accounts a ON a.id = c.account_id
        WHERE c.id = ANY ($1::text[]) AND (a.age_bracket = ANY ($2::text[]) OR EXISTS (
            SELECT FROM accounts w WHERE w.id = $3 AND w.age_bracket = ANY ($2::text[])
        )) ORDER BY c.id
        """,
        list(cameo_ids),
        brackets,
        account_id,
    )
    return [row["id"] for row in rows]

"""The table of docs/reference/consent.md is what the policy says, and says what people were promised."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from domain.consent.policy import Action
from domain.consent.policy_table import ACTIONS, Standing, table, table_verdict
from schemas.cameos import Audience

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"<!-- python -m domain\.consent\.policy_table -->\n(.*?)<!-- end -->", re.DOTALL)


def test_the_table_in_the_docs_is_the_one_that_the_code_makes() -> None:
    found = BLOCK.search((ROOT / "docs" / "reference" / "consent.md").read_text())
    assert found is not None
    assert found[1] == table()


def test_one_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "domain.consent.policy_table"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == table()
    assert len(done.stdout.splitlines()) == 2 + len(Audience) * len(Standing)


# Written by hand: who may use it, besides its owner.
MAY = {
    Audience.ONLY_ME: set(),
    Audience.PEOPLE_I_APPROVE: {Standing.APPROVED},
    Audience.MUTUALS: {Standing.APPROVED, Standing.MUTUAL},
    Audience.EVERYONE: {Standing.APPROVED, Standing.MUTUAL, Standing.FOLLOWER, Standing.STRANGER},
}


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_cell(audience: Audience, standing: Standing, action: Action) -> None:
    if action is Action.READ:
        expected = standing not in (Standing.BLOCKED, Standing.ANONYMOUS)
    else:
        expected = standing is Standing.SELF or standing in MAY[audience]
    assert table_verdict(audience, standing, action).allowed is expected

"""The command line: what is wrong is said in one line, before anything is loaded or written."""

from pathlib import Path

import pytest

from train.hyperparameters import BUDGETS
from train.pipeline import STAGES
from train.train import DEFAULT_STAGES, main


def test_every_stage_has_a_budget_and_the_default_ones_are_known() -> None:
    assert set(STAGES) == set(BUDGETS)
    assert set(DEFAULT_STAGES.split(",")) <= set(STAGES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stages", "teacher,studnet"], "unknown stages ['studnet']"),
        (["--minutes", "teachr=3"], "unknown stage 'teachr'"),
        (["--steps", "teacher=many"], "'teacher=many' is not STAGE=NUMBER"),
        (["--begin", "/nowhere"], "/nowhere is not there"),
    ],
)
def test_a_wrong_argument_is_named(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--home", str(tmp_path / "home"), *arguments])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "home").exists()

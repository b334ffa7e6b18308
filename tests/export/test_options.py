"""Flags that make no sense are named by the command, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from export import cli
from export.gates import GATES, goal
from export.options import PRECISIONS_OF, default_precision, size
from schemas.bundle import PRECISIONS, TARGETS


def test_sizes() -> None:
    assert size("64x96") == (64, 96)
    assert size("64X96") == (64, 96)
    for text in ("64", "64x", "x96", "0x96", "-8x96", "axb"):
        with pytest.raises(ValueError, match=r"."):
            size(text)


def test_the_first_precision_of_a_target_is_its_default() -> None:
    assert [default_precision(target) for target in TARGETS] == ["int8", "int8", "int8", "fp16", "fp16"]
    assert set(GATES) == set(PRECISIONS)
    assert all(set(each) <= set(PRECISIONS) for each in PRECISIONS_OF.values())


def test_guidance_multiplies_the_denoisers_noise() -> None:
    assert goal("transformer", "int8", 1.0) == GATES["int8"]["transformer"]
    assert goal("decoder", "int8", 5.0) == GATES["int8"]["decoder"]
    # sqrt(3^2 + 2^2) = 3.6 times the noise.
    assert goal("transformer", "int8", 3.0) == pytest.approx(GATES["int8"]["transformer"] + 11.14, abs=0.01)


@pytest.mark.parametrize(
    "flags",
    [["--size", "large"], ["--target", "abacus"], ["--precision", "int2"], ["--steps", "few"], ["--unknown"]],
)
def test_a_flag_that_is_wrong(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["model", "--out", str(tmp_path / "bundle"), *flags])
    assert stopped.value.code == 2
    assert flags[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

"""riffle.json as every reader of a model folder has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.assemble import WEIGHTS
from schemas.model_folder import MODEL_SPEC_FILE, ModelSpecError, read_model_spec

TEACHER = WEIGHTS / "teacher"


def test_the_shipped_model_says_all_that_is_known_of_a_model() -> None:
    spec = read_model_spec(TEACHER)
    assert (spec.name, spec.fps, spec.frames) == ("riffle-tiny", 8, 17)
    assert (spec.preview.guidance, spec.preview.reference_guidance) == (1.0, None)
    assert (spec.full.guidance, spec.full.reference_guidance) == (3.0, 5.0)
    assert spec.full_sizes == [(128, 192), (128, 128), (192, 128)]


def test_a_tier_without_sizes_is_drawn_in_its_own(tmp_path: Path) -> None:
    said = json.loads((TEACHER / MODEL_SPEC_FILE).read_text())
    del said["full"]["sizes"]
    (tmp_path / MODEL_SPEC_FILE).write_text(json.dumps(said))
    assert read_model_spec(tmp_path).full_sizes == [(128, 192)]


@pytest.mark.parametrize("tier", ["preview", "full"])
@pytest.mark.parametrize("sigmas", [[1.0], [1.0, 0.5], [0.5, 1.0, 0.0], []])
def test_noise_levels_that_lead_nowhere_are_refused(tmp_path: Path, tier: str, sigmas: list[float]) -> None:
    said = json.loads((TEACHER / MODEL_SPEC_FILE).read_text())
    said[tier]["sigmas"] = sigmas
    (tmp_path / MODEL_SPEC_FILE).write_text(json.dumps(said))
    with pytest.raises(ModelSpecError, match=r"riffle\.json: sigmas must fall to 0, not .*\$\." + tier):
        read_model_spec(tmp_path)


def test_a_folder_without_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelSpecError, match=r"riffle\.json can't be read: No such file"):
        read_model_spec(tmp_path)

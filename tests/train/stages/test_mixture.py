"""From which dataset the next batch comes."""

from collections import Counter

import numpy as np
import pytest

from train.stages.mixture import MixtureComponent, choose_component

KNOWN = MixtureComponent(name="known", batch=4, weight=0.3)
SHAPES = MixtureComponent(name="shapes", batch=4, weight=0.1)
RENDERS = MixtureComponent(name="renders", batch=2, weight=0.4, starts_at=0.3)


def shares(progress: float, count: int = 4000) -> dict[str, float]:
    rng = np.random.default_rng(0)
    found = Counter(choose_component((KNOWN, SHAPES, RENDERS), progress, rng).name for _ in range(count))
    return {name: number / count for name, number in found.items()}


def test_components_come_by_their_weights() -> None:
    assert shares(0.5) == {
        "known": pytest.approx(0.375, abs=0.03),
        "shapes": pytest.approx(0.125, abs=0.03),
        "renders": pytest.approx(0.5, abs=0.03),
    }


def test_a_component_that_has_not_begun_never_comes() -> None:
    assert shares(0.29) == {
        "known": pytest.approx(0.75, abs=0.03),
        "shapes": pytest.approx(0.25, abs=0.03),
    }

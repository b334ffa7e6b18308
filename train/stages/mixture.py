"""Mixtures of datasets: from which of them the next batch of a training comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np


@dataclass(kw_only=True)
class MixtureComponent:
    """One component of a mixture: clips in a batch, the share of all steps (weights need not sum to 1), and
    the part of the budget, 0..1, at which it begins. Components of one name are one curve of the log.
    """

    name: str
    batch: int
    weight: float
    starts_at: float = 0.0


AnyComponent = TypeVar("AnyComponent", bound=MixtureComponent)


def choose_component(
    components: Sequence[AnyComponent], progress: float, rng: np.random.Generator
) -> AnyComponent:
    """One of the components that have begun, by weight."""
    begun = [component for component in components if progress >= component.starts_at]
    weights = np.array([component.weight for component in begun])
    return begun[rng.choice(len(begun), p=weights / weights.sum())]

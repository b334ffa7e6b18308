"""Steps, guidance and noise are the same numbers for numpy and for torch, on every machine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model_server.engine import flow
from schemas.bundle import Schedule

SHAPE = (1, 2, 3, 4, 5)


def arrays(count: int) -> list[np.ndarray]:
    return [flow.initial_noise(seed, SHAPE) for seed in range(count)]


def test_noise_of_a_seed_never_changes() -> None:
    found = flow.initial_noise(1, (3,))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([1.7291036, -1.4284534, 1.0277448]))


def test_eulers_steps_lead_from_noise_to_where_a_steady_velocity_points() -> None:
    noise, clean = arrays(2)
    schedule = flow.euler_schedule([1.0, 0.6, 0.25, 0.0])
    latents = noise
    for k in range(3):
        latents = flow.solver_step(schedule, k, latents, None, [noise - clean])
    np.testing.assert_allclose(latents, clean, atol=1e-5)
    np.testing.assert_allclose(flow.clean_estimate(noise, noise - clean, 1.0), clean, atol=1e-6)


def test_weights_that_are_eulers_step_as_euler_does() -> None:
    noise, first, second = arrays(3)
    euler = flow.euler_schedule([1.0, 0.5, 0.0])
    weights = Schedule(sigmas=[1.0, 0.5, 0.0], timesteps=[], weights=[[1.0, -0.5], [1.0, -0.5, -0.5]])
    found = {}
    for name, schedule in (("euler", euler), ("weights", weights)):
        half = flow.solver_step(schedule, 0, noise, noise, [first])
        found[name] = flow.solver_step(schedule, 1, half, noise, [first, second])
    np.testing.assert_allclose(found["euler"], found["weights"], atol=1e-6)
    assert np.abs(found["euler"] - noise).max() > 0.1


def test_numpy_and_torch_take_the_same_step_to_the_bit() -> None:
    latents, velocity, other = arrays(3)
    theirs = [torch.from_numpy(each) for each in (latents, velocity, other)]
    pairs = (
        (flow.euler_step(latents, velocity, 0.7, 0.3), flow.euler_step(theirs[0], theirs[1], 0.7, 0.3)),
        (flow.clean_estimate(latents, velocity, 0.7), flow.clean_estimate(theirs[0], theirs[1], 0.7)),
        (flow.guided(velocity, other, 3.5), flow.guided(theirs[1], theirs[2], 3.5)),
    )
    for ours, torchs in pairs:
        np.testing.assert_array_equal(ours, torchs.numpy())


def test_a_schedule_is_cut_at_the_level_it_starts_from() -> None:
    sigmas = [1.0, 0.6, 0.25, 0.0]
    assert flow.sigmas_from(sigmas, 0.4) == [0.4, 0.25, 0.0]
    assert flow.sigmas_from(sigmas, 0.6) == [0.6, 0.25, 0.0]
    assert flow.sigmas_from(sigmas, 1.0) == sigmas


def test_the_first_strength_that_is_given_counts() -> None:
    assert flow.start_level(None, 0.3) == 0.3
    assert flow.start_level(0.0, 0.3) == 0.0
    assert 0 < flow.start_level(None) < 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="strength must be 0 to 1"):
            flow.start_level(wrong)

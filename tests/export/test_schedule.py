"""A folder's scheduler as plain numbers steps as the scheduler itself steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from export.errors import ExportError
from export.schedule import from_scheduler, timesteps_of
from model_server.engine.flow import euler_schedule
from schemas.bundle import Schedule

FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
DYNAMIC = {"use_dynamic_shifting": True, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1}
GRID = (3, 4, 5)


def saved(folder: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A folder's scheduler; what model_index.json says of it."""
    getattr(diffusers, name)(**settings).save_pretrained(folder / "scheduler")
    return {"scheduler": ["diffusers", name]}


def stepped(schedule: Schedule, noise: torch.Tensor, answers: list[torch.Tensor]) -> torch.Tensor:
    """As the engine steps."""
    if schedule.weights:
        first, *shares = schedule.weights[-1]
        return first * noise + sum(share * answer for share, answer in zip(shares, answers, strict=True))
    state = noise
    for k, answer in enumerate(answers):
        state = state + (schedule.sigmas[k + 1] - schedule.sigmas[k]) * answer
    return state


@pytest.mark.parametrize(
    ("name", "settings", "pipeline", "sums"),
    [
        ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, "WanPipeline", False),
        ("FlowMatchEulerDiscreteScheduler", DYNAMIC, "LTXPipeline", False),
        ("FlowMatchEulerDiscreteScheduler", {}, "LTXConditionPipeline", False),
        ("UniPCMultistepScheduler", FLOW, "WanPipeline", True),
        ("DPMSolverMultistepScheduler", FLOW, "WanPipeline", True),
    ],
)
@pytest.mark.parametrize("steps", [1, 4, 7])
def test_it_steps_as_its_scheduler(
    tmp_path: Path, name: str, settings: dict[str, Any], pipeline: str, sums: bool, steps: int
) -> None:
    index = saved(tmp_path, name, settings)
    if settings is DYNAMIC and steps == 1:
        # Stretched to end above 0, the only level is 1 - 0 / 0; the pipeline fails on it as well.
        with pytest.raises(ExportError, match="1 steps give noise levels that are not finite"):
            from_scheduler(tmp_path, index, pipeline, GRID, steps)
        return
    schedule, note = from_scheduler(tmp_path, index, pipeline, GRID, steps)
    assert schedule.made_by == f"{name}, {steps} steps"
    assert (len(schedule.timesteps), len(schedule.sigmas)) == (steps, steps + 1)
    assert bool(note) == bool(schedule.weights)
    # One step of any of them is Euler's.
    assert bool(schedule.weights) == (sums and steps > 1) or steps == 1
    generator = torch.Generator().manual_seed(steps)
    noise, *answers = (torch.randn(1, 2, 3, 4, 5, generator=generator) for _ in range(steps + 1))
    scheduler = getattr(diffusers, name).from_pretrained(tmp_path / "scheduler")
    state = noise
    for timestep, answer in zip(timesteps_of(scheduler, pipeline, GRID, steps), answers, strict=True):
        state = scheduler.step(answer, timestep, state, return_dict=False)[0]
    torch.testing.assert_close(stepped(schedule, noise, answers), state, rtol=1e-4, atol=1e-4)
    assert schedule.timesteps == pytest.approx([float(each) for each in scheduler.timesteps])


def test_published_ltx_folders_shift_by_the_number_of_tokens(tmp_path: Path) -> None:
    index = saved(tmp_path, "FlowMatchEulerDiscreteScheduler", DYNAMIC)
    few, many = (
        from_scheduler(tmp_path, index, "LTXPipeline", grid, 4)[0] for grid in ((2, 2, 2), (20, 20, 20))
    )
    assert few.sigmas[1] < many.sigmas[1]


@pytest.mark.parametrize(
    ("name", "settings", "pipeline"),
    [
        ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}, "WanPipeline"),
        ("EulerAncestralDiscreteScheduler", {}, "WanPipeline"),
        # Its pipeline doesn't say how far to shift, and fails as well.
        ("FlowMatchEulerDiscreteScheduler", DYNAMIC, "LTXConditionPipeline"),
    ],
)
def test_what_can_not_be_written_down(
    tmp_path: Path, name: str, settings: dict[str, Any], pipeline: str
) -> None:
    index = saved(tmp_path, name, settings)
    with pytest.raises(ExportError, match=f"load: scheduler {name}: "):
        from_scheduler(tmp_path, index, pipeline, GRID, 4)


def test_eulers_levels_are_told_in_thousandths() -> None:
    schedule = euler_schedule([1.0, 0.25, 0.0], "riffle.json")
    assert (schedule.timesteps, schedule.weights) == ([1000.0, 250.0], [])
    assert np.allclose(stepped(schedule, torch.ones(1), [torch.ones(1)] * 2), 0)

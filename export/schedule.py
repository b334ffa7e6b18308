"""How a model is denoised: the folder's own scheduler, asked what it would do, as plain numbers."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from export.errors import ExportError, first_line, quietly
from export.families.base import Grid
from model_server.engine.flow import TIMESTEPS
from schemas.bundle import Schedule

# Sums of float32 numbers near 1.
ROUNDING = 1e-5


def from_scheduler(
    folder: Path, index: dict[str, Any], pipeline: str, grid: Grid, steps: int
) -> tuple[Schedule, str]:
    """The schedule of a folder's scheduler as its pipeline uses it, and what should be said of it.

    Every deterministic scheduler combines the first noise and the model's answers linearly. One run of it on
    unit vectors in their place reads the factors off, whatever its class.

    Raises:
        ExportError: it can't be loaded, can't make so many steps, or isn't linear.
    """
    name = _class(index)
    try:
        library = importlib.import_module("diffusers")
        with quietly():
            scheduler = getattr(library, name).from_pretrained(folder / "scheduler")
            plain = _run(scheduler, pipeline, grid, steps, 1.0)
            doubled = _run(scheduler, pipeline, grid, steps, 2.0)
    except Exception as error:
        raise ExportError("load", f"scheduler {name}: {first_line(error)}") from error
    timesteps, rows, levels = plain
    if not all(
        np.allclose(2 * row, twice, atol=ROUNDING) for row, twice in zip(rows, doubled[1], strict=True)
    ):
        raise ExportError("load", f"scheduler {name}: its steps are random or not linear")
    if not np.isfinite(np.stack(rows)).all():
        raise ExportError("load", f"scheduler {name}: {steps} steps give numbers that are not finite")
    made_by = f"{name}, {steps} steps"
    sigmas = _euler_levels(timesteps, rows)
    if sigmas is not None:
        return Schedule(sigmas=sigmas, timesteps=timesteps, made_by=made_by), ""
    weights = [row[: k + 2].tolist() for k, row in enumerate(rows)]
    note = (
        f"{name} isn't Euler's method: its steps are kept as sums; what starts midway (a remix) takes Euler's"
    )
    return Schedule(sigmas=levels, timesteps=timesteps, weights=weights, made_by=made_by), note


def _class(index: dict[str, Any]) -> str:
    entry = index.get("scheduler")
    if not isinstance(entry, list) or len(entry) != 2:
        raise ExportError("load", "model_index.json names no scheduler")
    if entry[0] != "diffusers":
        raise ExportError("load", f"scheduler {entry[1]!r} is of {entry[0]!r}, not of diffusers")
    return str(entry[1])


def _run(
    scheduler: Any, pipeline: str, grid: Grid, steps: int, unit: float
) -> tuple[list[float], list[np.ndarray[Any, Any]], list[float]]:
    """Timesteps, the factors of noise and answers after each step, and the noise levels."""
    timesteps = timesteps_of(scheduler, pipeline, grid, steps)
    if not torch.isfinite(timesteps.double()).all():
        raise ValueError(f"{steps} steps give noise levels that are not finite")
    basis = torch.eye(len(timesteps) + 1) * unit
    # Batch, channel, and the factors.
    state, rows = basis[0][None, None], []
    for k, timestep in enumerate(timesteps):
        answer = basis[k + 1][None, None]
        if pipeline == "LTXConditionPipeline":
            each = timestep.expand(1).unsqueeze(-1).float()
            state = scheduler.step(-answer, timestep, state, per_token_timesteps=each, return_dict=False)[0]
        else:
            state = scheduler.step(answer, timestep, state, return_dict=False)[0]
        rows.append(state[0, 0].double().numpy())
    levels = [float(sigma) for sigma in scheduler.sigmas]
    return [float(timestep) for timestep in timesteps], rows, levels


def timesteps_of(scheduler: Any, pipeline: str, grid: Grid, steps: int) -> Tensor:
    """As the pipeline sets them."""
    if pipeline == "LTXPipeline":
        from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift

        config = scheduler.config
        tokens = int(np.prod(grid))
        shift = calculate_shift(
            tokens,
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.15),
        )
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=shift)
    elif pipeline == "LTXConditionPipeline":
        from diffusers.pipelines.ltx.pipeline_ltx_condition import linear_quadratic_schedule

        scheduler.set_timesteps(timesteps=linear_quadratic_schedule(steps) * TIMESTEPS)
    else:
        scheduler.set_timesteps(steps)
        scheduler.set_begin_index(0)
    timesteps: Tensor = scheduler.timesteps
    return timesteps


def _euler_levels(timesteps: list[float], rows: list[np.ndarray[Any, Any]]) -> list[float] | None:
    """The noise levels of Euler's method, if these factors are its: each step adds its own answer alone."""
    before, levels = np.eye(len(rows) + 1)[0], [timesteps[0] / TIMESTEPS]
    for k, row in enumerate(rows):
        change = row - before
        added = float(change[k + 1])
        change[k + 1] = 0.0
        if np.abs(change).max() > ROUNDING:
            return None
        levels.append(levels[-1] + added)
        before = row
    if abs(levels[-1]) > ROUNDING or any(now <= later for now, later in itertools.pairwise(levels)):
        return None
    return [*(round(level, 7) for level in levels[:-1]), 0.0]

"""Metrics of a training stage: running means, as a line on the terminal and a row of a CSV."""

import csv
import json
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor


class MetricLog:
    """Means over the last `window` values of each metric; `nan` stands for a metric without any yet."""

    def __init__(self, folder: Path, stage: str, metrics: Sequence[str], window: int = 50) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{stage}.csv"
        self.stage = stage
        self._recent: dict[str, deque[Tensor]] = {name: deque(maxlen=window) for name in metrics}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Values of one step, scalars; not every metric has one at every step.

        They are kept as tensors, since reading one at every step would make an accelerator wait.
        """
        for name, value in values.items():
            self._recent[name].append(value.detach())

    def write_row(self, step: int, **more: float | Tensor) -> None:
        """A row of the means now, between the step and `more`."""
        means = {
            name: float(torch.stack(list(values)).mean()) if values else float("nan")
            for name, values in self._recent.items()
        }
        row = {"step": float(step), **means, **{name: float(value) for name, value in more.items()}}
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(row)
            writer.writerow(f"{value:.6g}" for value in row.values())
        print(self.stage, json.dumps({key: round(value, 4) for key, value in row.items()}), flush=True)

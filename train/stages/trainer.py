"""The training loop that every stage shares: budget, resume, optimizer step, log, checkpoint, averaged
weights.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from model_server.engine.processor import cores
from train.reports.loss_curves import loss_curves
from train.stages.metric_log import MetricLog
from train.stages.optimizer import Muon

# Processes that draw clips beside a training; two cores are left to it.
LOADER_WORKERS = max(1, cores() - 2)
CHECKPOINT_SECONDS = 300.0  # of training between two checkpoints
LOG_STEPS = 50  # between two rows of the log
# The averaged weights' half-life grows with the steps until `ema_decay` is reached.
EMA_WARMUP = 9

# One step's loss and metrics, each a scalar.
Step = Callable[[], tuple[Tensor, Mapping[str, Tensor]]]


@dataclass
class Budget:
    """How long a stage trains: whichever of `steps` and `minutes` of wall clock ends first."""

    steps: int
    minutes: float
    done_steps: int = 0
    spent_seconds: float = 0.0
    _last: float = field(default_factory=time.monotonic)
    _saved: float = 0.0

    def tick(self) -> None:
        """A step is done."""
        now = time.monotonic()
        # A pause of the machine must not count as training.
        self.spent_seconds += min(now - self._last, 60.0)
        self._last = now
        self.done_steps += 1

    def resume(self, steps: int, seconds: float) -> None:
        """Go on from a checkpoint."""
        self.done_steps, self.spent_seconds, self._saved = steps, seconds, seconds

    def checkpoint_due(self) -> bool:
        """Whether it's time for a checkpoint: now and then, and at the end."""
        if self.progress < 1 and self.spent_seconds - self._saved < CHECKPOINT_SECONDS:
            return False
        self._saved = self.spent_seconds
        return True

    @property
    def progress(self) -> float:
        """0..1."""
        return min(1.0, max(self.done_steps / self.steps, self.spent_seconds / (60 * self.minutes)))

    def learning_rate(self, peak: float, warmup: int = 40, cooldown: float = 0.45) -> float:
        """Learning rate now: linear warm-up, flat, then linear to 2 % over the last `cooldown` share."""
        warm = min(1.0, (self.done_steps + 1) / warmup)
        cool = min(1.0, (1.0 - self.progress) / cooldown)
        return peak * warm * max(cool, 0.02)


class Trainer:
    """Trains a model until its budget ends, from `folder/STAGE.pt` where that is there.

    A checkpoint has `model`, `optimizer`, `average` (state dicts; `average` is an exponential moving average
    of the weights), `steps` and `seconds`. Metrics go to `folder/STAGE.csv`, their curves to a PNG beside it.
    """

    def __init__(
        self,
        folder: Path,
        stage: str,
        model: nn.Module,
        budget: Budget,
        *,
        learning_rate: float,
        metrics: Sequence[str],
        ema_decay: float = 0.998,
        max_gradient_norm: float = 1.0,
        optimizer: torch.optim.Optimizer | None = None,
        seed: int = 0,
    ) -> None:
        """Make this before the model is compiled: the averaged model is a copy of it."""
        self.model, self.budget, self.learning_rate = model, budget, learning_rate
        self.max_gradient_norm = max_gradient_norm
        self.optimizer = Muon(model, learning_rate) if optimizer is None else optimizer
        self.path = folder / f"{stage}.pt"
        self.log = MetricLog(folder, stage, metrics)
        self._ema = AveragedModel(model, multi_avg_fn=self._update_average, use_buffers=True)
        self._ema_decay = ema_decay
        if self.path.exists():
            self._resume()
        # A resumed training must not see the same batches again.
        torch.manual_seed(seed + budget.done_steps)
        self.rng = np.random.default_rng((seed, budget.done_steps))

    @property
    def averaged(self) -> nn.Module:
        """The model with the averaged weights, for inference."""
        return self._ema.module.eval().requires_grad_(False)

    def run(self, step: Step, on_checkpoint: Callable[[], object] | None = None) -> None:
        """Train; `on_checkpoint` is called after each checkpoint, the last one at the end."""
        budget = self.budget
        while budget.progress < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = budget.learning_rate(self.learning_rate)
            loss, metrics = step()
            self.optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.max_gradient_norm)
            self.optimizer.step()
            self._ema.update_parameters(self.model)
            budget.tick()
            self.log.add(metrics)
            due = budget.checkpoint_due()
            if due or budget.done_steps % LOG_STEPS == 0:
                self.log.write_row(budget.done_steps, norm=norm, seconds=budget.spent_seconds)
            if due:
                self._save()
                loss_curves(self.log.path)
                if on_checkpoint is not None:
                    on_checkpoint()

    def _update_average(self, averages: list[Tensor], current: list[Tensor], _count: Tensor) -> None:
        count = self.budget.done_steps + 1
        decay = min(self._ema_decay, count / (count + EMA_WARMUP))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, current, 1 - decay)
        else:
            torch._foreach_copy_(averages, current)

    def _save(self) -> None:
        save_checkpoint(
            self.path,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            average=self._ema.module.state_dict(),
            steps=self.budget.done_steps,
            seconds=self.budget.spent_seconds,
        )

    def _resume(self) -> None:
        device = next(self.model.parameters()).device
        state = torch.load(self.path, map_location=device)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._ema.module.load_state_dict(state["average"])
        self._ema.n_averaged.fill_(state["steps"])
        self.budget.resume(state["steps"], state["seconds"])


def save_checkpoint(path: Path, **parts: object) -> None:
    """Write atomically, so that a kill in mid-write leaves the previous checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    torch.save(parts, temporary)
    temporary.replace(path)


def load_average(folder: Path, stage: str) -> dict[str, Tensor]:
    """The averaged weights of a stage's last checkpoint, on the CPU."""
    weights: dict[str, Tensor] = torch.load(folder / f"{stage}.pt", map_location="cpu")["average"]
    return weights

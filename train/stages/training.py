"""What every training stage shares: the optimiser, the budget, the running average, checkpoints and logs."""

import csv
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from train.stages.precision import bfloat16_helps

# Processes that draw clips beside a training; two cores are left to it.
DRAWERS = max(1, (os.cpu_count() or 1) - 2)
CHECKPOINT_SECONDS = 300.0  # of training between two checkpoints


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised for weight matrices; Adam for everything else.

    After Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), with the update
    scale of Liu et al., "Muon is scalable for LLM training" (2025), which makes one learning rate fit both
    kinds of parameter. Convolution kernels [out, in, t, h, w] are flattened to [out, in*t*h*w].
    """

    def __init__(
        self, module: nn.Module, lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        matrices, others = [], []
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            hidden = parameter.ndim >= 2 and min(parameter.shape[0], parameter[0].numel()) >= 16
            (matrices if hidden and "scale_shift" not in name else others).append(parameter)
        groups = [{"params": matrices, "matrix": True}, {"params": others, "matrix": False}]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["matrix"]:
                for alike in _by_shape(parameters):
                    self._matrix_step(alike, group)
            elif parameters:
                self._adam_step(parameters, group)

    def _matrix_step(self, alike: list[Tensor], group: dict[str, float]) -> None:
        """One step of all matrices of one shape: orthogonalised together, which is several times faster."""
        for parameter in alike:
            if "average" not in self.state[parameter]:
                self.state[parameter]["average"] = torch.zeros_like(parameter)
        averages = [self.state[parameter]["average"] for parameter in alike]
        gradients = [parameter.grad for parameter in alike if parameter.grad is not None]
        torch._foreach_lerp_(averages, gradients, 1 - group["momentum"])
        updates = torch._foreach_lerp(gradients, averages, group["momentum"])
        together = orthogonalised(torch.stack([update.flatten(1) for update in updates]))
        scale = 0.2 * max(together.shape[1:]) ** 0.5
        torch._foreach_mul_(alike, 1 - group["lr"] * group["weight_decay"])
        directions = [one.view_as(parameter) for one, parameter in zip(together, alike, strict=True)]
        torch._foreach_add_(alike, directions, alpha=-group["lr"] * scale)

    def _adam_step(self, parameters: list[Tensor], group: dict[str, float]) -> None:
        """Adam with betas of 0.9 and 0.99, at half the learning rate, of all parameters together."""
        for parameter in parameters:
            if "count" not in self.state[parameter]:
                self.state[parameter].update(
                    first=torch.zeros_like(parameter), second=torch.zeros_like(parameter), count=0
                )
            self.state[parameter]["count"] += 1
        states = [self.state[parameter] for parameter in parameters]
        first, second = [state["first"] for state in states], [state["second"] for state in states]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_lerp_(first, gradients, 0.1)
        torch._foreach_lerp_(second, torch._foreach_mul(gradients, gradients), 0.01)
        n = float(states[0]["count"])
        denominators = torch._foreach_div(second, 1 - 0.99**n)
        torch._foreach_sqrt_(denominators)
        torch._foreach_add_(denominators, 1e-8)
        torch._foreach_addcdiv_(parameters, first, denominators, value=-group["lr"] * 0.5 / (1 - 0.9**n))


def _by_shape(parameters: Iterable[Tensor]) -> list[list[Tensor]]:
    groups: dict[torch.Size, list[Tensor]] = {}
    for parameter in parameters:
        groups.setdefault(parameter.shape, []).append(parameter)
    return list(groups.values())


def orthogonalised(matrices: Tensor, iterations: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrices, approximately, by the quintic Newton-Schulz iteration of Muon.

    matrices: [N, rows, columns].
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16() if bfloat16_helps(matrices.device.type) else matrices.float()
    if wide := x.shape[1] > x.shape[2]:
        x = x.mT
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).contiguous()
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if wide else x).to(matrices.dtype).contiguous()


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
        now = time.monotonic()
        # A pause of the machine must not count as training.
        self.spent_seconds += min(now - self._last, 60.0)
        self._last = now
        self.done_steps += 1

    def due(self) -> bool:
        """Whether it's time for a checkpoint: now and then, and at the end."""
        if self.progress < 1 and self.spent_seconds - self._saved < CHECKPOINT_SECONDS:
            return False
        self._saved = self.spent_seconds
        return True

    @property
    def progress(self) -> float:
        return min(1.0, max(self.done_steps / self.steps, self.spent_seconds / (60 * self.minutes)))

    def rate(self, peak: float, warmup: int = 40, cooldown: float = 0.45) -> float:
        """Learning rate now: linear warm-up, flat, then linear to 2 % over the last `cooldown` share."""
        warm = min(1.0, (self.done_steps + 1) / warmup)
        cool = min(1.0, (1.0 - self.progress) / cooldown)
        return peak * warm * max(cool, 0.02)


class Average:
    """Exponential moving average of a module's weights; starts fast, so that early pictures are honest."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.count = 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.count += 1
        keep = min(self.decay, self.count / (self.count + 9))
        state = module.state_dict()
        floating = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [self.weights[name] for name in floating], [state[name] for name in floating], 1 - keep
        )
        for name in state.keys() - set(floating):
            self.weights[name].copy_(state[name])


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float = 1.0) -> Tensor:
    """Their norm before; a tensor, since reading it at every step would make an accelerator wait."""
    return nn.utils.clip_grad_norm_(parameters, limit)


def save_checkpoint(path: Path, **parts: object) -> None:
    """Write atomically, so that a kill in mid-write leaves the previous checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    torch.save(parts, temporary)
    temporary.replace(path)


class Log:
    """Rows of numbers for one stage: a line on the terminal and a CSV beside the checkpoint."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{stage}.csv"
        self.stage = stage

    def row(self, **measured: float | Tensor) -> None:
        values = {name: float(value) for name, value in measured.items()}
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(values)
            writer.writerow(f"{value:.6g}" for value in values.values())
        print(self.stage, json.dumps({key: round(value, 4) for key, value in values.items()}), flush=True)

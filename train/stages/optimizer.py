"""The optimizer of every stage: Muon for weight matrices, Adam for all else.

Why not torch.optim.Muon: train/docs/decisions/0025-muon-of-our-own-averages-of-torch.md.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from train.models.precision import bfloat16_helps


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
                for same_shape in _by_shape(parameters):
                    self._muon_step(same_shape, group)
            elif parameters:
                self._adam_step(parameters, group)

    def _muon_step(self, parameters: list[Tensor], group: dict[str, float]) -> None:
        """One step of all matrices of one shape: orthogonalised together, which is several times faster."""
        for parameter in parameters:
            if "momentum" not in self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        # Nesterov's momentum.
        updates = torch._foreach_lerp(gradients, momenta, group["momentum"])
        stacked = orthogonalised(torch.stack([update.flatten(1) for update in updates]))
        scale = 0.2 * max(stacked.shape[1:]) ** 0.5
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        directions = [one.view_as(parameter) for one, parameter in zip(stacked, parameters, strict=True)]
        torch._foreach_add_(parameters, directions, alpha=-group["lr"] * scale)

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
        count = float(states[0]["count"])
        denominators = torch._foreach_div(second, 1 - 0.99**count)
        torch._foreach_sqrt_(denominators)
        torch._foreach_add_(denominators, 1e-8)
        torch._foreach_addcdiv_(parameters, first, denominators, value=-group["lr"] * 0.5 / (1 - 0.9**count))


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
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).contiguous()
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype).contiguous()

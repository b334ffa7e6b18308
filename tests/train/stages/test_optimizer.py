"""The optimizer of every stage."""

from pathlib import Path

import pytest
import torch
from torch import nn

from train.stages.optimizer import Muon, orthogonalised
from train.stages.trainer import save_checkpoint


@pytest.mark.parametrize("shape", [(3, 16, 48), (2, 48, 16), (1, 32, 32)])
def test_orthogonalised_matrices_keep_their_directions(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    # Muon's iteration brings every singular value near 1, not exactly to it.
    values = torch.linalg.svdvals(orthogonalised(matrices))
    assert values.min() > 0.4
    assert values.max() < 1.4
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    nearest = (left @ right).flatten(1)
    assert torch.cosine_similarity(orthogonalised(matrices).flatten(1), nearest).min() > 0.95


def test_muon_learns_a_linear_map() -> None:
    torch.manual_seed(0)
    wanted, model = nn.Linear(24, 24), nn.Linear(24, 24)
    inputs = torch.randn(256, 24)
    optimizer = Muon(model, 0.02, weight_decay=0.0)
    losses = []
    for step in range(200):
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 0.02 * (1 - step / 200)
        loss = (model(inputs) - wanted(inputs)).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] / 100


def test_a_stopped_optimizer_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    def steps(model: nn.Module, optimizer: Muon, seeds: range) -> None:
        for seed in seeds:
            torch.manual_seed(seed)
            optimizer.zero_grad()
            model(torch.randn(8, 20)).square().mean().backward()
            optimizer.step()

    torch.manual_seed(1)
    straight = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20))
    optimizer = Muon(straight, 0.01)
    steps(straight, optimizer, range(3))
    save_checkpoint(tmp_path / "stage.pt", model=straight.state_dict(), optimizer=optimizer.state_dict())
    steps(straight, optimizer, range(3, 6))

    state = torch.load(tmp_path / "stage.pt")
    resumed = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20))
    resumed.load_state_dict(state["model"])
    again = Muon(resumed, 0.01)
    again.load_state_dict(state["optimizer"])
    steps(resumed, again, range(3, 6))
    for name, value in straight.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)

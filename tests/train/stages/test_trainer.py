"""The training loop that every stage shares."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from train.stages.trainer import Budget, Trainer, load_average


def linear(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(20, 20)


def trained(folder: Path, steps: int, *, learning_rate: float = 0.01, ema_decay: float = 0.9) -> Trainer:
    """A trainer that has learned, until that many steps in all, to answer 0."""
    model = linear()
    trainer = Trainer(
        folder,
        "toy",
        model,
        Budget(steps, 60),
        learning_rate=learning_rate,
        metrics=("loss", "unused"),
        ema_decay=ema_decay,
    )

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        inputs = torch.from_numpy(trainer.rng.standard_normal((8, 20), dtype="float32"))
        loss = model(inputs).square().mean()
        return loss, {"loss": loss}

    trainer.run(step)
    return trainer


def test_a_budget_ends_at_its_steps_and_cools_down() -> None:
    budget = Budget(steps=100, minutes=60)
    rates = []
    while budget.progress < 1:
        rates.append(budget.learning_rate(1.0, warmup=10))
        budget.tick()
    assert len(rates) == 100
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[30] == 1.0
    assert rates[-1] < 0.03


def test_a_training_learns_and_stops_at_its_budget(tmp_path: Path) -> None:
    trainer = trained(tmp_path, 100)
    assert trainer.budget.done_steps == 100
    header, *rows = (tmp_path / "toy.csv").read_text().splitlines()
    assert header == "step,loss,unused,norm,seconds"
    losses = [float(row.split(",")[1]) for row in rows]
    assert losses[-1] < losses[0]
    assert all(row.split(",")[2] == "nan" for row in rows)
    assert (tmp_path / "toy.curve.png").is_file()


def test_a_stopped_training_goes_on_where_it_was(tmp_path: Path) -> None:
    first = trained(tmp_path, 30)
    checkpoint = torch.load(tmp_path / "toy.pt")
    assert checkpoint["steps"] == 30
    again = Trainer(
        tmp_path, "toy", linear(5), Budget(60, 60), learning_rate=0.01, metrics=("loss", "unused")
    )
    for name, value in first.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], value)
    assert again.budget.done_steps == 30
    assert again.budget.spent_seconds == checkpoint["seconds"]
    assert str(again.optimizer.state_dict()["state"]) == str(checkpoint["optimizer"]["state"])
    torch.testing.assert_close(again.averaged.weight, checkpoint["average"]["weight"])
    # Neither the same batches again, nor the same noise.
    assert (
        again.rng.random()
        != Trainer(
            tmp_path / "new", "toy", linear(), Budget(60, 60), learning_rate=0.01, metrics=("loss",)
        ).rng.random()
    )
    assert trained(tmp_path, 60).budget.done_steps == 60


def test_a_finished_training_changes_nothing(tmp_path: Path) -> None:
    trained(tmp_path, 10)
    before = (tmp_path / "toy.pt").stat().st_mtime_ns
    trained(tmp_path, 10)
    assert (tmp_path / "toy.pt").stat().st_mtime_ns == before


def test_the_average_follows_the_weights_and_lags_behind_them(tmp_path: Path) -> None:
    trainer = trained(tmp_path, 300, ema_decay=0.95)
    weights, start = trainer.model.weight, linear().weight
    average = load_average(tmp_path, "toy")["weight"]
    torch.testing.assert_close(average, trainer.averaged.weight)
    assert (average - weights).norm() < 0.2 * (start - weights).norm()
    assert not torch.equal(average, weights)


def test_an_average_of_few_steps_is_not_that_of_the_start(tmp_path: Path) -> None:
    trainer = trained(tmp_path, 20, ema_decay=0.9999)
    weights, start = trainer.model.weight, linear().weight
    average = load_average(tmp_path, "toy")["weight"]
    assert (average - weights).norm() < 0.5 * (start - weights).norm()


@pytest.mark.parametrize("frozen", ["weight", "bias"])
def test_frozen_parameters_stay(tmp_path: Path, frozen: str) -> None:
    model = linear()
    getattr(model, frozen).requires_grad_(False)
    trainer = Trainer(tmp_path, "toy", model, Budget(5, 60), learning_rate=0.01, metrics=("loss",))

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        loss = model(torch.ones(1, 20)).square().mean()
        return loss, {"loss": loss}

    trainer.run(step)
    fresh = linear()
    for name in ("weight", "bias"):
        same = torch.equal(getattr(model, name), getattr(fresh, name))
        assert same == (name == frozen)

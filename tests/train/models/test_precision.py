"""Where bfloat16 helps."""

from collections.abc import Iterator

import pytest
import torch

from train.models import precision
from train.models.precision import bfloat16_helps, mixed
from train.stages.optimizer import orthogonalised


@pytest.fixture
def capabilities(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """What the CPU says that it can; empty at first."""
    found: dict[str, bool] = {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    bfloat16_helps.cache_clear()
    yield found
    bfloat16_helps.cache_clear()


def test_an_accelerator_computes_in_bfloat16() -> None:
    assert bfloat16_helps("cuda")


@pytest.mark.parametrize("name", precision.NATIVE)
def test_so_does_a_cpu_that_is_made_for_it(capabilities: dict[str, bool], name: str) -> None:
    capabilities[name] = True
    with mixed("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with mixed("cpu", wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_no_other_does(capabilities: dict[str, bool]) -> None:
    capabilities["avx2"] = True
    with mixed(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(2, 16, 48)))
    assert values.min() > 0.4
    assert values.max() < 1.4

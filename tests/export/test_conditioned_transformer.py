"""The conditioned graph places its tokens where training placed them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from export.errors import ExportError
from export.load import LoadedModel, load
from tests.export.small import CHANNELS, copied, small_folder
from train.models.conditioning import REFERENCE_GRID, REFERENCE_SECOND, coordinates
from train.world.clips import FPS


@pytest.fixture(scope="module")
def source() -> LoadedModel:
    return load(small_folder())


@pytest.mark.parametrize("label", ["64x96x17", "64x64x17", "96x64x25", "64x96x41"])
def test_places_are_those_of_the_training(source: LoadedModel, label: str) -> None:
    shape = next(shape for shape in source.shapes if shape.label == label)
    grid, still = shape.grid, (1, *shape.grid[1:])
    conditioned, seen = source.family.conditioned_denoiser(source, shape, lean=False), {}
    assert isinstance(conditioned.transformer, torch.nn.Module)
    conditioned.transformer.register_forward_pre_hook(
        lambda _module, _args, given: seen.update(given), with_kwargs=True
    )
    states = torch.zeros(1, 4, source.transformer.config.caption_channels)
    with torch.inference_mode():
        conditioned(
            torch.zeros(1, CHANNELS, *grid),
            torch.full((1, grid[0]), 500.0),
            torch.tensor([[0.0, 1000.0]]),
            torch.zeros(1, CHANNELS, *REFERENCE_GRID),
            torch.zeros(1, CHANNELS, *still),
            states,
            torch.ones(1, 4),
        )
    expected = (
        coordinates(REFERENCE_GRID, REFERENCE_SECOND),
        coordinates(still, (shape.frames - 1) / FPS),
        coordinates(grid),
    )
    assert torch.equal(seen["video_coords"], torch.cat(expected, dim=2))


def test_a_reference_size_between_latents_is_named(tmp_path: Path) -> None:
    folder = copied(small_folder(), tmp_path / "model")
    card = json.loads((folder / "riffle.json").read_text())
    (folder / "riffle.json").unlink()
    (folder / "riffle.json").write_text(json.dumps({**card, "reference_size": [60, 64]}))
    with pytest.raises(ExportError, match="reference_size 60x64 is no multiple of 32 px"):
        load(folder)

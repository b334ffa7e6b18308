"""Single graphs: autoencoders that take a noise level, tiny decoders, and which files shapes share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from export.errors import ExportError
from export.load import LoadedModel, load
from export.options import ExportOptions
from export.parts import GraphPart, names
from export.rewrites.graph import optimise
from export.trace import trace_filled
from export.verify import check_part
from tests.export.models import ltx_folder, ltx_vae, wan_folder, wan_vae, write_ltx
from tests.export.small import copied

LATENTS = (1, 8, 2, 1, 2)
OPTIONS = ExportOptions(sizes=((64, 32), (32, 32)), frames=(5, 9), steps=2, prompt_tokens=8)


def model_of_level(tmp_path: Path, level: float) -> LoadedModel:
    """An LTX model whose decoder takes a noise level."""
    folder = write_ltx(tmp_path / "timed", vae=ltx_vae(timestep_conditioning=True, upsample_factor=(1, 2)))
    return load(
        folder, ExportOptions(sizes=((64, 32),), frames=(5,), steps=2, prompt_tokens=8, decode_timestep=level)
    )


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_a_decoder_that_is_told_a_noise_level(tmp_path: Path, level: float) -> None:
    source = model_of_level(tmp_path, level)
    latents = torch.randn(LATENTS)
    part = GraphPart("decoder", "decoder", source.family.decoder(source, latents))
    found = check_part(part, optimise(trace_filled(source, part), "decoder"), "fp32")
    assert found["sqnr_db"] > 80
    mean, std = source.family.scaling(source.vae)
    noise = torch.randn(LATENTS, generator=torch.Generator().manual_seed(0))
    scaled = latents * std.view(1, -1, 1, 1, 1) + mean.view(1, -1, 1, 1, 1)
    mixed = (1 - level) * scaled + level * noise
    with torch.no_grad():
        expected = source.vae.decode(mixed, torch.tensor([level]), return_dict=False)[0].clamp(-1, 1)
        other = source.vae.decode(mixed, torch.tensor([level + 0.5]), return_dict=False)[0].clamp(-1, 1)
        got = part.module(latents)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert (got - other).abs().max() > 1e-4


def test_noise_inside_a_decoder_is_refused(tmp_path: Path) -> None:
    vae = ltx_vae(decoder_inject_noise=(True, True, True))
    folder = write_ltx(tmp_path / "silent", vae=vae)
    assert load(folder, OPTIONS).shapes, "noise that is scaled by zero is none"
    vae.decoder.mid_block.resnets[0].per_channel_scale1.data += 1.0
    folder = write_ltx(tmp_path / "noisy", vae=vae)
    with pytest.raises(ExportError, match="mixes random numbers into the picture"):
        load(folder, OPTIONS)


@pytest.mark.parametrize("flag", [True, False])
def test_a_tiny_decoder_takes_the_place_of_the_models_own(tmp_path: Path, flag: bool) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    torch.manual_seed(5)
    tiny = wan_vae(base_dim=4)
    at = tmp_path / "tiny" if flag else folder / "tiny_decoder"
    tiny.save_pretrained(at)
    options = ExportOptions(sizes=((32, 32),), frames=(5,), tiny_decoder=at if flag else None)
    source = load(folder, options)
    assert "decoded by a tiny decoder" in source.notes[0]
    latents = torch.randn(1, 4, 2, 8, 8)
    mean, std = source.family.scaling(source.vae)
    scaled = latents * std.view(1, -1, 1, 1, 1) + mean.view(1, -1, 1, 1, 1)
    with torch.no_grad():
        expected = tiny.decode(scaled, return_dict=False)[0]
        torch.testing.assert_close(source.family.decode(source, latents), expected, rtol=1e-4, atol=1e-5)
        video, *_ = source.family.picture(source, latents).module(latents[:, :, :1])
    torch.testing.assert_close(video, expected[:, :, :1], rtol=1e-3, atol=1e-4)


def test_wan_shapes_share_what_does_not_know_their_length() -> None:
    source = load(wan_folder(), OPTIONS)
    files = [set(names(source, shape)) for shape in source.shapes]
    assert files == [
        {"transformer", "picture", "decoder", "encoder"},
        {"transformer-64x32x9", "picture", "decoder", "encoder-64x32x9"},
        {"transformer-32x32x5", "picture-32x32", "decoder-32x32", "encoder-32x32x5"},
        {"transformer-32x32x9", "picture-32x32", "decoder-32x32", "encoder-32x32x9"},
    ]


def test_ltx_shapes_share_pictures() -> None:
    files = [set(names(source, shape)) for source in [load(ltx_folder(), OPTIONS)] for shape in source.shapes]
    assert files[1] == {"transformer-64x32x9", "picture", "decoder-64x32x9", "encoder-64x32x9"}
    assert files[2] == {"transformer-32x32x5", "picture-32x32", "decoder-32x32x5", "encoder-32x32x5"}


def test_a_graph_that_can_not_be_traced_names_the_operation() -> None:
    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.eig(x)[0].real

    source = load(ltx_folder(), OPTIONS)
    stage = source.family.picture(source, torch.randn(LATENTS))
    stage.module, stage.inputs = Odd(), {"x": torch.randn(3, 3)}
    with pytest.raises(ExportError, match=r"trace: picture: .*eig"):
        trace_filled(source, GraphPart("picture", "picture", stage))

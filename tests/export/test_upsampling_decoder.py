"""The decoder that enlarges: exported for every shape, and named in the manifest with what it enlarges by."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo

from export.assemble import WEIGHTS
from export.errors import ExportError
from export.load import load
from export.upsampling_decoder import (
    ENLARGEMENT,
    UpsamplingDecoder,
    from_autoencoder,
    load_upsampling_decoder,
    save_upsampling_decoder,
    steepened,
)
from model_server.engine.bundle import load_manifest
from model_server.engine.onnx_graph import OnnxGraph
from tests.export.small import (
    CHANNELS,
    copied,
    small_bundle,
    small_enlarging_bundle,
    small_enlarging_folder,
)
from train.models.vae import decode, encode

# Of colours from -1 to 1: what rounding comes to, what few pixels may have beyond that, and what is seen.
ROUNDING, RARE, SEEN = 1e-3, 1e-4, 0.05


def test_its_manifest_says_what_it_enlarges_by() -> None:
    manifest = load_manifest(small_enlarging_bundle())
    assert manifest.enlargement == ENLARGEMENT == 2
    assert manifest.upsampling_decoder == "upsampling_decoder.onnx"
    assert manifest.matte == "matte.onnx"
    # Latents and the autoencoder keep their grids.
    plain = load_manifest(small_bundle())
    assert [(each.width, each.latent_width) for each in manifest.buckets] == [
        (each.width, each.latent_width) for each in plain.buckets
    ]
    assert (plain.enlargement, plain.upsampling_decoder, plain.matte) == (1, "", "")


@pytest.mark.parametrize("grid", [(5, 6, 4), (1, 6, 4), (2, 4, 6), (11, 4, 4), (5, 12, 8)])
def test_one_graph_decodes_every_shape_of_both_tiers(grid: tuple[int, int, int]) -> None:
    graph = OnnxGraph(small_enlarging_bundle() / "upsampling_decoder.onnx", 1)
    latents = np.random.default_rng(1).standard_normal((1, CHANNELS, *grid), dtype=np.float32)
    made = graph.run({"latents": latents})["video"]
    frames, rows, columns = grid
    assert made.shape == (1, 3, 4 * (frames - 1) + 1, 32 * rows, 32 * columns)
    decoder = load_upsampling_decoder(small_enlarging_folder() / "upsampling_decoder")
    with torch.inference_mode():
        expected = decoder(torch.from_numpy(latents)).numpy()
    # Where a curvature is all but nothing its sign is rounding's, and steepening goes by it.
    other = np.abs(made - expected)
    assert (other > ROUNDING).mean() < RARE
    assert other.max() < SEEN


def test_a_matte_cuts_pictures_of_every_size() -> None:
    graph = OnnxGraph(small_enlarging_bundle() / "matte.onnx", 1)
    source = load(small_enlarging_folder())
    assert source.refiner is not None
    from export.refiner import Matte

    for side in (64, 256):
        picture = np.random.default_rng(side).random((1, 3, side, side), dtype=np.float32)
        made = graph.run({"reference": picture})["layer"]
        with torch.inference_mode():
            expected = Matte(source.refiner)(torch.from_numpy(picture)).numpy()
        np.testing.assert_allclose(made, expected, atol=1e-3)


def test_it_begins_as_the_decoder_of_the_autoencoder() -> None:
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").eval()
    decoder = from_autoencoder(vae).eval()
    video = (
        torch.linspace(-1, 1, 96)[:, None].expand(1, 3, 17, 96, 64)
        * torch.tensor([1, 0.5, -1])[None, :, None, None, None]
    )
    with torch.inference_mode():
        latents = encode(vae, video)
        theirs = decode(vae, latents)
        ours = decoder(latents)
        chosen = decoder.frame(decoder.followed(latents), torch.tensor([[0, 1, 6, 16]]))
    assert ours.shape == (1, 3, 17, 192, 128)
    # Its own enlargement, but for steep edges, and what the kernels make of moments that differ.
    assert (F.avg_pool3d(ours, (1, 2, 2)) - theirs).abs().mean() < 0.02
    torch.testing.assert_close(chosen, ours[0].transpose(0, 1)[[0, 1, 6, 16]])


def test_edges_become_steep_and_never_overshoot() -> None:
    ramp = torch.linspace(-1, 1, 9)
    row = torch.cat((torch.full((8,), -0.8), 0.8 * ramp, torch.full((8,), 0.8)))
    picture = row.expand(1, 3, 16, 25).clone()
    made = steepened(picture)
    assert float(made.diff(dim=-1).abs().max()) > 1.5 * float(picture.diff(dim=-1).abs().max())
    assert float(made.abs().max()) <= 0.8 + 1e-6
    flat = torch.full((1, 3, 16, 16), 0.3)
    torch.testing.assert_close(steepened(flat), flat)


def test_one_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = copied(small_enlarging_folder(), tmp_path / "model")
    save_upsampling_decoder(UpsamplingDecoder(CHANNELS + 1), folder / "upsampling_decoder")
    with pytest.raises(ExportError, match="upsampling_decoder takes 17 latent channels"):
        load(folder)
    (folder / "upsampling_decoder" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ExportError, match="upsampling_decoder can't be loaded"):
        load(folder)
    shutil.rmtree(folder / "upsampling_decoder")
    assert load(folder).upsampling_decoder is None

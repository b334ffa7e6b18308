"""A complete model folder with random weights, small enough to export in seconds, and its bundles."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import msgspec
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from export.assemble import assemble
from export.load import load
from export.pack import export_bundle
from export.parts import parts
from export.preview import drawn
from export.recorded import graphs_digest
from export.recorded_index import INDEX, Index
from export.refiner import Refiner, save_refiner
from export.trace import trace
from export.upsampling_decoder import UpsamplingDecoder, save_upsampling_decoder
from schemas.videos import Recipe
from tests.shared import once
from train.models.model_folder import write_student, write_teacher

CHANNELS = 16
SIZE = (64, 96)
FRAMES = 17
FPS = 8


def small_vae() -> AutoencoderKLLTXVideo:
    """The architecture of the tiny model at a fraction of its width."""
    vae = AutoencoderKLLTXVideo(
        latent_channels=CHANNELS,
        block_out_channels=(8, 16, 32),
        down_block_types=("LTXVideo095DownBlock3D", "LTXVideo095DownBlock3D"),
        decoder_block_out_channels=(16, 32),
        layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        downsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(True, True),
        upsample_factor=(1, 2),
        timestep_conditioning=False,
        patch_size=4,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )
    vae.latents_mean.copy_(torch.linspace(-0.2, 0.2, CHANNELS))
    vae.latents_std.copy_(torch.linspace(0.5, 1.5, CHANNELS))
    return vae.eval()


def small_transformer() -> LTXVideoTransformer3DModel:
    """Two blocks of the tiny model's denoiser."""
    return LTXVideoTransformer3DModel(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_attention_heads=4,
        attention_head_dim=32,
        cross_attention_dim=128,
        num_layers=2,
        caption_channels=384,
    ).eval()


def _write_small(home: Path) -> None:
    torch.manual_seed(0)
    write_teacher(home / "weights", small_vae(), small_transformer())
    write_student(home / "weights", small_transformer())
    assemble(home / "model", home / "weights")


@cache
def small_folder() -> Path:
    """A teacher with a student, made once a run. Copy it before changing it."""
    return once("small", _write_small) / "model"


def _write_small_enlarging(home: Path) -> None:
    torch.manual_seed(0)
    write_teacher(home / "weights", small_vae(), small_transformer())
    write_student(home / "weights", small_transformer())
    save_refiner(Refiner(), home / "weights" / "refiner")
    save_upsampling_decoder(UpsamplingDecoder(CHANNELS), home / "weights" / "upsampling_decoder")
    assemble(home / "model", home / "weights")


@cache
def small_enlarging_folder() -> Path:
    """The same with a refiner and an upsampling decoder, made once a run. Copy it before changing it."""
    return once("small-enlarging", _write_small_enlarging) / "model"


@cache
def small_enlarging_bundle() -> Path:
    """Its bundle in float32, exported once a run. Copy it before changing it."""
    return once(
        "small-enlarging-fp32",
        lambda out: export_bundle(
            small_enlarging_folder(), out, precision="fp32", target="avx2", record=small_graphs()
        ),
    )


def _write_graphs(out: Path) -> None:
    out.mkdir()
    source = load(small_folder())
    # Of a model that the tracer has not had its hands on yet.
    digest = graphs_digest(source)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        latents = {shape.label: drawn(source, shape, 1).latents[0] for shape in source.proven}
        for part in parts(source, latents):
            (out / f"{part.name}.onnx").write_bytes(trace(source, part).SerializeToString())
    finally:
        torch.set_num_threads(threads)
    # Without choices: what is measured stays to be measured.
    index = Index(graphs_digest=digest, tracers={}, ranges_digest="", choices={}, seconds={})
    (out / INDEX).write_bytes(msgspec.json.encode(index))


@cache
def small_graphs() -> Path:
    """Its graphs without weights, traced once a run, since tracing is most of an export."""
    return once("small-graphs", _write_graphs)


def small_bundle(precision: str = "int8") -> Path:
    """Its bundle, exported once a run. Copy it before changing it."""
    # The cache would tell a default from the same value given.
    return _bundle(precision)


@cache
def _bundle(precision: str) -> Path:
    # What every processor computes rightly.
    return once(
        f"small-{precision}",
        lambda out: export_bundle(
            small_folder(), out, precision=precision, target="avx2", record=small_graphs()
        ),
    )


def copied(folder: Path, out: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(folder, out))


def edited(path: Path, **changes: object) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def recipe(**changes: object) -> Recipe:
    """A recipe that the small model can draw."""
    given = {"prompt": "a fox on the beach", "seed": 3, "width": SIZE[0], "height": SIZE[1], **changes}
    return Recipe(**{"model": "small", "frames": FRAMES, "fps": FPS, **given})  # type: ignore[arg-type]

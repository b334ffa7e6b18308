"""Bundles of both families against diffusers' own pipelines, on the noise of the engine's seed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import LTXPipeline, WanPipeline

from export.measure import difference
from export.options import ExportOptions
from export.pack import export_bundle
from export.verify import peak_ratio, recipe
from model_server.engine.preview import PreviewEngine
from tests.export.models import ltx_folder, wan_folder
from tests.shared import once

PROMPT = "a cat hops on the beach"
STEPS, TOKENS = 3, 12
# Two lengths of one size: what doesn't depend on the length is one file.
OPTIONS = ExportOptions(sizes=((48, 32),), frames=(5, 9), steps=STEPS, prompt_tokens=TOKENS, encoder=False)
LTX_OPTIONS = ExportOptions(sizes=((64, 32), (32, 64)), frames=(9,), steps=STEPS, prompt_tokens=TOKENS)


@cache
def wan_bundle() -> Path:
    return once("wan-int8", lambda out: export_bundle(wan_folder(), out, precision="int8", options=OPTIONS))


@cache
def ltx_bundle() -> Path:
    return once(
        "ltx-fp32", lambda out: export_bundle(ltx_folder(), out, precision="fp32", options=LTX_OPTIONS)
    )


@pytest.mark.parametrize("number", [0, 1])
def test_wan_draws_what_its_pipeline_draws(number: int) -> None:
    engine = PreviewEngine(wan_bundle(), 1)
    shape = engine.manifest.buckets[number]
    job = engine.begin(recipe(engine.manifest, shape, PROMPT, 7))
    noise = torch.from_numpy(job.latents.copy())
    while job.step_index < job.steps:
        engine.step(job)
    pipeline = WanPipeline.from_pretrained(wan_folder())
    pipeline.set_progress_bar_config(disable=True)
    arguments = {
        "prompt": PROMPT,
        "width": shape.width,
        "height": shape.height,
        "num_frames": shape.frames,
        "num_inference_steps": STEPS,
        "guidance_scale": 1.0,
        "max_sequence_length": TOKENS,
    }
    latents = pipeline(**arguments, latents=noise.clone(), output_type="latent").frames.numpy()
    frames = pipeline(**arguments, latents=noise.clone(), output_type="np").frames[0]
    stated = engine.manifest.parity["preview" if number == 0 else "preview-48x32x9"]["sqnr_db"]
    assert difference(latents, job.latents)["sqnr_db"] >= stated
    drawn = engine.decode(job)
    assert drawn.shape == (shape.frames, shape.height, shape.width, 3)
    assert peak_ratio(np.rint(frames * 255).astype(np.uint8), drawn)["sqnr_db"] > 30


@pytest.mark.long
def test_ltx_draws_what_its_pipeline_draws() -> None:
    engine = PreviewEngine(ltx_bundle(), 1)
    for shape in engine.manifest.buckets:
        job = engine.begin(recipe(engine.manifest, shape, PROMPT, 7))
        noise = torch.from_numpy(job.latents.copy())
        while job.step_index < job.steps:
            engine.step(job)
        pipeline = LTXPipeline.from_pretrained(ltx_folder())
        pipeline.set_progress_bar_config(disable=True)
        packed = noise.flatten(2).transpose(1, 2)
        arguments = {
            "prompt": PROMPT,
            "width": shape.width,
            "height": shape.height,
            "num_frames": shape.frames,
            "frame_rate": engine.manifest.fps,
            "num_inference_steps": STEPS,
            "guidance_scale": 1.0,
            "max_sequence_length": TOKENS,
        }
        latents = pipeline(**arguments, latents=packed.clone(), output_type="latent").frames
        latents = latents.transpose(1, 2).reshape(job.latents.shape).numpy()
        frames = pipeline(**arguments, latents=packed.clone(), output_type="np").frames[0]
        assert difference(latents, job.latents)["sqnr_db"] > 80
        assert peak_ratio(np.rint(frames * 255).astype(np.uint8), engine.decode(job))["sqnr_db"] > 45


def test_what_a_wan_manifest_says() -> None:
    manifest = PreviewEngine(wan_bundle(), 1).manifest
    first, second = manifest.buckets
    assert (manifest.family, first.streamed, first.latent_frames, second.latent_frames) == ("wan", True, 2, 3)
    assert (first.decoder, first.picture) == (second.decoder, second.picture)
    assert (first.transformer, second.transformer) == ("transformer.onnx", "transformer-48x32x9.onnx")
    assert first.schedule is not None
    assert [len(row) for row in first.schedule.weights] == [2, 3, 4]
    assert first.schedule.timesteps == [999.0, 857.0, 600.0]
    assert "UniPCMultistepScheduler isn't Euler's method" in manifest.notes[0]
    assert {"preview", "video", "preview-48x32x9", "video-48x32x9"} < set(manifest.parity)


def test_a_remix_of_a_wan_preview_starts_midway() -> None:
    engine = PreviewEngine(wan_bundle(), 1)
    wanted = recipe(engine.manifest, engine.manifest.buckets[0], PROMPT, 7)
    job = engine.begin(wanted)
    source = np.random.default_rng(1).standard_normal(job.latents.shape).astype(np.float16)
    wanted.strength = 0.7
    remix = engine.begin(wanted, source)
    assert (remix.sigmas[0], remix.noise) == (0.7, None)
    while remix.step_index < remix.steps:
        engine.step(remix)
    assert np.isfinite(remix.latents).all()


@pytest.mark.long
def test_an_ltx_encoder_turns_frames_into_the_latents_of_its_autoencoder() -> None:
    engine = PreviewEngine(ltx_bundle(), 1)
    frames = np.random.default_rng(2).integers(0, 256, (9, 32, 64, 3)).astype(np.uint8)
    vae = LTXPipeline.from_pretrained(ltx_folder()).vae
    video = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.no_grad():
        mode = vae.encode(video).latent_dist.mode()
    scale = vae.config.scaling_factor / vae.latents_std.view(1, -1, 1, 1, 1)
    expected = ((mode - vae.latents_mean.view(1, -1, 1, 1, 1)) * scale).numpy()
    np.testing.assert_allclose(engine.encode(frames), expected, atol=2e-3, rtol=2e-3)

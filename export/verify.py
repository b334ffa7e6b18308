"""Stage 5: does the bundle compute what torch computes? Part by part, and whole previews by its server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from export.load import ExportError, Source
from export.trace import Part, preview
from model_server.preview import PreviewEngine, load_tokenizer
from schemas.bundle import Manifest
from schemas.videos import Recipe

# Least signal-to-noise ratio in dB, by precision. Float parts differ from torch by rounding alone; the text
# encoder of an int8 bundle has its weights in float16.
GATES = {
    "fp32": {"text": 60.0, "transformer": 60.0, "decoder": 60.0, "picture": 60.0, "preview": 40.0},
    "int8": {"text": 50.0, "transformer": 20.0, "decoder": 25.0, "picture": 20.0, "preview": 15.0},
}
# Words of the first drawn worlds; any prompt does, since both sides get the same.
PROMPTS = ("a cat hops on the beach at sunset", "a fox", "")
THREADS = 2

Parity = dict[str, float]


def difference(expected: NDArray[np.floating], got: NDArray[np.floating]) -> Parity:
    """`sqnr_db` within -200..200 (which stand for "not finite" and "equal"), and `max_error`."""
    wanted, error = expected.astype(np.float64), got.astype(np.float64) - expected
    noise, signal = float(np.square(error).sum()), float(np.square(wanted).sum())
    if not np.isfinite(noise + signal):
        return {"sqnr_db": -200.0, "max_error": float(np.finfo(np.float64).max)}
    ratio = 10.0 * float(np.log10(max(signal, 1e-30) / max(noise, 1e-60)))
    return {"sqnr_db": round(min(200.0, max(-200.0, ratio)), 2), "max_error": float(np.abs(error).max())}


def check_part(part: Part, model: onnx.ModelProto, precision: str) -> Parity:
    """Compare a finished graph with the untouched modules on the traced inputs.

    Raises:
        ExportError: the difference is over the gate, or the numbers aren't finite.
    """
    with torch.inference_mode():
        expected = part.untouched(*part.inputs.values()).numpy()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {name: value.numpy() for name, value in part.inputs.items()})
    if got.shape != expected.shape:
        raise ExportError(
            "verify", f"{part.name}: {part.output} is {got.shape}, torch makes {expected.shape}"
        )
    return _gated(part.name, difference(expected, got), precision)


def check_preview(source: Source, bundle: Path, precision: str) -> Parity:
    """Draw whole previews by the serving engine and by diffusers modules from the same noise; the worst one.

    Raises:
        ExportError: the difference is over the gate, or a second drawing differs from the first.
    """
    engine = PreviewEngine(bundle, THREADS)
    tokenizer = load_tokenizer(source.tokenizer, source.card.max_sequence_length)
    found = []
    for seed, prompt in enumerate(PROMPTS):
        drawn = draw(engine, recipe(source, prompt, seed))
        if not np.array_equal(drawn, draw(engine, recipe(source, prompt, seed))):
            raise ExportError("verify", f"preview: {prompt!r} was drawn twice with different numbers")
        found.append(difference(preview(source, tokenizer, prompt, seed).numpy(), drawn))
    return _gated("preview", _worst(found), precision)


def check_bundle(bundle: Path) -> Manifest:
    """Load a bundle as the server does and draw with each of its shapes, with no model folder at hand.

    Raises:
        BundleError: the bundle isn't whole, or can't be run.
        ExportError: what it draws isn't finite, or differs the second time.
    """
    engine = PreviewEngine(bundle, THREADS)
    manifest = engine.manifest
    for bucket in manifest.buckets:
        wanted = Recipe(
            model=manifest.id,
            prompt=PROMPTS[0],
            width=bucket.width,
            height=bucket.height,
            frames=bucket.frames,
            fps=manifest.fps,
            seed=0,
        )
        drawn = draw(engine, wanted)
        if not np.isfinite(drawn).all():
            raise ExportError("verify", f"{bucket.transformer}: the latents aren't finite")
        if not np.array_equal(drawn, draw(engine, wanted)):
            raise ExportError("verify", f"{bucket.transformer}: two drawings of one recipe differ")
    return manifest


def recipe(source: Source, prompt: str, seed: int) -> Recipe:
    """A preview's recipe at this model's size."""
    width, height = source.card.preview.size
    return Recipe(
        model=source.card.name,
        prompt=prompt,
        width=width,
        height=height,
        frames=source.card.frames,
        fps=source.card.fps,
        seed=seed,
    )


def draw(engine: PreviewEngine, wanted: Recipe) -> NDArray[np.float32]:
    """Final latents of a preview [1, C, F, H, W]."""
    job = engine.begin(wanted)
    for _ in range(job.steps):
        engine.step(job)
    return job.current


def _gated(name: str, found: Parity, precision: str) -> Parity:
    gate = GATES[precision][name]
    if not found["sqnr_db"] >= gate:
        raise ExportError(
            "verify",
            f"{name}: {found['sqnr_db']} dB against torch is under {gate} dB "
            f"(largest error {found['max_error']:.3g})",
        )
    return found


def _worst(found: Iterable[Parity]) -> Parity:
    found = list(found)
    return {
        "sqnr_db": min(item["sqnr_db"] for item in found),
        "max_error": max(item["max_error"] for item in found),
    }

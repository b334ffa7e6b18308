"""Stage 5: does the bundle compute what torch computes? Part by part, and whole previews by its server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.errors import ExportError
from export.gates import GATES
from export.load import LoadedModel, Shape, load, weight_digest
from export.measure import Parity, difference, run, worst
from export.options import ExportOptions
from export.parts import PROMPTS, GraphPart
from export.preview import preview
from model_server.engine.pixels import frames_from_video
from model_server.engine.preview import PreviewEngine
from model_server.engine.shapes import schedule_of
from schemas.bundle import Bucket, Manifest
from schemas.videos import Recipe

THREADS = 2
# Of decoded frames that are equal: one level of 255 in a thousand values.
EQUAL_DB = 78.0


def check_part(part: GraphPart, model: onnx.ModelProto, precision: str, *, gated: bool = True) -> Parity:
    """Compare a finished graph with the untouched modules on the traced inputs, and on those of other shapes.

    Raises:
        ExportError: the difference is over the gate, the numbers aren't finite, or the shape is another.
    """
    given, found = [part.inputs, *part.stage.others], []
    feeds = [{name: value.numpy() for name, value in inputs.items()} for inputs in given]
    for inputs, (got, *_) in zip(given, run(model, part.name, feeds), strict=True):
        with torch.inference_mode():
            expected = part.stage.untouched(*inputs.values()).numpy()
        if got.shape != expected.shape:
            named = part.stage.outputs[0]
            raise ExportError("verify", f"{part.name}: {named} is {got.shape}, torch makes {expected.shape}")
        found.append(difference(expected, got))
    least = worst(found)
    return _gated(part.name, part.kind, least, precision) if gated else least


def check_previews(
    source: LoadedModel,
    bundle: Path,
    precision: str,
    *,
    gated: bool = True,
    begin: Callable[[Shape], None] = lambda _: None,
) -> dict[str, Parity]:
    """Draw whole previews by the serving engine and by the library's modules from the same noise.

    The answer has `preview` (final latents) and `video` (frames of the same latents), with the shape's label
    behind it for all but the first shape. Of a bundle of free graphs, the shapes at the ends are drawn.
    `begin` hears of each shape before it is drawn.

    Raises:
        ExportError: the difference is over the gate, or a second drawing differs from the first.
    """
    engine = PreviewEngine(bundle, THREADS)
    found = {}
    for number, shape in enumerate(source.proven):
        behind = "" if number == 0 else f"-{shape.label}"
        begin(shape)
        latents, frames = _check_shape(source, shape, engine)
        found[f"preview{behind}"], found[f"video{behind}"] = latents, frames
        if gated:
            _gated(f"preview{behind}", "preview", latents, precision)
        _gated(f"video{behind}", "video", frames, precision)
    return found


def check_bundle(bundle: Path) -> Manifest:
    """Load a bundle as the server does and draw with each of its shapes, with no model folder at hand.

    Raises:
        BundleError: the bundle isn't whole, or can't be run.
        ExportError: what it draws isn't finite, or differs the second time.
    """
    engine = PreviewEngine(bundle, THREADS)
    for bucket in engine.manifest.buckets:
        wanted = recipe(engine.manifest, bucket, PROMPTS[0], 0)
        drawn = draw(engine, wanted)
        if not np.isfinite(drawn).all():
            raise ExportError("verify", f"{bucket.transformer}: the latents aren't finite")
        if not np.array_equal(drawn, draw(engine, wanted)):
            raise ExportError("verify", f"{bucket.transformer}: two drawings of one recipe differ")
    return engine.manifest


def check_against(bundle: Path, manifest: Manifest, folder: Path) -> dict[str, Parity]:
    """Measure a bundle against the folder that it was made of, as it was asked for then.

    Raises:
        ExportError: the folder isn't this model, or the difference is over the gate.
    """
    source = load(folder, options_of(manifest))
    digest = weight_digest(source.transformer)
    if not manifest.teacher.endswith(digest):
        raise ExportError(
            "verify", f"{folder} has other weights ({digest}) than the bundle's {manifest.teacher}"
        )
    for shape, bucket in zip(source.shapes, manifest.buckets, strict=True):
        shape.schedule = schedule_of(manifest, bucket)
    return check_previews(source, bundle, manifest.precision)


def options_of(manifest: Manifest) -> ExportOptions:
    """What was asked for, as far as it can be read off a bundle."""
    return ExportOptions(
        sizes=tuple(dict.fromkeys((item.width, item.height) for item in manifest.buckets)),
        frames=tuple(dict.fromkeys(item.frames for item in manifest.buckets)),
        fps=manifest.fps,
        guidance=manifest.guidance,
        prompt_tokens=manifest.prompt_tokens,
        decode_timestep=manifest.decode_timestep,
        name=manifest.id,
    )


def recipe(manifest: Manifest, shape: Bucket | Shape, prompt: str, seed: int) -> Recipe:
    """A preview's recipe."""
    return Recipe(
        model=manifest.id,
        prompt=prompt,
        width=shape.width * manifest.enlargement,
        height=shape.height * manifest.enlargement,
        frames=shape.frames,
        fps=manifest.fps,
        seed=seed,
    )


def draw(engine: PreviewEngine, wanted: Recipe) -> NDArray[np.float32]:
    """Final latents of a preview [1, C, F, h, w]."""
    job = engine.begin(wanted)
    for _ in range(job.steps):
        engine.step(job)
    return job.latents


def peak_ratio(expected: NDArray[np.uint8], got: NDArray[np.uint8]) -> Parity:
    """Peak signal to noise of frames in dB, and the largest difference of 255."""
    error = got.astype(np.float64) - expected
    noise = float(np.square(error).mean())
    ratio = EQUAL_DB if noise == 0 else min(EQUAL_DB, 10 * float(np.log10(255.0**2 / noise)))
    return {"sqnr_db": round(ratio, 2), "max_error": float(np.abs(error).max())}


def _check_shape(source: LoadedModel, shape: Shape, engine: PreviewEngine) -> tuple[Parity, Parity]:
    latents, frames = [], []
    for seed, prompt in enumerate(PROMPTS):
        wanted = recipe(engine.manifest, shape, prompt, seed)
        drawn = draw(engine, wanted)
        if seed == 0 and not np.array_equal(drawn, draw(engine, wanted)):
            raise ExportError("verify", f"preview: {prompt!r} was drawn twice with different numbers")
        expected = preview(source, shape, prompt, seed)
        latents.append(difference(expected.numpy(), drawn))
        job = engine.begin(wanted)
        job.latents = expected.numpy().copy()
        frames.append(peak_ratio(_pixels(source, expected), engine.decode(job)))
    return stated_parity(latents), worst(frames)


def stated_parity(found: list[Parity]) -> Parity:
    """What another prompt and seed can be held to: the worst of these, less the spread between them.

    `least_db` is the worst itself, by which a bundle is refused: one prompt that leaves much open may lie far
    below the others.
    """
    ratios = [each["sqnr_db"] for each in found]
    stated = round(2 * min(ratios) - max(ratios), 2)
    return {**worst(found), "sqnr_db": stated, "least_db": min(ratios)}


@torch.inference_mode()
def _pixels(source: LoadedModel, latents: torch.Tensor) -> NDArray[np.uint8]:
    video = source.family.decode(source, latents).clamp(-1, 1)
    return frames_from_video(video.numpy())


def _gated(name: str, kind: str, found: Parity, precision: str) -> Parity:
    gate, reached = GATES[precision][kind], found.get("least_db", found["sqnr_db"])
    if not reached >= gate:
        raise ExportError(
            "verify",
            f"{name}: {reached} dB against torch is under {gate} dB (largest error {found['max_error']:.3g})",
        )
    return found

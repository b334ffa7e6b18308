"""How one job is drawn, as a generator: each `next` is one unit of work that nothing interrupts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.engine import compare, latents
from model_server.engine.condition_inputs import ConditioningInputs, read_inputs
from model_server.media import encode
from model_server.serve.engines import Engines
from model_server.serve.faults import BAD_INPUT, NOT_FINITE, JobError
from schemas.videos import Recipe, Tier
from schemas.work import Media, Render

if TYPE_CHECKING:
    from model_server.engine.preview import PreviewEngine

# How many previews of other seeds tell what "another video of this prompt" is (the zero of fidelity).
FIDELITY_OTHERS = 2
# A teacher's picture costs half as much as one of its steps, so not every step has one.
FULL_PICTURE_EVERY = 2


class Unit(msgspec.Struct, kw_only=True):
    """One unit of work is done; `i` of `n` and the picture only for denoising steps."""

    stage: str
    i: int = 0
    n: int = 0
    picture: bytes | None = None


class Drawn(msgspec.Struct, kw_only=True):
    """The last unit: the finished video."""

    stage: str
    media: Media
    latents: bytes
    fidelity: float | None = None


def draw(task: Render, engines: Engines) -> Iterator[Unit | Drawn]:
    """Draw a job; the last item is a Drawn.

    Raises:
        JobError: the job is wrong, or the model failed on it.
    """
    return _preview(task, engines) if task.tier is Tier.PREVIEW else _full(task, engines)


def _preview(task: Render, engines: Engines) -> Iterator[Unit | Drawn]:
    engine, recipe = engines.preview_of(task.recipe.model), task.recipe
    _check_model(recipe, engine)
    try:
        source = None if task.inputs.source is None else latents.small(task.inputs.source)
        shown = read_inputs(task.inputs)
        job = engine.begin(recipe, source, inputs=shown)
    except ValueError as error:
        raise JobError(BAD_INPUT, str(error)) from error
    yield Unit(stage="begin")
    for i in range(job.steps):
        engine.step(job)
        picture = engine.refine_frames(engine.estimate(job)[None], shown)[0]
        yield Unit(stage="denoise", i=i + 1, n=job.steps, picture=encode.picture(picture))
    _check_finite(job.stored_latents)
    frames, kept = engine.refine_frames(engine.decode(job), shown), job.stored_latents
    yield Unit(stage="decode")
    if engine.refines(shown):
        # What goes on from these latents, a render or a remix, goes on from what was seen.
        kept = engine.encode(frames)
    yield Drawn(stage="encode", media=encode.media(frames, recipe.fps), latents=latents.pack(kept))


def _full(task: Render, engines: Engines) -> Iterator[Unit | Drawn]:
    renderer, recipe, inputs = engines.full, task.recipe, task.inputs
    # Another bundle may come in its place while this is drawn.
    engine = engines.preview
    _check_model(recipe, engine)
    try:
        if (recipe.width, recipe.height) not in renderer.spec.full_sizes:
            sizes = " or ".join(f"{width}x{height}" for width, height in renderer.spec.full_sizes)
            raise ValueError(f"full videos are {sizes}, not {recipe.width}x{recipe.height}")
        small = preview_recipe(recipe, engine)
        picked = None if inputs.preview is None else latents.small(inputs.preview)
        source = None if inputs.source is None else latents.unpack(inputs.source)[latents.NATIVE]
        shown = read_inputs(inputs)
        job = renderer.begin(recipe, source, preview=picked, inputs=shown)
    except ValueError as error:
        raise JobError(BAD_INPUT, str(error)) from error
    yield Unit(stage="begin")
    for i in range(job.steps):
        renderer.step(job)
        picture = None
        if i % FULL_PICTURE_EVERY == 0:
            picture = encode.picture(engine.refine_frames(renderer.estimate(job)[None], shown)[0])
        yield Unit(stage="denoise", i=i + 1, n=job.steps, picture=picture)
    _check_finite(job.stored_latents)
    frames, kept = engine.refine_frames(renderer.decode(job), shown), job.stored_latents
    yield Unit(stage="decode")
    if engine.refines(shown):
        kept = renderer.encode(frames, recipe.width, recipe.height)
        yield Unit(stage="measure")
    shrunk = renderer.encode(frames, small.width, small.height)
    yield Unit(stage="measure")
    fidelity = None
    if picked is not None:
        others = []
        for number in range(FIDELITY_OTHERS):
            others.append(engine.refine_frames(renderer.frames(_other(small, number, engine, shown)), shown))
            yield Unit(stage="measure")
        fidelity = compare.fidelity(frames, renderer.frames(picked), others)
    yield Drawn(
        stage="encode",
        media=encode.media(frames, recipe.fps),
        latents=latents.pack(kept, shrunk),
        fidelity=fidelity,
    )


def preview_recipe(recipe: Recipe, engine: PreviewEngine) -> Recipe:
    """The recipe of the preview of a full video: the same, at the preview's size of its shape.

    Raises:
        ValueError: no preview has its length.
    """
    shape = recipe.width / recipe.height
    known = [each for each in engine.manifest.buckets if each.frames == recipe.frames]
    if not known:
        raise ValueError(f"this model draws no previews of {recipe.frames} frames")
    bucket = min(known, key=lambda each: abs(each.width / each.height - shape))
    return msgspec.structs.replace(recipe, width=bucket.width, height=bucket.height, strength=None)


def _other(recipe: Recipe, number: int, engine: PreviewEngine, shown: ConditioningInputs) -> latents.Latents:
    """Latents of a preview of the same prompt from another seed."""
    # Any other seed does; it only has to be the same one on every run.
    other = msgspec.structs.replace(recipe, seed=recipe.seed ^ (number + 1))
    job = engine.begin(other, None, inputs=shown)
    for _ in range(job.steps):
        engine.step(job)
    return np.asarray(job.stored_latents, dtype=np.float32)


def _check_model(recipe: Recipe, engine: PreviewEngine) -> None:
    model = engine.manifest.id
    if recipe.model != model:
        # Drawing it anyway would give another video than the recipe names.
        raise JobError(BAD_INPUT, f"this server draws with {model!r}, not {recipe.model!r}")


def _check_finite(values: NDArray[np.floating]) -> None:
    if not np.isfinite(values).all():
        raise JobError(NOT_FINITE, "the model's numbers ran away on this recipe")

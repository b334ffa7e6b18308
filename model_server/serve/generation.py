"""One request to a video, as a generator: each `next` is one unit of work that nothing interrupts."""

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
from model_server.serve.faults import JobError
from schemas.videos import Recipe, Tier
from schemas.work import FaultCode, Media, Render

if TYPE_CHECKING:
    from model_server.engine.preview import PreviewEngine

# How many previews of other seeds stand for "another video of this prompt", the zero of fidelity.
FIDELITY_OTHERS = 2
# A teacher's picture costs half as much as one of its steps, so not every step has one.
FULL_PICTURE_EVERY = 2


class Progress(msgspec.Struct, kw_only=True):
    """One unit of work is done; `i` of `n` and the picture only for denoising steps."""

    stage: str
    i: int = 0
    n: int = 0
    picture: bytes | None = None


class Output(msgspec.Struct, kw_only=True):
    """The last unit: the finished video."""

    stage: str
    media: Media
    latents: bytes
    fidelity: float | None = None


def generate(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    """Generate a video; the last item is an Output.

    Raises:
        JobError: the request is wrong, or the model failed on it.
    """
    return _preview(request, engines) if request.tier is Tier.PREVIEW else _full(request, engines)


def _preview(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    engine, recipe = engines.preview_of(request.recipe.model), request.recipe
    _check_model(recipe, engine)
    try:
        source = None if request.inputs.source is None else latents.small(request.inputs.source)
        given = read_inputs(request.inputs)
        state = engine.begin(recipe, source, inputs=given)
    except ValueError as error:
        raise JobError(FaultCode.BAD_INPUT, str(error)) from error
    yield Progress(stage="begin")
    for i in range(state.steps):
        engine.step(state)
        picture = engine.refine_frames(engine.estimate(state)[None], given)[0]
        yield Progress(stage="denoise", i=i + 1, n=state.steps, picture=encode.picture(picture))
    _check_finite(state.stored_latents)
    frames, kept = engine.refine_frames(engine.decode(state), given), state.stored_latents
    yield Progress(stage="decode")
    if engine.refines(given):
        # A render or a remix of these latents starts from what people saw.
        kept = engine.encode(frames)
    yield Output(stage="encode", media=encode.media(frames, recipe.fps), latents=latents.pack(kept))


def _full(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    renderer, recipe, inputs = engines.full, request.recipe, request.inputs
    # The bundle may be replaced while this runs.
    engine = engines.preview
    _check_model(recipe, engine)
    try:
        if (recipe.width, recipe.height) not in renderer.spec.full_sizes:
            sizes = " or ".join(f"{width}x{height}" for width, height in renderer.spec.full_sizes)
            raise ValueError(f"full videos are {sizes}, not {recipe.width}x{recipe.height}")
        small = preview_recipe(recipe, engine)
        picked = None if inputs.preview is None else latents.small(inputs.preview)
        source = None if inputs.source is None else latents.unpack(inputs.source)[latents.NATIVE]
        given = read_inputs(inputs)
        state = renderer.begin(recipe, source, preview=picked, inputs=given)
    except ValueError as error:
        raise JobError(FaultCode.BAD_INPUT, str(error)) from error
    yield Progress(stage="begin")
    for i in range(state.steps):
        renderer.step(state)
        picture = None
        if i % FULL_PICTURE_EVERY == 0:
            picture = encode.picture(engine.refine_frames(renderer.estimate(state)[None], given)[0])
        yield Progress(stage="denoise", i=i + 1, n=state.steps, picture=picture)
    _check_finite(state.stored_latents)
    frames, kept = engine.refine_frames(renderer.decode(state), given), state.stored_latents
    yield Progress(stage="decode")
    if engine.refines(given):
        kept = renderer.encode(frames, recipe.width, recipe.height)
        yield Progress(stage="measure")
    shrunk = renderer.encode(frames, small.width, small.height)
    yield Progress(stage="measure")
    fidelity = None
    if picked is not None:
        others = []
        for number in range(FIDELITY_OTHERS):
            others.append(engine.refine_frames(renderer.frames(_other(small, number, engine, given)), given))
            yield Progress(stage="measure")
        fidelity = compare.fidelity(frames, renderer.frames(picked), others)
    yield Output(
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


def _other(recipe: Recipe, number: int, engine: PreviewEngine, given: ConditioningInputs) -> latents.Latents:
    """Latents of a preview of the same prompt from another seed."""
    # Any other seed does; it only has to be the same one on every run.
    other = msgspec.structs.replace(recipe, seed=recipe.seed ^ (number + 1))
    state = engine.begin(other, None, inputs=given)
    for _ in range(state.steps):
        engine.step(state)
    return np.asarray(state.stored_latents, dtype=np.float32)


def _check_model(recipe: Recipe, engine: PreviewEngine) -> None:
    model = engine.manifest.id
    if recipe.model != model:
        # Drawing it anyway would give another video than the recipe names.
        raise JobError(FaultCode.BAD_INPUT, f"this server draws with {model!r}, not {recipe.model!r}")


def _check_finite(values: NDArray[np.floating]) -> None:
    if not np.isfinite(values).all():
        raise JobError(FaultCode.NOT_FINITE, "the model's numbers ran away on this recipe")

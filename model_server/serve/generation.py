"""One request to a video, as a generator: each `next` is one unit of work that nothing interrupts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.engine import compare, latents
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.pixels import Frames
from model_server.engine.shapes import drawn_size, native_recipe
from model_server.media import encode
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError
from model_server.serve.finish import Finish, finish_of
from schemas.bundle import Bucket
from schemas.videos import Recipe, Tier
from schemas.work import FaultCode, Media, Render

if TYPE_CHECKING:
    from model_server.engine.preview import PreviewEngine
    from model_server.engine.render import FullRenderer
    from model_server.engine.render_state import RenderState

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
        finish = finish_of(request, engine, latents.SMALL)
        state = engine.begin(recipe, finish.source, inputs=finish.conditions)
    except ValueError as error:
        raise JobError(FaultCode.BAD_INPUT, str(error)) from error
    yield Progress(stage="begin")
    for i in range(state.steps):
        engine.step(state)
        picture = finish.picture(engine.estimate(state))
        yield Progress(stage="denoise", i=i + 1, n=state.steps, picture=encode.picture(picture))
    _check_finite(state.stored_latents)
    frames, kept = finish.frames(engine.draw(state, still=finish.still)), state.stored_latents
    yield Progress(stage="decode")
    if finish.reencodes:
        # A render or a remix of these latents starts from what people saw.
        kept = engine.encode(frames, state.bucket)
    yield Output(
        stage="encode",
        media=encode.media(frames, recipe.fps),
        latents=latents.pack(kept, layout=finish.layout),
    )


def _full(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    renderer, recipe, inputs = engines.full, request.recipe, request.inputs
    # The bundle may be replaced while this runs.
    engine = engines.preview
    _check_model(recipe, engine)
    try:
        native = _native(recipe, engine, renderer)
        bucket = preview_bucket(recipe, engine)
        picked = None if inputs.preview is None else latents.small(inputs.preview)
        finish = finish_of(request, engine, latents.NATIVE)
        state = renderer.begin(native, finish.source, preview=picked, inputs=finish.conditions)
    except ValueError as error:
        raise JobError(FaultCode.BAD_INPUT, str(error)) from error
    yield Progress(stage="begin")
    for i in range(state.steps):
        renderer.step(state)
        picture = None
        if i % FULL_PICTURE_EVERY == 0:
            picture = encode.picture(finish.picture(_estimate(state, renderer, engine)))
        yield Progress(stage="denoise", i=i + 1, n=state.steps, picture=picture)
    _check_finite(state.stored_latents)
    drawn = _drawn(state.latents.numpy(), renderer, engine, finish)
    frames, kept = finish.frames(drawn), state.stored_latents
    yield Progress(stage="decode")
    if finish.reencodes:
        kept = renderer.encode(frames, native.width, native.height)
        yield Progress(stage="measure")
    # Of a composed clip all latents are the scene's.
    shrunk = renderer.encode(drawn if finish.staging else frames, bucket.width, bucket.height)
    yield Progress(stage="measure")
    fidelity = None
    if picked is not None:
        others = []
        for number in range(FIDELITY_OTHERS):
            other = _other_seed(preview_recipe(recipe, engine), number)
            made = _latents_of(other, engine, finish.conditions)
            others.append(finish.of_seed(other).frames(_drawn(made, renderer, engine, finish)))
            yield Progress(stage="measure")
        preview = _drawn(picked, renderer, engine, finish)
        if finish.staging is not None:
            # Of any other what is kept is encoded from what people saw.
            preview = finish.frames(preview)
        fidelity = compare.fidelity(frames, preview, others)
    yield Output(
        stage="encode",
        media=encode.media(frames, recipe.fps),
        latents=latents.pack(kept, shrunk, finish.layout),
        fidelity=fidelity,
    )


def preview_bucket(recipe: Recipe, engine: PreviewEngine) -> Bucket:
    """The shape of the preview of a full video.

    Raises:
        ValueError: no preview has its length.
    """
    shape = recipe.width / recipe.height
    known = [each for each in engine.manifest.buckets if each.frames == recipe.frames]
    if not known:
        raise ValueError(f"this model draws no previews of {recipe.frames} frames")
    return min(known, key=lambda each: abs(each.width / each.height - shape))


def preview_recipe(recipe: Recipe, engine: PreviewEngine) -> Recipe:
    """The recipe of the preview of a full video: the same, at the preview's size of its shape.

    Raises:
        ValueError: no preview has its length.
    """
    width, height = drawn_size(engine.manifest, preview_bucket(recipe, engine))
    return msgspec.structs.replace(recipe, width=width, height=height, strength=None)


def _native(recipe: Recipe, engine: PreviewEngine, renderer: FullRenderer) -> Recipe:
    """The recipe at the autoencoder's size, which the renderer draws."""
    times, known = engine.manifest.enlargement, renderer.spec.full_sizes
    if (recipe.width, recipe.height) not in [(width * times, height * times) for width, height in known]:
        sizes = " or ".join(f"{width * times}x{height * times}" for width, height in known)
        raise ValueError(f"full videos are {sizes}, not {recipe.width}x{recipe.height}")
    return native_recipe(engine.manifest, recipe)


def _drawn(given: latents.Latents, renderer: FullRenderer, engine: PreviewEngine, finish: Finish) -> Frames:
    """What people see of latents of either tier, before it is finished."""
    if engine.manifest.enlargement == 1:
        return renderer.frames(given)
    return engine.draw_latents(given, still=finish.still)


def _estimate(state: RenderState, renderer: FullRenderer, engine: PreviewEngine) -> Frames:
    """The middle frame of the clean estimate, uint8 [H, W, 3], before it is finished."""
    if engine.manifest.enlargement == 1:
        return renderer.estimate(state)
    middle = state.clean_estimate.shape[2] // 2
    latent = state.clean_estimate[:, :, middle : middle + 1].numpy()
    return np.asarray(engine.draw_latents(latent)[-1], dtype=np.uint8)


def _other_seed(recipe: Recipe, number: int) -> Recipe:
    # Any other seed does; it only has to be the same one on every run.
    return msgspec.structs.replace(recipe, seed=recipe.seed ^ (number + 1))


def _latents_of(recipe: Recipe, engine: PreviewEngine, conditions: ConditioningInputs) -> latents.Latents:
    """Latents of a preview."""
    state = engine.begin(recipe, None, inputs=conditions)
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

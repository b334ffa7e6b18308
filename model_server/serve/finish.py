"""What is done to drawn frames until people see them: actors put into their scene, or a subject refined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from model_server.engine import latents
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs, read_inputs
from model_server.engine.pixels import Frames
from model_server.engine.shapes import frames_per_latent
from model_server.engine.staging import Staging, read_layout
from schemas.videos import Recipe
from schemas.work import Render

if TYPE_CHECKING:
    from model_server.engine.preview import PreviewEngine


@dataclass(frozen=True, slots=True)
class Finish:
    """How the clips of one request are finished.

    given: what came with it; conditions: what of that, or of the source's scene, the model is shown; source:
    latents that it starts from; staging: of a composed clip, whose latents are the scene's, else None.
    """

    engine: PreviewEngine
    given: ConditioningInputs
    conditions: ConditioningInputs
    source: latents.Latents | None = None
    staging: Staging | None = None

    def frames(self, drawn: Frames) -> Frames:
        """A clip uint8 [F, H, W, 3] as people see it."""
        if self.staging is None:
            return self.engine.refine_frames(drawn, self.given)
        return self.staging.compose(drawn)

    def picture(self, drawn: Frames) -> Frames:
        """The middle frame of a clip, uint8 [H, W, 3], as people see it."""
        if self.staging is None:
            return np.asarray(self.engine.refine_frames(drawn[None], self.given)[0], dtype=np.uint8)
        return self.staging.compose_moment(drawn, _middle(self.engine, self.staging.frames))

    def of_seed(self, recipe: Recipe) -> Finish:
        """The same for a recipe with another seed."""
        if self.staging is None:
            return self
        return replace(self, staging=self.engine.stage(recipe, self.given.reference))

    @property
    def still(self) -> bool:
        """Whether nothing moves in what the model draws; what goes on from another clip may move as that."""
        return self.staging is not None and self.staging.still and self.conditions.begin is None

    @property
    def reencodes(self) -> bool:
        """Whether what is kept are latents of what people see, not those that were drawn."""
        return self.staging is None and self.engine.refines(self.given)

    @property
    def layout(self) -> bytes | None:
        """What is kept beside the latents of a composed clip."""
        return None if self.staging is None else self.staging.packed()


def finish_of(request: Render, engine: PreviewEngine, grid: str) -> Finish:
    """How a request's clip is finished; its source's latents are those on this grid if there are such.

    Raises:
        ValueError: its inputs can't be read, or don't fit the recipe.
    """
    recipe, inputs = request.recipe, request.inputs
    given, source = read_inputs(inputs), None
    if inputs.source is not None:
        stored = latents.unpack(inputs.source)
        source = stored.get(grid, stored[latents.NATIVE])
    at = inputs.continued_frame
    # Who is in frames that are given is drawn on by the model.
    composed = given.begin is None and given.end is None and recipe.understood is not None
    if at is None or source is None or inputs.source is None:
        staging = engine.stage(recipe, given.reference) if composed else None
        return Finish(engine, given, given if staging is None else NO_INPUTS, source, staging)
    layout = latents.layout(inputs.source)
    if not composed or layout is None:
        raise ValueError("only the extension of a composed clip goes on from latents")
    staging = engine.stage(recipe, given.reference, read_layout(layout), at)
    scene = engine.draw_latents(source)
    if not 0 <= at < len(scene):
        raise ValueError(f"the source has {len(scene)} frames: none is number {at}")
    begin = scene[max(0, at + 1 - (recipe.repeats or 1)) : at + 1]
    return Finish(engine, given, ConditioningInputs(begin=begin), None, staging)


def _middle(engine: PreviewEngine, frames: int) -> int:
    """Which frame of a clip the middle latent frame is decoded to."""
    per_latent = frames_per_latent(engine.manifest.buckets[0])
    latent_frames = (frames - 1) // per_latent + 1
    return min(frames - 1, latent_frames // 2 * per_latent)

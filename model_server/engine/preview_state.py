"""The state of one preview between two denoising steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model_server.engine.bundle_graphs import ShapeGraphs
from model_server.engine.conditioning import Conditioning
from model_server.engine.onnx_graph import OnnxGraph
from model_server.engine.pixels import Floats
from model_server.engine.prompt_encoder import EncodedPrompt
from schemas.bundle import Bucket, Schedule


@dataclass(slots=True)
class PreviewState:
    """Latents are float32 [1, C, F, h, w] in the model's normalised space."""

    graphs: ShapeGraphs
    # The transformer that is called: `graphs.transformer`, or the conditioned one.
    transformer: OnnxGraph
    latents: Floats
    schedule: Schedule
    prompt: EncodedPrompt
    conditioning: Conditioning | None = None
    step_index: int = 0
    clean_estimate: Floats = field(init=False)
    # Of a multistep scheduler: the noise of the start, and the velocities of the steps so far.
    noise: Floats | None = None
    velocities: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clean_estimate = self.latents.copy()
        self.pin()

    def pin(self) -> None:
        """Write given first frames into the latents and into the estimate."""
        if self.conditioning is not None:
            self.conditioning.pin(self.latents)
            self.conditioning.pin(self.clean_estimate)

    @property
    def bucket(self) -> Bucket:
        """Its shape."""
        return self.graphs.bucket

    @property
    def sigmas(self) -> list[float]:
        """Noise levels from where it starts to 0."""
        return self.schedule.sigmas

    @property
    def steps(self) -> int:
        """How many times `PreviewEngine.step` is called."""
        return len(self.schedule.sigmas) - 1

    @property
    def stored_latents(self) -> NDArray[np.float16]:
        """The latents as they are stored and sent."""
        return self.latents.astype(np.float16)

"""The preview engine: a quantised few-step student from a bundle, run by onnxruntime, one step at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_server.engine import flow
from model_server.engine.autoencoder import Autoencoder
from model_server.engine.bundle import find_bucket
from model_server.engine.bundle_graphs import BundleGraphs
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs, check_supported
from model_server.engine.conditioning import Conditioning, begin_frame_count, encode_conditioning
from model_server.engine.matte import cut_out
from model_server.engine.pixels import Floats, Frames
from model_server.engine.preview_state import PreviewState
from model_server.engine.prompt_encoder import PromptEncoder
from model_server.engine.refine import run_refiner
from model_server.engine.resize import Size, crop_to_fill
from model_server.engine.session_cache import SessionCache
from model_server.engine.shapes import frames_per_latent, latent_shape, schedule_of
from model_server.engine.staging import Layout, Pictures, Staging, stage
from schemas.bundle import Bucket
from schemas.videos import Recipe


class PreviewEngine:
    """Draws previews. Loads at once (about a second); not safe for several threads at the same time."""

    def __init__(self, folder: Path, threads: int, *, cache: SessionCache | None = None) -> None:
        """Check the bundle and load its text encoder and shapes, which compute with `threads` threads.

        threads.MEASURED finds out how many suit each graph. A `cache` that several engines share keeps the
        graphs of all within its budget; its number of threads counts then.

        Raises:
            BundleError: a file is missing, changed, made for another processor, or nothing that can be run.
        """
        self._graphs = BundleGraphs(folder, cache or SessionCache(threads))
        self.manifest = self._graphs.manifest
        self._prompts = PromptEncoder(self._graphs)
        self._autoencoder = Autoencoder(self._graphs)
        self._unconditional = self._prompts.encode("") if self.manifest.guidance > 1 else None
        self._graphs.load_all()
        self.library = _library(self._graphs)

    def embed(self, texts: list[str]) -> Floats:
        """Vectors of texts [n, C], unit length."""
        return self._prompts.embed(texts)

    def begin(
        self,
        recipe: Recipe,
        source: NDArray[np.floating] | None = None,
        *,
        inputs: ConditioningInputs = NO_INPUTS,
    ) -> PreviewState:
        """Start a preview from its seed's noise, or from a `source`'s latents noised to `recipe.strength`.

        A source of another shape is resized first. `strength` 1 ignores it, 0 returns it; in between, the
        steps above it are left out. Conditions of `inputs` hold at every strength.

        Raises:
            ValueError: the recipe's shape, or the source's, is nothing this bundle draws; or it wasn't
                trained on a condition.
            BundleError: its graphs were unloaded and their files are gone.
        """
        check_supported(inputs, self.manifest.conditions)
        bucket = find_bucket(self.manifest, recipe.width, recipe.height, recipe.frames)
        if recipe.fps != self.manifest.fps:
            raise ValueError(f"this model draws {self.manifest.fps} frames a second, not {recipe.fps}")
        latents = flow.initial_noise(recipe.seed, latent_shape(self.manifest, bucket))
        schedule = schedule_of(self.manifest, bucket)
        if source is not None:
            strength = flow.start_level(recipe.strength)
            if strength < schedule.sigmas[0]:
                if source.shape != latents.shape:
                    source = self._autoencoder.resize(source, bucket)
                sigma = np.float32(strength)
                latents = (1 - sigma) * source.astype(np.float32) + sigma * latents
                # What starts midway takes Euler's steps, whatever the schedule.
                schedule = flow.euler_schedule(flow.sigmas_from(schedule.sigmas, strength))
        graphs = self._graphs.of_shape(bucket)
        conditioned = bool(inputs.names)
        return PreviewState(
            graphs=graphs,
            transformer=self._graphs.graph(bucket.conditioned_transformer)
            if conditioned
            else graphs.transformer,
            latents=latents,
            schedule=schedule,
            prompt=self._prompts.encode(recipe.prompt),
            conditioning=self._conditioning(bucket, inputs) if conditioned else None,
            noise=latents.copy() if schedule.weights else None,
        )

    def step(self, state: PreviewState) -> None:
        """One step along the schedule; updates the latents and the clean estimate in place."""
        schedule, k = state.schedule, state.step_index
        velocity = self._velocity(state, schedule.timesteps[k])
        state.clean_estimate[:] = flow.clean_estimate(state.latents, velocity, schedule.sigmas[k])
        if schedule.weights:
            # The graph's next run overwrites its output.
            state.velocities.append(velocity.copy())
        velocities = state.velocities or [velocity]
        state.latents[:] = flow.solver_step(schedule, k, state.latents, state.noise, velocities)
        state.pin()
        state.step_index += 1

    def estimate(self, state: PreviewState) -> Frames:
        """The middle frame of the clean estimate as people see it, uint8 [H, W, 3]."""
        return self._autoencoder.drawn_middle(state.graphs, state.clean_estimate)

    def draw(self, state: PreviewState, *, still: bool = False) -> Frames:
        """What people see of the current latents, uint8 [F, H, W, 3]; `still`: nothing moves there."""
        return self._autoencoder.drawn(state.graphs, state.latents, still=still)

    def decode(self, state: PreviewState) -> Frames:
        """The autoencoder's frames of the current latents, uint8 [F, H, W, 3]."""
        return self._autoencoder.decode(state.graphs, state.latents)

    def draw_latents(self, latents: Floats, *, still: bool = False) -> Frames:
        """What people see of stored latents [1, C, F, h, w]: of either tier, where this bundle enlarges.

        `still`: nothing moves there.

        Raises:
            ValueError: they are of no shape that this bundle draws.
        """
        return self._autoencoder.drawn_from(latents, still=still)

    def stage(
        self, recipe: Recipe, reference: Frames | None, source: Layout | None = None, continued_frame: int = 0
    ) -> Staging | None:
        """Who is in a clip of this recipe, and where; None if its subjects are drawn by the model.

        `reference` is the picture of its likeness [1, h, w, 3]; `source` and `continued_frame` are of
        an extension (engine.staging).

        Raises:
            ValueError: a picture isn't there, or there are too many.
        """
        if recipe.understood is None:
            return None
        cameo = None
        if reference is not None:
            matte = self._graphs.graph(self.manifest.matte) if self.manifest.matte else None
            cameo = cut_out(matte, reference)
        return stage(
            recipe, recipe.understood, self.library, cameo, source=source, continued_frame=continued_frame
        )

    def encode(self, frames: Frames, bucket: Bucket | None = None) -> NDArray[np.float16]:
        """Latents of a clip uint8 [F, H, W, 3], shrunk to a shape, or to the one that people see in its size.

        Raises:
            ValueError: none has it, or this bundle has no encoder.
        """
        count, height, width, _ = frames.shape
        if bucket is None:
            bucket = find_bucket(self.manifest, width, height, count)
        if (width, height) != (bucket.width, bucket.height):
            frames = crop_to_fill(frames, (bucket.width, bucket.height))
        return self._autoencoder.encode(frames, bucket)

    def refines(self, inputs: ConditioningInputs) -> bool:
        """Whether `refine_frames` changes clips with these inputs."""
        return bool(self.manifest.refiner) and inputs.reference is not None

    def refine_frames(self, frames: Frames, inputs: ConditioningInputs) -> Frames:
        """Frames uint8 [F, H, W, 3] of either tier with a reference picture's own detail on its subject.

        They stay as they are without a reference picture, or if this bundle has no refiner; so do first and
        last frames that were given as inputs.
        """
        if not self.refines(inputs) or inputs.reference is None:
            return frames
        sizes = [(bucket.width, bucket.height) for bucket in self.manifest.buckets]
        refiner = self._graphs.graph(self.manifest.refiner)
        refined = run_refiner(refiner, frames, inputs.reference, sizes)
        if len(frames) > 1:
            per_latent = frames_per_latent(self.manifest.buckets[0])
            given = 0 if inputs.begin is None else begin_frame_count(inputs.begin, per_latent)
            refined[:given] = frames[:given]
            if inputs.end is not None:
                refined[-1:] = frames[-1:]
        return refined

    def _velocity(self, state: PreviewState, timestep: float) -> Floats:
        """The model's velocity at a timestep, with guidance."""
        feeds = {"latents": state.latents, "timestep": np.array([timestep], np.float32)}
        conditioning = state.conditioning
        if conditioning is not None:
            feeds |= _conditioning_feeds(conditioning, timestep, state.latents)
        prompt = {"states": state.prompt[0], "mask": state.prompt[1]}
        velocity: Floats = state.transformer.run({**feeds, **prompt})["velocity"]
        if self._unconditional is None:
            return velocity
        if conditioning is not None:
            feeds |= _conditioning_feeds(conditioning.without_reference(), timestep, state.latents)
        states, mask = self._unconditional
        unconditional = np.empty_like(velocity)
        state.transformer.run({**feeds, "states": states, "mask": mask}, {"velocity": unconditional})
        return flow.guided(unconditional, velocity, self.manifest.guidance)

    def _conditioning(self, bucket: Bucket, inputs: ConditioningInputs) -> Conditioning:
        size = (bucket.width, bucket.height)
        per_latent = frames_per_latent(bucket)

        def encode(frames: Frames, size: Size) -> Floats:
            # The encoder looks back in time only: what follows the frames doesn't change their latents.
            padding = np.repeat(frames[-1:], per_latent + 1 - len(frames) % per_latent, axis=0)
            padded = np.concatenate((frames, padding))
            return self._autoencoder.encode(padded, bucket).astype(np.float32)

        shape = latent_shape(self.manifest, bucket)
        return encode_conditioning(
            inputs, encode, shape, per_latent, size, self.manifest.reference_size or size
        )


def _library(graphs: BundleGraphs) -> Pictures | None:
    if not graphs.manifest.library:
        return None
    from model_server.engine.library import Library

    return Library.load(graphs.folder / graphs.manifest.library)


def _conditioning_feeds(conditioning: Conditioning, timestep: float, latents: Floats) -> dict[str, Floats]:
    """What the conditioned transformer takes instead of one timestep."""
    frames, stills = conditioning.noise_levels(timestep / flow.TIMESTEPS, latents.shape[2])
    scale = np.float32(flow.TIMESTEPS)
    return {
        "timesteps": frames * scale,
        "stills": stills * scale,
        "reference": conditioning.reference,
        "end": conditioning.end,
    }

"""The preview engine: a quantised few-step student from a bundle, run by onnxruntime, one step at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.videos.recipes import DEFAULT_STRENGTH
from model_server.engine import conditions, refine
from model_server.engine.bundle import BundleError, find_bucket, load_manifest
from model_server.engine.conditions import Frames, Shown, Told
from model_server.engine.host import misfit
from model_server.engine.sessions import Component, Shelf, changed, fits
from model_server.engine.tokens import clean, load_tokenizer, tokenize
from schemas.bundle import Bucket, Manifest, Schedule
from schemas.videos import Recipe

Floats = NDArray[np.float32]
Prompt = tuple[Floats, Floats]

# The models were trained on noise levels times this.
TIMESTEPS = 1000.0
# A swarm's previews share their prompt, and few prompts are drawn at the same time; each takes 50 KB.
PROMPTS_KEPT = 32


@dataclass(slots=True, frozen=True)
class Parts:
    """The graphs of one shape."""

    bucket: Bucket
    transformer: Component
    decoder: Component
    picture: Component


@dataclass(slots=True)
class PreviewJob:
    """A preview on its way; latents are [1, C, F, H, W] in the model's normalised space."""

    parts: Parts
    current: Floats
    schedule: Schedule
    prompt: Prompt
    guess: Floats = field(init=False)
    done: int = 0
    # What a scheduler that looks back needs: the first noise, and the model's answers.
    start: Floats | None = None
    answers: list[Floats] = field(default_factory=list)
    # What it's shown beside its prompt, and the graph that takes it.
    told: Told | None = None
    teller: Component | None = None

    def __post_init__(self) -> None:
        if self.told is not None:
            self.told.hold(self.current)
        self.guess = self.current.copy()

    @property
    def bucket(self) -> Bucket:
        """Its shape."""
        return self.parts.bucket

    @property
    def sigmas(self) -> list[float]:
        """Noise levels from where it starts to 0."""
        return self.schedule.sigmas

    @property
    def steps(self) -> int:
        """How many times `step` is called."""
        return len(self.schedule.sigmas) - 1

    @property
    def latents(self) -> NDArray[np.float16]:
        """The current state as it is stored."""
        return self.current.astype(np.float16)


class PreviewEngine:
    """Draws previews. Loads at once (about a second); not safe for several threads at the same time."""

    def __init__(self, folder: Path, threads: int, *, shelf: Shelf | None = None) -> None:
        """Check the bundle and load its text encoder and shapes, which compute with `threads` threads.

        threads.MEASURED finds out how many suit each graph.

        A `shelf` that several engines share keeps the graphs of all within its budget; its threads count
        then.

        Raises:
            BundleError: a file is missing, changed, made for another processor, or nothing that can be run.
        """
        self._folder = folder
        self.manifest = load_manifest(folder)
        if wrong := misfit(self.manifest.precision, self.manifest.target):
            raise BundleError(f"{folder}: {wrong}")
        # From here on these are the files that were checked.
        self._written = {file.path: changed(folder / file.path) for file in self.manifest.files}
        self._shelf = shelf or Shelf(threads)
        self._own: dict[str, Component] = {}
        self._usual = usual_sizes(self.manifest.buckets[0])
        self._tokenizer = load_tokenizer(folder / self.manifest.tokenizer, self.manifest.prompt_tokens)
        self._text = self._component(self.manifest.text_encoder)
        self._encoded = lru_cache(PROMPTS_KEPT)(self._encode)
        self._empty = self._encoded("") if self.manifest.guidance > 1 else None
        for bucket in self.manifest.buckets:
            self._parts(bucket)
        self._shelf.drop(folder, self._written.values())

    def embed(self, texts: list[str]) -> Floats:
        """Vectors of texts [n, C], unit length: the mean of their token states."""
        vectors = np.zeros((len(texts), 0), dtype=np.float32)
        if texts:
            # Past the kept prompts: one long list would push them all out.
            encoded = [self._encode(text) for text in texts]
            vectors = np.stack([(mask @ states[0])[0] / mask.sum() for states, mask in encoded])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def begin(
        self,
        recipe: Recipe,
        source: NDArray[np.floating] | None = None,
        *,
        shown: Shown = conditions.NOTHING,
    ) -> PreviewJob:
        """Start a preview from its seed's noise, or from a `source`'s latents noised to `recipe.strength`.

        A source of another shape is resized first. `strength` 1 ignores it, 0 returns it; in between, the
        steps above it are left out. What is `shown` holds at every strength.

        Raises:
            ValueError: the recipe's shape, or the source's, is nothing this bundle draws; or it can't be
                shown something.
            BundleError: its graphs were unloaded and their files are gone.
        """
        conditions.check(shown, self.manifest.conditions)
        bucket = find_bucket(self.manifest, recipe.width, recipe.height, recipe.frames)
        if recipe.fps != self.manifest.fps:
            raise ValueError(f"this model draws {self.manifest.fps} frames a second, not {recipe.fps}")
        shape = latent_shape(self.manifest, bucket)
        current = np.random.default_rng(recipe.seed).standard_normal(shape, dtype=np.float32)
        schedule = schedule_of(self.manifest, bucket)
        if source is not None:
            strength = DEFAULT_STRENGTH if recipe.strength is None else recipe.strength
            if not 0.0 <= strength <= 1.0:
                raise ValueError(f"strength must be 0 to 1, not {strength}")
            if strength < schedule.sigmas[0]:
                if source.shape != shape:
                    source = self.resized(source, bucket)
                level = np.float32(strength)
                current = (1 - level) * source.astype(np.float32) + level * current
                schedule = _euler([strength, *(sigma for sigma in schedule.sigmas if sigma < strength)])
        start = current.copy() if schedule.weights else None
        told = self._told(bucket, shown) if shown.names else None
        return PreviewJob(
            self._parts(bucket),
            current,
            schedule,
            self._encoded(recipe.prompt),
            start=start,
            told=told,
            teller=self._component(bucket.conditioned_transformer) if told else None,
        )

    def step(self, job: PreviewJob) -> None:
        """One step of the flow, written into `job.current` and `job.guess`."""
        schedule, k = job.schedule, job.done
        sigma, later = schedule.sigmas[k], schedule.sigmas[k + 1]
        slope = self._velocity(job, schedule.timesteps[k])
        np.multiply(slope, np.float32(-sigma), out=job.guess)
        job.guess += job.current
        if job.start is None:
            slope *= np.float32(later - sigma)
            job.current += slope
        else:
            job.answers.append(slope.copy())
            first, *shares = schedule.weights[k]
            np.multiply(job.start, np.float32(first), out=job.current)
            for share, answer in zip(shares, job.answers, strict=True):
                job.current += np.float32(share) * answer
        if job.told is not None:
            job.told.hold(job.current)
            job.told.hold(job.guess)
        job.done += 1

    def estimate(self, job: PreviewJob) -> NDArray[np.uint8]:
        """The middle frame as guessed now, uint8 [H, W, 3], decoded from its one latent frame."""
        middle = job.guess.shape[2] // 2
        made = job.parts.picture.run({"latents": job.guess[:, :, middle : middle + 1]})
        return np.asarray(_pixels(made["video"])[-1], dtype=np.uint8)

    def decode(self, job: PreviewJob) -> NDArray[np.uint8]:
        """The frames as they are now, uint8 [F, H, W, 3]."""
        return self._decoded(job.parts, job.current)

    def _decoded(self, parts: Parts, latents: Floats) -> NDArray[np.uint8]:
        if not parts.bucket.streamed:
            return _pixels(parts.decoder.run({"latents": latents})["video"])
        return np.concatenate(list(_streamed(parts, latents)))

    def refines(self, shown: Shown) -> bool:
        """Whether `refined` changes clips that are shown this."""
        return bool(self.manifest.refiner) and shown.reference is not None

    def refined(self, frames: NDArray[np.uint8], shown: Shown) -> NDArray[np.uint8]:
        """Frames uint8 [F, H, W, 3] of either tier with a reference picture's own detail on its subject.

        They stay as they are if no picture is shown, or if this bundle has no refiner; so do first and last
        frames that are shown themselves.
        """
        if not self.refines(shown) or shown.reference is None:
            return frames
        sides = [(bucket.width, bucket.height) for bucket in self.manifest.buckets]
        made = refine.refined(self._component(self.manifest.refiner), frames, shown.reference, sides)
        if len(frames) > 1:
            each = _frames_each(self.manifest.buckets[0])
            held = 0 if shown.begin is None else conditions.begun(shown.begin, each)
            made[:held] = frames[:held]
            if shown.end is not None:
                made[-1:] = frames[-1:]
        return made

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Latents of a clip uint8 [F, H, W, 3] of one of this bundle's shapes.

        Raises:
            ValueError: it has another shape, or this bundle has no encoder.
        """
        count, height, width, _ = frames.shape
        return self._latents(frames, find_bucket(self.manifest, width, height, count))

    def resized(self, latents: Floats, bucket: Bucket) -> Floats:
        """A clip's latents as those of another shape: cut to its sides, played in its time.

        Raises:
            ValueError: it has no shape of this bundle, or this bundle has no encoder.
        """
        grids = {
            (each.latent_frames, each.latent_height, each.latent_width): each
            for each in self.manifest.buckets
        }
        there = grids.get(tuple(latents.shape[2:]))
        if there is None or latents.shape[:2] != (1, self.manifest.latent_channels):
            raise ValueError(f"source latents {list(latents.shape)} are of no shape that this model draws")
        frames = self._decoded(self._parts(there), latents.astype(np.float32))
        moments = np.linspace(0, len(frames) - 1, bucket.frames).round().astype(int)
        cut = conditions.filled(frames[moments], (bucket.width, bucket.height))
        return self._latents(cut, bucket).astype(np.float32)

    def _latents(self, frames: Frames, bucket: Bucket) -> NDArray[np.float16]:
        if not bucket.encoder:
            raise ValueError("this bundle was exported without an encoder")
        video = np.moveaxis(frames.astype(np.float32) / np.float32(127.5) - 1, -1, 0)[None]
        made = self._component(bucket.encoder).run({"video": video})
        return np.asarray(made["latents"], dtype=np.float16)

    def _velocity(self, job: PreviewJob, timestep: float) -> Floats:
        transformer = job.parts.transformer
        feed = {"latents": job.current, "timestep": np.array([timestep], np.float32)}
        if job.told is not None and job.teller is not None:
            transformer = job.teller
            feed |= _shown(job.told, timestep, job.current)
        told = {"states": job.prompt[0], "mask": job.prompt[1]}
        velocity = transformer.run({**feed, **told})["velocity"]
        if self._empty is not None:
            if job.told is not None:
                feed |= _shown(job.told.without_reference(), timestep, job.current)
            plain = np.empty_like(velocity)
            transformer.run({**feed, "states": self._empty[0], "mask": self._empty[1]}, {"velocity": plain})
            velocity -= plain
            velocity *= np.float32(self.manifest.guidance)
            velocity += plain
        return velocity

    def _told(self, bucket: Bucket, shown: Shown) -> Told:
        """Conditions on the grid of a shape."""
        size = (bucket.width, bucket.height)
        each = _frames_each(bucket)

        def encode(frames: Frames, size: tuple[int, int]) -> Floats:
            # The encoder looks back in time only: what follows the frames doesn't change their latents.
            rest = np.repeat(frames[-1:], each + 1 - len(frames) % each, axis=0)
            return self._latents(np.concatenate((frames, rest)), bucket).astype(np.float32)

        reference = self.manifest.reference_size or size
        return conditions.tell(shown, encode, latent_shape(self.manifest, bucket), each, size, reference)

    def _encode(self, prompt: str) -> Prompt:
        """Token states [1, T, C] and mask [1, T]."""
        ids, mask = tokenize(self._tokenizer, clean(self.manifest.family, prompt))
        states = self._text.run({"ids": ids, "mask": mask})["states"].copy()
        return states, mask.astype(np.float32)

    def _parts(self, bucket: Bucket) -> Parts:
        parts = Parts(bucket, *map(self._component, (bucket.transformer, bucket.decoder, bucket.picture)))
        shape, takes = latent_shape(self.manifest, bucket), parts.transformer.inputs.get("latents")
        if takes is None or not fits(takes[0], shape) or "velocity" not in parts.transformer.outputs:
            raise BundleError(f"{self._folder}: {bucket.transformer} doesn't take latents {list(shape)}")
        return parts

    def _component(self, name: str) -> Component:
        found = self._own.get(name)
        if found is None:
            found = self._shelf.get(
                self._folder / name, self.manifest.target, self._written[name], self._usual
            )
            if not self._shelf.bounded:
                # Then nothing is unloaded while this engine lives, even when another bundle takes its place.
                self._own[name] = found
        return found


def latent_shape(manifest: Manifest, bucket: Bucket) -> tuple[int, int, int, int, int]:
    """[1, C, F, h, w] of a shape."""
    return (1, manifest.latent_channels, bucket.latent_frames, bucket.latent_height, bucket.latent_width)


def _frames_each(bucket: Bucket) -> int:
    """Frames of a latent frame."""
    return max(1, (bucket.frames - 1) // max(1, bucket.latent_frames - 1))


def usual_sizes(bucket: Bucket) -> dict[str, int]:
    """Sizes of free axes, by the names that export.families gives them: those of this shape."""
    return {
        "frames": bucket.latent_frames,
        "rows": bucket.latent_height,
        "columns": bucket.latent_width,
        "clip_frames": bucket.frames,
        "height": bucket.height,
        "width": bucket.width,
        "small_height": bucket.height,
        "small_width": bucket.width,
        "side": min(bucket.width, bucket.height),
    }


def schedule_of(manifest: Manifest, bucket: Bucket) -> Schedule:
    """How a shape is denoised."""
    return bucket.schedule or _euler(manifest.sigmas)


def _euler(sigmas: list[float]) -> Schedule:
    """What begins midway takes Euler's steps, whatever the schedule."""
    return Schedule(sigmas=sigmas, timesteps=[sigma * TIMESTEPS for sigma in sigmas[:-1]])


def _shown(told: Told, timestep: float, latents: Floats) -> dict[str, Floats]:
    """What the graph for shown clips takes instead of one timestep."""
    each, stills = told.levels(timestep / TIMESTEPS, latents.shape[2])
    scale = np.float32(TIMESTEPS)
    return {
        "timesteps": each * scale,
        "stills": stills * scale,
        "reference": told.reference,
        "end": told.end,
    }


def _streamed(parts: Parts, latents: Floats) -> list[NDArray[np.uint8]]:
    """Decode frame by frame: what one leaves is what the next one reads, in two sets of memory by turns."""
    # Families whose decoders stream have graphs of fixed shapes.
    fixed = {name: array.shape for name, array in parts.decoder.zeros().items() if name != "latents"}
    sizes = {name: (shape, parts.decoder.inputs[name][1]) for name, shape in fixed.items()}
    sets = [{_place(name): np.zeros(*shape) for name, shape in sizes.items()} for _ in range(2)]
    left = {f"kept_{place}": array for place, array in sets[0].items()}
    clips = [_pixels(parts.picture.run({"latents": latents[:, :, :1]}, left)["video"])]
    for frame in range(1, latents.shape[2]):
        seen, kept = sets[(frame + 1) % 2], sets[frame % 2]
        feed = {"latents": latents[:, :, frame : frame + 1]}
        feed |= {f"seen_{place}": array for place, array in seen.items()}
        made = parts.decoder.run(feed, {f"kept_{place}": array for place, array in kept.items()})
        clips.append(_pixels(made["video"]))
    return clips


def _place(name: str) -> str:
    return name.removeprefix("seen_")


def _pixels(video: Floats) -> NDArray[np.uint8]:
    """[1, 3, F, H, W] in -1..1 -> uint8 [F, H, W, 3]."""
    scaled = np.rint((video[0] + 1.0) * 127.5).astype(np.uint8)
    return np.ascontiguousarray(scaled.transpose(1, 2, 3, 0))

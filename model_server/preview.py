"""The preview engine: a quantised few-step student from a bundle, run by onnxruntime, one step at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.limits import DEFAULT_STRENGTH
from model_server.bundle import BundleError, find_bucket, load_manifest
from schemas.bundle import Bucket
from schemas.videos import Recipe

Floats = NDArray[np.float32]
Prompt = tuple[Floats, Floats]

# The models were trained on noise levels times this.
TIMESTEPS = 1000.0
PAD_TOKENS = ("[PAD]", "<pad>")
# A swarm's previews share their prompt, and few prompts are drawn at the same time; each takes 50 KB.
PROMPTS_KEPT = 32


@dataclass(slots=True)
class PreviewJob:
    """A preview on its way; latents are [1, C, F, H, W] in the model's normalised space."""

    bucket: Bucket
    current: Floats
    sigmas: list[float]
    prompt: Prompt
    guess: Floats = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.guess = self.current

    @property
    def steps(self) -> int:
        """How many times `step` is called."""
        return len(self.sigmas) - 1

    @property
    def latents(self) -> NDArray[np.float16]:
        """The current state as it is stored."""
        return self.current.astype(np.float16)


class PreviewEngine:
    """Draws previews. Loads at once (about a second); not safe for several threads at the same time."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Check the bundle and load its models, which compute with `threads` threads.

        Raises:
            BundleError: a file is missing, changed, or nothing that onnxruntime can run.
        """
        self.manifest = load_manifest(folder)
        self._options = _options(threads)
        self._tokenizer = load_tokenizer(folder / self.manifest.tokenizer, self.manifest.prompt_tokens)
        self._text = self._session(folder, self.manifest.text_encoder)
        self._sessions = {
            name: self._session(folder, name)
            for bucket in self.manifest.buckets
            for name in (bucket.transformer, bucket.decoder, bucket.picture)
        }
        self._encoded = lru_cache(PROMPTS_KEPT)(self._encode)
        self._empty = self._encoded("") if self.manifest.guidance > 1 else None

    def embed(self, texts: list[str]) -> Floats:
        """Vectors of texts [n, C], unit length: the mean of their token states."""
        vectors = np.zeros((len(texts), 0), dtype=np.float32)
        if texts:
            # Past the kept prompts: one long list would push them all out.
            encoded = [self._encode(text) for text in texts]
            vectors = np.stack([(mask @ states[0])[0] / mask.sum() for states, mask in encoded])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def begin(self, recipe: Recipe, source: NDArray[np.floating] | None = None) -> PreviewJob:
        """Start a preview from its seed's noise, or from a `source`'s latents noised to `recipe.strength`.

        `strength` 1 ignores the source, 0 returns it; in between, the steps above it are left out.

        Raises:
            ValueError: the recipe's shape, or the source's, is nothing this bundle draws.
        """
        bucket = find_bucket(self.manifest, recipe.width, recipe.height, recipe.frames)
        if recipe.fps != self.manifest.fps:
            raise ValueError(f"this model draws {self.manifest.fps} frames a second, not {recipe.fps}")
        shape = (
            1,
            self.manifest.latent_channels,
            bucket.latent_frames,
            bucket.latent_height,
            bucket.latent_width,
        )
        current = np.random.default_rng(recipe.seed).standard_normal(shape, dtype=np.float32)
        sigmas = self.manifest.sigmas
        if source is not None:
            if source.shape != shape:
                raise ValueError(f"source latents {list(source.shape)} don't fit {list(shape)}")
            strength = DEFAULT_STRENGTH if recipe.strength is None else recipe.strength
            if not 0.0 <= strength <= 1.0:
                raise ValueError(f"strength must be 0 to 1, not {strength}")
            start = min(strength, sigmas[0])
            sigmas = [start, *(sigma for sigma in sigmas if sigma < start)]
            level = np.float32(start)
            current = (1 - level) * source.astype(np.float32) + level * current
        return PreviewJob(bucket, current, sigmas, self._encoded(recipe.prompt))

    def step(self, job: PreviewJob) -> None:
        """One Euler step of the flow."""
        sigma, later = job.sigmas[job.done], job.sigmas[job.done + 1]
        slope = self._velocity(job, sigma)
        job.guess = job.current - np.float32(sigma) * slope
        job.current = job.current + np.float32(later - sigma) * slope
        job.done += 1

    def estimate(self, job: PreviewJob) -> NDArray[np.uint8]:
        """The middle frame as guessed now, uint8 [H, W, 3], decoded from its one latent frame."""
        middle = job.guess.shape[2] // 2
        frames = self._frames(job.bucket.picture, job.guess[:, :, middle : middle + 1])
        return np.asarray(frames[-1], dtype=np.uint8)

    def decode(self, job: PreviewJob) -> NDArray[np.uint8]:
        """The frames as they are now, uint8 [F, H, W, 3]."""
        return self._frames(job.bucket.decoder, job.current)

    def _velocity(self, job: PreviewJob, sigma: float) -> Floats:
        channels = job.current.shape[1]
        feed = {
            "tokens": np.ascontiguousarray(job.current.reshape(1, channels, -1).transpose(0, 2, 1)),
            "timestep": np.full((1, 1), sigma * TIMESTEPS, dtype=np.float32),
        }
        velocity = self._told(job.bucket, feed, job.prompt)
        if self._empty is not None:
            plain = self._told(job.bucket, feed, self._empty)
            velocity = plain + np.float32(self.manifest.guidance) * (velocity - plain)
        return np.asarray(velocity.transpose(0, 2, 1).reshape(job.current.shape), dtype=np.float32)

    def _told(self, bucket: Bucket, feed: dict[str, Floats], prompt: Prompt) -> Floats:
        states, mask = prompt
        return np.asarray(
            self._sessions[bucket.transformer].run(None, {**feed, "states": states, "mask": mask})[0]
        )

    def _frames(self, decoder: str, latents: Floats) -> NDArray[np.uint8]:
        video = self._sessions[decoder].run(None, {"latents": np.ascontiguousarray(latents)})[0][0]
        return np.ascontiguousarray(np.rint((video + 1.0) * 127.5).astype(np.uint8).transpose(1, 2, 3, 0))

    def _encode(self, prompt: str) -> Prompt:
        """Token states [1, T, C] and mask [1, T]."""
        ids, mask = tokenize(self._tokenizer, prompt)
        return self._text.run(None, {"ids": ids, "mask": mask})[0], mask.astype(np.float32)

    def _session(self, folder: Path, name: str) -> ort.InferenceSession:
        try:
            return ort.InferenceSession(folder / name, self._options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BundleError(f"{folder}: {name} can't be run: {str(error).splitlines()[0]}") from error


def tokenize(tokenizer: Tokenizer, prompt: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and mask [1, T], 1 for a real token; what is too long is cut."""
    tokens = tokenizer.encode(prompt)
    return np.asarray([tokens.ids], np.int64), np.asarray([tokens.attention_mask], np.int64)


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads starve the api and the gateway on small machines, and lose time under contention.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def load_tokenizer(path: Path, length: int) -> Tokenizer:
    """A tokenizer that fills and cuts every prompt to `length` tokens.

    Raises:
        BundleError: it can't be read, or has no token to fill with.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise BundleError(f"{path} is no tokenizer: {error}") from error
    pad = next((token for token in PAD_TOKENS if tokenizer.token_to_id(token) is not None), None)
    if pad is None:
        raise BundleError(f"{path} has no padding token")
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=tokenizer.token_to_id(pad), pad_token=pad)
    return tokenizer

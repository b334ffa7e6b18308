"""Clips from words as people see them: understood, drawn and composed by the product's own parts."""

from __future__ import annotations

import argparse
import os

# Read when torch is imported; see model_server.serve.app.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

import settings
from domain.videos.drafts import ReadWords, draft_video
from domain.videos.recipes import rendered
from export.options import count
from model_server.engine.bundle import BundleError
from model_server.engine.latents import Latents
from model_server.engine.library import Library
from model_server.engine.pixels import Frames
from model_server.engine.preview import PreviewEngine
from model_server.engine.processor import cores
from model_server.engine.render_start import KEEP_NOISE, KEEP_SPACE, StartNoise, UpscaleSpace
from model_server.engine.shapes import native_recipe
from model_server.engine.staging import Staging
from model_server.engine.understanding import Understanding
from model_server.serve.cards import model_list
from schemas.model_folder import read_model_spec
from schemas.videos import CreateVideo, Recipe
from train.arguments import bundle_folder, model_folder

if TYPE_CHECKING:
    from model_server.engine.render import FullRenderer


class WordClip(NamedTuple):
    """A drawn clip.

    scene: what the model drew, before actors, weather and style came in; frames: what people see, both uint8
    [F, H, W, 3]; latents: the scene's; staging: None where nothing was composed.
    """

    recipe: Recipe
    scene: Frames
    frames: Frames
    latents: Latents
    staging: Staging | None


class WordStudio:
    """Draws clips from words with a bundle, and renders them with its teacher."""

    def __init__(self, bundle: Path, teacher: Path | None = None, threads: int | None = None) -> None:
        """Without a `teacher` there are previews alone.

        Raises:
            BundleError: the bundle can't be run.
            LibraryError: its library can't be read.
        """
        self._teacher, self._threads = teacher, threads or cores()
        self.engine = PreviewEngine(bundle, self._threads)
        manifest = self.engine.manifest
        self.understanding = Understanding(bundle, manifest) if manifest.library else None
        sizes = read_model_spec(teacher).full_sizes if teacher else []
        subjects = len(self.library.index.subjects) if self.understanding else 0
        self.card = model_list([manifest], sizes, {manifest.id: subjects}).data[0]

    @property
    def library(self) -> Library:
        """The bundle's library of pictures.

        Raises:
            BundleError: it has none.
        """
        if self.understanding is None:
            raise BundleError("this bundle has no library of pictures: its clips aren't composed")
        return self.understanding.library

    @cached_property
    def renderer(self) -> FullRenderer:
        """Loaded when it is first needed: it takes seconds, and much memory.

        Raises:
            ValueError: there is no teacher.
        """
        from model_server.engine.render import FullRenderer

        if self._teacher is None:
            raise ValueError("renders need the teacher's model folder")
        return FullRenderer(self._teacher, self._threads)

    def recipe(
        self,
        prompt: str,
        seed: int,
        *,
        size: str | None = None,
        seconds: int | None = None,
        composed: bool = True,
    ) -> Recipe:
        """The recipe of a preview, as the product writes it for these words.

        Without a library, or where it isn't `composed`, the model draws all that they say.
        """
        request = CreateVideo(prompt=prompt, seed=seed, size=size, seconds=seconds)
        words = None
        if self.understanding is not None and composed:
            words = ReadWords(reading=self.understanding.read(prompt))
        return draft_video(request, self.card, [], [], seed, words).recipes[0]

    def preview(self, recipe: Recipe) -> WordClip:
        """Draw a recipe by the student."""
        state = self.engine.begin(recipe)
        for _ in range(state.steps):
            self.engine.step(state)
        drawn = self.engine.draw(state, still=self._still(recipe))
        return self._finished(recipe, drawn, state.stored_latents.astype(np.float32))

    def render(
        self,
        picked: WordClip,
        *,
        space: UpscaleSpace = KEEP_SPACE,
        start_noise: StartNoise = KEEP_NOISE,
        strength: float | None = None,
    ) -> WordClip:
        """The full render of a picked preview by the teacher; strength 1 keeps nothing of it."""
        recipe = rendered(picked.recipe, self.card)
        state = self.renderer.begin(
            native_recipe(self.engine.manifest, recipe),
            preview=picked.latents,
            space=space,
            start_noise=start_noise,
            strength=strength,
        )
        for _ in range(state.steps):
            self.renderer.step(state)
        latents = state.latents.numpy()
        enlarges = self.engine.manifest.enlargement > 1
        still = self._still(recipe)
        drawn = self.engine.draw_latents(latents, still=still) if enlarges else self.renderer.decode(state)
        return self._finished(recipe, drawn, latents)

    def _still(self, recipe: Recipe) -> bool:
        staging = self.engine.stage(recipe, None)
        return staging is not None and staging.still

    def _finished(self, recipe: Recipe, scene: Frames, latents: Latents) -> WordClip:
        staging = self.engine.stage(recipe, None)
        frames = scene if staging is None else staging.compose(scene)
        return WordClip(recipe, scene, frames, latents, staging)


def without_subjects(recipe: Recipe) -> Recipe:
    """The same scene with nobody in it."""
    if recipe.understood is None:
        return recipe
    return msgspec.structs.replace(recipe, understood=msgspec.structs.replace(recipe.understood, subjects=[]))


def studio_parser(module: str, doc: str | None, clips: int, *, renders: bool) -> argparse.ArgumentParser:
    """A parser with the arguments that the commands share: models, how many clips, and threads.

    The models are those of the settings, unless others are named.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{module}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    home = settings.load()
    parser.add_argument("--bundle", type=bundle_folder, default=str(home.bundle))
    if renders:
        parser.add_argument("--teacher", type=model_folder, default=str(home.teacher))
    parser.add_argument("--count", type=count, default=clips, help=f"clips (default: {clips})")
    parser.add_argument("--threads", type=count, default=cores())
    return parser


def studio_of(options: argparse.Namespace) -> WordStudio:
    """The studio that the arguments name."""
    return WordStudio(options.bundle, getattr(options, "teacher", None), options.threads)

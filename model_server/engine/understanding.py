"""Understands prompts by a bundle's library and text encoder, in a session of its own beside the drawing."""

from __future__ import annotations

import base64
import io
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import Near, read
from domain.understanding.scene import SceneWords
from domain.understanding.words import joined, tokens_of
from model_server.engine.library import Library
from model_server.engine.onnx_graph import OnnxGraph
from model_server.engine.pixels import Floats
from model_server.engine.tokens import clean, load_tokenizer, tokenize
from schemas.bundle import Manifest
from schemas.library import NEAR_SCORE, LibrarySubject, PictureCard, PromptReading, SubjectPage

# PromptReading a prompt takes a few milliseconds; drawing shall have the other cores.
THREADS = 1
# The nearest subjects of each phrase: enough to see what a name in it scores.
NEAREST = 40
TEXTS_KEPT = 2048
SMALL_SIDE = 96
SMALL_KEPT = 1500
# Of a search by meaning: what is less near than this is noise, as all is to a word that nobody knows.
LEAST_FOUND = 0.55


class Rank(IntEnum):
    """How a subject's names answer to a text, best first."""

    OWN = 0
    NAME = 1
    NEAR = 2
    OWN_WORD = 3
    OWN_BEGINS = 4
    NAME_BEGINS = 5
    # Among those that are near in meaning.
    WORD_BEGINS = 6


class Found(NamedTuple):
    """A subject that was searched for: 1 where its names answer, else its cosine."""

    subject: LibrarySubject
    score: float | None


class Understanding:
    """Reads prompts for one bundle. Safe for several threads, one at a time."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Load the library and the text encoder of a checked bundle that has a library.

        Raises:
            LibraryError: the library can't be read.
            BundleError: the text encoder can't be run.
        """
        self.library = Library.load(folder / manifest.library)
        self._family = manifest.family
        self._tokenizer = load_tokenizer(folder / manifest.tokenizer, manifest.prompt_tokens)
        self._graph = OnnxGraph(folder / manifest.text_encoder, THREADS, manifest.target)
        self._lock = Lock()
        self._names = NameIndex(self.library.index)
        self._scene = SceneWords(manifest.vocabulary)
        self._vector = lru_cache(TEXTS_KEPT)(self._embed)
        self.small_picture = lru_cache(SMALL_KEPT)(self._small_picture)
        phrases = [(name, text) for name, texts in self._scene.place_phrases() for text in texts]
        self._places = [name for name, _ in phrases]
        with self._lock:
            vectors = [self._vector(text) for _, text in phrases]
        self._place_vectors = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)

    def read(self, prompt: str, *, referring: bool = False) -> PromptReading:
        """What a prompt says: see `domain.understanding.reader.read`."""
        with self._lock:
            return read(prompt, self._names, self._scene, self.nearest, referring=referring)

    def nearest(self, texts: list[str]) -> list[tuple[list[Near], Near | None]]:
        """For each text the nearest subjects, best first, and the nearest place."""
        return [self._nearest(text) for text in texts]

    def page(self, query: str, after: str | None, limit: int) -> SubjectPage:
        """Subjects by meaning, or all in the library's order where nothing is searched for.

        Raises:
            KeyError: `after` is no subject.
        """
        everybody = [Found(subject, None) for subject in self.library.index.subjects]
        found = self._found(query) if query.strip() else everybody
        start = 0
        if after is not None:
            start = next((at for at, each in enumerate(found) if each.subject.id == after), -1) + 1
            if not start:
                raise KeyError(after)
        page = found[start : start + limit]
        cards = [self.card(*each) for each in page]
        return SubjectPage(
            data=cards,
            first_id=cards[0].id if cards else None,
            last_id=cards[-1].id if cards else None,
            has_more=start + limit < len(found),
        )

    def card(self, subject: LibrarySubject, score: float | None = None) -> PictureCard:
        """A subject with its small picture; `score` says how well a search found it."""
        return PictureCard(
            id=subject.id,
            name=subject.name,
            picture=f"data:image/webp;base64,{base64.b64encode(self.small_picture(subject.id)).decode()}",
            tones=list(subject.tones.values()),
            score=score,
        )

    def _found(self, query: str) -> list[Found]:
        """Who is called so, whose name begins so, then what is near in meaning; the nearest first."""
        text = joined(tokens_of(query))
        with self._lock:
            vector = self._vector(query.strip().lower())
        subjects = self.library.index.subjects
        scores = dict(self.library.search(vector, len(subjects)))
        found = []
        for subject in subjects:
            rank, score = _rank(text, subject), scores.get(subject.id, 0.0)
            if rank is Rank.NEAR:
                score = max(score, NEAR_SCORE)
            elif rank not in (None, Rank.WORD_BEGINS):
                score = 1.0
            if rank is not None or score >= LEAST_FOUND:
                place = Rank.WORD_BEGINS if rank is None else rank
                found.append((place, -scores.get(subject.id, 0.0), Found(subject, round(min(1.0, score), 3))))
        found.sort(key=lambda each: each[:2])
        return [each for _, _, each in found]

    def _nearest(self, text: str) -> tuple[list[Near], Near | None]:
        vector = self._vector(text)
        found = [Near(*each) for each in self.library.search(vector, NEAREST)]
        if not self._places:
            return found, None
        scores = self._place_vectors @ vector
        best = int(np.argmax(scores))
        return found, Near(self._places[best], float(scores[best]))

    def _embed(self, text: str) -> Floats:
        ids, mask = tokenize(self._tokenizer, clean(self._family, text))
        states = self._graph.run({"ids": ids, "mask": mask})["states"][0]
        weights = mask[0].astype(np.float32)
        vector = weights @ states / weights.sum()
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)

    def _small_picture(self, picture: str) -> bytes:
        """A picture of SMALL_SIDE as webp.

        Raises:
            KeyError: there is no such picture.
        """
        pixels = Image.fromarray(np.array(self.library.picture(picture)))
        written = io.BytesIO()
        pixels.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS).save(
            written, "WEBP", quality=75, method=4
        )
        return written.getvalue()


def _rank(text: str, subject: LibrarySubject) -> Rank | None:
    """How the names of a subject answer to what was typed, which may end in the middle of a word."""
    own, *others = subject.names
    if text == own:
        return Rank.OWN
    if text in others:
        return Rank.NAME
    if text in subject.near:
        return Rank.NEAR
    if f" {text} " in f" {own} ":
        return Rank.OWN_WORD
    if own.startswith(text):
        return Rank.OWN_BEGINS
    if any(name.startswith(text) for name in others):
        return Rank.NAME_BEGINS
    if any(f" {text}" in name for name in (*subject.names, *subject.near)):
        return Rank.WORD_BEGINS
    return None

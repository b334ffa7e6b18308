"""The engines of this process, loaded in the background: previews first, since people wait for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from model_server.engine.bundle import MANIFEST
from model_server.serve.faults import JobError
from schemas.bundle import Manifest
from schemas.model_folder import ModelSpecError, read_model_spec
from schemas.videos import Tier
from schemas.work import FaultCode
from settings import Settings

if TYPE_CHECKING:
    from model_server.engine.preview import PreviewEngine
    from model_server.engine.render import FullRenderer
    from model_server.engine.session_cache import SessionCache
    from model_server.engine.understanding import Understanding

# Identifies one bundle of several in the same folder: inode, size and time of change of its manifest.
Stamp = tuple[int, int, int]
MEGABYTE = 10**6
# Under RIFFLE_HOME.
THREAD_COUNTS = "thread-counts.json"

log = logging.getLogger(__name__)


class EngineState(StrEnum):
    """How far an engine is."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(slots=True)
class BundleSlot:
    """The folder of a bundle, and the engine that was loaded from it."""

    folder: Path
    engine: PreviewEngine | None = None
    understanding: Understanding | None = None
    stamp: Stamp | None = None

    def current_stamp(self) -> Stamp | None:
        """The stamp of the bundle that is in the folder now, None if there is none."""
        try:
            found = (self.folder / MANIFEST).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class Engines:
    """The loaded engines and their states. `load` runs in a thread; the rest is safe to read meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._first = BundleSlot(settings.bundle)
        self._more = [BundleSlot(folder) for folder in settings.more_bundles]
        self._cache: SessionCache | None = None
        self._full: FullRenderer | None = None
        self.states = dict.fromkeys(Tier, EngineState.LOADING)
        self.errors: dict[Tier, str] = {}
        # By folder, why its bundle, or its newest one, isn't used.
        self.refused: dict[str, str] = {}
        self.load_seconds: dict[Tier, float] = {}

    def load(self, tier: Tier) -> None:
        """Load one engine. A failure is kept in `errors`: the other one serves on."""
        started = time.monotonic()
        try:
            if tier is Tier.PREVIEW:
                self._load_bundle(self._first)
            else:
                self._load_full()
        except Exception as error:
            log.exception("the %s engine could not be loaded", tier)
            self.errors[tier] = f"{type(error).__name__}: {error}"
            self.states[tier] = EngineState.FAILED
            return
        self.load_seconds[tier] = time.monotonic() - started
        self.states[tier] = EngineState.READY
        log.info("the %s engine is ready after %.1f s", tier, self.load_seconds[tier])

    def refresh(self) -> bool:
        """Load every bundle that is new in its folder; whether one was loaded.

        Jobs that have started keep their engine. A bundle that is refused is named in
        `refused` and not tried again; the one before it stays in use.
        """
        if self.states[Tier.PREVIEW] is EngineState.LOADING:
            return False
        loaded = [self._refresh_slot(slot) for slot in (self._first, *self._more)]
        return any(loaded)

    def _refresh_slot(self, slot: BundleSlot) -> bool:
        stamp = slot.current_stamp()
        if stamp is None or stamp == slot.stamp:
            return False
        try:
            self._load_bundle(slot)
        except Exception as error:
            log.warning("the bundle in %s is refused: %s", slot.folder, error)
            self.refused[str(slot.folder)] = str(error)
            slot.stamp = stamp
            return False
        self.refused.pop(str(slot.folder), None)
        if slot is self._first:
            self.errors.pop(Tier.PREVIEW, None)
            self.states[Tier.PREVIEW] = EngineState.READY
        log.info("the bundle in %s is loaded", slot.folder)
        return True

    @property
    def manifest(self) -> Manifest | None:
        """Of the first bundle, None until it is loaded."""
        return None if self._first.engine is None else self._first.engine.manifest

    @property
    def manifests(self) -> list[Manifest]:
        """Of all loaded bundles, the first one first; of two with one name only the first is used."""
        engines = [slot.engine for slot in (self._first, *self._more) if slot.engine is not None]
        return list({engine.manifest.id: engine.manifest for engine in reversed(engines)}.values())[::-1]

    def understanding(self, model: str) -> Understanding | None:
        """What reads prompts for a model; None if it isn't loaded, or has no library of pictures."""
        for slot in (self._first, *self._more):
            if slot.engine is not None and slot.engine.manifest.id == model:
                return slot.understanding
        return None

    @property
    def subject_counts(self) -> dict[str, int]:
        """How many subjects the library of each model has, where it has one."""
        found = {manifest.id: self.understanding(manifest.id) for manifest in self.manifests}
        return {model: len(each.library.index.subjects) for model, each in found.items() if each is not None}

    def preview_of(self, model: str) -> PreviewEngine:
        """The preview engine of a model; the first one if there is none of this name.

        Raises:
            JobError: none is loaded.
        """
        for slot in (self._first, *self._more):
            if slot.engine is not None and slot.engine.manifest.id == model:
                return slot.engine
        return self.preview

    @property
    def ready(self) -> bool:
        """Previews can be drawn, and nothing failed; renders may still be loading: their jobs wait."""
        return (
            self.states[Tier.PREVIEW] is EngineState.READY and EngineState.FAILED not in self.states.values()
        )

    @property
    def startable(self) -> Collection[Tier]:
        """Tiers whose jobs can start: ready ones, and failed ones (their jobs end with a fault at once)."""
        return [tier for tier, state in self.states.items() if state is not EngineState.LOADING]

    @property
    def preview(self) -> PreviewEngine:
        """The preview engine of the first bundle.

        Raises:
            JobError: it isn't loaded.
        """
        if self._first.engine is None:
            raise self._unavailable(Tier.PREVIEW)
        return self._first.engine

    @property
    def full(self) -> FullRenderer:
        """The full renderer.

        Raises:
            JobError: it isn't loaded.
        """
        if self._full is None:
            raise self._unavailable(Tier.FULL)
        return self._full

    @property
    def full_sizes(self) -> list[tuple[int, int]]:
        """What the teacher renders in before it is enlarged, the default first; none without its folder."""
        try:
            return read_model_spec(self._settings.teacher).full_sizes
        except ModelSpecError:
            return []

    def _load_bundle(self, slot: BundleSlot) -> None:
        from model_server.engine.preview import PreviewEngine
        from model_server.engine.session_cache import SessionCache
        from model_server.engine.thread_record import ThreadRecord
        from model_server.engine.understanding import Understanding

        threads = self._settings.model_threads
        if self._cache is None:
            self._cache = SessionCache(
                threads,
                self._settings.model_memory_mb * MEGABYTE,
                record=ThreadRecord(self._settings.home / THREAD_COUNTS),
            )
        stamp = slot.current_stamp()
        # One assignment: readers in other threads have the old engine or the new one.
        engine = PreviewEngine(slot.folder, threads, cache=self._cache)
        slot.understanding = Understanding(slot.folder, engine.manifest) if engine.manifest.library else None
        slot.engine = engine
        slot.stamp = stamp

    def _load_full(self) -> None:
        # Importing torch and diffusers takes seconds, so previews must not wait for it.
        from model_server.engine.processor import cores
        from model_server.engine.render import FullRenderer

        self._full = FullRenderer(self._settings.teacher, self._settings.model_threads or cores())

    def _unavailable(self, tier: Tier) -> JobError:
        reason = self.errors.get(tier, "it is still loading")
        return JobError(
            FaultCode.ENGINE_UNAVAILABLE,
            f"the {tier} engine is not available: {reason}",
            retryable=self.states[tier] is EngineState.LOADING,
        )

"""Both engines of this process, loaded in the background: previews first, since people wait for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING

from core.settings import Settings
from model_server.bundle import MANIFEST
from model_server.faults import ENGINE_UNAVAILABLE, JobError
from schemas.bundle import Manifest
from schemas.videos import Tier

if TYPE_CHECKING:
    from model_server.preview import PreviewEngine
    from model_server.render import FullRenderer

# What tells one bundle from another in the same place: its manifest's file, size and time of change.
Stamp = tuple[int, int, int]
MEGABYTE = 10**6

log = logging.getLogger(__name__)


class State(StrEnum):
    """How far an engine is."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class Engines:
    """What draws, and what is known about it. `load` runs in a thread; the rest is safe to read meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._preview: PreviewEngine | None = None
        self._full: FullRenderer | None = None
        self.manifest: Manifest | None = None
        self._stamp: Stamp | None = None
        self.states = dict.fromkeys(Tier, State.LOADING)
        self.errors: dict[Tier, str] = {}
        self.load_seconds: dict[Tier, float] = {}

    def load(self, tier: Tier) -> None:
        """Load one engine. A failure is kept in `errors`: the other one serves on."""
        started = time.monotonic()
        try:
            if tier is Tier.PREVIEW:
                self._load_preview()
            else:
                self._load_full()
        except Exception as error:
            log.exception("the %s engine could not be loaded", tier)
            self.errors[tier] = f"{type(error).__name__}: {error}"
            self.states[tier] = State.FAILED
            return
        self.load_seconds[tier] = time.monotonic() - started
        self.states[tier] = State.READY
        log.info("the %s engine is ready after %.1f s", tier, self.load_seconds[tier])

    def refresh(self) -> bool:
        """Take the bundle that has come in the place of the loaded one, if one has; whether it was taken.

        Jobs that are being drawn keep the engine that they began with. A bundle that is refused is named in
        `errors` and not tried again; the old one draws on.
        """
        stamp = self._seen()
        if self.states[Tier.PREVIEW] is State.LOADING or stamp is None or stamp == self._stamp:
            return False
        try:
            self._load_preview()
        except Exception as error:
            log.warning("the new bundle is refused: %s", error)
            self.errors[Tier.PREVIEW] = f"the new bundle is refused: {error}"
            self._stamp = stamp
            return False
        self.errors.pop(Tier.PREVIEW, None)
        self.states[Tier.PREVIEW] = State.READY
        log.info("another bundle is loaded: %s", self.manifest and self.manifest.teacher)
        return True

    @property
    def ready(self) -> bool:
        """Both tiers can be drawn."""
        return all(state is State.READY for state in self.states.values())

    @property
    def settled(self) -> Collection[Tier]:
        """Tiers whose jobs can begin: ready ones, and failed ones (their jobs end with a fault at once)."""
        return [tier for tier, state in self.states.items() if state is not State.LOADING]

    @property
    def preview(self) -> PreviewEngine:
        """The preview engine.

        Raises:
            JobError: it isn't loaded.
        """
        if self._preview is None:
            raise self._unavailable(Tier.PREVIEW)
        return self._preview

    @property
    def full(self) -> FullRenderer:
        """The full renderer.

        Raises:
            JobError: it isn't loaded.
        """
        if self._full is None:
            raise self._unavailable(Tier.FULL)
        return self._full

    def _load_preview(self) -> None:
        from model_server.preview import PreviewEngine
        from model_server.sessions import Shelf

        stamp = self._seen()
        threads = self._settings.model_threads
        shelf = Shelf(threads, self._settings.model_memory_mb * MEGABYTE)
        # One assignment: whoever reads it meanwhile has the old engine or the new one.
        self._preview = PreviewEngine(self._settings.bundle, threads, shelf=shelf)
        self.manifest = self._preview.manifest
        self._stamp = stamp

    def _seen(self) -> Stamp | None:
        try:
            found = (self._settings.bundle / MANIFEST).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _load_full(self) -> None:
        # Importing torch and diffusers takes seconds, so previews must not wait for it.
        from model_server.render import FullRenderer

        self._full = FullRenderer(self._settings.teacher, self._settings.model_threads)

    def _unavailable(self, tier: Tier) -> JobError:
        reason = self.errors.get(tier, "it is still loading")
        return JobError(
            ENGINE_UNAVAILABLE,
            f"the {tier} engine is not available: {reason}",
            retryable=self.states[tier] is State.LOADING,
        )

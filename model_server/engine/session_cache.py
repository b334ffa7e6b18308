"""Loaded graphs of all bundles in this process, within a budget of memory."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path

from model_server.engine import threads
from model_server.engine.bundle import BundleError
from model_server.engine.onnx_graph import NO_SIZES, MakeOptions, OnnxGraph, graph_files
from model_server.engine.processor import cores
from model_server.engine.thread_record import ThreadRecord

log = logging.getLogger(__name__)


class SessionCache:
    """Least recently used graphs are dropped first when the budget is passed.

    Users of a graph hold a reference to it, so one that is dropped during a job lives until that job's end.
    """

    def __init__(
        self,
        thread_count: int,
        budget_bytes: int = 0,
        make_options: MakeOptions | None = None,
        record: ThreadRecord | None = None,
    ) -> None:
        """A budget of 0 drops nothing.

        A `thread_count` of threads.MEASURED measures each graph that `record` has no number for.
        """
        self._thread_count, self._budget, self._make_options = thread_count, budget_bytes, make_options
        self._record = record
        self._measured: dict[tuple[Path, int], int] = {}
        self._loaded: OrderedDict[tuple[Path, int], OnnxGraph] = OrderedDict()
        # A bundle is loaded in one thread while another one draws.
        self._lock = threading.Lock()

    @property
    def bounded(self) -> bool:
        """Whether there is a budget."""
        return self._budget > 0

    @property
    def bytes(self) -> int:
        """Estimated memory of the loaded graphs."""
        return sum(graph.bytes for graph in self._loaded.values())

    @property
    def names(self) -> list[str]:
        """File names of the loaded graphs, least recently used first."""
        return [graph.name for graph in self._loaded.values()]

    @property
    def thread_counts(self) -> dict[str, int]:
        """The measured or recorded number of threads of each graph, by its file's name."""
        return {path.name: found for (path, _), found in self._measured.items()}

    def get(
        self,
        path: Path,
        target: str = "",
        checked_ns: int | None = None,
        example_sizes: Mapping[str, int] = NO_SIZES,
        digest: str = "",
    ) -> OnnxGraph:
        """The graph of a file, loaded and run once at its example sizes unless it is in the cache.

        `checked_ns` is the file's `modified_ns` when it was checked: a file of another time is of another
        bundle. `digest` is that of its contents; without one its number of threads isn't recorded.

        Raises:
            BundleError: it can't be run, or the file was replaced since.
        """
        key = (path, modified_ns(path) if checked_ns is None else checked_ns)
        with self._lock:
            graph = self._loaded.get(key)
        if graph is None:
            if modified_ns(path) != key[1]:
                raise BundleError(f"{path.parent}: {path.name} was replaced since it was checked")
            # Outside of the lock: drawing mustn't wait for a load.
            graph = self._load(key, target, example_sizes, digest)
        with self._lock:
            self._loaded[key] = graph
            self._loaded.move_to_end(key)
            while self._budget and self.bytes > self._budget and len(self._loaded) > 1:
                self._loaded.popitem(last=False)
        return graph

    def drop_stale(self, folder: Path, checked_ns: Collection[int]) -> None:
        """Drop a folder's graphs of other times than these: those of a bundle that was replaced."""
        with self._lock:
            for path, at in list(self._loaded):
                if path.parent == folder and at not in checked_ns:
                    del self._loaded[path, at]

    def _load(
        self, key: tuple[Path, int], target: str, example_sizes: Mapping[str, int], digest: str
    ) -> OnnxGraph:
        def load(count: int) -> OnnxGraph:
            return OnnxGraph(key[0], count, target, self._make_options, example_sizes)

        record = self._record if digest else None
        if self._thread_count == threads.MEASURED and key not in self._measured:
            recorded = record.get(digest) if record else None
            if recorded is None:
                self._measured[key], graph = threads.fastest(load, cores())
                log.info("%s: threads %d", key[0].name, self._measured[key])
                if record:
                    record.put(digest, self._measured[key])
                return graph
            self._measured[key] = recorded
        graph = load(self._measured.get(key, self._thread_count))
        graph.warm()
        return graph


def modified_ns(path: Path) -> int:
    """When a graph's file, or that of its weights, was last written, in nanoseconds.

    Raises:
        BundleError: it can't be read.
    """
    try:
        return max(file.stat().st_mtime_ns for file in graph_files(path))
    except OSError as error:
        raise BundleError(f"{path.parent}: {path.name} can't be read ({error.strerror})") from error

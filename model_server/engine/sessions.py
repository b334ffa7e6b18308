"""Graphs of a bundle in onnxruntime: bound to memory that stays, in one arena, kept by a budget."""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model_server.engine import threads
from model_server.engine.bundle import DATA_SUFFIX, BundleError

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Settings = Callable[[int], ort.SessionOptions]
Shapes = tuple[tuple[int, ...], ...]

log = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(float16)": np.float16}
# What a graph takes in memory for each byte of its file: weights are repacked for the processor's kernels,
# and those that are stored in 16 bits are widened.
LOADED_PER_FILE_BYTE = 2.0
# Shapes of one free graph whose output memory is kept: riffle-tiny's twelve take 20 MB in the decoder.
SHAPES_KEPT = 16
# A free axis of no usual size.
LEAST = 2
NOTHING: Mapping[str, int] = MappingProxyType({})


class Component:
    """One graph, of fixed shapes or with free axes. Not safe for several threads at the same time."""

    def __init__(
        self,
        path: Path,
        threads: int,
        target: str = "",
        settings: Settings | None = None,
        usual: Mapping[str, int] = NOTHING,
    ) -> None:
        """Load it; `target` is the manifest's, `settings` take the place of `options`.

        `usual` has sizes of free axes by name, those that it's tried with.

        Raises:
            BundleError: onnxruntime can't run it, or it has inputs that nobody knows.
        """
        try:
            self._session = ort.InferenceSession(
                path, (settings or options)(threads), providers=providers(target)
            )
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BundleError(f"{path.parent}: {path.name} can't be run: {first}") from error
        self.name = path.name
        self.bytes = int(sum(part.stat().st_size for part in _files(path)) * LOADED_PER_FILE_BYTE)
        self.inputs = {item.name: _shape(path, item) for item in self._session.get_inputs()}
        self.outputs = {item.name: _shape(path, item) for item in self._session.get_outputs()}
        self.free = any(isinstance(size, str) for shape, _ in self.inputs.values() for size in shape)
        self._usual = usual
        self._binding = self._session.io_binding()
        # Memory for the outputs, and their shapes, by the shapes of the inputs; those used last are kept.
        self._own: OrderedDict[Shapes, dict[str, Array]] = OrderedDict()

    def run(self, feeds: Arrays, out: Arrays | None = None) -> dict[str, Array]:
        """Compute the outputs from the inputs; feeds that the graph doesn't take are left aside.

        Nothing is copied: the graph reads the arrays it is given, and writes into those of `out`. An output
        that isn't in `out` goes into memory of this component, which the next run overwrites.

        Raises:
            ValueError: an input has another shape.
        """
        given = {name: np.ascontiguousarray(feeds[name], dtype) for name, (_, dtype) in self.inputs.items()}
        for name, (shape, dtype) in self.inputs.items():
            found = given[name].shape
            if not fits(shape, found):
                raise ValueError(f"{self.name} takes {name} {shape}, not {list(found)}")
            self._binding.bind_input(name, "cpu", 0, dtype, found, given[name].ctypes.data)
        made = {**self._memory(given), **(out or {})}
        for name, (_, dtype) in self.outputs.items():
            self._binding.bind_output(name, "cpu", 0, dtype, made[name].shape, made[name].ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return {name: made[name] for name in self.outputs}

    def zeros(self) -> dict[str, Array]:
        """Inputs of the usual shapes."""
        return {name: np.zeros(self._sized(shape), dtype) for name, (shape, dtype) in self.inputs.items()}

    def _sized(self, shape: Sequence[int | str]) -> list[int]:
        return [self._usual.get(size, LEAST) if isinstance(size, str) else size for size in shape]

    def warm(self) -> None:
        """Run once on zeros, so that the first job finds memory and kernels ready."""
        self.run(self.zeros())

    def _memory(self, given: Arrays) -> dict[str, Array]:
        """This component's own memory for the outputs of inputs of these shapes."""
        key = tuple(array.shape for array in given.values()) if self.free else ()
        found = self._own.get(key)
        if found is None:
            if self.free:
                # How large its outputs are, only the graph knows.
                names = list(self.outputs)
                arrays = self._session.run(names, dict(given))
                found = {name: np.empty_like(array) for name, array in zip(names, arrays, strict=True)}
            else:
                found = {name: np.empty(self._sized(s), dtype) for name, (s, dtype) in self.outputs.items()}
            self._own[key] = found
            if len(self._own) > SHAPES_KEPT:
                self._own.popitem(last=False)
        self._own.move_to_end(key)
        return found


class Shelf:
    """The loaded graphs of one or several bundles: those used longest ago go first when a budget is passed.

    Whoever draws holds its graphs itself, so what goes from the shelf in the middle of a job lives to its
    end.
    """

    def __init__(self, count: int, budget_bytes: int = 0, settings: Settings | None = None) -> None:
        """`budget_bytes` of 0 keeps everything; with a `count` of threads.MEASURED each graph is measured."""
        self._threads, self._budget, self._settings = count, budget_bytes, settings
        self._measured: dict[tuple[Path, int], int] = {}
        self._loaded: OrderedDict[tuple[Path, int], Component] = OrderedDict()
        # A bundle is loaded in one thread while another one draws.
        self._lock = threading.Lock()

    @property
    def bounded(self) -> bool:
        """Whether there is a budget."""
        return self._budget > 0

    @property
    def bytes(self) -> int:
        """What the loaded graphs are counted with."""
        return sum(component.bytes for component in self._loaded.values())

    @property
    def names(self) -> list[str]:
        """File names of the loaded graphs, longest unused first."""
        return [component.name for component in self._loaded.values()]

    def get(
        self, path: Path, target: str = "", written: int | None = None, usual: Mapping[str, int] = NOTHING
    ) -> Component:
        """The graph of a file, loaded and run once, in its usual sizes, unless it's here.

        `written` is when the file was checked, by `changed`: one of another time is of another bundle.

        Raises:
            BundleError: it can't be run, or another file is in its place.
        """
        key = (path, changed(path) if written is None else written)
        with self._lock:
            component = self._loaded.get(key)
        if component is None:
            if changed(path) != key[1]:
                raise BundleError(f"{path.parent}: {path.name} was replaced since it was checked")
            # Not under the lock: whoever draws meanwhile mustn't wait for a load.
            component = self._made(key, target, usual)
        with self._lock:
            self._loaded[key] = component
            self._loaded.move_to_end(key)
            while self._budget and self.bytes > self._budget and len(self._loaded) > 1:
                self._loaded.popitem(last=False)
        return component

    @property
    def threads(self) -> dict[str, int]:
        """What was measured: threads of each graph by its file's name."""
        return {path.name: found for (path, _), found in self._measured.items()}

    def _made(self, key: tuple[Path, int], target: str, usual: Mapping[str, int]) -> Component:
        def make(count: int) -> Component:
            return Component(key[0], count, target, self._settings, usual)

        count = self._measured.get(key, self._threads)
        if count == threads.MEASURED:
            self._measured[key], component = threads.fastest(make, threads.cores())
            log.info("%s: threads %d", key[0].name, self._measured[key])
        else:
            component = make(count)
            component.warm()
        return component

    def drop(self, folder: Path, written: Collection[int]) -> None:
        """Let go of a folder's graphs of other times than these: those of a bundle that was replaced."""
        with self._lock:
            for path, at in [
                key for key in self._loaded if key[0].parent == folder and key[1] not in written
            ]:
                del self._loaded[path, at]


def changed(path: Path) -> int:
    """When a file was written, or the weights beside it, in nanoseconds.

    Raises:
        BundleError: it can't be read.
    """
    try:
        return max(part.stat().st_mtime_ns for part in _files(path))
    except OSError as error:
        raise BundleError(f"{path.parent}: {path.name} can't be read ({error.strerror})") from error


def _files(path: Path) -> list[Path]:
    """A graph's file, and that of its weights if it has one."""
    beside = path.with_name(path.name + DATA_SUFFIX)
    return [path, beside] if beside.exists() else [path]


def providers(target: str) -> list[str]:
    """Where a bundle of this target runs here."""
    return [CUDA, CPU] if target == "cuda" and CUDA in ort.get_available_providers() and _driver() else [CPU]


@cache
def _driver() -> bool:
    """Whether there is a driver for CUDA: without one onnxruntime fills the terminal before it falls back."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def options(threads: int) -> ort.SessionOptions:
    """What a graph is run with when it serves."""
    _share_arena()
    made = ort.SessionOptions()
    made.intra_op_num_threads = threads
    made.inter_op_num_threads = 1
    # Spinning threads starve the api and the gateway on small machines, and lose time under contention.
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    made.add_session_config_entry("session.use_env_allocators", "1")
    made.log_severity_level = 3
    return made


@cache
def _share_arena() -> None:
    """One arena for all sessions of this process: what one graph doesn't need the next one takes."""
    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    # Chunks as large as asked for; doubling them would keep up to half of the memory for nothing.
    ort.create_and_register_allocator(place, ort.OrtArenaCfg({"arena_extend_strategy": 1}))


def fits(shape: Sequence[int | str], found: Sequence[int]) -> bool:
    """Whether an array's shape is what a graph takes; a name stands for any size."""
    return len(shape) == len(found) and all(
        isinstance(size, str) or size == there for size, there in zip(shape, found, strict=True)
    )


def _shape(path: Path, item: Any) -> tuple[list[int | str], type[Any]]:
    if item.type not in DTYPES or not all(isinstance(size, int | str) for size in item.shape):
        raise BundleError(
            f"{path.parent}: {path.name}: {item.name} is {item.type} {item.shape}, which nobody can tell"
        )
    return list(item.shape), DTYPES[item.type]

"""One ONNX graph in onnxruntime, its inputs and outputs bound to memory without copies."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model_server.engine.bundle import DATA_SUFFIX, BundleError
from model_server.engine.ort_options import providers, serving_options

Array = NDArray[Any]
Arrays = Mapping[str, Array]
# Number of threads -> session options.
MakeOptions = Callable[[int], ort.SessionOptions]
Shapes = tuple[tuple[int, ...], ...]

DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(float16)": np.float16}
# What a graph takes in memory for each byte of its file: weights are repacked for the processor's kernels,
# and those that are stored in 16 bits are widened.
LOADED_PER_FILE_BYTE = 2.0
# Shapes of one dynamic graph whose output memory is kept: riffle-tiny's twelve take 20 MB in the decoder.
SHAPES_KEPT = 16
# The size of a dynamic axis that has no example size.
DEFAULT_SIZE = 2
NO_SIZES: Mapping[str, int] = MappingProxyType({})


class OnnxGraph:
    """A loaded graph with fixed or dynamic axes. Not safe for several threads at the same time."""

    def __init__(
        self,
        path: Path,
        threads: int,
        target: str = "",
        make_options: MakeOptions | None = None,
        example_sizes: Mapping[str, int] = NO_SIZES,
    ) -> None:
        """Load it; `target` is the manifest's, `make_options` replaces `serving_options`.

        `example_sizes` are sizes of dynamic axes by name, for warming up.

        Raises:
            BundleError: onnxruntime can't run it, or it has an input of an unknown type.
        """
        try:
            self._session = ort.InferenceSession(
                path, (make_options or serving_options)(threads), providers=providers(target)
            )
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BundleError(f"{path.parent}: {path.name} can't be run: {first}") from error
        self.name = path.name
        self.bytes = int(sum(file.stat().st_size for file in graph_files(path)) * LOADED_PER_FILE_BYTE)
        self.inputs = {item.name: _signature(path, item) for item in self._session.get_inputs()}
        self.outputs = {item.name: _signature(path, item) for item in self._session.get_outputs()}
        self.dynamic = any(isinstance(size, str) for shape, _ in self.inputs.values() for size in shape)
        self._example_sizes = example_sizes
        self._binding = self._session.io_binding()
        # Memory for the outputs by the shapes of the inputs; the least recently used is dropped.
        self._output_memory: OrderedDict[Shapes, dict[str, Array]] = OrderedDict()

    def run(self, feeds: Arrays, out: Arrays | None = None) -> dict[str, Array]:
        """Compute the outputs from the inputs; feeds that the graph doesn't take are ignored.

        Nothing is copied: the graph reads the arrays it is given, and writes into those of `out`. An output
        that isn't in `out` goes into memory of this graph, which the next run overwrites.

        Raises:
            ValueError: an input has another shape.
        """
        given = {name: np.ascontiguousarray(feeds[name], dtype) for name, (_, dtype) in self.inputs.items()}
        for name, (shape, dtype) in self.inputs.items():
            found = given[name].shape
            if not fits(shape, found):
                raise ValueError(f"{self.name} takes {name} {shape}, not {list(found)}")
            self._binding.bind_input(name, "cpu", 0, dtype, found, given[name].ctypes.data)
        outputs = {**self._memory(given), **(out or {})}
        for name, (_, dtype) in self.outputs.items():
            self._binding.bind_output(name, "cpu", 0, dtype, outputs[name].shape, outputs[name].ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return {name: outputs[name] for name in self.outputs}

    def zeros(self) -> dict[str, Array]:
        """Inputs of zeros, dynamic axes at their example sizes."""
        return {name: np.zeros(self._sized(shape), dtype) for name, (shape, dtype) in self.inputs.items()}

    def warm(self) -> None:
        """Run once on zeros, so that the first job finds memory and kernels ready."""
        self.run(self.zeros())

    def _sized(self, shape: Sequence[int | str]) -> list[int]:
        sizes = self._example_sizes
        return [sizes.get(size, DEFAULT_SIZE) if isinstance(size, str) else size for size in shape]

    def _memory(self, given: Arrays) -> dict[str, Array]:
        """This graph's own memory for the outputs of inputs of these shapes."""
        key = tuple(array.shape for array in given.values()) if self.dynamic else ()
        found = self._output_memory.get(key)
        if found is None:
            if self.dynamic:
                # Only the graph itself knows the sizes of its outputs.
                names = list(self.outputs)
                arrays = self._session.run(names, dict(given))
                found = {name: np.empty_like(array) for name, array in zip(names, arrays, strict=True)}
            else:
                found = {name: np.empty(self._sized(s), dtype) for name, (s, dtype) in self.outputs.items()}
            self._output_memory[key] = found
            if len(self._output_memory) > SHAPES_KEPT:
                self._output_memory.popitem(last=False)
        self._output_memory.move_to_end(key)
        return found


def fits(shape: Sequence[int | str], found: Sequence[int]) -> bool:
    """Whether an array's shape is what a graph takes; a name stands for any size."""
    return len(shape) == len(found) and all(
        isinstance(size, str) or size == other for size, other in zip(shape, found, strict=True)
    )


def graph_files(path: Path) -> list[Path]:
    """A graph's file, and that of its weights if it has one."""
    data = path.with_name(path.name + DATA_SUFFIX)
    return [path, data] if data.exists() else [path]


def _signature(path: Path, item: Any) -> tuple[list[int | str], type[Any]]:
    """Shape (names for dynamic axes) and dtype of an input or output."""
    if item.type not in DTYPES or not all(isinstance(size, int | str) for size in item.shape):
        raise BundleError(
            f"{path.parent}: {path.name}: {item.name} is {item.type} {item.shape}, which isn't supported"
        )
    return list(item.shape), DTYPES[item.type]

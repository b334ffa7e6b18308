"""How onnxruntime runs a graph here: execution providers, session options, the shared memory arena."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import onnxruntime as ort

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


def providers(target: str) -> list[str]:
    """Execution providers on this machine for a bundle of this target, in order of preference."""
    has_cuda = CUDA in ort.get_available_providers() and _has_cuda_driver()
    return [CUDA, CPU] if target == "cuda" and has_cuda else [CPU]


def serving_options(threads: int) -> ort.SessionOptions:
    """Session options of a graph that serves requests."""
    _share_arena()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads starve the api and the gateway on small machines, and lose time under contention.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 3
    return options


@cache
def _has_cuda_driver() -> bool:
    """Whether there is a driver for CUDA: without one onnxruntime fills the terminal before it falls back."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


@cache
def _share_arena() -> None:
    """One arena for all sessions of this process: what one graph doesn't need the next one takes."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    # Chunks as large as asked for; doubling them would keep up to half of the memory for nothing.
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"arena_extend_strategy": 1}))

"""Run a command as on a processor with AVX2 alone, on one that has AVX-512 or VNNI.

    python -m bench.without_vnni bench.preview_cost --bundle BUNDLE ...

onnxruntime has no switch for what it computes with: it asks the processor. So the command gets a copy of it
whose questions (the instruction cpuid) are answered by bench/data/without_vnni.c, which leaves out AVX-512
and VNNI; torch is told by its own settings. Needs gcc and objdump. The bundle must be one for AVX2 (`riffle
export --target avx2`). What it costs is of this machine's cores and caches: a processor that really lacks
VNNI is older, and slower.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from export.command import one_line_errors
from export.errors import ExportError

HANDLER = Path(__file__).parent / "data" / "without_vnni.c"
CPUID, UNDEFINED = b"\x0f\xa2", b"\x0f\x0b"
TORCH = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def patched_runtime(folder: Path) -> int:
    """Write a copy of onnxruntime into `folder` that asks the handler; how many questions it asks.

    Raises:
        ExportError: it isn't built as expected.
        OSError, subprocess.CalledProcessError: it can't be copied, or read.
    """
    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise ExportError("without VNNI", "onnxruntime isn't installed")
    package = folder / "onnxruntime"
    shutil.copytree(Path(spec.origin).parent, package, symlinks=True)
    (library,) = package.glob("capi/onnxruntime_pybind11_state*.so")
    code = bytearray(library.read_bytes())
    places = questions(library)
    for place in places:
        if code[place : place + 2] != CPUID:
            raise ExportError("without VNNI", f"{library.name} is laid out in another way")
        code[place : place + 2] = UNDEFINED
    library.write_bytes(code)
    return len(places)


def questions(library: Path) -> list[int]:
    """Where in a file the instruction cpuid stands."""
    told = _said("objdump", "-h", "-j", ".text", str(library))
    text = re.search(r"\.text\s+\w+\s+(\w+)\s+\w+\s+(\w+)", told)
    if text is None:
        raise ExportError("without VNNI", f"{library.name} has no code")
    moved = int(text[1], 16) - int(text[2], 16)
    code = _said("objdump", "-d", "-j", ".text", "--no-show-raw-insn", str(library))
    return [int(place, 16) - moved for place in re.findall(r"^\s*(\w+):\s+cpuid", code, re.MULTILINE)]


def environment(folder: Path) -> dict[str, str]:
    """Of a process that computes with AVX2 alone: its runtime lies in `folder`, where the handler is built.

    Raises:
        OSError, subprocess.CalledProcessError: it can't be built.
    """
    handler = folder / "without_vnni.so"
    _said("gcc", "-O1", "-shared", "-fPIC", "-o", str(handler), str(HANDLER))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **TORCH, "LD_PRELOAD": str(handler), "PYTHONPATH": os.pathsep.join(paths)}


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@one_line_errors
def main() -> None:
    """Run the command, and end as it does."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="riffle-avx2-") as work:
        folder = Path(work)
        patched_runtime(folder)
        command = [sys.executable, "-m", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=environment(folder), check=False).returncode)


if __name__ == "__main__":
    main()

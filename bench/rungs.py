"""The rungs of bench.preview: each draws in a process of its own, with memory and CPU time of its own."""

from __future__ import annotations

import os

# Read when torch is imported; see model_server.app.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_server import encode
from schemas.videos import Recipe

Frames = NDArray[np.uint8]
KILOBYTE = 1024


class Rung(NamedTuple):
    """One way of drawing. `kind` is torch or engine; what else counts for it is set."""

    name: str
    kind: str
    folder: Path
    threads: int
    size: tuple[int, int]
    # Of torch: whose transformer, along which noise levels, with which guidance.
    student: bool = False
    sigmas: tuple[float, ...] = ()
    guidance: float = 1.0


class Wish(NamedTuple):
    """One clip to draw."""

    prompt: str
    seed: int
    frames: int
    fps: int


class Shot(NamedTuple):
    """One clip, from the prompt to the MP4, and what it took."""

    frames: Frames
    latents: NDArray[np.float32]
    wall_s: float
    cpu_s: float
    # Of it the denoising steps.
    denoise_s: float
    peak_bytes: int


def serve(rung: Rung, pipe: Connection) -> None:
    """A worker: loads its rung, says that it's ready, draws what it is asked for until it's told None."""
    draw = torch_rung(rung) if rung.kind == "torch" else engine_rung(rung)
    pipe.send("ready")
    while (wish := pipe.recv()) is not None:
        wall, cpu = time.perf_counter(), time.process_time()
        frames, latents, denoise = draw(wish)
        encode.media(frames, wish.fps)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        pipe.send(Shot(frames, latents, wall, cpu, denoise, peak_bytes()))


def peak_bytes() -> int:
    """The most memory that this process ever had. (getrusage counts what it was forked from, on Linux.)"""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * KILOBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


Draw = Callable[[Wish], tuple[Frames, NDArray[np.float32], float]]


def engine_rung(rung: Rung) -> Draw:
    """The serving engine with a bundle."""
    from model_server.preview import PreviewEngine

    engine = PreviewEngine(rung.folder, rung.threads)

    def draw(wish: Wish) -> tuple[Frames, NDArray[np.float32], float]:
        job = engine.begin(_recipe(wish, rung.size, engine.manifest.id))
        started = time.perf_counter()
        while job.done < job.steps:
            engine.step(job)
        denoise = time.perf_counter() - started
        return engine.decode(job), job.current, denoise

    return draw


def torch_rung(rung: Rung) -> Draw:
    """diffusers' own modules, driven by the full renderer, on noise whose block means are the preview's."""
    import torch
    from diffusers import LTXVideoTransformer3DModel

    from model_server import flow
    from model_server.render import FullRenderer, Part

    renderer = FullRenderer(rung.folder, rung.threads)
    renderer.card.full = Part(size=rung.size, sigmas=list(rung.sigmas), guidance=rung.guidance)
    if rung.student:
        student = LTXVideoTransformer3DModel.from_pretrained(rung.folder / "student" / "transformer")
        renderer._transformer = student.eval().requires_grad_(False).float()

    def draw(wish: Wish) -> tuple[Frames, NDArray[np.float32], float]:
        job = renderer.begin(_recipe(wish, rung.size, renderer.card.name))
        channels, frames, rows, columns = job.current.shape[1:]
        small = (1, channels, frames, *_preview_grid(rung, rows, columns))
        if small != tuple(job.current.shape):
            job.current = flow.refined(flow.noise(wish.seed, small), job.current)
        started = time.perf_counter()
        while job.done < job.steps:
            renderer.step(job)
        denoise = time.perf_counter() - started
        return renderer.decode(job), job.current.numpy(), denoise

    torch.manual_seed(0)
    return draw


def _preview_grid(rung: Rung, rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of this model's preview, whose size riffle.json says."""
    import msgspec

    card = msgspec.json.decode((rung.folder / "riffle.json").read_bytes())
    width, height = card["preview"]["size"]
    return rows * height // rung.size[1], columns * width // rung.size[0]


def _recipe(wish: Wish, size: tuple[int, int], model: str) -> Recipe:
    return Recipe(
        model=model,
        prompt=wish.prompt,
        width=size[0],
        height=size[1],
        frames=wish.frames,
        fps=wish.fps,
        seed=wish.seed,
    )

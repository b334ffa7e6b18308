"""The rungs of bench.preview: each draws in a process of its own, with memory and CPU time of its own."""

from __future__ import annotations

import os

# Read when torch is imported; see model_server.serve.app.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_server.media import encode
from schemas.model_folder import read_model_spec
from schemas.videos import Recipe

Frames = NDArray[np.uint8]
KILOBYTE = 1024
READY_WITHIN_S = 240.0
STAGES = ("text", "denoising", "decoding", "files")


class Rung(NamedTuple):
    """One way of drawing. `kind` is torch, plain (onnxruntime as it comes) or engine (as served)."""

    name: str
    kind: str
    folder: Path
    threads: int
    size: tuple[int, int]
    # Of torch: whose transformer, along which noise levels, with which guidance, and a tiny decoder's folder.
    student: bool = False
    sigmas: tuple[float, ...] = ()
    guidance: float = 1.0
    tiny: Path | None = None


class ClipRequest(NamedTuple):
    """One clip to draw."""

    prompt: str
    seed: int
    frames: int
    fps: int


class MeasuredClip(NamedTuple):
    """One clip, from the prompt to the MP4, and what it took."""

    frames: Frames
    latents: NDArray[np.float32]
    # Seconds of each of STAGES.
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    peak_bytes: int


class RungWorker:
    """A rung's process."""

    def __init__(self, rung: Rung) -> None:
        context = multiprocessing.get_context("spawn")
        self.rung = rung
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(rung, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> dict[str, int]:
        """Wait until it has loaded; the threads of its graphs, where they were measured.

        Raises:
            RuntimeError: it didn't.
        """
        try:
            if not self._pipe.poll(READY_WITHIN_S):
                raise EOFError
            found: dict[str, int] = self._pipe.recv()
        except EOFError as error:
            raise RuntimeError(f"the rung {self.rung.name!r} did not start: see above") from error
        return found

    def draw(self, request: ClipRequest) -> MeasuredClip:
        """One clip."""
        self._pipe.send(request)
        clip: MeasuredClip = self._pipe.recv()
        return clip

    def end(self) -> None:
        """Let it go."""
        self._pipe.send(None)
        self._process.join()


class Clock:
    """Wall and CPU seconds of each stage, in turn."""

    def __init__(self) -> None:
        self._wall, self._cpu = [time.perf_counter()], [time.process_time()]

    def lap(self) -> None:
        """A stage is over."""
        self._wall.append(time.perf_counter())
        self._cpu.append(time.process_time())

    def spent(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each stage."""
        return tuple(np.diff(self._wall).tolist()), tuple(np.diff(self._cpu).tolist())


Draw = Callable[[ClipRequest, Clock], tuple[Frames, NDArray[np.float32]]]


def serve(rung: Rung, pipe: Connection) -> None:
    """A worker: loads its rung, says that it's ready, draws what it is asked for until it receives None."""
    draw, found = torch_rung(rung) if rung.kind == "torch" else engine_rung(rung)
    pipe.send(found)
    while (request := pipe.recv()) is not None:
        clock = Clock()
        frames, latents = draw(request, clock)
        encode.media(frames, request.fps)
        clock.lap()
        pipe.send(MeasuredClip(frames, latents, *clock.spent(), peak_bytes()))


def peak_bytes() -> int:
    """The most memory that this process ever had. (getrusage counts what it was forked from, on Linux.)"""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * KILOBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def engine_rung(rung: Rung) -> tuple[Draw, dict[str, int]]:
    """The serving engine with a bundle; `plain` with the runtime's own settings."""
    from model_server.engine.preview import PreviewEngine
    from model_server.engine.session_cache import SessionCache

    cache = SessionCache(rung.threads, make_options=as_it_comes if rung.kind == "plain" else None)
    engine = PreviewEngine(rung.folder, rung.threads, cache=cache)

    def draw(request: ClipRequest, clock: Clock) -> tuple[Frames, NDArray[np.float32]]:
        times = engine.manifest.enlargement
        size = rung.size[0] * times, rung.size[1] * times
        job = engine.begin(_recipe(request, size, engine.manifest.id))
        clock.lap()
        while job.step_index < job.steps:
            engine.step(job)
        clock.lap()
        frames = engine.draw(job)
        clock.lap()
        return frames, job.latents

    return draw, cache.thread_counts


def as_it_comes(threads: int) -> Any:
    """onnxruntime's own settings: every session has threads that spin while they wait, and its own memory."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return options


def torch_rung(rung: Rung) -> tuple[Draw, dict[str, int]]:
    """diffusers' own modules, driven by the full renderer, on noise whose block means are the preview's."""
    import torch
    from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

    from model_server.engine import flow
    from model_server.engine.render import FullRenderer
    from model_server.engine.render_start import upsample_noise
    from schemas.model_folder import TierSpec

    renderer = FullRenderer(rung.folder, rung.threads)
    renderer.spec.full = TierSpec(size=rung.size, sigmas=list(rung.sigmas), guidance=rung.guidance)
    if rung.student:
        student = LTXVideoTransformer3DModel.from_pretrained(rung.folder / "student" / "transformer")
        renderer.teacher.transformer = student.eval().requires_grad_(False).float()
    if rung.tiny is not None:
        tiny = AutoencoderKLLTXVideo.from_pretrained(rung.tiny)
        renderer.teacher.vae.decoder = tiny.eval().requires_grad_(False).float().decoder

    def draw(request: ClipRequest, clock: Clock) -> tuple[Frames, NDArray[np.float32]]:
        job = renderer.begin(_recipe(request, rung.size, renderer.spec.name))
        channels, frames, rows, columns = job.latents.shape[1:]
        small = (1, channels, frames, *_preview_grid(rung, rows, columns))
        if small != tuple(job.latents.shape):
            job.latents = upsample_noise(
                torch.from_numpy(flow.initial_noise(request.seed, small)), job.latents
            )
        clock.lap()
        while job.step_index < job.steps:
            renderer.step(job)
        clock.lap()
        decoded = renderer.decode(job)
        clock.lap()
        return decoded, job.latents.numpy()

    torch.manual_seed(0)
    return draw, {}


def _preview_grid(rung: Rung, rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of this model's preview, whose size riffle.json says."""
    width, height = read_model_spec(rung.folder).preview.size
    return rows * height // rung.size[1], columns * width // rung.size[0]


def _recipe(request: ClipRequest, size: tuple[int, int], model: str) -> Recipe:
    return Recipe(
        model=model,
        prompt=request.prompt,
        width=size[0],
        height=size[1],
        frames=request.frames,
        fps=request.fps,
        seed=request.seed,
    )

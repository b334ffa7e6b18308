"""A model server in a process of its own, and a client that speaks its frames."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from schemas.videos import Recipe, Tier
from schemas.work import (
    MAX_WORK_FRAME_BYTES,
    Done,
    Fault,
    FromModels,
    Inputs,
    Render,
    Stopped,
    ToModels,
)
from settings import PROJECT, load, shared_secret
from tests import build

# Importing torch and loading the teacher on a busy machine.
READY_WITHIN_S = 120.0
PROMPT = "a cat hops on the beach at sunset"

_decoder = msgspec.msgpack.Decoder(FromModels)
Ended = Done | Stopped | Fault


def recipe(seed: int = 1, tier: Tier = Tier.PREVIEW, prompt: str = PROMPT, **changes: Any) -> Recipe:
    """A recipe at the size of its tier."""
    return build.recipe(prompt, seed, tier, **changes)


def render(
    job: str,
    made: Recipe,
    tier: Tier = Tier.PREVIEW,
    owner: str = "ann",
    attempt: int = 1,
    inputs: Inputs | None = None,
) -> Render:
    """A Render frame."""
    return Render(id=job, attempt=attempt, tier=tier, owner=owner, recipe=made, inputs=inputs or Inputs())


class Client:
    """One dispatcher's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, *frames: ToModels) -> None:
        """Send frames in order."""
        for frame in frames:
            await self.socket.send(msgspec.msgpack.encode(frame))

    async def next(self) -> FromModels:
        """The next frame."""
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        return _decoder.decode(data)

    async def until_ended(self, *jobs: str) -> list[FromModels]:
        """All frames up to the end of the last of these jobs."""
        frames: list[FromModels] = []
        left = set(jobs)
        while left:
            frame = await self.next()
            frames.append(frame)
            if isinstance(frame, Done | Stopped | Fault):
                left.discard(frame.job)
        return frames

    async def draw(self, *requests: Render) -> list[Done]:
        """Draw jobs; each must be Done."""
        await self.send(*requests)
        frames = await self.until_ended(*(request.id for request in requests))
        ends = {frame.job: frame for frame in frames if isinstance(frame, Done | Stopped | Fault)}
        done = [ends[request.id] for request in requests]
        assert all(isinstance(end, Done) for end in done), [end for end in done if isinstance(end, Fault)]
        return done  # type: ignore[return-value]


class Server:
    """`python -m model_server.serve.app` on a free port."""

    def __init__(self, home: Path, teacher: Path, bundle: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.log = home / f"models-{self.port}.log"
        env = {
            **os.environ,
            "RIFFLE_HOME": str(home),
            "RIFFLE_MODELS_PORT": str(self.port),
            "RIFFLE_TEACHER": str(teacher),
            "RIFFLE_BUNDLE": str(bundle),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_server.serve.app"], cwd=PROJECT, env=env, stdout=log, stderr=log
            )

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def wait(self, path: str = "/ready") -> None:
        """Wait until a path answers 200."""
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.get(path)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(self.log.read_text())

    def wait_until_loaded(self) -> None:
        """Wait until both engines are: it is ready before, as soon as previews can be drawn."""
        self.wait()
        while b'"loading"' in self.get("/health")[1]:
            time.sleep(0.1)

    def count(self, metric: str) -> float:
        """The value of one metric line, labels included."""
        lines = self.get("/metrics")[1].decode().splitlines()
        return sum(float(line.split(" ")[1]) for line in lines if line.split(" ")[0] == metric)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A fresh work socket."""
        url = f"ws://127.0.0.1:{self.port}/v1/work"
        headers = {"authorization": f"Bearer {shared_secret(load({'RIFFLE_HOME': str(self.home)}))}"}
        async with connect(
            url, max_size=MAX_WORK_FRAME_BYTES, compression=None, additional_headers=headers
        ) as opened:
            yield Client(opened)

    def stop(self) -> int:
        """End it as the supervisor does; its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=20)

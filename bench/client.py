"""A client of the running product: signs up, asks for videos and waits for them."""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

PROMPTS = (
    "a cat jumps on a beach at sunset",
    "a rocket floats up in space at night",
    "a penguin walks left in the snow by day",
    "a fox spins in a forest at night",
    "a car walks right in a city by day",
)
POLL_S = 0.05


class FinishedRequest(NamedTuple):
    """Wall seconds from the request to the end, CPU seconds of one video as the product reports them, and the
    first video.
    """

    wall_s: float
    cpu_s: float
    video: dict[str, Any]


class BenchClient:
    """A signed-up person."""

    def __init__(self, base: str) -> None:
        """Signs up.

        Raises:
            httpx.HTTPError: there's no product at `base`, or it refuses.
        """
        self._http = httpx.Client(base_url=base, timeout=60)
        body = {"handle": "b" + uuid4().hex[:12], "password": uuid4().hex}
        token = self._call("POST", "/v1/accounts", body)["session"]["access_token"]
        self._http.headers["authorization"] = f"Bearer {token}"

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def download(self, path: str) -> bytes:
        """The bytes at a path.

        Raises:
            httpx.HTTPError: it can't be had.
        """
        return self._http.get(path).raise_for_status().content

    def create(self, path: str, body: dict[str, Any]) -> FinishedRequest:
        """Ask and wait for every video of the answer.

        Raises:
            httpx.HTTPError: the product refuses.
            RuntimeError: a video did not complete.
        """
        started = time.monotonic()
        first = self._call("POST", path, body)
        videos = [first]
        while any(video["status"] in ("queued", "in_progress") for video in videos):
            time.sleep(POLL_S)
            videos = [self._call("GET", f"/v1/videos/{key}") for key in first["swarm"]["video_ids"]]
        if any(video["status"] != "completed" for video in videos):
            raise RuntimeError(f"not completed: {videos}")
        cpu = sum(video["cost"]["cpu_seconds"] for video in videos) / len(videos)
        return FinishedRequest(time.monotonic() - started, cpu, videos[0])

"""What does a preview cost against a render, as a client of the running product meets it?

    python -m bench.tier_cost [http://127.0.0.1:8000] [--rounds 5] [--out table.md]

Each round asks for a preview, a swarm of them, a render of the picked one and a full video from scratch, one
after the other, so that a slow moment falls on all. CPU seconds are what the product reports of its own work;
wall seconds are from the request to the end, as polled every 50 ms.
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

PROMPTS = (
    "a cat jumps on a beach at sunset",
    "a rocket floats up in space at night",
    "a penguin walks left in the snow by day",
    "a fox spins in a forest at night",
    "a car walks right in a city by day",
)
SWARM = 8
POLL_S = 0.05


class Made(NamedTuple):
    """One finished request."""

    wall_s: float
    cpu_s: float
    video: dict[str, Any]


class Client:
    """A signed-up person."""

    def __init__(self, base: str) -> None:
        self._base = base
        body = {"handle": "b" + uuid4().hex[:12], "password": uuid4().hex}
        self._token = self.call("POST", "/v1/accounts", body)["session"]["access_token"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One JSON call."""
        headers = {"content-type": "application/json"}
        if hasattr(self, "_token"):
            headers["authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def download(self, path: str) -> bytes:
        """The bytes at a path."""
        request = urllib.request.Request(
            self._base + path, headers={"authorization": f"Bearer {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return bytes(reply.read())

    def make(self, path: str, body: dict[str, Any]) -> Made:
        """Ask and wait for every video of the answer; CPU is the mean of one video.

        Raises:
            RuntimeError: one did not complete.
        """
        started = time.monotonic()
        first = self.call("POST", path, body)
        videos = [first]
        while any(video["status"] in ("queued", "in_progress") for video in videos):
            time.sleep(POLL_S)
            videos = [self.call("GET", f"/v1/videos/{key}") for key in first["swarm"]["video_ids"]]
        if any(video["status"] != "completed" for video in videos):
            raise RuntimeError(f"not completed: {videos}")
        cpu = sum(video["cost"]["cpu_seconds"] for video in videos) / len(videos)
        return Made(time.monotonic() - started, cpu, videos[0])


def measure(base: str, rounds: int) -> str:
    """The table, as Markdown."""
    client = Client(base)
    client.make("/v1/videos", {"prompt": PROMPTS[0]})
    ways: dict[str, list[Made]] = {
        "one preview": [],
        f"swarm of {SWARM}": [],
        "render of a preview": [],
        "full": [],
    }
    for number in range(rounds):
        wish = {"prompt": PROMPTS[number % len(PROMPTS)], "seed": number}
        one = client.make("/v1/videos", wish)
        ways["one preview"].append(one)
        ways[f"swarm of {SWARM}"].append(client.make("/v1/videos", {**wish, "n": SWARM}))
        ways["render of a preview"].append(client.make(f"/v1/videos/{one.video['id']}/render", {}))
        ways["full"].append(client.make("/v1/videos", {**wish, "tier": "full"}))
    base_cpu = median(made.cpu_s for made in ways["one preview"])
    lines = ["| | wall s | CPU s a video | x one preview | fidelity |", "|---|---|---|---|---|"]
    for way, made in ways.items():
        cpu = median(item.cpu_s for item in made)
        likeness = [item.video["fidelity"] for item in made if item.video["fidelity"] is not None]
        shown = f"{median(likeness):.2f}" if likeness else ""
        wall = median(item.wall_s for item in made)
        lines.append(f"| {way} | {wall:.2f} | {cpu:.2f} | {cpu / base_cpu:.1f} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    table = measure(args.base, args.rounds)
    print(f"medians of {args.rounds} rounds\n\n{table}")
    if args.out:
        args.out.write_text(table + "\n")


if __name__ == "__main__":
    main()

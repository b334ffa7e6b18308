"""What does a preview cost against a render, as a client of the running product meets it?

    python -m bench.tier_cost [http://127.0.0.1:8000] [--rounds 5] [--out table.md]

Each round asks for a preview, a swarm of them, a render of the picked one and a full video from scratch, one
after the other, so that a slow moment falls on all. CPU seconds are what the product reports of its own work;
wall seconds are from the request to the end, as polled every 50 ms. The processor is this machine's: the
product shall run on it. (`python -m bench.preview_cost` says where a preview's seconds go.)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import httpx

from bench.client import PROMPTS, BenchClient, FinishedRequest
from bench.processor_name import processor
from export.command import one_line_errors
from export.options import count

SWARM = 8


def measure(base: str, rounds: int) -> str:
    """The table, as Markdown."""
    client = BenchClient(base)
    client.create("/v1/videos", {"prompt": PROMPTS[0]})
    requests: dict[str, list[FinishedRequest]] = {
        "one preview": [],
        f"swarm of {SWARM}": [],
        "render of a preview": [],
        "full": [],
    }
    for number in range(rounds):
        body = {"prompt": PROMPTS[number % len(PROMPTS)], "seed": number}
        one = client.create("/v1/videos", body)
        requests["one preview"].append(one)
        requests[f"swarm of {SWARM}"].append(client.create("/v1/videos", {**body, "n": SWARM}))
        requests["render of a preview"].append(client.create(f"/v1/videos/{one.video['id']}/render", {}))
        requests["full"].append(client.create("/v1/videos", {**body, "tier": "full"}))
    base_cpu = median(made.cpu_s for made in requests["one preview"])
    lines = ["| | wall s | CPU s a video | x one preview | fidelity |", "|---|---|---|---|---|"]
    for name, made in requests.items():
        cpu = median(item.cpu_s for item in made)
        likeness = [item.video["fidelity"] for item in made if item.video["fidelity"] is not None]
        shown = f"{median(likeness):.2f}" if likeness else ""
        wall = median(item.wall_s for item in made)
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / base_cpu:.1f} | {shown} |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.tier_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--rounds", type=count, default=5)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    try:
        table = measure(args.base, args.rounds)
    except httpx.HTTPError as error:
        sys.exit(f"{args.base} can't be measured: {error}")
    print(f"medians of {args.rounds} rounds; {processor()}\n\n{table}")
    if args.out:
        args.out.write_text(table + "\n")


if __name__ == "__main__":
    main()

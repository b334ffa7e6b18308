"""What do content credentials and the fingerprint add to a preview?

    python -m bench.signing_cost [http://127.0.0.1:8000] [--rounds 20]

Previews are drawn by a running product; each is then signed again here, with a key of its own and two parents
in its manifest, and its fingerprint is computed. Shares are of the CPU-seconds that the product reports for
drawing the preview. The target is at most 10 % for signing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx

from bench.client import PROMPTS, BenchClient
from export.command import one_line_errors
from export.options import count
from media import fingerprint
from media.credentials import credentials
from media.provenance import Claims, Signer, active_manifest


def measure(base: str, rounds: int) -> str:
    """The table, as Markdown; milliseconds of a core.

    Raises:
        RuntimeError: the reader does not trust what was signed.
    """
    client = BenchClient(base)
    client.create("/v1/videos", {"prompt": PROMPTS[0]})
    drawing, signing, fingerprinting = [], [], []
    with tempfile.TemporaryDirectory() as home:
        made = credentials(Path(home))
        signer = Signer(made)
        for number in range(rounds):
            preview = client.create("/v1/videos", {"prompt": PROMPTS[number % len(PROMPTS)], "seed": number})
            clip = client.download(preview.video["links"]["content"])
            drawing.append(preview.cpu_s)
            claims = Claims(video_id=preview.video["id"], model=preview.video["model"], parents=["a", "b"])
            started = time.process_time()
            signed = signer.sign(clip, claims)
            signing.append(time.process_time() - started)
            started = time.process_time()
            fingerprint.fingerprint_of(clip)
            fingerprinting.append(time.process_time() - started)
            judged = active_manifest(signed, made.authority)
            if judged is None or judged.state != "Trusted":
                raise RuntimeError(f"the reader says {judged}")
    base_s = median(drawing)
    lines = ["| | CPU ms | share of a preview |", "|---|---|---|"]
    for name, found in (
        ("drawing a preview", drawing),
        ("signing it", signing),
        ("its fingerprint", fingerprinting),
    ):
        cost = median(found)
        lines.append(f"| {name} | {1000 * cost:.1f} | {100 * cost / base_s:.1f} % |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.signing_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--rounds", type=count, default=20)
    args = parser.parse_args()
    try:
        print(measure(args.base, args.rounds))
    except httpx.HTTPError as error:
        sys.exit(f"{args.base} can't be measured: {error}")


if __name__ == "__main__":
    main()

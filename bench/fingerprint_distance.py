"""How far apart are copies of a clip, and how far apart are different clips, by perceptual hash?

    python -m bench.fingerprint_distance [--clips 60]

Clips are drawn by the world that the embedded model was trained on. Each is encoded as the product does, then
copied: encoded again at two poorer qualities, halved, enlarged by half. Different clips are all
pairs of originals; `same words` are pairs that were drawn from one caption with another seed.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random

import av
import numpy as np

from export.command import one_line_errors
from export.options import count
from media import fingerprint
from model_server.media import encode
from train.world.clips import FPS, draw
from train.world.scenes import random_scene


def copied(video: bytes, *, crf: int, scale: float = 1.0) -> bytes:
    """A copy as a re-upload would be: decoded, scaled, encoded again."""
    out = io.BytesIO()
    with av.open(io.BytesIO(video), "r") as source, av.open(out, "w", format="mp4") as target:
        given = source.streams.video[0]
        made = target.add_stream("libx264", rate=given.average_rate, options={"crf": str(crf)})
        made.width, made.height = (round(side * scale) // 2 * 2 for side in (given.width, given.height))
        made.pix_fmt = "yuv420p"
        for frame in source.decode(given):
            target.mux(made.encode(frame.reformat(width=made.width, height=made.height)))
        target.mux(made.encode())
    return out.getvalue()


# Name -> constant rate factor of x264, and scale of the picture's sides.
COPIES: dict[str, tuple[int, float]] = {
    "crf 28": (28, 1.0),
    "crf 36": (36, 1.0),
    "half size": (23, 0.5),
    "1.5 times the size": (23, 1.5),
}


def measure(clips: int) -> str:
    """The table of distances in bits of 256, as Markdown: median, 95 % and the worst for its purpose."""
    rng = random.Random(7)
    scenes = [random_scene(rng) for _ in range(clips)]
    videos = [encode.mp4(draw(scene, seed).frames, FPS) for seed, scene in enumerate(scenes)]
    prints = [fingerprint.fingerprint_of(video) for video in videos]
    rows: dict[str, list[int]] = {}
    for name, (crf, scale) in COPIES.items():
        rows[name] = [
            fingerprint.distance(of, copy)
            for video, of in zip(videos, prints, strict=True)
            if of and (copy := fingerprint.fingerprint_of(copied(video, crf=crf, scale=scale)))
        ]
    rows["other seed, same words"] = [
        fingerprint.distance(of, other)
        for seed, (scene, of) in enumerate(zip(scenes, prints, strict=True))
        if of and (other := fingerprint.fingerprint_of(encode.mp4(draw(scene, 1000 + seed).frames, FPS)))
    ]
    rows["other clips"] = [
        fingerprint.distance(a, b) for a, b in itertools.combinations(prints, 2) if a and b
    ]
    lines = ["| | pairs | least | 5 % | median | 95 % | most |", "|---|---|---|---|---|---|---|"]
    for name, found in rows.items():
        five, middle, most = (round(float(np.quantile(found, share))) for share in (0.05, 0.5, 0.95))
        lines.append(f"| {name} | {len(found)} | {min(found)} | {five} | {middle} | {most} | {max(found)} |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fingerprint_distance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=count, default=60)
    print(measure(parser.parse_args().clips))


if __name__ == "__main__":
    main()

"""Would an imperceptible mark survive? blind-watermark, which needs no weights, on the product's clips.

    pip install --target DIR --no-deps blind-watermark==0.4.4 opencv-python-headless
    PYTHONPATH=DIR python -m bench.invisible_mark [--clips 6]

64 bits go into each frame; clips are encoded as the product does, then copied (bench.fingerprint_distance).
Half of the bits come out right by chance. Riffle does not use it: docs/reference/safety.md says why.
"""

from __future__ import annotations

import argparse
import importlib
import io
import random
import time
from statistics import median
from typing import Any

import av
import numpy as np

from bench.fingerprint_distance import copied
from export.command import one_line_errors
from export.options import count
from media.h264 import CRF
from model_server.media import encode
from train.world.clips import FPS, draw
from train.world.scenes import random_scene

BITS = [bool(random.Random(1).getrandbits(64) >> place & 1) for place in range(64)]
FRAMES = 4
COPIES: dict[str, dict[str, Any]] = {
    "crf 18 (as made)": {},
    "then crf 28": {"crf": 28},
    "then crf 36": {"crf": 36},
    "then half size": {"crf": 18, "scale": 0.5},
}


def measure(clips: int) -> str:
    """The table, as Markdown."""
    try:
        marks: Any = importlib.import_module("blind_watermark")
    except ImportError as missing:
        raise SystemExit(f"{missing}: python -m bench.invisible_mark --help says what to install") from None
    marks.bw_notes.close()
    rng, took, right = random.Random(3), [], {name: [] for name in COPIES}  # type: ignore[var-annotated]
    for seed in range(clips):
        marked = []
        for frame in _frames(encode.mp4(draw(random_scene(rng), seed).frames[:FRAMES], FPS)):
            started = time.process_time()
            mark = marks.WaterMark(password_img=1, password_wm=1)
            mark.read_img(img=frame)
            mark.read_wm(BITS, mode="bit")
            marked.append(np.clip(mark.embed(), 0, 255).astype(np.uint8))
            took.append(time.process_time() - started)
        clip = _mp4(marked)
        height, width = marked[0].shape[:2]
        for name, how in COPIES.items():
            for frame in _frames(copied(clip, **how) if how else clip, width, height):
                reader = marks.WaterMark(password_img=1, password_wm=1)
                found = np.array(reader.extract(embed_img=frame, wm_shape=64, mode="bit")) > 0.5
                right[name].append(float(np.mean(found == np.array(BITS))))
    lines = [f"{1000 * median(took):.0f} ms a frame\n", "| | bits right | frames whole |", "|---|---|---|"]
    for name, shares in right.items():
        lines.append(f"| {name} | {np.mean(shares):.2f} | {np.mean(np.array(shares) == 1):.2f} |")
    return "\n".join(lines)


def _frames(video: bytes, width: int | None = None, height: int | None = None) -> list[Any]:
    with av.open(io.BytesIO(video), "r") as container:
        decoded = container.decode(video=0)
        return [frame.reformat(width=width, height=height).to_ndarray(format="bgr24") for frame in decoded]


def _mp4(frames: list[Any]) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(CRF)})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode())
    return out.getvalue()


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.invisible_mark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=count, default=6)
    print(measure(parser.parse_args().clips))


if __name__ == "__main__":
    main()

"""Runs a bundle's refiner: copies a reference picture's own detail onto its subject in a generated clip."""

from __future__ import annotations

from collections.abc import Sequence

from model_server.engine.onnx_graph import OnnxGraph
from model_server.engine.pixels import Frames, frames_from_unit, unit_from_frames
from model_server.engine.resize import Size, crop_to_fill, fit_inside


def run_refiner(
    refiner: OnnxGraph, frames: Frames, reference: Frames, preview_sizes: Sequence[Size]
) -> Frames:
    """Frames uint8 [F, H, W, 3] refined by a picture uint8 [1, h, w, 3].

    The subject is located in frames of the preview size (width, height) whose aspect ratio is nearest.
    """
    height, width = frames.shape[1:3]
    small = min(preview_sizes, key=lambda size: abs(size[0] / size[1] - width / height))
    short_side = min(height, width)
    feeds = {
        "reference": unit_from_frames(fit_inside(reference, (short_side, short_side))),
        "frames": unit_from_frames(frames),
        "small": unit_from_frames(frames if small == (width, height) else crop_to_fill(frames, small)),
    }
    return frames_from_unit(refiner.run(feeds)["refined"])

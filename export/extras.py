"""Parts of a model folder beside those of its pipeline: what refines, and what enlarges."""

from __future__ import annotations

from pathlib import Path

from export.errors import ExportError, first_line
from export.refiner import Refiner, load_refiner
from export.upsampling_decoder import (
    SPATIAL_RATIO,
    TEMPORAL_RATIO,
    UpsamplingDecoder,
    load_upsampling_decoder,
)

REFINER_FOLDER = "refiner"
UPSAMPLING_DECODER_FOLDER = "upsampling_decoder"


def refiner_of(folder: Path) -> Refiner | None:
    """The refiner of a model folder, if it has one.

    Raises:
        ExportError: it can't be loaded.
    """
    if not (folder / REFINER_FOLDER).is_dir():
        return None
    try:
        return load_refiner(folder / REFINER_FOLDER)
    except Exception as error:
        # Safetensors and torch raise several kinds on damaged weights.
        raise ExportError("load", f"refiner can't be loaded: {first_line(error)}") from error


def upsampling_decoder_of(folder: Path, channels: int, time: int, space: int) -> UpsamplingDecoder | None:
    """The upsampling decoder of a model folder, if it has one.

    `channels` are of the model's latents; `time` and `space` the frames and pixels of one.

    Raises:
        ExportError: it can't be loaded, or is another model's.
    """
    if not (folder / UPSAMPLING_DECODER_FOLDER).is_dir():
        return None
    try:
        decoder = load_upsampling_decoder(folder / UPSAMPLING_DECODER_FOLDER)
    except Exception as error:
        raise ExportError("load", f"upsampling_decoder can't be loaded: {first_line(error)}") from error
    own = (len(decoder.mean), TEMPORAL_RATIO, SPATIAL_RATIO)
    if own != (channels, time, space):
        raise ExportError(
            "load",
            f"upsampling_decoder takes {own[0]} latent channels of {own[1]} frames and {own[2]} pixels,"
            f" the model has {channels} of {time} and {space}",
        )
    return decoder

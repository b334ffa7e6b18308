"""How near to torch each part must be, in dB of signal to noise on the same inputs."""

from __future__ import annotations

from math import hypot, log10

# The parts that denoise: from words alone, and shown pictures too.
DENOISERS = ("transformer", "conditioned_transformer")

# Float32 graphs differ from torch by rounding alone (110 dB and more measured). In float16 a weight has 11
# bits, 66 dB, and sums lose some. int8 leaves 7 bits on AVX2, 4 bits leave 20 dB a layer. The text encoder is
# stored in 16 bits in all but float32 bundles, and so are the encoder of conditions, refiner and matte.
# `preview` is the final latents after all steps, `video` the decoded frames (peak signal to noise of 8 bits).
GATES = {
    "fp32": {
        "text": 80.0,
        "transformer": 80.0,
        "conditioned_transformer": 80.0,
        "decoder": 80.0,
        "picture": 80.0,
        "upsampling_decoder": 80.0,
        "encoder": 80.0,
        "refiner": 80.0,
        "matte": 80.0,
        "preview": 60.0,
        "video": 45.0,
    },
    "fp16": {
        "text": 50.0,
        "transformer": 35.0,
        "conditioned_transformer": 35.0,
        "decoder": 35.0,
        "picture": 35.0,
        "upsampling_decoder": 35.0,
        "encoder": 45.0,
        "refiner": 45.0,
        "matte": 45.0,
        "preview": 25.0,
        "video": 40.0,
    },
    "int8": {
        "text": 50.0,
        "transformer": 28.0,
        "conditioned_transformer": 28.0,
        "decoder": 28.0,
        "picture": 28.0,
        "upsampling_decoder": 28.0,
        "encoder": 45.0,
        "refiner": 45.0,
        "matte": 45.0,
        "preview": 20.0,
        "video": 30.0,
    },
    "int4": {
        "text": 50.0,
        "transformer": 16.0,
        "conditioned_transformer": 16.0,
        "decoder": 28.0,
        "picture": 28.0,
        "upsampling_decoder": 28.0,
        "encoder": 45.0,
        "refiner": 45.0,
        "matte": 45.0,
        "preview": 10.0,
        "video": 30.0,
    },
}


def goal(kind: str, precision: str, guidance: float) -> float:
    """What layers are kept for: the gate, and above it what guidance multiplies the denoiser's noise by.

    v = plain + g (conditioned - plain): the noise of both passes counts g and g - 1 times.
    """
    base = GATES[precision][kind]
    return base + (20 * log10(hypot(guidance, guidance - 1)) if kind in DENOISERS and guidance > 1 else 0.0)

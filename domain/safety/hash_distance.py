"""When two perceptual hashes are of the same video, and how they are cut so that an index finds them."""

from __future__ import annotations

# `python -m bench.fingerprint_distance`: copies that were encoded again or scaled differ in at most 6 of 256
# bits, other seeds of the same words in at least 20.
NEAR_BITS = 12
# 16 bands of 16 bits: two hashes that differ in fewer than 16 bits share a band whole, so an index on bands
# finds every one within NEAR_BITS.
BANDS = 16
BAND_BITS = 16


def bands(bits: str) -> list[int]:
    """The bands of a hash of 256 bits (text of 0 and 1), each marked by its place."""
    return [
        (place << BAND_BITS) | int(bits[place * BAND_BITS : (place + 1) * BAND_BITS], 2)
        for place in range(BANDS)
    ]

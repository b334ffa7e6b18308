"""Latents as they travel: an npz of float16 arrays [1, C, F, H, W] in the model's normalised space."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Float16 latents of a five-second full video are about 0.1 MB; this only stops a bomb.
MAX_ARRAY_BYTES = 8 * 1024 * 1024
# What the engine drew, on its own grid.
NATIVE = "latents"
# The same video on the preview's grid, so that videos of both tiers can be compared and remixed. Encoded from
# its shrunk frames: averaged native latents lie elsewhere in the space (closeness 0.5 instead of 0.998).
SMALL = "small"
# Of a composed clip, whose latents are the scene's: where its actors are, as engine.staging writes it.
LAYOUT = "layout"
# Three actors of five seconds are 12 KB.
MAX_LAYOUT_BYTES = 256 * 1024

Latents = NDArray[np.float32]


def pack(
    latents: NDArray[np.floating], small: NDArray[np.floating] | None = None, layout: bytes | None = None
) -> bytes:
    """Latents [1, C, F, H, W] as bytes; `small` is the same video on the preview's grid.

    `layout` says where the actors of a composed clip are.
    """
    arrays = {NATIVE: latents} if small is None else {NATIVE: latents, SMALL: small}
    saved: dict[str, NDArray[Any]] = {name: array.astype(np.float16) for name, array in arrays.items()}
    if layout is not None:
        saved[LAYOUT] = np.frombuffer(layout, dtype=np.uint8)
    out = BytesIO()
    np.savez(out, allow_pickle=False, **saved)
    return out.getvalue()


def unpack(data: bytes) -> dict[str, Latents]:
    """The latents of `pack`, as float32.

    Raises:
        ValueError: these bytes are no latents; the text says what is wrong.
    """
    arrays = _read(data)
    arrays.pop(LAYOUT, None)
    if NATIVE not in arrays:
        raise ValueError(f"latents hold no array named {NATIVE!r}")
    for name, array in arrays.items():
        # A member without an array's header comes back as plain bytes.
        array = np.asarray(array)
        if array.dtype != np.float16 or array.ndim != 5 or array.shape[0] != 1 or 0 in array.shape:
            raise ValueError(f"{name} must be float16 [1, C, F, H, W], not {array.dtype} {list(array.shape)}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def layout(data: bytes) -> bytes | None:
    """The layout of a composed clip; None of any other.

    Raises:
        ValueError: these bytes are no latents.
    """
    found = _read(data).get(LAYOUT)
    if found is None:
        return None
    found = np.asarray(found)
    if found.dtype != np.uint8 or found.ndim != 1 or found.size > MAX_LAYOUT_BYTES:
        raise ValueError(f"{LAYOUT} must be up to {MAX_LAYOUT_BYTES} bytes")
    return found.tobytes()


def _read(data: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
        known = {f"{name}.npy" for name in (NATIVE, SMALL, LAYOUT)}
        wrong = [item.filename for item in members if item.filename not in known]
        if wrong or len({item.filename for item in members}) != len(members):
            raise ValueError(f"latents hold unexpected arrays: {wrong}")
        if any(item.file_size > MAX_ARRAY_BYTES for item in members):
            raise ValueError(f"latents are larger than {MAX_ARRAY_BYTES} bytes")
        with np.load(BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError:
        raise
    except Exception as error:
        # Damaged archives make zipfile, zlib and numpy raise almost anything.
        raise ValueError("latents are no npz") from error


def small(data: bytes) -> Latents:
    """The latents on the preview's grid where they are there, else the native ones.

    Raises:
        ValueError: as `unpack`.
    """
    arrays = unpack(data)
    return arrays.get(SMALL, arrays[NATIVE])

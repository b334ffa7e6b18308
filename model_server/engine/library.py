"""The library of pictures that comes with a model: subjects by name and by meaning, and their pictures."""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open

from schemas.library import LIBRARY_VERSION, PICTURE_SIDE, LibraryIndex, LibrarySubject

# The words of a library, unpacked: forty times as many as today's.
MAX_INDEX_BYTES = 32_000_000
# Decoded pictures that are kept: 256 kB each.
PICTURES_KEPT = 64


class LibraryError(ValueError):
    """A file that is no library; the text is one line that names it."""


class Library:
    """One library, open. Safe for several threads."""

    def __init__(
        self,
        index: LibraryIndex,
        blobs: dict[str, bytes],
        vectors: NDArray[np.float32],
        owners: NDArray[np.int32],
    ) -> None:
        """`vectors` [n, C] of unit length are of texts about the subjects at the places `owners` [n]."""
        self.index = index
        self._blobs = blobs
        self._vectors = vectors
        self._owners = owners
        self._by_id = {subject.id: subject for subject in index.subjects}
        # Another tone of skin is laid over the picture of its subject.
        self._bases = {
            picture: subject.id for subject in index.subjects for picture in subject.tones.values()
        }
        self._starts = np.searchsorted(owners, np.arange(len(index.subjects)))
        self._with_vectors = np.unique(owners)
        self.picture = lru_cache(PICTURES_KEPT)(self._picture)

    @classmethod
    def load(cls, path: Path) -> Library:
        """The library in a file.

        Raises:
            LibraryError: it is none, or one of another version.
        """
        try:
            with safe_open(path, "np") as file:
                written = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            index = msgspec.json.decode(_unpacked(tensors["index"]), type=LibraryIndex)
            ids = msgspec.json.decode(written["pictures"], type=list[str])
            data, ends = tensors["pictures"].tobytes(), tensors["ends"].tolist()
            vectors = tensors["vectors"].astype(np.float32) * tensors["scales"].astype(np.float32)[:, None]
            owners = tensors["owners"].astype(np.int32)
        except (OSError, SafetensorError, KeyError, zlib.error, msgspec.MsgspecError) as error:
            raise LibraryError(f"{path} is no library of pictures: {error}") from error
        if index.version != LIBRARY_VERSION:
            raise LibraryError(f"{path}: version {index.version} can't be read, this reads {LIBRARY_VERSION}")
        known = {*ids}
        wanted = {picture for each in index.subjects for picture in (each.id, *each.tones.values())}
        sound = len(ids) == len(ends) and bool(ends) and ends[-1] == len(data) and len(owners) == len(vectors)
        if not sound or wanted - known or (len(owners) and int(owners.max()) >= len(index.subjects)):
            raise LibraryError(f"{path} is damaged: its pictures or vectors don't belong to its names")
        starts = [0, *ends[:-1]]
        blobs = {name: data[start:end] for name, start, end in zip(ids, starts, ends, strict=True)}
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return cls(index, blobs, vectors, owners)

    def subject(self, picture: str) -> LibrarySubject:
        """The subject of a picture.

        Raises:
            KeyError: there is no such picture.
        """
        return self._by_id[self._bases.get(picture, picture)]

    @property
    def names(self) -> dict[str, str]:
        """The name of every subject by its id."""
        return {subject.id: subject.name for subject in self.index.subjects}

    def search(self, vector: NDArray[np.floating], limit: int) -> list[tuple[str, float]]:
        """The ids of the subjects nearest in meaning to a vector of unit length, and their cosines."""
        best = np.maximum.reduceat(
            self._vectors @ vector.astype(np.float32), self._starts[self._with_vectors]
        )
        order = np.argsort(-best, kind="stable")[:limit]
        subjects = self.index.subjects
        return [(subjects[self._with_vectors[place]].id, float(best[place])) for place in order]

    def _picture(self, picture: str) -> NDArray[np.uint8]:
        """uint8 [256, 256, 4], not to be written to.

        Raises:
            KeyError: there is no such picture.
        """
        base = self._bases.get(picture)
        image = Image.open(io.BytesIO(self._blobs[base or picture])).convert("RGBA")
        if base is not None:
            patch = np.array(Image.open(io.BytesIO(self._blobs[picture])).convert("RGBA"))
            below = np.array(image)
            opaque = patch[..., 3:] > 0
            image = Image.fromarray(np.where(opaque, patch, below))
        if image.size != (PICTURE_SIDE, PICTURE_SIDE):
            image = image.resize((PICTURE_SIDE, PICTURE_SIDE))
        pixels = np.array(image)
        pixels.flags.writeable = False
        return pixels


def _unpacked(packed: NDArray[np.uint8]) -> bytes:
    reader = zlib.decompressobj()
    data = reader.decompress(packed.tobytes(), MAX_INDEX_BYTES)
    if not reader.eof:
        raise zlib.error(f"its names have more than {MAX_INDEX_BYTES} bytes")
    return data

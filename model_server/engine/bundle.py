"""Opens a bundle: a folder whose files are exactly those that its manifest was written for."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from math import isfinite, prod
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath

import msgspec

from schemas.bundle import (
    CONDITIONS,
    MANIFEST_VERSION,
    PRECISIONS,
    TARGETS,
    Bucket,
    BundleFile,
    Manifest,
    Schedule,
)

MANIFEST = "manifest.json"
# Weights that are too many for a graph's file lie beside it, in a file of its name and this.
DATA_SUFFIX = ".data"
# How a graph's file names the file of a weight: the protobuf entry `location` of an external tensor.
LOCATION = b"\n\x08location\x12"
GRAPH_SUFFIX = ".onnx"
FAMILIES = ("ltx", "wan")
CHUNK_BYTES = 1 << 20
# Numbers of a clip's latents and pixels of its frames: a minute of 1280x720 at 30 a second, and its latents
# at a fourth of its sides with 16 channels, would fit.
MAX_PIXELS = 2_000_000_000
MAX_LATENT = 2_000_000_000
MAX_ENLARGEMENT = 4


class BundleError(ValueError):
    """A bundle that can't be used; the text is one line that names the file and its fault."""


class _Header(msgspec.Struct, kw_only=True):
    """What every version of the manifest has."""

    version: int
    family: str = ""


def load_manifest(folder: Path) -> Manifest:
    """The manifest, after every file that it lists has its size and digest.

    Raises:
        BundleError: there is no manifest, this version can't read it, or a file is missing or changed.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder} is no bundle: {MANIFEST} can't be read ({error.strerror})") from error
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.version != MANIFEST_VERSION:
            raise BundleError(
                f"{folder}: manifest version {header.version} can't be read, this reads {MANIFEST_VERSION}"
            )
        if header.family not in FAMILIES:
            raise BundleError(
                f"{folder}: model family {header.family!r} is not known, only {', '.join(FAMILIES)}"
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder}: {MANIFEST} is damaged: {error}") from error
    for file in manifest.files:
        _check_file(folder, file)
    for file in manifest.files:
        _check_weights(folder, file, manifest)
    _check_names(folder, manifest)
    fault = _inconsistency(manifest)
    if fault:
        raise BundleError(f"{folder}: {MANIFEST} makes no sense: {fault}")
    return manifest


def find_bucket(manifest: Manifest, width: int, height: int, frames: int) -> Bucket:
    """The traced shape of what people see in a size in pixels and a number of frames.

    Raises:
        ValueError: the bundle has none.
    """
    times = manifest.enlargement
    for bucket in manifest.buckets:
        if (bucket.width * times, bucket.height * times, bucket.frames) == (width, height, frames):
            return bucket
    known = ", ".join(
        f"{item.width * times}x{item.height * times}x{item.frames}" for item in manifest.buckets
    )
    raise ValueError(f"this model draws {known}, not {width}x{height}x{frames}")


def describe(folder: Path, path: Path) -> BundleFile:
    """A manifest's entry for a file inside the bundle's folder."""
    return BundleFile(
        path=path.relative_to(folder).as_posix(), sha256=_sha256(path), bytes=path.stat().st_size
    )


def _check_file(folder: Path, file: BundleFile) -> None:
    inside = PurePosixPath(file.path)
    if inside.is_absolute() or ".." in inside.parts:
        raise BundleError(f"{folder}: {MANIFEST} names a file outside the bundle: {file.path!r}")
    path = folder / inside
    try:
        size = path.stat().st_size
        if size != file.bytes:
            raise BundleError(f"{folder}: {file.path} has {size} bytes instead of {file.bytes}")
        if _sha256(path) != file.sha256:
            raise BundleError(f"{folder}: {file.path} is damaged: its SHA-256 differs from the manifest's")
    except OSError as error:
        raise BundleError(f"{folder}: {file.path} can't be read ({error.strerror})") from error


def _check_weights(folder: Path, file: BundleFile, manifest: Manifest) -> None:
    """A graph may read weights from itself and from its own data file, which was checked, and no other."""
    if not file.path.endswith(GRAPH_SUFFIX) or not file.bytes:
        return
    own = PurePosixPath(file.path).name + DATA_SUFFIX
    listed = f"{file.path}{DATA_SUFFIX}" in {each.path for each in manifest.files}
    with (folder / file.path).open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        offset = data.find(LOCATION)
        while offset >= 0:
            start = offset + len(LOCATION) + 1
            name = data[start : start + data[start - 1]].decode(errors="replace")
            if name != own or not listed:
                raise BundleError(
                    f"{folder}: {file.path} takes weights from {name!r}, which {MANIFEST} doesn't list"
                )
            offset = data.find(LOCATION, start)


def _check_names(folder: Path, manifest: Manifest) -> None:
    listed = {file.path for file in manifest.files}
    parts = [part for item in manifest.buckets for part in (item.transformer, item.decoder, item.picture)]
    parts += [
        part for item in manifest.buckets for part in (item.encoder, item.conditioned_transformer) if part
    ]
    optional = (manifest.refiner, manifest.matte, manifest.upsampling_decoder, manifest.library)
    parts += [name for name in optional if name]
    for name in (manifest.text_encoder, manifest.tokenizer, *parts):
        if name not in listed:
            raise BundleError(f"{folder}: {MANIFEST} doesn't list {name}, which it refers to")
    if not manifest.buckets:
        raise BundleError(f"{folder}: {MANIFEST} has no bucket")


def _inconsistency(manifest: Manifest) -> str | None:
    """What in a manifest that can be read would fail or mislead while drawing; None if nothing would."""
    if manifest.precision not in PRECISIONS or manifest.target not in TARGETS:
        return f"precision {manifest.precision!r} for target {manifest.target!r} is not known"
    if min(manifest.fps, manifest.prompt_tokens, manifest.latent_channels) < 1:
        return "fps, prompt_tokens and latent_channels must be 1 or more"
    if not isfinite(manifest.guidance) or manifest.guidance < 0:
        return f"guidance is {manifest.guidance}"
    if not set(manifest.conditions) <= set(CONDITIONS):
        return f"conditions {manifest.conditions} are not known, only {', '.join(CONDITIONS)}"
    if not 1 <= manifest.enlargement <= MAX_ENLARGEMENT:
        return f"enlargement is {manifest.enlargement}"
    if (manifest.enlargement > 1) != bool(manifest.upsampling_decoder):
        return "what enlarges is its upsampling decoder, and that alone"
    for item in manifest.buckets:
        name = f"{item.width}x{item.height}x{item.frames}"
        grid = (item.latent_frames, item.latent_height, item.latent_width)
        if min(item.width, item.height, item.frames, *grid) < 1:
            return f"{name} has no size"
        if manifest.conditions and not (item.conditioned_transformer and item.encoder):
            return f"{name} lacks the graphs that its conditions need"
        if (
            manifest.latent_channels * prod(grid) > MAX_LATENT
            or item.width * item.height * manifest.enlargement**2 * item.frames > MAX_PIXELS
        ):
            return f"{name} is larger than anything that is drawn"
        given = item.schedule or Schedule(sigmas=manifest.sigmas, timesteps=manifest.sigmas[:-1])
        steps, levels = len(given.timesteps), given.sigmas
        if steps < 1 or len(levels) != steps + 1 or any(now <= later for now, later in pairwise(levels)):
            return f"{name} has noise levels that lead nowhere"
        if given.weights and [len(row) for row in given.weights] != list(range(2, steps + 2)):
            return f"{name} has sums of other lengths than its {steps} steps"
        if not all(
            map(isfinite, [*levels, *given.timesteps, *(share for row in given.weights for share in row)])
        ):
            return f"{name} has a schedule that isn't finite"
    return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

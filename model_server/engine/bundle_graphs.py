"""The graphs of one opened bundle, loaded through the session cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model_server.engine.bundle import DATA_SUFFIX, BundleError, load_manifest
from model_server.engine.host import misfit
from model_server.engine.onnx_graph import OnnxGraph, fits
from model_server.engine.session_cache import SessionCache, modified_ns
from model_server.engine.shapes import example_sizes, latent_shape
from schemas.bundle import Bucket


@dataclass(slots=True, frozen=True)
class ShapeGraphs:
    """The graphs of one shape."""

    bucket: Bucket
    transformer: OnnxGraph
    decoder: OnnxGraph
    picture: OnnxGraph


class BundleGraphs:
    """Graphs by file name. What was checked on opening is what is loaded later, or loading fails."""

    def __init__(self, folder: Path, cache: SessionCache) -> None:
        """Check the bundle's files.

        Raises:
            BundleError: a file is missing or changed, or it was made for another processor.
        """
        self.folder = folder
        self.manifest = load_manifest(folder)
        if wrong := misfit(self.manifest.precision, self.manifest.target):
            raise BundleError(f"{folder}: {wrong}")
        self._checked_ns = {file.path: modified_ns(folder / file.path) for file in self.manifest.files}
        self._digests = {file.path: file.sha256 for file in self.manifest.files}
        self._cache = cache
        self._held: dict[str, OnnxGraph] = {}
        self._example_sizes = example_sizes(self.manifest.buckets[0])

    def load_all(self) -> None:
        """Load the graphs of every shape, what enlarges, and drop those of an older bundle in this folder.

        Raises:
            BundleError: one can't be run, or takes latents of another shape.
        """
        for bucket in self.manifest.buckets:
            self.of_shape(bucket)
        if self.manifest.upsampling_decoder:
            self.graph(self.manifest.upsampling_decoder)
        self._cache.drop_stale(self.folder, self._checked_ns.values())

    def graph(self, name: str) -> OnnxGraph:
        """The graph of a file.

        Raises:
            BundleError: it was unloaded, and its file is gone or replaced.
        """
        found = self._held.get(name)
        if found is None:
            found = self._cache.get(
                self.folder / name,
                self.manifest.target,
                self._checked_ns[name],
                self._example_sizes,
                self._digest(name),
            )
            if not self._cache.bounded:
                # Then nothing is unloaded while this engine lives, even when another bundle takes its place.
                self._held[name] = found
        return found

    def _digest(self, name: str) -> str:
        """The SHA-256 of a graph's file, followed by that of its weights if they have one."""
        return "".join(self._digests[each] for each in (name, name + DATA_SUFFIX) if each in self._digests)

    def of_shape(self, bucket: Bucket) -> ShapeGraphs:
        """The graphs that generate a shape.

        Raises:
            BundleError: as `graph`, or the transformer takes latents of another shape.
        """
        names = (bucket.transformer, bucket.decoder, bucket.picture)
        graphs = ShapeGraphs(bucket, *(self.graph(name) for name in names))
        shape, latents = latent_shape(self.manifest, bucket), graphs.transformer.inputs.get("latents")
        if latents is None or not fits(latents[0], shape) or "velocity" not in graphs.transformer.outputs:
            raise BundleError(f"{self.folder}: {bucket.transformer} doesn't take latents {list(shape)}")
        return graphs

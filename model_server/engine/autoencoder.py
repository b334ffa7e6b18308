"""A bundle's autoencoder: latents to frames, whole or streamed, to larger ones that people see, and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model_server.engine.bundle_graphs import BundleGraphs, ShapeGraphs
from model_server.engine.pixels import Floats, Frames, frames_from_video, video_from_frames
from model_server.engine.resize import crop_to_fill
from model_server.engine.shapes import frames_per_latent
from schemas.bundle import Bucket


class Autoencoder:
    """All latents are normalised, [1, C, F, h, w]; all frames uint8 [F, H, W, 3].

    Frames have the autoencoder's size, but for those that people see: `drawn` and `drawn_middle`.
    """

    def __init__(self, graphs: BundleGraphs) -> None:
        self._graphs = graphs

    def drawn(self, graphs: ShapeGraphs, latents: Floats, *, still: bool = False) -> Frames:
        """What people see of a clip of this shape; `still`: nothing moves there."""
        return self.enlarged(latents, still=still) if self._enlarges else self.decode(graphs, latents)

    def drawn_middle(self, graphs: ShapeGraphs, latents: Floats) -> Frames:
        """What people see of the middle frame, uint8 [H, W, 3], decoded from its one latent frame."""
        middle = latents.shape[2] // 2
        latent = latents[:, :, middle : middle + 1]
        if self._enlarges:
            return np.asarray(self.enlarged(latent)[-1], dtype=np.uint8)
        return np.asarray(frames_from_video(graphs.picture.run({"latents": latent})["video"])[-1], np.uint8)

    def enlarged(self, latents: Floats, *, still: bool = False) -> Frames:
        """The frames of latents of any shape at `enlargement` times the autoencoder's size.

        Where nothing moves one frame is decoded of each latent frame, and those between are blends.
        """
        graph = self._graphs.graph(self._graphs.manifest.upsampling_decoder)

        def decoded(part: Floats) -> Frames:
            return frames_from_video(graph.run({"latents": part})["video"].clip(-1, 1))

        if not still:
            return decoded(latents)
        moments = [decoded(latents[:, :, at : at + 1]) for at in range(latents.shape[2])]
        return blended(np.concatenate(moments), frames_per_latent(self._graphs.manifest.buckets[0]))

    def drawn_from(self, latents: Floats, *, still: bool = False) -> Frames:
        """What people see of the stored latents of any shape that this bundle draws, or enlarges.

        Raises:
            ValueError: they are of no such shape.
        """
        if latents.shape[:2] == (1, self._graphs.manifest.latent_channels) and self._enlarges:
            return self.enlarged(latents, still=still)
        return self.decode(self._graphs.of_shape(self._bucket_of(latents)), latents)

    def decode(self, graphs: ShapeGraphs, latents: Floats) -> Frames:
        """The frames of a clip of this shape."""
        if graphs.bucket.streamed:
            return np.concatenate(list(_decode_streamed(graphs, latents)))
        return frames_from_video(graphs.decoder.run({"latents": latents})["video"])

    def encode(self, frames: Frames, bucket: Bucket) -> NDArray[np.float16]:
        """Latents of a clip by the encoder of a shape.

        Raises:
            ValueError: this bundle has no encoder.
        """
        if not bucket.encoder:
            raise ValueError("this bundle was exported without an encoder")
        outputs = self._graphs.graph(bucket.encoder).run({"video": video_from_frames(frames)})
        return np.asarray(outputs["latents"], dtype=np.float16)

    def resize(self, latents: Floats, bucket: Bucket) -> Floats:
        """A clip's latents as those of another shape: cropped to its sides, resampled to its frames.

        Raises:
            ValueError: no shape of this bundle has such latents, or this bundle has no encoder.
        """
        found = self._bucket_of(latents)
        frames = self.decode(self._graphs.of_shape(found), latents.astype(np.float32))
        moments = np.linspace(0, len(frames) - 1, bucket.frames).round().astype(int)
        cropped = crop_to_fill(frames[moments], (bucket.width, bucket.height))
        return self.encode(cropped, bucket).astype(np.float32)

    @property
    def _enlarges(self) -> bool:
        return self._graphs.manifest.enlargement > 1

    def _bucket_of(self, latents: Floats) -> Bucket:
        manifest = self._graphs.manifest
        by_grid = {
            (each.latent_frames, each.latent_height, each.latent_width): each for each in manifest.buckets
        }
        found = by_grid.get(tuple(latents.shape[2:]))
        if found is None or latents.shape[:2] != (1, manifest.latent_channels):
            raise ValueError(f"source latents {list(latents.shape)} are of no shape that this model draws")
        return found


def blended(moments: Frames, steps: int) -> Frames:
    """Frames uint8 [M, H, W, 3] with `steps` - 1 blends between each two, [(M - 1) * steps + 1, H, W, 3]."""
    found = np.empty(((len(moments) - 1) * steps + 1, *moments.shape[1:]), np.uint8)
    found[::steps] = moments
    wide = moments.astype(np.uint16)
    for step in range(1, steps):
        found[step::steps] = (wide[:-1] * (steps - step) + wide[1:] * step + steps // 2) // steps
    return found


def _decode_streamed(graphs: ShapeGraphs, latents: Floats) -> Iterator[Frames]:
    """Decode one latent frame at a time: each reads the state (`seen_*`) that the last one wrote (`kept_*`).

    Two sets of memory take turns, so that no state is copied.
    """
    # Families whose decoders stream have graphs of fixed shapes.
    states = {name: array for name, array in graphs.decoder.zeros().items() if name != "latents"}
    memory = [{_slot(name): np.zeros_like(array) for name, array in states.items()} for _ in range(2)]
    first = {f"kept_{slot}": array for slot, array in memory[0].items()}
    yield frames_from_video(graphs.picture.run({"latents": latents[:, :, :1]}, first)["video"])
    for frame in range(1, latents.shape[2]):
        seen, kept = memory[(frame + 1) % 2], memory[frame % 2]
        feeds = {"latents": latents[:, :, frame : frame + 1]}
        feeds |= {f"seen_{slot}": array for slot, array in seen.items()}
        outputs = graphs.decoder.run(feeds, {f"kept_{slot}": array for slot, array in kept.items()})
        yield frames_from_video(outputs["video"])


def _slot(name: str) -> str:
    return name.removeprefix("seen_")

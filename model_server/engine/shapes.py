"""What a manifest says of one shape: sizes of its latents and of dynamic axes, and how it is denoised."""

from __future__ import annotations

from model_server.engine.flow import euler_schedule
from schemas.bundle import Bucket, Manifest, Schedule


def latent_shape(manifest: Manifest, bucket: Bucket) -> tuple[int, int, int, int, int]:
    """[1, C, F, h, w] of a shape."""
    return (1, manifest.latent_channels, bucket.latent_frames, bucket.latent_height, bucket.latent_width)


def frames_per_latent(bucket: Bucket) -> int:
    """Frames of each latent frame after the first, which holds a single one."""
    return max(1, (bucket.frames - 1) // max(1, bucket.latent_frames - 1))


def example_sizes(bucket: Bucket) -> dict[str, int]:
    """Sizes of dynamic axes, by the names that export.families gives them: those of this shape."""
    return {
        "frames": bucket.latent_frames,
        "rows": bucket.latent_height,
        "columns": bucket.latent_width,
        "clip_frames": bucket.frames,
        "height": bucket.height,
        "width": bucket.width,
        "small_height": bucket.height,
        "small_width": bucket.width,
        "side": min(bucket.width, bucket.height),
    }


def schedule_of(manifest: Manifest, bucket: Bucket) -> Schedule:
    """How a shape is denoised: its own schedule, else Euler's method along the manifest's sigmas."""
    return bucket.schedule or euler_schedule(manifest.sigmas)

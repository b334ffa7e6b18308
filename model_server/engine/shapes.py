"""What a manifest says of one shape: sizes of its latents and of dynamic axes, and how it is denoised."""

from __future__ import annotations

import msgspec

from model_server.engine.flow import euler_schedule
from model_server.engine.resize import Size
from schemas.bundle import Bucket, Manifest, Schedule
from schemas.videos import Recipe


def latent_shape(manifest: Manifest, bucket: Bucket) -> tuple[int, int, int, int, int]:
    """[1, C, F, h, w] of a shape."""
    return (1, manifest.latent_channels, bucket.latent_frames, bucket.latent_height, bucket.latent_width)


def drawn_size(manifest: Manifest, bucket: Bucket) -> Size:
    """Width and height of what people see of a shape, as recipes have them."""
    return bucket.width * manifest.enlargement, bucket.height * manifest.enlargement


def native_recipe(manifest: Manifest, recipe: Recipe) -> Recipe:
    """A recipe at the autoencoder's size, at which its latents are drawn.

    Raises:
        ValueError: no size of the autoencoder is enlarged to the recipe's.
    """
    times = manifest.enlargement
    if recipe.width % times or recipe.height % times:
        raise ValueError(f"this model draws no {recipe.width}x{recipe.height}: it enlarges {times} times")
    return msgspec.structs.replace(recipe, width=recipe.width // times, height=recipe.height // times)


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

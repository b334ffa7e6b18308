"""What can be asked of loaded models, as the model cards of `GET /v1/models`."""

from __future__ import annotations

from domain.videos.pricing import PRICE
from model_server.engine.conditioning import BEGIN_LATENTS
from schemas.bundle import Manifest
from schemas.videos import ModelCard, ModelList, Tier

# A render is drawn at this multiple of the preview's sides.
FULL_SCALE = 2


def model_list(manifests: list[Manifest]) -> ModelList:
    """What can be asked of these models; the first is the teacher's, which alone draws full videos."""
    return ModelList(data=[_card(manifest, full=manifest is manifests[0]) for manifest in manifests])


def _card(manifest: Manifest, *, full: bool) -> ModelCard:
    previews = manifest.buckets
    # The first is the default: in their own order.
    sizes = dict.fromkeys((item.width, item.height) for item in previews)
    enlarged = [f"{width * FULL_SCALE}x{height * FULL_SCALE}" for width, height in sizes]
    return ModelCard(
        id=manifest.id,
        created=manifest.created_at,
        sizes={
            Tier.PREVIEW: [f"{width}x{height}" for width, height in sizes],
            Tier.FULL: enlarged if full else [],
        },
        seconds=sorted({str(item.frames // manifest.fps) for item in previews}, key=int),
        fps=manifest.fps,
        price={str(tier): price for tier, price in PRICE.items()},
        vocabulary=manifest.vocabulary,
        conditions=manifest.conditions,
        overlap=_overlap(manifest),
    )


def _overlap(manifest: Manifest) -> int:
    """The frames of the latent frames that a clip begins with; a shape of one latent frame has but one."""
    first = manifest.buckets[0]
    each = (first.frames - 1) // max(1, first.latent_frames - 1)
    return (BEGIN_LATENTS - 1) * each + 1 if "begin" in manifest.conditions else 1

"""What can be asked of loaded models, as the model cards of `GET /v1/models`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from domain.videos.pricing import PRICE
from model_server.engine.conditioning import BEGIN_LATENTS
from model_server.engine.shapes import drawn_size
from schemas.bundle import Manifest
from schemas.videos import ModelCard, ModelList, Tier

NO_SUBJECTS: Mapping[str, int] = MappingProxyType({})


def model_list(
    manifests: list[Manifest], full_sizes: list[tuple[int, int]], subjects: Mapping[str, int] = NO_SUBJECTS
) -> ModelList:
    """What can be asked of these models; the first is the teacher's, which alone draws full videos.

    `full_sizes` are the teacher's (width, height) before they are enlarged, the default first; `subjects`
    says how many subjects the library of a model has.
    """
    return ModelList(
        data=[
            _card(manifest, full_sizes if manifest is manifests[0] else [], subjects.get(manifest.id, 0))
            for manifest in manifests
        ]
    )


def _card(manifest: Manifest, full_sizes: list[tuple[int, int]], subjects: int) -> ModelCard:
    previews = manifest.buckets
    # The first is the default: in their own order.
    sizes = dict.fromkeys(drawn_size(manifest, item) for item in previews)
    # The teacher's are those of its autoencoder too.
    times = manifest.enlargement
    return ModelCard(
        id=manifest.id,
        created=manifest.created_at,
        sizes={
            Tier.PREVIEW: [f"{width}x{height}" for width, height in sizes],
            Tier.FULL: [f"{width * times}x{height * times}" for width, height in full_sizes],
        },
        seconds=sorted({str(item.frames // manifest.fps) for item in previews}, key=int),
        fps=manifest.fps,
        price={str(tier): price for tier, price in PRICE.items()},
        vocabulary=manifest.vocabulary,
        conditions=manifest.conditions,
        overlap=_overlap(manifest),
        subjects=subjects,
    )


def _overlap(manifest: Manifest) -> int:
    """The frames of the latent frames that a clip begins with; a shape of one latent frame has but one."""
    first = manifest.buckets[0]
    each = (first.frames - 1) // max(1, first.latent_frames - 1)
    return (BEGIN_LATENTS - 1) * each + 1 if "begin" in manifest.conditions else 1

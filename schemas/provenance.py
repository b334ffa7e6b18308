"""Did we make this? The answer to an upload."""

from __future__ import annotations

from typing import Literal

from schemas.base import ResponseBody


class ManifestFacts(ResponseBody, kw_only=True):
    """The content credentials in the upload; `state` is what c2pa's reader says: `trusted` if we signed."""

    state: Literal["invalid", "valid", "trusted"]
    title: str | None
    parents: list[str]


class ProvenanceCheck(ResponseBody, kw_only=True):
    """One way to tell, and what came of it."""

    name: Literal["manifest", "mark", "perceptual_hash"]
    result: Literal["found", "not_found", "not_ours", "tampered", "unreadable", "not_checked"]


class Provenance(ResponseBody, kw_only=True):
    """`made_here`, and by what we know; `video_id` where the upload itself or a post tells it.

    `distance` counts the bits of 256 in which the nearest of our videos, or its mirror image, looks
    different; None where it was recognised by a frame.
    """

    made_here: bool
    by: Literal["manifest", "perceptual_hash"] | None
    video_id: str | None
    manifest: ManifestFacts | None
    checks: list[ProvenanceCheck]
    distance: int | None = None
    object: str = "provenance"

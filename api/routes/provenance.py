"""Did we make this? By its content credentials, then by what it looks like."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Controller, Request, post
from litestar.datastructures import State

from api.http.auth import PUBLIC
from api.http.rate_limits import CLIP_CHECKS, caller, rate_limited
from api.http.upload import MAX_CLIP_BYTES, read_clip
from domain.safety import fingerprints
from domain.videos import visibility
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.fingerprint import UnreadableVideo
from media.provenance import ActiveManifest
from schemas.provenance import ManifestFacts, Provenance, ProvenanceCheck

STATES: dict[str, Any] = {"Trusted": "trusted", "Valid": "valid"}


class ProvenanceRoutes(Controller):
    """Where a clip comes from."""

    path = "/provenance"
    tags = ("provenance",)

    @post(
        "/",
        status_code=200,
        opt=PUBLIC,
        guards=[rate_limited(CLIP_CHECKS)],
        request_max_body_size=MAX_CLIP_BYTES,
        summary="Did you make this?",
    )
    async def check(
        self,
        request: Request[None, None, State],
        now: datetime,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Provenance:
        """Send an MP4 as the body, or as `file` of a form; nothing of it is kept.

        Raises:
            RiffleError: invalid_request, unsupported_media_type, body_too_large, rate_limited, busy.
        """
        data = await read_clip(request)
        who = caller(request)
        try:
            found = await decoder.active_manifest(data, credentials.authority, who=who)
        except UnreadableVideo:
            found = None
        facts = None if found is None else _facts(found)
        by_manifest = facts is not None and facts.state == "trusted"
        checks = [
            ProvenanceCheck(name="manifest", result=_result(found)),
            # No mark but the visible one: docs/reference/safety.md says why.
            ProvenanceCheck(name="mark", result="not_checked"),
        ]
        if by_manifest and facts is not None:
            checks.append(ProvenanceCheck(name="perceptual_hash", result="not_checked"))
            return Provenance(
                made_here=True, by="manifest", video_id=facts.title, manifest=facts, checks=checks
            )
        try:
            bits = await decoder.fingerprint(data, who=who)
        except UnreadableVideo:
            checks.append(ProvenanceCheck(name="perceptual_hash", result="unreadable"))
            return Provenance(made_here=False, by=None, video_id=None, manifest=facts, checks=checks)
        copies = await fingerprints.copies(bits) if bits is not None else []
        checks.append(ProvenanceCheck(name="perceptual_hash", result="found" if copies else "not_found"))
        return Provenance(
            made_here=bool(copies),
            by="perceptual_hash" if copies else None,
            video_id=await visibility.first_listed([copy.video_id for copy in copies], now),
            manifest=facts,
            checks=checks,
            distance=copies[0].distance if copies else None,
        )


def _facts(found: ActiveManifest) -> ManifestFacts:
    return ManifestFacts(state=STATES.get(found.state, "invalid"), title=found.title, parents=found.parents)


def _result(found: ActiveManifest | None) -> Any:
    if found is None:
        return "not_found"
    return {"Trusted": "found", "Valid": "not_ours"}.get(found.state, "tampered")

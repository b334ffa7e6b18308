"""Did we make this? By its content credentials, then by what it looks like."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from litestar import Controller, Request, post
from litestar.datastructures import State

from api.http.auth import PUBLIC
from api.http.copies import find_video
from api.http.openapi_files import ClipOperation
from api.http.rate_limits import CLIP_SECONDS, caller, check_left, count
from api.http.unread_body import READS_BODY
from api.http.upload import MAX_CLIP_BYTES, read_clip
from domain.safety import fingerprints
from domain.videos import visibility
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.fingerprint import UnreadableVideo
from media.provenance import ActiveManifest
from media.reference import CLIP
from media.sketch import MAX_LOOKED_AT
from schemas.provenance import ManifestFacts, Provenance, ProvenanceCheck

STATES: dict[str, Any] = {"Trusted": "trusted", "Valid": "valid"}


class ProvenanceRoutes(Controller):
    """Where a clip comes from."""

    path = "/provenance"
    tags = ("provenance",)

    @post(
        "/",
        status_code=200,
        opt=PUBLIC | READS_BODY,
        request_max_body_size=MAX_CLIP_BYTES,
        summary="Did you make this?",
        operation_class=ClipOperation,
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
        who = caller(request)
        check_left(request, CLIP_SECONDS, who)
        data = await read_clip(request)
        try:
            return await self._check(data, who, now, credentials, decoder)
        finally:
            count(request, CLIP_SECONDS, who, math.ceil(decoder.take_seconds(who)))

    async def _check(
        self, data: bytes, who: str, now: datetime, credentials: Credentials, decoder: DecodePool
    ) -> Provenance:
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
            shown = await decoder.inspect(data, who=who, kind="provenance")
        except UnreadableVideo:
            checks.append(ProvenanceCheck(name="perceptual_hash", result="unreadable"))
            return Provenance(made_here=False, by=None, video_id=None, manifest=facts, checks=checks)
        hashes = [bits for bits in (shown.bits, shown.mirrored) if bits is not None]
        copies = [copy for bits in hashes for copy in await fingerprints.copies(bits)]
        found_ids = [copy.video_id for copy in sorted(copies, key=lambda copy: copy.distance)]
        if not copies:
            stride = 1 + shown.frame_count // MAX_LOOKED_AT
            frames = await decoder.look_at(data, CLIP, stride, who=who, kind="provenance")
            part_of = await find_video(frames)
            found_ids = [] if part_of is None else [part_of]
        checks.append(ProvenanceCheck(name="perceptual_hash", result="found" if found_ids else "not_found"))
        return Provenance(
            made_here=bool(found_ids),
            by="perceptual_hash" if found_ids else None,
            video_id=await visibility.first_listed(found_ids, now),
            manifest=facts,
            checks=checks,
            distance=min((copy.distance for copy in copies), default=None),
        )


def _facts(found: ActiveManifest) -> ManifestFacts:
    return ManifestFacts(state=STATES.get(found.state, "invalid"), title=found.title, parents=found.parents)


def _result(found: ActiveManifest | None) -> Any:
    if found is None:
        return "not_found"
    return {"Trusted": "found", "Valid": "not_ours"}.get(found.state, "tampered")

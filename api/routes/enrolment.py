"""Enrolment: a fresh challenge, and the proof clip that answers it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from litestar import Controller, get, post, put

from api.http.auth import AuthedRequest
from api.http.clock import read_clock
from api.http.copies import refuse_copies
from api.http.openapi_files import ClipOperation
from api.http.unread_body import READS_BODY
from api.http.upload import MAX_CLIP_BYTES, read_clip
from domain import media_keys
from domain.consent import enrolments
from domain.consent.enrolments import OpenChallenge
from domain.ids import new_id
from media import proof
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.decode_worker import SeenProof
from media.encryption import Seal
from media.fingerprint import UnreadableVideo
from media.proof import LikenessCheck
from media.reference import CLIP
from media.sketch import MAX_LOOKED_AT
from media.store import MediaStore
from schemas.enrolment import Challenge, Proof, ProofCheck, ProofList
from schemas.errors import Code, RiffleError

# The clock of a phone may be off by this.
CLOCK_SLACK = timedelta(minutes=2)
WHY = {
    "fresh": "it was recorded before the challenge was given",
    "long_enough": f"it takes {proof.MIN_S:.0f} to {proof.MAX_S:.0f} seconds and {proof.MIN_FRAMES} frames",
    "moving": "nothing in it moves as a person does",
    "recognisable": "its pictures show nothing to tell it by",
    "not_a_copy": "it looks like a proof that was sent before",
}


class Enrolment(Controller):
    """A person shows that a likeness is theirs."""

    path = "/cameos/{cameo_id:str}"
    tags = ("cameos",)

    @post("/challenge", summary="A fresh challenge")
    async def challenge(self, request: AuthedRequest, now: datetime, cameo_id: str) -> Challenge:
        """Digits to say and turns of the head to make; earlier challenges stop working.

        Raises:
            RiffleError: not_found, invalid_state, rate_limited.
        """
        return await enrolments.new_challenge(cameo_id, request.user.id, now=now)

    @put(
        "/proof",
        status_code=200,
        opt=READS_BODY,
        request_max_body_size=MAX_CLIP_BYTES,
        summary="Answer the challenge",
        operation_class=ClipOperation,
    )
    async def prove(
        self,
        request: AuthedRequest,
        now: datetime,
        cameo_id: str,
        media: MediaStore,
        seal: Seal,
        likeness: LikenessCheck,
        credentials: Credentials,
        decoder: DecodePool,
    ) -> Proof:
        """Send the proof clip: video/mp4 as the body, or as `file` of a form. It is sealed and never served.

        Raises:
            RiffleError: not_found, invalid_state (no open challenge), invalid_request (what fails is named),
                unsupported_media_type, body_too_large, likeness_protected (what was made here, or looks like
                another person's likeness here; its owner is told), busy.
        """
        asked = await enrolments.open_challenge(cameo_id, request.user.id, now=now)
        data = await read_clip(request)
        try:
            seen = await decoder.inspect(data, who=request.user.id)
        except UnreadableVideo as wrong:
            raise _unusable(str(wrong)) from None
        checks = await _checked(seen, asked)
        failed = [name for name, passed in checks.items() if passed is False]
        if failed or seen.bits is None:
            raise _unusable("; ".join(WHY[name] for name in failed))
        stride = 1 + seen.frame_count // MAX_LOOKED_AT
        frames = await decoder.look_at(data, CLIP, stride, who=request.user.id)
        await refuse_copies(request.user.id, data, CLIP, frames, "proof", credentials, decoder, now=now)
        checks |= await likeness.compare(data, asked.digits, asked.turns)
        proof_id = new_id("proof")
        key = f"proofs/{proof_id}.sealed"
        sealed = await asyncio.to_thread(seal.close, data, proof_id)
        await media_keys.reserve([key])
        await media.put(key, sealed)
        try:
            listed = [ProofCheck(name=name, passed=passed) for name, passed in checks.items()]
            return await enrolments.add_proof(
                proof_id,
                cameo_id,
                request.user.id,
                asked.id,
                key,
                seen.bits,
                listed,
                now=read_clock(request),
            )
        except RiffleError:
            await media_keys.discard([key])
            raise

    @get("/proofs", summary="My proofs")
    async def proofs(self, request: AuthedRequest, cameo_id: str) -> ProofList:
        """What became of the proofs of an own cameo.

        Raises:
            RiffleError: not_found.
        """
        return ProofList(data=await enrolments.proofs(cameo_id, request.user.id))


def _unusable(why: str) -> RiffleError:
    return RiffleError(Code.INVALID_REQUEST, f"the clip can't be used: {why}", param="file")


async def _checked(seen: SeenProof, asked: OpenChallenge) -> dict[str, bool | None]:
    hashes = [bits for bits in (seen.bits, seen.mirrored) if bits is not None]
    recorded = seen.recorded_at
    return {
        "fresh": recorded is None or recorded >= asked.created_at - CLOCK_SLACK,
        "long_enough": seen.long_enough,
        "moving": seen.moving,
        "recognisable": seen.bits is not None,
        "not_a_copy": not await enrolments.is_copy(*hashes),
    }

"""Content credentials (C2PA): every MP4 says that a model made it, from what, and with whose consent."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import c2pa
import msgspec

from media.credentials import Credentials
from schemas.videos import Receipt

MP4 = "video/mp4"
# IPTC's word for "created by a trained model".
MADE_BY_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CONSENT = "org.riffle.consent"
GENERATOR = "Riffle"
# Of a file's manifests; a video has at most a few sources.
MAX_TITLES = 100
TRAINING = "c2pa.training-mining"
# Nobody's likeness that was lent for a video was lent for training on it.
NO_TRAINING = {
    f"c2pa.{use}": {"use": "notAllowed"}
    for use in ("ai_generative_training", "ai_inference", "ai_training", "data_mining")
}


class Claims(msgspec.Struct, kw_only=True, frozen=True):
    """What the manifest says of a video: its id, the model, its sources, and the consent it rests on."""

    video_id: str
    model: str
    parents: Sequence[str] = ()
    receipts: Sequence[Receipt] = ()


class Signer:
    """Signs media with one key. Safe for several threads: each signature has its own native signer."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def sign(self, video: bytes, claims: Claims) -> bytes:
        """The MP4 with a signed manifest in it, about 14 kB more.

        Raises:
            c2pa.C2paError: it is no MP4.
        """
        info = c2pa.C2paSignerInfo(
            b"es256", self._credentials.chain.encode(), self._credentials.key.encode(), None
        )
        signed = io.BytesIO()
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(_manifest(claims)) as builder:
            builder.sign(signer, MP4, io.BytesIO(video), signed)
        return signed.getvalue()


class ActiveManifest(NamedTuple):
    """What the active manifest of a video says, and how c2pa's reader judges it.

    `state` is `Invalid` where a byte was changed, `Valid` where the signature holds, and `Trusted` where it
    is also by an authority that was given.
    """

    state: str
    title: str | None
    parents: list[str]


def read_manifests(
    video: bytes, authority: str | None = None, media_type: str = MP4
) -> dict[str, Any] | None:
    """The manifest store of an MP4 (or picture) as c2pa's reader gives it; None where there is none.

    `authority` holds PEM certificates to trust.

    Raises:
        c2pa.C2paError: it is no such file, or its manifest can't be read.
    """
    context = None
    if authority is not None:
        settings = {"version": 1, "trust": {"user_anchors": authority}, "verify": {"verify_trust": True}}
        context = c2pa.Context(c2pa.Settings.from_dict(settings))
    try:
        with c2pa.Reader(media_type, io.BytesIO(video), context=context) as reader:
            return dict(json.loads(reader.json()))
    except c2pa.C2paError as error:
        if "ManifestNotFound" in str(error):
            return None
        raise


def active_manifest(video: bytes, authority: str) -> ActiveManifest | None:
    """The active manifest, judged against our own authority; None where there is none that can be read."""
    try:
        store = read_manifests(video, authority)
    except c2pa.C2paError:
        return None
    active = (store or {}).get("manifests", {}).get((store or {}).get("active_manifest"))
    if store is None or active is None:
        return None
    parents = [str(item.get("title", "")) for item in active.get("ingredients", [])]
    return ActiveManifest(str(store.get("validation_state", "Invalid")), active.get("title"), parents)


class ClaimedVideos(NamedTuple):
    """What the manifests in a file name: itself, what it was made from. `ours`: our authority signed it."""

    titles: list[str]
    ours: bool


def claimed_videos(data: bytes, media_type: str, authority: str) -> ClaimedVideos:
    """What the content credentials of an upload name, whether or not their signatures hold any more."""
    try:
        store = read_manifests(data, authority, media_type) or {}
    except (c2pa.C2paError, ValueError):
        return ClaimedVideos([], False)
    titles = [
        str(item.get("title") or "")
        for manifest in store.get("manifests", {}).values()
        for item in (manifest, *manifest.get("ingredients", []))
    ]
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    generators = {str(info.get("name")) for info in active.get("claim_generator_info") or []}
    ours = store.get("validation_state") == "Trusted" and GENERATOR in generators
    return ClaimedVideos(list(dict.fromkeys(titles))[:MAX_TITLES], ours)


def _manifest(claims: Claims) -> str:
    assertions: list[dict[str, Any]] = [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": MADE_BY_MODEL,
                        "softwareAgent": {"name": f"Riffle {claims.model}"},
                    }
                ]
            },
        },
        {"label": TRAINING, "data": {"entries": NO_TRAINING}},
    ]
    if claims.receipts:
        assertions.append(
            {"label": CONSENT, "data": {"receipts": [msgspec.to_builtins(item) for item in claims.receipts]}}
        )
    return json.dumps(
        {
            "claim_generator_info": [{"name": GENERATOR}],
            "title": claims.video_id,
            "format": MP4,
            "assertions": assertions,
            "ingredients": [
                {"title": parent, "relationship": "inputTo", "instance_id": f"riffle:{parent}"}
                for parent in claims.parents
            ],
        }
    )

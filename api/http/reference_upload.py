"""A picture or clip that becomes the reference of a cameo: looked at, written anew, compared, then kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from api.http.copies import THREADS, refuse_copies
from domain import media_keys
from domain.consent import cameos
from domain.ids import new_id
from media import sketch
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.reference import CLIP
from media.store import MediaStore
from schemas.cameos import Cameo
from schemas.errors import Code, RiffleError

ENDINGS = {"image/webp": "webp", CLIP: "mp4"}


class CheckedReference(NamedTuple):
    """The file as it is kept, its media type, and what later uploads are compared with."""

    data: bytes
    media_type: str
    sketches: list[bytes]


async def check_reference(
    account: str, raw: bytes, kind: str, credentials: Credentials, decoder: DecodePool, *, now: datetime
) -> CheckedReference:
    """What a file of media type `kind` becomes.

    Raises:
        RiffleError: invalid_request; likeness_protected, where it was made here or shows another's; busy.
    """
    try:
        data, kept = await decoder.clean_reference(raw, kind, who=account)
        frames = await decoder.look_at(data, kept, who=account, kind="reference")
    except ValueError as wrong:
        raise RiffleError(Code.INVALID_REQUEST, str(wrong)) from wrong
    await refuse_copies(account, raw, kind, frames, "reference", credentials, decoder, now=now)
    return CheckedReference(data, kept, await THREADS.run(sketch.sketches_of, frames))


async def put_reference(cameo_id: str, checked: CheckedReference, media: MediaStore) -> str:
    """Store it; its key, reserved for `keep_reference`."""
    key = f"cameos/{cameo_id}/{new_id('reference')}.{ENDINGS[checked.media_type]}"
    await media_keys.reserve([key])
    await media.put(key, checked.data)
    return key


async def keep_reference(
    cameo_id: str,
    account: str,
    key: str,
    checked: CheckedReference,
    *,
    check: Callable[[str | None], None] = lambda _: None,
    now: datetime,
) -> Cameo:
    """Make what lies under `key` the picture of an own cameo: a new revision.

    `check` gets the ETag of the picture that there is.

    Raises:
        RiffleError: not_found, invalid_state; what `check` raises.
    """
    digest = hashlib.sha256(checked.data).hexdigest()
    return await cameos.set_reference(
        cameo_id, account, key, digest, sketches=checked.sketches, check=check, now=now
    )

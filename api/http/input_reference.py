"""`input_reference`: an own picture that a video begins with, cleaned, compared and stored for each video."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Final

from api.http.copies import refuse_copies
from domain import media_keys
from domain.ids import new_id
from media.credentials import Credentials
from media.decode_pool import DecodePool
from media.store import MediaStore
from schemas.errors import Code, RiffleError
from schemas.videos import ImageReference

FIELD: Final = "input_reference"
DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp);base64,(?P<data>[A-Za-z0-9+/=\s]*)")
# What a file begins with; of WebP the size stands between its two words.
MAGIC = {"image/png": rb"\x89PNG\r\n", "image/jpeg": rb"\xff\xd8\xff", "image/webp": rb"RIFF....WEBP"}


async def store_pictures(
    account: str,
    given: ImageReference | bytes,
    count: int,
    media: MediaStore,
    credentials: Credentials,
    decoder: DecodePool,
    *,
    now: datetime,
) -> dict[str, str]:
    """Ids for `count` new videos, and the key of the picture of each, reserved until the rows name it.

    Each has its own: it goes when its video goes.

    Raises:
        RiffleError: invalid_request; likeness_protected, where it was made here or shows another's; busy.
    """
    raw = given if isinstance(given, bytes) else _from_url(given)
    kind = next((kind for kind, magic in MAGIC.items() if re.match(magic, raw, re.DOTALL)), None)
    if kind is None:
        raise RiffleError(Code.INVALID_REQUEST, "a first picture is JPEG, PNG or WebP", param=FIELD)
    try:
        data, kept = await decoder.clean_reference(raw, kind, who=account)
        frames = await decoder.look_at(data, kept, who=account, kind="reference")
    except ValueError as wrong:
        raise RiffleError(Code.INVALID_REQUEST, str(wrong), param=FIELD) from wrong
    await refuse_copies(account, raw, kind, frames, FIELD, credentials, decoder, now=now)
    ids = [new_id("video") for _ in range(count)]
    keys = {video_id: f"videos/{video_id}/input.webp" for video_id in ids}
    await media_keys.reserve(list(keys.values()))
    for key in keys.values():
        await media.put(key, data)
    return keys


def _from_url(given: ImageReference) -> bytes:
    # Nothing is fetched from addresses that strangers name, and there are no files to name.
    match = DATA_URL.fullmatch(given.image_url or "")
    if match is None:
        raise RiffleError(
            Code.INVALID_REQUEST, "send the picture itself: a file, or image_url with a data URL", param=FIELD
        )
    try:
        return base64.b64decode(match["data"], validate=False)
    except binascii.Error:
        raise RiffleError(Code.INVALID_REQUEST, "its base64 is broken", param=FIELD) from None

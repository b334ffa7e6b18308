"""Which pages from elsewhere may call the api, and which headers they get to read."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.config.cors import CORSConfig

from api.http.idempotency import REPLAY_HEADER
from api.http.request_id import HEADER as REQUEST_ID_HEADER

# Beside those that browsers show anyway (content type and length, cache-control, last-modified).
EXPOSED = (
    REQUEST_ID_HEADER,
    *REPLAY_HEADER,
    "accept-ranges",
    "content-disposition",
    "content-range",
    "etag",
    "openai-poll-after-ms",
    "retry-after",
    "www-authenticate",
)


def cors(origins: Sequence[str]) -> CORSConfig | None:
    """The answer to pages of these origins; None, and no such header anywhere, where there are none.

    Cookies never go along: a page from elsewhere sends its person's token, and has no moderator's session.
    """
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=list(EXPOSED),
    )

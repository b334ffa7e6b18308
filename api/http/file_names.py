"""How a file is called that somebody saves."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

# Far below what file systems take (255 bytes), and readable in a list.
MAX_WORDS_CHARS = 60
# Enough of an id to tell files of one prompt apart.
ID_CHARS = 8


def content_disposition(words: str, made_id: str, ending: str) -> str:
    """The header (RFC 6266): shown in place, and saved under `words` and the end of `made_id`.

    Letters and digits of any script are kept, for who understands `filename*`; everything else is a hyphen.
    """
    plain = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", words))[:MAX_WORDS_CHARS].strip("-").lower()
    latin = re.sub(
        r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    )
    tail = f"{made_id[-ID_CHARS:]}.{ending}"
    names = [f"{stem}-{tail}" if stem else f"riffle-{tail}" for stem in (latin.strip("-"), plain)]
    header = f'inline; filename="{names[0]}"'
    return header if names[0] == names[1] else f"{header}; filename*=UTF-8''{quote(names[1])}"

"""Clips that nobody may read by chance: encrypted at rest with a key that lies apart from them."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.credentials import FOLDER, credentials

KEY = "seal.key"
KEY_BITS = 256
# The size that AES-GCM is defined for. Random: 2**32 seals of one key before a repeat is worth a thought.
NONCE_BYTES = 12


class BrokenSeal(ValueError):
    """The sealed bytes were changed, or sealed for another name or with another key."""


class Seal:
    """Seals bytes under a name; only the same name opens them."""

    def __init__(self, home: Path) -> None:
        self._cipher = AESGCM(_key(home))

    def close(self, data: bytes, name: str) -> bytes:
        """`data`, sealed; 28 bytes longer."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed under `name`.

        Raises:
            BrokenSeal: it was not, or not so.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise BrokenSeal(f"`{name}` can't be opened") from error


def _key(home: Path) -> bytes:
    """The key under `home`/keys, made if there is none; two processes that do so at once agree."""
    credentials(home)
    path = home / FOLDER / KEY
    made = home / FOLDER / f".{KEY}.{os.getpid()}"
    if not path.exists():
        made.touch(mode=0o600)
        made.write_bytes(AESGCM.generate_key(KEY_BITS))
        try:
            # Fails where another process was first.
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()

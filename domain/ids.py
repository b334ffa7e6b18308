"""Identifiers: a readable prefix and 128 random bits."""

from __future__ import annotations

from uuid import uuid4


def new_id(prefix: str) -> str:
    """A fresh id, such as `video_5f0c...` (prefix, underscore, 32 hex digits)."""
    return f"{prefix}_{uuid4().hex}"

"""The registry of names that nobody may draw unless their side grants it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from schemas.base import RequestBody, ResponseBody, UnixSeconds

# 9999-12-31: a calendar goes no further.
MAX_UNIX_S = 253_402_214_400


class Role(StrEnum):
    """Why somebody speaks for a name."""

    SELF = "self"
    RIGHTS_HOLDER = "rights_holder"
    ESTATE = "estate"


class CreateRegistryGrant(RequestBody, kw_only=True):
    """`POST /v1/registry/{id}/grants`: `grantee` is a handle, `until` unix seconds (absent: no end)."""

    grantee: Annotated[str, Meta(min_length=1, max_length=60)]
    until: Annotated[int, Meta(gt=0, lt=MAX_UNIX_S)] | None = None


class RegistryName(ResponseBody, kw_only=True):
    """An entry; `role` is why the asker speaks for it, None where they don't."""

    id: str
    name: str
    kind: str
    role: Role | None = None
    object: str = "registry_name"


class RegistryGrant(ResponseBody, kw_only=True):
    """Somebody may use a name; times in unix seconds."""

    id: str
    entry_id: str
    grantee: str
    created_at: UnixSeconds
    until: int | None = None
    revoked_at: UnixSeconds | None = None
    object: str = "registry_grant"


class RegistryGrantList(ResponseBody, kw_only=True):
    """`GET /v1/registry/{id}/grants`."""

    data: list[RegistryGrant]
    object: str = "list"

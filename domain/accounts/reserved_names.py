"""Names that only those who run the service may go by: a stranger with one could speak for them. Pure."""

from __future__ import annotations

import re

from domain.safety.text import readings
from schemas.errors import Code, RiffleError

SERVICE = "riffle"
ROLES = (
    "admin",
    "administrator",
    "moderator",
    "moderation",
    "official",
    "security",
    "staff",
    "support",
    "system",
)
# The service's name, a role, or both, with anything that is no letter around them.
_RESERVED = re.compile(
    rf"(?:the)?(?:{SERVICE}(?:ai|app)?(?:{'|'.join(ROLES)})?s?|(?:{'|'.join(ROLES)})s?(?:(?:at|of)?{SERVICE})?)"
)


def check(name: str, param: str) -> None:
    """Refuse a handle or a display name that speaks for the service.

    Raises:
        RiffleError: invalid_request.
    """
    if any(_RESERVED.fullmatch(re.sub(r"[\W\d_]", "", reading)) for reading in readings(name)):
        raise RiffleError(
            Code.INVALID_REQUEST, "this name is kept for the people who run Riffle", param=param
        )

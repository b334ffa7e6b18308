"""Who may read a process's metrics: they tell how many people do what. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Container
from ipaddress import ip_address

# What a proxy adds. A client of this machine that adds one loses nothing but the metrics.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via", "x-forwarded-host")


def may_read_metrics(peer: str, header_names: Container[str], sent: str, token: str) -> bool:
    """Whether the token that was `sent` is right; without a token, whether `peer` is this machine itself.

    `header_names` are in lower case, or found whatever their case.
    """
    if token:
        return hmac.compare_digest(sent.encode(), token.encode())
    try:
        local = ip_address(peer).is_loopback
    except ValueError:
        local = False
    return local and not any(name in header_names for name in PROXY_HEADERS)

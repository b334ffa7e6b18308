"""Which address a request comes from, where proxies that are trusted stand before this server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
# One household is given a network of this many bits; counting by single addresses would bound nobody.
IPV6_PREFIX = 64
# No honest chain of proxies is longer; the header is a stranger's text.
MAX_HOPS = 20
SECURE = {"http": False, "https": True, "ws": False, "wss": True}


class Origin(NamedTuple):
    """Where a request began: its address, and whether by TLS (None: no trusted proxy says so)."""

    address: str
    secure: bool | None


def find_origin(
    peer: str, forwarded_for: Sequence[str], forwarded_proto: Sequence[str], trusted: Sequence[Network]
) -> Origin:
    """The right-most address that is no trusted proxy's; `peer` itself unless it is trusted.

    `forwarded_for` and `forwarded_proto` are the values of all headers of these names, in their order. An
    entry that is no address ends the search: who wrote it can't be believed about what stands before it.
    """
    if not is_trusted(peer, trusted):
        return Origin(peer, None)
    hops = _entries(forwarded_for)
    protocols = _entries(forwarded_proto)
    found, place = peer, len(hops)
    while place > 0 and is_trusted(found, trusted):
        address = _address(hops[place - 1])
        if address is None:
            break
        found, place = address, place - 1
    # Proxies that append say one protocol a hop; others say one for all.
    said = protocols[place] if len(protocols) == len(hops) and place < len(hops) else (protocols or [""])[-1]
    return Origin(found, SECURE.get(said.lower()))


def rate_key(address: str) -> str:
    """What calls of this address are counted under: IPv6 by its network, an IPv4 address however written."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), IPV6_PREFIX), strict=False))
    return str(parsed)


def _entries(values: Sequence[str]) -> list[str]:
    """The entries of a header that may be sent several times, the last MAX_HOPS of them."""
    return [entry.strip() for value in values for entry in value.split(",")][-MAX_HOPS:]


def _address(entry: str) -> str | None:
    """The address of an entry, which may carry a port or brackets."""
    text = entry.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    parsed = _parsed(text)
    return None if parsed is None else str(parsed)


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Whether this address is a trusted proxy's."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        # A zone names an interface of this machine.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed

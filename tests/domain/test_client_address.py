"""Who a request comes from, by what trusted proxies say, and nothing by what others say."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from domain.client_address import Origin, find_origin, rate_key

TRUSTED = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "protocols", "origin"),
    [
        ("203.0.113.1", ["198.51.100.1"], ["https"], Origin("203.0.113.1", None)),
        ("127.0.0.1", [], [], Origin("127.0.0.1", None)),
        ("127.0.0.1", ["198.51.100.1"], ["https"], Origin("198.51.100.1", True)),
        ("127.0.0.1", ["192.0.2.66, 198.51.100.1, 10.1.2.3"], ["http"], Origin("198.51.100.1", False)),
        ("127.0.0.1", ["192.0.2.66", "198.51.100.1"], [], Origin("198.51.100.1", None)),
        ("127.0.0.1", ["10.1.1.1, 10.1.1.2"], [], Origin("10.1.1.1", None)),
        ("127.0.0.1", ["198.51.100.1, 10.9.9.9"], ["https, http"], Origin("198.51.100.1", True)),
        ("127.0.0.1", ["198.51.100.1:4711"], [], Origin("198.51.100.1", None)),
        ("127.0.0.1", ["[2001:db8::7]:4711"], [], Origin("2001:db8::7", None)),
        ("::ffff:127.0.0.1", ["198.51.100.1"], [], Origin("198.51.100.1", None)),
        ("127.0.0.1", ["198.51.100.1, unknown"], [], Origin("127.0.0.1", None)),
        ("127.0.0.1", ["<script>"], ["gopher"], Origin("127.0.0.1", None)),
        ("fd00::1", ["198.51.100.1"], [], Origin("198.51.100.1", None)),
    ],
)
def test_the_right_most_hop_that_is_not_trusted(
    peer: str, forwarded: list[str], protocols: list[str], origin: Origin
) -> None:
    assert find_origin(peer, forwarded, protocols, TRUSTED) == origin


def test_a_network_is_counted_as_one() -> None:
    assert rate_key("2001:db8:1:2::1") == rate_key("2001:db8:1:2:ffff::9")
    assert rate_key("2001:db8:1:2::1") != rate_key("2001:db8:1:3::1")
    assert rate_key("::ffff:192.0.2.1") == rate_key("192.0.2.1")
    assert rate_key("somewhere") == "somewhere"

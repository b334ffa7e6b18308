"""Who may read metrics."""

from __future__ import annotations

import pytest

from domain.metrics_reader import may_read_metrics

TOKEN = "a token of some length"


@pytest.mark.parametrize(
    ("peer", "headers", "sent", "token", "may"),
    [
        ("127.0.0.1", [], "", "", True),
        ("::1", [], "", "", True),
        ("203.0.113.1", [], "", "", False),
        ("", [], "", "", False),
        ("127.0.0.1", ["x-forwarded-for"], "", "", False),
        ("127.0.0.1", ["via"], "", "", False),
        ("203.0.113.1", ["via"], TOKEN, TOKEN, True),
        ("127.0.0.1", [], "", TOKEN, False),
        ("127.0.0.1", [], "\u00fc", TOKEN, False),
    ],
)
def test_who_may(peer: str, headers: list[str], sent: str, token: str, may: bool) -> None:
    assert may_read_metrics(peer, headers, sent, token) is may

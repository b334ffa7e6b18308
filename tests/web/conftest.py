"""A browser for each module, and two people's phones for each test."""

from __future__ import annotations

from tests.web.phone import browser, phones

__all__ = ["browser", "phones"]

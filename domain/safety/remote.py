"""A moderation service elsewhere, if one is set: asked by HTTP about every text, within a bounded time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import httpx
import msgspec

from domain.safety.rules import Finding
from schemas.errors import Code, RiffleError
from settings import Settings

log = logging.getLogger(__name__)
RETRY_AFTER_S = 5
# An answer is one verdict; more is not read.
MAX_ANSWER_BYTES = 64 * 1024


class ModerationAnswer(msgspec.Struct, kw_only=True):
    """What the service says: `rule` and `reason` count where it does not allow."""

    allowed: bool
    rule: str = "outside"
    reason: str = "the moderation service refused it"


@runtime_checkable
class ModerationClient(Protocol):
    """A second opinion on texts."""

    async def judge(self, texts: Sequence[str], person: bool) -> Finding | None:
        """What refuses them, None where nothing does."""
        ...


class NullModerator:
    """No service is set: nothing is refused."""

    async def judge(self, texts: Sequence[str], person: bool) -> Finding | None:
        """Nothing refuses."""
        return None


class RemoteModerator:
    """`POST url {"texts": [...], "person": bool}` answers `{"allowed": bool, "rule"?, "reason"?}`.

    What fails, times out or makes no sense refuses (`busy`) or allows, as the settings say.
    """

    def __init__(self, url: str, timeout_s: float, on_error: str) -> None:
        self._url, self._timeout_s, self._on_error = url, timeout_s, on_error

    async def judge(self, texts: Sequence[str], person: bool) -> Finding | None:
        """What refuses the texts, None where nothing does.

        Raises:
            RiffleError: busy, where the service fails and the settings say to refuse then.
        """
        try:
            async with httpx.AsyncClient(timeout=self._timeout_s) as client:
                reply = await client.post(self._url, json={"texts": list(texts), "person": person})
            reply.raise_for_status()
            answer = msgspec.json.decode(reply.content[:MAX_ANSWER_BYTES], type=ModerationAnswer)
        # Bytes of another server: deep nesting and broken text end in errors of their own.
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, RecursionError, ValueError) as error:
            log.warning("the moderation service failed: %r", error)
            if self._on_error == "allow":
                return None
            raise RiffleError(
                Code.BUSY, "the moderation service is away: try again", retry_after_s=RETRY_AFTER_S
            ) from error
        return None if answer.allowed else Finding(f"outside:{answer.rule}", answer.reason)


def moderation_client(settings: Settings) -> ModerationClient:
    """The client for the service that the settings name."""
    if not settings.moderation_url:
        return NullModerator()
    return RemoteModerator(
        settings.moderation_url, settings.moderation_timeout_s, settings.moderation_on_error
    )

"""The life of a video as one table: every change of status in the database goes through `advance`."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from schemas.videos import Status


class Trigger(StrEnum):
    """What can happen to a video."""

    LEASE = "lease"
    LOSE = "lose"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"


class IllegalTransition(Exception):
    """This can't happen to a video in this status."""

    def __init__(self, status: Status, trigger: Trigger) -> None:
        super().__init__(f"a video that is {status} can't {trigger}")
        self.status = status
        self.trigger = trigger


TRANSITIONS = MappingProxyType(
    {
        (Status.QUEUED, Trigger.LEASE): Status.IN_PROGRESS,
        (Status.QUEUED, Trigger.CANCEL): Status.CANCELLED,
        (Status.QUEUED, Trigger.FAIL): Status.FAILED,
        (Status.IN_PROGRESS, Trigger.LOSE): Status.QUEUED,
        (Status.IN_PROGRESS, Trigger.COMPLETE): Status.COMPLETED,
        (Status.IN_PROGRESS, Trigger.FAIL): Status.FAILED,
        (Status.IN_PROGRESS, Trigger.CANCEL): Status.CANCELLED,
    }
)
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


def advance(status: Status, trigger: Trigger) -> Status:
    """The status after `trigger`.

    Raises:
        IllegalTransition: the table has no such edge.
    """
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise IllegalTransition(status, trigger) from None

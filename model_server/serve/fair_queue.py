"""A queue that serves owners in turn, so that one person's swarm never stands before everybody else."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out within an owner; one of each owner in turn between them. Iterates in that order."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._owners.values()))

    def __iter__(self) -> Iterator[T]:
        owners = [list(items) for items in self._owners.values()]
        for turn in range(max(map(len, owners), default=0)):
            yield from (items[turn] for items in owners if turn < len(items))

    def push(self, owner: str, item: T) -> None:
        """Add an item behind the owner's others; a new owner's turn comes after all present ones."""
        self._owners.setdefault(owner, deque()).append(item)

    def take(self, owner: str, item: T) -> None:
        """Remove an item that is served: the owner's next turn comes after everybody else's."""
        self.remove(owner, item)
        if owner in self._owners:
            self._owners.move_to_end(owner)

    def remove(self, owner: str, item: T) -> None:
        """Remove an item that isn't wanted any more; the owner keeps its turn.

        Raises:
            KeyError, ValueError: it isn't here.
        """
        items = self._owners[owner]
        items.remove(item)
        if not items:
            del self._owners[owner]

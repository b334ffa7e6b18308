"""CPU seconds that generating takes, which are a video's cost."""

from __future__ import annotations

import sys
import threading
import time


class CpuClock:
    """CPU seconds of this process without the threads that don't generate (the event loop, the loader)."""

    def __init__(self) -> None:
        self._others: list[int] = []

    def exclude_thread(self) -> None:
        """Don't count the calling thread, which must live as long as the process."""
        if sys.platform == "linux":
            self._others.append(time.pthread_getcpuclockid(threading.get_ident()))

    def now(self) -> float:
        """Seconds so far; only differences mean something."""
        return time.process_time() - sum(map(time.clock_gettime, self._others))

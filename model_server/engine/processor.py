"""Which processor this is: what was measured or chosen on one may not hold on another."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path

from model_server.engine.cpu_quota import quota_cores

CPU_INFO = Path("/proc/cpuinfo")
# "Features" on ARM. Other lines hold clocks and numbers of cores, which change from start to start.
IDENTIFYING = ("model name", "flags", "Features", "CPU implementer", "CPU part")


def cores() -> int:
    """Processors that this process may keep busy: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    paid = quota_cores()
    return allowed if paid is None else min(allowed, paid)


@cache
def processor_id() -> str:
    """16 hex digits that differ between processors of different names or instruction sets."""
    found = {platform.machine(), platform.processor()}
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        lines = []
    found |= {line for line in lines if line.startswith(IDENTIFYING)}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]

"""What kind of processor a measurement ran on: costs differ by a factor of four between kinds."""

from __future__ import annotations

import platform
from pathlib import Path

from model_server.engine.host import host_target


def processor() -> str:
    """What computes here, and the target that suits it."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.is_file() else []
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{name or platform.processor() or platform.machine()}, int8 as {host_target()}"

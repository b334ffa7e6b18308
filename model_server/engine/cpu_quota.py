"""How many processors a container's quota is worth: cgroups, versions 1 and 2."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path("/")


class _Mount(NamedTuple):
    """Where a hierarchy of cgroups is seen: what of it (`part`) stands at `point`."""

    version: int
    part: PurePosixPath
    point: Path


def quota_cores(root: Path = ROOT) -> int | None:
    """Processors that the tightest quota of this process's cgroups pays for, rounded up; None without one.

    `root` is the folder under which /proc and the mounts are looked up.
    """
    try:
        mounts = list(_mounts(root))
        groups = _groups(root)
    except (OSError, ValueError, IndexError):
        return None
    shares = [
        share
        for mount in mounts
        if mount.version in groups
        for folder in _folders(mount, groups[mount.version])
        if (share := _share(folder, mount.version)) is not None
    ]
    return max(1, math.ceil(min(shares))) if shares else None


def _mounts(root: Path) -> Iterator[_Mount]:
    """The mounted hierarchies that have the controller of processors."""
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, part, point, *_ = before.split(" ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            place = root / PurePosixPath(point).relative_to("/")
            yield _Mount(2 if kind == "cgroup2" else 1, PurePosixPath(part), place)


def _groups(root: Path) -> dict[int, PurePosixPath]:
    """The cgroup of this process in each version's hierarchy."""
    found = {}
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            found[2] = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            found[1] = PurePosixPath(path)
    return found


def _folders(mount: _Mount, group: PurePosixPath) -> Iterator[Path]:
    """The group's folder and those around it: each one's quota holds for all in it.

    Within a container the path may be the host's, which isn't mounted: then the mount itself is the group.
    """
    inside = group.relative_to(mount.part) if group.is_relative_to(mount.part) else PurePosixPath()
    folder = mount.point / inside.relative_to("/") if inside.is_absolute() else mount.point / inside
    while folder != mount.point:
        yield folder
        folder = folder.parent
    yield mount.point


def _share(folder: Path, version: int) -> float | None:
    """Processors that one group may keep busy; None where it has no bound."""
    try:
        if version == 2:
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        if quota == "max" or int(quota) <= 0 or int(period) <= 0:
            return None
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None

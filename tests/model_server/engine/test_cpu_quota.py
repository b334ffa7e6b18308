"""Quotas of containers, as the kernel shows them in both versions of cgroups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model_server.engine import processor
from model_server.engine.cpu_quota import quota_cores

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 32 0:29 {part} /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct"
OTHERS = (
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "34 32 0:30 / /sys/fs/cgroup/cpuset rw,nosuid shared:9 - cgroup cgroup rw,cpuset"
)


def machine(root: Path, mounts: str, groups: str, **files: str) -> Path:
    """A tree of files as the kernel shows them; names of `files` have `__` for `/`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(f"{OTHERS}\n{mounts}\n")
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("said", "cores"),
    [
        ("max 100000", None),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("1000 1000000", 1),
        ("nonsense", None),
        ("", None),
        ("0 100000", None),
        ("200000 0", None),
    ],
)
def test_version_2(tmp_path: Path, said: str, cores: int | None) -> None:
    root = machine(tmp_path, V2, "0::/\n", **{"cpu-max": said})
    assert quota_cores(root) == cores


def test_the_tightest_group_around_counts(tmp_path: Path) -> None:
    files = {"a__b__cpu-max": "max 100000", "a__cpu-max": "300000 100000", "cpu-max": "800000 100000"}
    assert quota_cores(machine(tmp_path, V2, "0::/a/b\n", **files)) == 3


def test_a_group_of_the_host_that_is_not_mounted_is_the_mount(tmp_path: Path) -> None:
    root = machine(tmp_path, V2, "0::/docker/0123\n", **{"cpu-max": "400000 100000"})
    assert quota_cores(root) == 4
    (tmp_path / "other").mkdir()
    root = machine(tmp_path / "other", V2, "0::/../../elsewhere\n", **{"cpu-max": "400000 100000"})
    assert quota_cores(root) == 4


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("250000", 3), ("100000", 1)])
@pytest.mark.parametrize(("part", "group"), [("/", "/"), ("/docker/0123", "/docker/0123"), ("/", "/gone")])
def test_version_1(tmp_path: Path, quota: str, cores: int | None, part: str, group: str) -> None:
    files = {"cpu,cpuacct__cpu-cfs_quota_us": quota, "cpu,cpuacct__cpu-cfs_period_us": "100000"}
    groups = f"9:cpuset:/\n4:cpu,cpuacct:{group}\n0::/init\n"
    assert quota_cores(machine(tmp_path, V1.format(part=part), groups, **files)) == cores


def test_both_at_once(tmp_path: Path) -> None:
    """Version 2 is mounted beside version 1 on many machines, without the controller of processors."""
    files = {
        "cpu,cpuacct__cpu-cfs_quota_us": "200000",
        "cpu,cpuacct__cpu-cfs_period_us": "100000",
        "unified__cgroup-procs": "",
    }
    unified = "42 32 0:39 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw"
    root = machine(tmp_path, f"{V1.format(part='/')}\n{unified}", "4:cpu,cpuacct:/\n0::/\n", **files)
    assert quota_cores(root) == 2


def test_no_cgroups_no_quota(tmp_path: Path) -> None:
    assert quota_cores(tmp_path) is None
    assert quota_cores(machine(tmp_path, "broken", "broken")) is None


def test_affinity_and_quota_hold_together(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = len(os.sched_getaffinity(0))
    for paid, cores in ((None, allowed), (1, 1), (allowed + 5, allowed)):
        monkeypatch.setattr(processor, "quota_cores", lambda paid=paid: paid)
        assert processor.cores() == cores

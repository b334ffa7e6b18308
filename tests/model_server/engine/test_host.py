"""What this processor does with int8 agrees with what it says of itself, and misfits are refused."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from model_server.engine import host
from model_server.engine.bundle import BundleError
from model_server.engine.preview import PreviewEngine
from tests.export.small import copied, edited, small_bundle


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="no list of the processor's features here")
def test_the_runtime_agrees_with_the_processors_own_list() -> None:
    words = set(Path("/proc/cpuinfo").read_text().split())
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    assert host.sums_exactly() == (arm or bool(words & {"avx512_vnni", "avx_vnni"}))
    expected = "arm64" if arm else "vnni" if words & {"avx512_vnni", "avx_vnni"} else "avx2"
    assert host.host_target() == expected


@pytest.mark.parametrize(
    ("precision", "target", "refused"),
    [
        ("int8", "vnni", True),
        ("int8", "arm64", True),
        ("int4", "vnni", True),
        ("fp32", "vnni", False),
        ("int8", "avx2", False),
    ],
)
def test_only_full_range_needs_exact_sums(
    precision: str, target: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "sums_exactly", lambda: False)
    assert bool(host.misfit(precision, target)) is refused
    monkeypatch.setattr(host, "sums_exactly", lambda: True)
    assert host.misfit(precision, target) == ""


def test_a_bundle_of_another_processor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = copied(small_bundle(), tmp_path / "bundle")
    monkeypatch.setattr(host, "sums_exactly", lambda: False)
    PreviewEngine(bundle, 1)
    edited(bundle / "manifest.json", target="vnni")
    with pytest.raises(BundleError, match="int8 for vnni overflows on this processor"):
        PreviewEngine(bundle, 1)

"""Work folders: those of dead processes go, all others stay."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from export.work_folder import remove_abandoned


def test_what_a_killed_export_left_is_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = [f".bundle-{gone.pid}-abc", f".bundle-{os.getpid()}-abc", ".bundle-mine-abc", ".bundle2-1-abc"]
    for name in names:
        (tmp_path / name).mkdir()
    remove_abandoned(tmp_path / "bundle")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])

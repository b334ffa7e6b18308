"""Makes the embedded default model ready under RIFFLE_HOME: folder and bundle, built once per weights."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
from pathlib import Path

from export.assemble import ASSEMBLE, assemble
from export.progress import ExportProgress
from export.recorded_index import expected_seconds
from model_server.engine.processor import processor_id
from settings import PROJECT, BadSetting, Settings, load

WEIGHTS = PROJECT / "export" / "weights"
# Whatever changes how a bundle is made must make the old one stale; how riffle-tiny is trained doesn't.
STAGES = ("*.py", "families/*.py", "rewrites/*.py", "recorded/*")
STAMP = "built-from"


def prepare(settings: Settings) -> None:
    """Assemble the teacher and export its bundle, unless both stand and come from these weights and stages.

    A teacher or bundle that the environment names is the person's own: a missing bundle is exported from
    the named teacher, a present one is left alone.
    """
    own_teacher = bool(os.environ.get("RIFFLE_TEACHER"))
    own_bundle = bool(os.environ.get("RIFFLE_BUNDLE"))
    if (
        own_bundle
        and (settings.bundle / "manifest.json").is_file()
        and (own_teacher or settings.teacher.is_dir())
    ):
        return
    stamp = settings.bundle.with_name(f"{settings.bundle.name}.{STAMP}")
    source = fingerprint(settings.teacher if own_teacher else WEIGHTS)
    stands = stamp.is_file() and (settings.bundle / "manifest.json").is_file()
    found = stamp.read_text() if stands else ""
    # On the processor that the stamp names, the target needs no asking.
    if found.endswith(f" {source}\n{processor_id()}"):
        return
    from model_server.engine.host import host_target

    # A home that moves to another processor gets a bundle for that one.
    target = host_target()
    current = f"{target} {source}\n{processor_id()}"
    if found.startswith(f"{target} {source}"):
        stamp.write_text(current)
        return
    progress = ExportProgress("model", None if own_teacher else expected_seconds())
    if not own_teacher:
        progress.step(ASSEMBLE, "assemble the model folder")
        assemble(settings.teacher)
    from export.pack import export_bundle

    stamp.unlink(missing_ok=True)
    export_bundle(settings.teacher, settings.bundle, precision="int8", target=target, progress=progress)
    stamp.write_text(current)


def fingerprint(folder: Path) -> str:
    """SHA-256 over the folder's files (path and bytes) and the export stages' code.

    Raises:
        BadSetting: there is no such folder.
    """
    if not folder.is_dir():
        raise BadSetting(f"RIFFLE_TEACHER={str(folder)!r} can't be used: it takes a diffusers folder")
    digest = hashlib.sha256()
    code = [path for stage in STAGES for path in sorted(Path(__file__).parent.glob(stage))]
    for path in [*sorted(p for p in folder.rglob("*") if p.is_file()), *code]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    # Without arguments; but asking for help, or writing one, must not begin to export.
    argparse.ArgumentParser(prog="python -m export.prepare", description=__doc__).parse_args()
    # An exception, so that the folder that is being filled is removed.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        prepare(load())
    except Exception as error:
        sys.exit(f"the model can't be made ready: {error}")

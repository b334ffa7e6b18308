"""Record the shipped model's graphs without weights, and what was measured of it, for fast exports.

    python -m export.record

Traces and measures everything anew for this machine's processor (minutes), writes export/recorded, and
exports by that record to time its steps. What was recorded for another processor stays if it still fits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec
import torch

from export.assemble import ASSEMBLE, assemble
from export.errors import ExportError
from export.load import LoadedModel, load
from export.make import Maker
from export.pack import make_bundle
from export.progress import ExportProgress
from export.recorded import INT8, Recorded, choices_digest, graphs_digest, ranges_digest
from export.recorded_index import FOLDER, INDEX, RANGES_SUFFIX, Choices, Index, read_index
from model_server.engine.host import host_target

TRACERS = ("diffusers", "onnx", "onnxscript", "optimum", "torch", "transformers")
# A graph that is larger holds weights.
LARGEST_GRAPH = 1_000_000


def record(folder: Path = FOLDER) -> Index:
    """Write the record of the shipped model into `folder` and return its index.

    Raises:
        ExportError: a stage stopped, or a graph can't be had without its weights.
    """
    torch.set_num_threads(1)
    target = host_target()
    with tempfile.TemporaryDirectory() as work:
        progress = ExportProgress("record")
        progress.step(ASSEMBLE, "assemble the model folder")
        model = assemble(Path(work) / "model")
        progress.step("load", "load it")
        source, maker = _made(model, Path(work) / "measured", target, progress, None)
        # Of a model that no exporter has had its hands on: some write into its configurations.
        index = _index(load(model), maker, target, folder)
        _write(folder, maker, index)
        timed = ExportProgress("timed", progress.seconds)
        timed.step("load", "load it")
        again, _ = _made(model, Path(work) / "recorded", target, timed, folder)
        timed.end("done")
        if again.notes != source.notes:
            raise ExportError("record", f"the record makes another bundle: {again.notes}")
        index.seconds = {ASSEMBLE: progress.seconds[ASSEMBLE], **timed.seconds}
        index.seconds = {name: round(seconds, 1) for name, seconds in index.seconds.items()}
        _write(folder, maker, index)
    return index


def tracer_versions() -> dict[str, str]:
    """Versions of the packages that graphs are traced with, without what names their build."""
    return {name: version(name).partition("+")[0] for name in TRACERS}


def _made(
    model: Path, work: Path, target: str, progress: ExportProgress, folder: Path | None
) -> tuple[LoadedModel, Maker]:
    source = load(model)
    work.mkdir()
    recorded = None if folder is None else Recorded(source, INT8, target, folder)
    maker = Maker(source, work, INT8, target, progress, recorded)
    make_bundle(maker)
    return source, maker


def _index(source: LoadedModel, maker: Maker, target: str, folder: Path) -> Index:
    kept = {part: found.kept for part, found in maker.quantised.items()}
    before = read_index(folder)
    others = {} if before is None else before.choices
    choices = {
        other: found for other, found in others.items() if found.digest == choices_digest(source, other)
    }
    choices[target] = Choices(digest=choices_digest(source, target), kept=kept)
    return Index(
        graphs_digest=graphs_digest(source),
        tracers=tracer_versions(),
        ranges_digest=ranges_digest(source),
        choices=dict(sorted(choices.items())),
        seconds={},
    )


def _write(folder: Path, maker: Maker, index: Index) -> None:
    folder.mkdir(exist_ok=True)
    for path in [*folder.glob("*.onnx"), *folder.glob("*.json")]:
        path.unlink()
    for part, graph in maker.graphs.items():
        if len(graph) > LARGEST_GRAPH:
            raise ExportError("record", f"{part}: {len(graph)} bytes: its weights have lost their names")
        (folder / f"{part}.onnx").write_bytes(graph)
    for part, ranges in maker.ranges.items():
        (folder / f"{part}{RANGES_SUFFIX}").write_bytes(ranges)
    (folder / INDEX).write_bytes(msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n")


if __name__ == "__main__":
    # Without arguments; but asking for help, or writing one, must not begin to record.
    argparse.ArgumentParser(
        prog="python -m export.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        record()
    except (ExportError, OSError) as error:
        sys.exit(str(error))

"""Which rungs bench.preview has, and the bundles that its lower ones draw with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bench.preview.workers import Rung
from model_server.engine.threads import MEASURED
from schemas.model_folder import read_model_spec

SERVED = "threads and memory as served"
INT8 = "int8"
FLOAT32 = "graph rewrites"


def rungs(teacher: Path, work: Path, threads: int, int8: Path | None, tiny: Path | None) -> list[Rung]:
    """The ladder of this model. `int8` is a bundle that is there already, `tiny` a tiny decoder's folder."""
    spec = read_model_spec(teacher)
    large, small = spec.full.size, spec.preview.size
    many, steps, strong = tuple(spec.full.sigmas), tuple(spec.preview.sigmas), spec.full.guidance
    if tiny is None and (teacher / "tiny_decoder").is_dir():
        tiny = teacher / "tiny_decoder"
    float32 = bundle(teacher, work / "fp32", "fp32", tiny)
    int8 = int8 or bundle(teacher, work / "int8", "int8", tiny)
    plain = as_traced(teacher, float32, work / "as-traced")
    student = f"fewer steps: {len(steps) - 1} of the student instead of {len(many) - 1}"
    tokens = f"fewer tokens: {small[0]}x{small[1]} instead of {large[0]}x{large[1]}"
    shrunk = Rung(tokens, "torch", teacher, threads, small, True, steps)
    return [
        Rung("full render: teacher, guided", "torch", teacher, threads, large, False, many, strong),
        Rung(student, "torch", teacher, threads, large, True, steps, strong),
        Rung("no guidance pass", "torch", teacher, threads, large, True, steps),
        shrunk,
        *([shrunk._replace(name="tiny decoder", tiny=tiny)] if tiny else []),
        Rung("onnxruntime, the graph as traced", "plain", plain, threads, small),
        Rung(FLOAT32, "plain", float32, threads, small),
        Rung(INT8, "plain", int8, threads, small),
        Rung(SERVED, "engine", int8, MEASURED, small),
    ]


def bundle(teacher: Path, out: Path, precision: str, tiny: Path | None) -> Path:
    """A bundle of the student for this machine."""
    from export.options import ExportOptions
    from export.pack import export_bundle
    from model_server.engine.host import host_target

    options = ExportOptions(encoder=False, tiny_decoder=tiny)
    made: Path = export_bundle(teacher, out, precision=precision, target=host_target(), options=options)
    return made


def as_traced(teacher: Path, bundle: Path, out: Path) -> Path:
    """A copy of a float32 bundle whose transformer is the library's own, with nothing rewritten."""
    import onnx
    import torch

    from export import parts
    from export.families.base import Stage
    from export.load import load
    from export.preview import preview
    from export.trace import trace_filled
    from model_server.engine.bundle import MANIFEST, describe

    print("[ladder] trace the transformer with nothing rewritten", flush=True)
    shutil.copytree(bundle, out)
    source = load(teacher)
    shape = source.shapes[0]
    stage = parts.denoiser(source, shape, preview(source, shape, "", 0).clone())
    untouched = Stage(stage.untouched, stage.untouched, stage.inputs, stage.outputs, stage.free)
    with torch.no_grad():
        model = trace_filled(source, parts.GraphPart("transformer", "transformer", untouched))
    model.graph.ClearField("value_info")
    onnx.save(model, out / "transformer.onnx")
    manifest = json.loads((out / MANIFEST).read_text())
    for file in manifest["files"]:
        found = describe(out, out / file["path"])
        file |= {"sha256": found.sha256, "bytes": found.bytes}
    (out / MANIFEST).write_text(json.dumps(manifest))
    return out

"""Last stage: all stages in order, and the folder that appears only when it is complete and verified."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path

import msgspec
import torch

from export import verify
from export.errors import ExportError, first_line
from export.gates import GATES
from export.library import LIBRARY
from export.load import LoadedModel, Shape, load, weight_digest
from export.make import Maker
from export.options import PRECISIONS_OF, ExportOptions, default_precision
from export.parts import MATTE, REFINER, UPSAMPLING_DECODER, names, part_names
from export.progress import ExportProgress
from export.recorded import Recorded
from export.recorded_index import FOLDER
from export.upsampling_decoder import ENLARGEMENT
from export.work_folder import make_work_folder, remove_abandoned
from model_server.engine.bundle import MANIFEST, BundleError, describe
from model_server.engine.host import host_target, misfit
from schemas.bundle import MANIFEST_VERSION, Bucket, Manifest

TOKENIZER = "tokenizer.json"
# How often the denoiser is quantised anew because whole previews are too far from torch's.
TRIES = 3


def export_bundle(
    folder: Path,
    out: Path,
    *,
    precision: str | None = None,
    target: str | None = None,
    options: ExportOptions | None = None,
    progress: ExportProgress | None = None,
    record: Path = FOLDER,
) -> Path:
    """Export a diffusers folder to a bundle at `out`, replacing what is there; returns `out`.

    It is for this machine's processor unless a `target` says otherwise. Graphs and choices that are recorded
    for this model in the folder `record` (export.recorded) aren't made anew.

    Raises:
        ExportError: a stage stopped; `out` is as it was.
    """
    target = target or host_target()
    if target not in PRECISIONS_OF:
        raise ExportError("pack", f"target {target!r} is not known, only {', '.join(PRECISIONS_OF)}")
    precision = precision or default_precision(target)
    if precision not in PRECISIONS_OF[target]:
        raise ExportError(
            "pack", f"precision {precision!r} for target {target!r} is not known: take {_any_of(target)}"
        )
    if wrong := misfit(precision, target):
        raise ExportError("pack", f"{target} can't be verified here: {wrong}")
    _check_out(folder, out)
    progress = progress or ExportProgress("export")
    threads = torch.get_num_threads()
    # Torch's threads spin at every barrier, which takes far longer than the work on a machine that is busy.
    torch.set_num_threads(1)
    work = None
    try:
        progress.step("load", f"load {folder}")
        source = load(folder, options)
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out)
        work = make_work_folder(out)
        recorded = Recorded(source, precision, target, record)
        manifest = make_bundle(Maker(source, work, precision, target, progress, recorded))
        work.chmod(0o755)
        put_in_place(work, out)
    except ExportError:
        raise
    except (OSError, BundleError) as error:
        raise ExportError("pack", first_line(error)) from error
    except Exception as error:
        # A model that its library can't draw with, or memory that ran out: what was being done says where.
        raise ExportError(progress.last, f"{type(error).__name__}: {first_line(error)}") from error
    finally:
        torch.set_num_threads(threads)
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
    progress.end(f"done: {out}, previews {manifest.parity['preview']['least_db']} dB against torch")
    return out


def make_bundle(maker: Maker) -> Manifest:
    """Every file of a bundle into the maker's folder, verified whole.

    Raises:
        ExportError: a stage stopped.
    """
    source, work, precision, progress = maker.source, maker.work, maker.precision, maker.progress
    checks = [f"verify {shape.label}" for shape in source.proven]
    progress.plan(["draw", *part_names(source), *checks])
    source.tokenizer.save(str(work / TOKENIZER))
    if source.library is not None:
        shutil.copyfile(source.library, work / LIBRARY)
    maker.make()
    if not all(maker.placement.values()):
        source.notes.append(
            f"this machine has no {maker.target}: parity was measured on its processor, placement wasn't"
        )
    gate = GATES[precision]["preview"]
    for tried in range(1, TRIES + 1):
        _write_manifest(work, _manifest(maker))
        found = verify.check_previews(
            source, work, precision, gated=tried == TRIES, begin=partial(_begin_check, progress)
        )
        short = gate - min(each["least_db"] for name, each in found.items() if name.startswith("preview"))
        if short <= 0:
            break
        progress.detail(f"whole previews are {short:.1f} dB under their gate of {gate}")
        if not maker.again(short + 1):
            verify.check_previews(source, work, precision)
    maker.parity |= found
    manifest = _manifest(maker)
    _write_manifest(work, manifest)
    return manifest


def _begin_check(progress: ExportProgress, shape: Shape) -> None:
    progress.step(f"verify {shape.label}", f"verify whole previews of {shape.label} against torch")


def _manifest(maker: Maker) -> Manifest:
    source, work = maker.source, maker.work
    mean, std = source.family.scaling(source.vae)
    kind = "student" if source.is_student else "teacher"
    enlarges = source.upsampling_decoder is not None
    return Manifest(
        version=MANIFEST_VERSION,
        id=source.name,
        family=source.family.name,
        precision=maker.precision,
        target=maker.target,
        teacher=f"{source.name} {kind} {weight_digest(source.transformer)}",
        created_at=int(time.time()),
        fps=source.fps,
        buckets=[_bucket(source, shape) for shape in source.shapes],
        sigmas=source.shapes[0].schedule.sigmas,
        guidance=source.guidance,
        prompt_tokens=source.prompt_tokens,
        text_encoder="text.onnx",
        tokenizer=TOKENIZER,
        latent_channels=source.family.latent_channels(source),
        # What a decoder's graph does to latents first: x * std / factor + mean.
        scaling={"mean": mean.tolist(), "std": std.tolist(), "factor": 1.0},
        files=[
            describe(work, path)
            for path in sorted(work.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        ],
        licence=source.licence,
        parity=maker.parity,
        vocabulary=source.vocabulary,
        decode_timestep=source.decode_timestep,
        conditions=source.conditions,
        reference_size=source.reference_size if source.conditions else None,
        refiner=f"{REFINER}.onnx" if source.refiner is not None else "",
        matte=f"{MATTE}.onnx" if source.refiner is not None else "",
        upsampling_decoder=f"{UPSAMPLING_DECODER}.onnx" if enlarges else "",
        enlargement=ENLARGEMENT if enlarges else 1,
        library=LIBRARY if source.library is not None else "",
        notes=source.notes,
        quantised=maker.quantised,
        placement=maker.placement,
    )


def _bucket(source: LoadedModel, shape: Shape) -> Bucket:
    files = {kind: f"{name}.onnx" for name, kind in names(source, shape).items()}
    frames, rows, columns = shape.grid
    return Bucket(
        width=shape.width,
        height=shape.height,
        frames=shape.frames,
        latent_width=columns,
        latent_height=rows,
        latent_frames=frames,
        streamed=source.family.streams,
        schedule=shape.schedule,
        **files,
    )


def _check_out(folder: Path, out: Path) -> None:
    """Never put a bundle in the place of something else."""
    if out.resolve() == folder.resolve() or folder.resolve().is_relative_to(out.resolve()):
        raise ExportError("pack", f"{out} holds the model itself: a bundle goes somewhere else")
    if (out.exists() and not out.is_dir()) or (
        out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file()
    ):
        raise ExportError("pack", f"{out} is there already and is no bundle: it is left alone")


def _any_of(target: str) -> str:
    return " or ".join(PRECISIONS_OF[target])


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(data)


def put_in_place(work: Path, out: Path) -> None:
    """Put the finished folder in the place of the old one."""
    if out.exists():
        old = make_work_folder(out)
        out.rename(old / out.name)
        try:
            work.rename(out)
        except OSError:
            (old / out.name).rename(out)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    else:
        work.rename(out)

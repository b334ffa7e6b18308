"""Last stage: all stages in order, and the folder that appears only when it is complete and verified."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx
import torch
from torch import Tensor

from export import trace, verify
from export.load import ExportError, Source, load, weight_digest
from export.quantise import TARGETS, halve, quantise_convolutions, quantise_products
from export.rewrite import optimise
from model_server.bundle import MANIFEST, BundleError, describe
from schemas.bundle import MANIFEST_VERSION, Bucket, Manifest

PRECISIONS = ("int8", "fp32")
TOKENIZER = "tokenizer.json"


def export_bundle(folder: Path, out: Path, *, precision: str = "int8", target: str = "avx2") -> Path:
    """Export a diffusers folder to a bundle at `out`, replacing what is there; returns `out`.

    Raises:
        ExportError: a stage stopped; `out` is as it was.
    """
    if precision not in PRECISIONS or target not in TARGETS:
        raise ExportError("pack", f"precision {precision!r} for target {target!r} is not known")
    say = _progress(time.monotonic())
    threads = torch.get_num_threads()
    # Torch's threads spin at every barrier, which takes far longer than the work on a machine that is busy.
    torch.set_num_threads(1)
    work = None
    try:
        say(f"load: {folder}")
        source = load(folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        work = _beside(out)
        parity = _write_parts(source, work, precision, target, say)
        shutil.copyfile(source.tokenizer, work / TOKENIZER)
        manifest = _manifest(source, work, precision, target, parity)
        _write_manifest(work, manifest)
        say("verify: whole previews")
        parity["preview"] = verify.check_preview(source, work, precision)
        _write_manifest(work, manifest)
        work.chmod(0o755)
        _replace(work, out)
    except (OSError, BundleError) as error:
        raise ExportError("pack", str(error)) from error
    finally:
        torch.set_num_threads(threads)
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
    say(f"done: {out}, preview {parity['preview']['sqnr_db']} dB against torch")
    return out


def _write_parts(
    source: Source, work: Path, precision: str, target: str, say: Callable[[str], None]
) -> dict[str, verify.Parity]:
    say("trace: drawing previews to measure ranges on")
    # The parts are checked on one preview, and quantised on the others.
    checked, *samples = trace.previews(source)
    parity = {}
    for part in trace.parts(source, checked):
        say(f"trace: {part.name}")
        model = optimise(trace.trace(part), part.name)
        if precision == "int8":
            say(f"quantise: {part.name} for {target}")
            model = _quantised(model, part.name, target, samples)
        else:
            model = halve(model, lossy=False)
        parity[part.name] = verify.check_part(part, model, precision)
        onnx.save(model, work / f"{part.name}.onnx")
    return parity


def _quantised(model: onnx.ModelProto, name: str, target: str, samples: list[Tensor]) -> onnx.ModelProto:
    if name == "transformer":
        return quantise_products(model, name, target)
    if name == "decoder":
        return quantise_convolutions(model, name, target, ({"latents": whole.numpy()} for whole in samples))
    if name == "picture":
        frames = ({"latents": trace.middle(whole).numpy()} for whole in samples)
        return quantise_convolutions(model, name, target, frames)
    # The text encoder runs once a prompt and loses its meaning in int8.
    return halve(model, lossy=True)


def _manifest(
    source: Source, work: Path, precision: str, target: str, parity: dict[str, verify.Parity]
) -> Manifest:
    width, height = source.card.preview.size
    frames, rows, columns = source.grid
    kind = "student" if source.is_student else "teacher"
    return Manifest(
        version=MANIFEST_VERSION,
        id=source.card.name,
        family=source.family,
        precision=precision,
        target=target,
        teacher=f"{source.card.name} {kind} {weight_digest(source.transformer)}",
        created_at=int(time.time()),
        fps=source.card.fps,
        buckets=[
            Bucket(
                width=width,
                height=height,
                frames=source.card.frames,
                latent_width=columns,
                latent_height=rows,
                latent_frames=frames,
                transformer="transformer.onnx",
                decoder="decoder.onnx",
                picture="picture.onnx",
            )
        ],
        sigmas=source.tier.sigmas,
        guidance=source.tier.guidance,
        prompt_tokens=source.card.max_sequence_length,
        text_encoder="text.onnx",
        tokenizer=TOKENIZER,
        latent_channels=source.vae.config.latent_channels,
        scaling={
            "mean": source.vae.latents_mean.tolist(),
            "std": source.vae.latents_std.tolist(),
            "factor": float(source.vae.config.scaling_factor),
        },
        files=[describe(work, path) for path in sorted(work.rglob("*")) if path.is_file()],
        licence=source.licence,
        parity=parity,
        vocabulary=source.vocabulary,
    )


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(data)


def _replace(work: Path, out: Path) -> None:
    """Put the finished folder in the place of the old one."""
    if out.exists():
        old = _beside(out)
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


def _beside(out: Path) -> Path:
    """A fresh folder next to `out`, so that a rename stays on one file system; named by process."""
    return Path(tempfile.mkdtemp(prefix=f".{out.name}-{os.getpid()}-", dir=out.parent))


def _sweep(out: Path) -> None:
    """Remove the working folders of exports that were killed."""
    for left in out.parent.glob(f".{out.name}-*-*"):
        owner = left.name.removeprefix(f".{out.name}-").split("-")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, PermissionError, OverflowError):
            # Somebody else's.
            continue


def _progress(begun: float) -> Callable[[str], None]:
    def say(text: str) -> None:
        print(f"[export {time.monotonic() - begun:5.1f} s] {text}", flush=True)

    return say

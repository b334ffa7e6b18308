"""A bundle's report in one HTML file: pictures, speed, parity, what was quantised, sizes; no script."""

from __future__ import annotations

import base64
import html
import statistics
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.errors import ExportError
from export.measure import difference
from export.parts import PROMPTS
from export.verify import THREADS, peak_ratio, recipe
from model_server.engine.preview import PreviewEngine
from schemas.bundle import Bucket, Manifest
from schemas.videos import Recipe

Frames = NDArray[np.uint8]

# Two sentences and the empty one, each from its own seed.
SHOWN = 3
# Frames of a clip on the sheet, from the first to the last.
SHEET_FRAMES = 5
# A frame's width on the sheet in pixels; smaller ones are enlarged by a whole number, so that nothing is
# blurred.
SHEET_PX = 160
ROUNDS = 3
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;
text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:0 0 1rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}
figcaption{color:#555}img{max-width:100%;image-rendering:pixelated}h1{font-size:1.5rem}h2{font-size:1.15rem}"""


class TimedPreview(NamedTuple):
    """One preview, and what it took in milliseconds."""

    latents: NDArray[np.float32]
    frames: Frames
    step_ms: float
    decode_ms: float


def write_card(bundle: Path, out: Path, against: Path | None = None) -> Path:
    """Draw with a bundle and write its report; `against` is another one of the same model, drawn beside.

    Raises:
        BundleError: a bundle isn't whole.
        ExportError: the other bundle is of another model or draws none of this one's shapes, or the file
        can't be
            written; nothing is left behind.
    """
    engine = PreviewEngine(bundle, THREADS)
    other = None if against is None else PreviewEngine(against, THREADS)
    if other is not None and other.manifest.teacher != engine.manifest.teacher:
        raise ExportError(
            "card", f"{against} was made of {other.manifest.teacher}, {bundle} of {engine.manifest.teacher}"
        )
    page = _page(engine, other)
    try:
        with tempfile.NamedTemporaryFile("w", dir=out.parent, suffix=".html", delete=False) as file:
            file.write(page)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(out)
    except OSError as error:
        raise ExportError("card", f"{out} can't be written: {error.strerror}") from error
    return out


def _page(engine: PreviewEngine, other: PreviewEngine | None) -> str:
    manifest = engine.manifest
    title = f"{manifest.id}, {manifest.precision} for {manifest.target}"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>",
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>",
        _table(("what", "is"), _about(manifest)),
    ]
    if manifest.notes:
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}" for note in manifest.notes) + "</ul>")
    speeds = []
    for bucket in _measured(manifest):
        sheets, speed = _clips(engine, other, bucket)
        parts += sheets
        speeds.append(speed)
    parts += [
        "<h2>Speed</h2>",
        f"<p>{THREADS} threads of the machine that wrote this, medians of {ROUNDS * SHOWN}.</p>",
    ]
    parts.append(_table(("shape", "steps", "ms a step", "ms to decode", "ms a preview"), speeds))
    parts += ["<h2>Parity with torch</h2>", _table(("part", "dB", "largest error"), _parity(manifest))]
    parts += ["<h2>Quantised</h2>", *_quantised(manifest)]
    parts += ["<h2>Sizes</h2>", _table(("file", "MB", "SHA-256"), _files(manifest))]
    return "\n".join(parts) + "\n"


def _about(manifest: Manifest) -> list[Sequence[object]]:
    first = manifest.buckets[0]
    steps = len(first.schedule.timesteps) if first.schedule else len(manifest.sigmas) - 1
    made_by = first.schedule.made_by if first.schedule else "Euler"
    return [
        ("family", manifest.family),
        ("made of", manifest.teacher),
        ("licence", manifest.licence),
        ("shapes", ", ".join(_label(bucket) for bucket in manifest.buckets)),
        ("frames a second", manifest.fps),
        ("steps", f"{steps} ({made_by})"),
        ("guidance", f"{manifest.guidance:g}"),
        ("prompt tokens", manifest.prompt_tokens),
        ("made", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.created_at))),
    ]


def _clips(
    engine: PreviewEngine, other: PreviewEngine | None, bucket: Bucket
) -> tuple[list[str], Sequence[object]]:
    """Contact sheets of a shape, and its row of the speed table."""
    parts, drawn = [f"<h2>{_label(bucket)}</h2>"], []
    for seed, prompt in enumerate((*PROMPTS[: SHOWN - 1], "")):
        wanted = recipe(engine.manifest, bucket, prompt, seed)
        rounds = [_drawn(engine, wanted) for _ in range(ROUNDS)]
        drawn += rounds
        words = f"“{prompt}”, seed {seed}" if prompt else f"no prompt, seed {seed}"
        sheet = _figure(rounds[0].frames, f"{words}, {engine.manifest.precision}")
        if other is not None:
            sheet = f"<div class=pair>{sheet}{_beside(other, wanted, rounds[0], words)}</div>"
        parts.append(sheet)
    steps = statistics.median(each.step_ms for each in drawn)
    decode = statistics.median(each.decode_ms for each in drawn)
    many = engine.begin(wanted).steps
    return parts, (
        _label(bucket),
        many,
        f"{steps:.1f}",
        f"{decode:.1f}",
        f"{steps * many + decode:.0f}",
    )


def _beside(other: PreviewEngine, wanted: Recipe, mine: TimedPreview, words: str) -> str:
    """The same recipe by the other bundle, and how far apart the two are."""
    try:
        theirs = _drawn(other, wanted)
    except ValueError as error:
        raise ExportError("card", f"the other bundle: {error}") from error
    latents = difference(theirs.latents, mine.latents)["sqnr_db"]
    frames = peak_ratio(theirs.frames, mine.frames)
    apart = f"{latents} dB in latents, {frames['sqnr_db']} dB peak in frames"
    apart += f", at most {frames['max_error']:.0f} of 255"
    return _figure(theirs.frames, f"{words}, {other.manifest.precision}: {apart}")


def _drawn(engine: PreviewEngine, wanted: Recipe) -> TimedPreview:
    job = engine.begin(wanted)
    started = time.perf_counter()
    while job.step_index < job.steps:
        engine.step(job)
    stepped = time.perf_counter()
    frames = engine.draw(job)
    ended = time.perf_counter()
    return TimedPreview(job.latents, frames, (stepped - started) * 1000 / job.steps, (ended - stepped) * 1000)


def _figure(frames: Frames, caption: str) -> str:
    chosen = np.linspace(0, len(frames) - 1, min(SHEET_FRAMES, len(frames))).round().astype(int)
    larger = max(1, SHEET_PX // frames.shape[2])
    sheet = np.concatenate(list(frames[chosen]), axis=1).repeat(larger, 0).repeat(larger, 1)
    data = BytesIO()
    Image.fromarray(sheet).save(data, "PNG")
    source = base64.b64encode(data.getvalue()).decode()
    text = html.escape(caption)
    image = f'<img alt="{text}" src="data:image/png;base64,{source}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def _parity(manifest: Manifest) -> list[Sequence[object]]:
    return [
        (part, f"{found['sqnr_db']:.2f}", f"{found['max_error']:.3g}")
        for part, found in manifest.parity.items()
    ]


def _quantised(manifest: Manifest) -> list[str]:
    if not manifest.quantised:
        return [f"<p>Nothing: every part is {html.escape(manifest.precision)}.</p>"]
    rows = [
        (
            part,
            found.scheme,
            found.quantised_nodes,
            f"{found.goal_db:.1f}",
            f"{found.reached_db:.1f}",
            found.samples,
        )
        for part, found in manifest.quantised.items()
    ]
    kept = [
        (part, layer.role, layer.nodes, f"{layer.alone_db:.1f}")
        for part, found in manifest.quantised.items()
        for layer in found.kept
    ]
    parts = [_table(("part", "how", "layers", "goal dB", "reached dB", "inputs measured"), rows)]
    if kept:
        parts += ["<p>Kept in higher precision, and what quantising these alone would have left:</p>"]
        parts.append(_table(("part", "layers", "how many", "alone dB"), kept))
    return parts


def _files(manifest: Manifest) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = [
        (file.path, f"{file.bytes / 1e6:.2f}", file.sha256[:16]) for file in manifest.files
    ]
    return [*rows, ("all", f"{sum(file.bytes for file in manifest.files) / 1e6:.2f}", "")]


def _measured(manifest: Manifest) -> list[Bucket]:
    """The shapes whose previews were held against torch's: the first, and those that parity names."""
    first, *others = manifest.buckets
    return [first, *(bucket for bucket in others if f"preview-{_label(bucket)}" in manifest.parity)]


def _label(bucket: Bucket) -> str:
    return f"{bucket.width}x{bucket.height}x{bucket.frames}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(name)}" for name in head)]
    for row in rows:
        cells = (f"<td{_kind(cell)}>{html.escape(str(cell))}" for cell in row)
        lines.append("<tr>" + "".join(cells))
    return "\n".join([*lines, "</table>"])


def _kind(cell: object) -> str:
    return " class=n" if str(cell).replace(".", "", 1).lstrip("-").isdigit() else ""

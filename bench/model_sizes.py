"""What do the real models weigh and cost? Computed from their published configurations, nothing is run.

    python -m bench.model_sizes [--out docs/reference/sizes.md]

Sizes, operations and memory of LTX-Video 2B and Wan 2.1 1.3B and 14B, and the least time that a machine's
roofs allow. The formulas are printed with the tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from export.command import one_line_errors


class Model(NamedTuple):
    """A transformer by its configuration, and how its autoencoder shrinks a clip."""

    name: str
    source: str
    layers: int
    heads: int
    head_width: int
    feed: int
    text_width: int
    channels: int
    # Pixels of a token's side, and frames of a token.
    space: int
    time: int
    # Numbers of a token as it comes in and goes out.
    patch: int
    text_tokens: int
    steps: int
    guided: bool
    # Weights of the text encoder and the autoencoder.
    text: float
    vae: float

    @property
    def width(self) -> int:
        """Numbers of a token inside."""
        return self.heads * self.head_width


# transformer/config.json of Lightricks/LTX-Video and Wan-AI/Wan2.1-T2V-{1.3B,14B}-Diffusers; steps and
# guidance are the defaults of diffusers' pipelines. T5-XXL's encoder has 4.76e9 weights, UMT5-XXL's 5.68e9.
LTX_2B = Model(
    name="LTX-Video 2B",
    source="Lightricks/LTX-Video",
    layers=28,
    heads=32,
    head_width=64,
    feed=8192,
    text_width=4096,
    channels=128,
    space=32,
    time=8,
    patch=128,
    text_tokens=128,
    steps=50,
    guided=True,
    text=4.76e9,
    vae=0.42e9,
)
WAN_1_3B = Model(
    name="Wan 2.1 1.3B",
    source="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    layers=30,
    heads=12,
    head_width=128,
    feed=8960,
    text_width=4096,
    channels=16,
    space=16,
    time=4,
    patch=64,
    text_tokens=512,
    steps=50,
    guided=True,
    text=5.68e9,
    vae=0.127e9,
)
WAN_14B = WAN_1_3B._replace(
    name="Wan 2.1 14B",
    source="Wan-AI/Wan2.1-T2V-14B-Diffusers",
    layers=40,
    heads=40,
    feed=13824,
)
MODELS = (LTX_2B, WAN_1_3B, WAN_14B)
# Width, height and frames: what a person might be shown as a preview, and the pipeline's own size.
CLIPS = {
    LTX_2B: ((320, 480, 33), (704, 512, 161)),
    WAN_1_3B: ((320, 480, 33), (832, 480, 81)),
    WAN_14B: ((320, 480, 33), (832, 480, 81)),
}
# A distilled student takes so many steps and no guidance.
STUDENT_STEPS = 4
# Bytes of a weight; 4 bits in blocks of 32 with a float32 scale each: (32 / 2 + 4) / 32.
BYTES = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "int4": 0.625}


class Machine(NamedTuple):
    """Roofs: operations a second by the numbers that are multiplied, and bytes a second of memory."""

    name: str
    source: str
    floats: dict[str, float]
    int8: float
    memory: float

    def rate(self, precision: str) -> float:
        """Of products whose weights have this precision; 4-bit weights are multiplied as floats."""
        return self.int8 if precision == "int8" else self.floating(precision)

    def floating(self, precision: str) -> float:
        """Of what stays float in a model of this precision: attention."""
        return self.floats["fp32" if precision == "fp32" else "fp16"]


MACHINES = (
    Machine(
        "two cores, AVX2",
        "measured: 160e9 (138 to 187) float32, 370e9 int8, 31e9 bytes a second; 16 bits are computed as 32",
        {"fp32": 160e9, "fp16": 160e9},
        370e9,
        31e9,
    ),
    Machine(
        "H100 SXM",
        "NVIDIA's data sheet, dense: 67e12 float32, 989e12 float16, 1979e12 int8, 3.35e12 bytes a second",
        {"fp32": 67e12, "fp16": 989e12},
        1979e12,
        3.35e12,
    ),
    Machine(
        "a phone (A17 Pro)",
        "Apple says 35e12 operations a second, taken as int8; float16 is taken as half, float32 as its GPU's "
        "2.1e12; LPDDR5-6400 on 64 bits has 51.2e9 bytes a second",
        {"fp32": 2.1e12, "fp16": 17.5e12},
        35e12,
        51.2e9,
    ),
)


def weights(model: Model) -> int:
    """Weights and biases of the transformer."""
    d, f, n = model.width, model.feed, model.layers
    attention = 2 * (4 * d * d + 4 * d + 2 * d)
    block = attention + 2 * d * f + f + d + 6 * d
    # Wan normalises before the cross-attention with weights of its own.
    block += 0 if model is LTX_2B else 2 * d
    ends = (model.text_width * d + d) + (d * d + d) + (256 * d + d) + (d * d + d) + (6 * d * d + 6 * d)
    ends += (model.patch * d + d) + (d * model.patch + model.patch) + 2 * d
    return n * block + ends


def tokens(model: Model, clip: tuple[int, int, int]) -> int:
    """Of a clip of these pixels and frames."""
    width, height, frames = clip
    return (width // model.space) * (height // model.space) * ((frames - 1) // model.time + 1)


def operations(model: Model, count: int) -> tuple[float, float]:
    """Of one pass over so many tokens: in products with weights, and in attention. A multiply-add is two."""
    d, f, t, n = model.width, model.feed, model.text_tokens, model.layers
    products = n * 2 * (count * (4 * d * d + 2 * d * d + 2 * d * f) + t * 2 * d * d)
    attention = n * 4 * d * (count * count + count * t)
    return float(products), float(attention)


def activations(model: Model, count: int, *, fused: bool) -> float:
    """Bytes at the widest place of a block, in float32: the tokens, their query, key, value and feed-forward.

    Without a fused kernel the scores of all heads are written out as well.
    """
    wide = count * (model.width * 2 + max(3 * model.width, model.feed)) * 4.0
    return wide + (0.0 if fused else model.heads * float(count) ** 2 * 4.0)


def seconds(model: Model, machine: Machine, precision: str, count: int) -> float:
    """The least time of one pass: the slower of its operations and of reading its weights once."""
    products, attention = operations(model, count)
    computing = products / machine.rate(precision) + attention / machine.floating(precision)
    return max(computing, weights(model) * BYTES[precision] / machine.memory)


def passes(model: Model, *, student: bool) -> int:
    """Of the denoiser in one clip."""
    return STUDENT_STEPS if student else model.steps * (2 if model.guided else 1)


def report() -> str:
    """All tables, as Markdown."""
    return "\n".join([*_head(), *_sizes(), *_work(), *_times(), ""])


def _head() -> list[str]:
    return [
        "# The real models by their configurations",
        "",
        "Printed by `python -m bench.model_sizes`: computed, not run. Formulas, with width d,",
        "feed-forward f, n layers, S tokens of video, T of text:",
        "",
        "- weights = n (2 (4 d^2 + 6 d) + 2 d f + f + 7 d [+ 2 d in Wan]) + (t d + d) + 2 (d^2 + d)",
        "  + (256 d + d) + (6 d^2 + 6 d) + patch (2 d + 1) + 3 d, t = the text encoder's width",
        "- S = (width / a token's side) (height / a token's side) ((frames - 1) / a token's frames + 1)",
        "- one pass = n 2 (S (6 d^2 + 2 d f) + 2 T d^2) in products + n 4 d (S^2 + S T) in attention",
        f"- a clip of the teacher is steps x 2 passes (guidance), of a student {STUDENT_STEPS} passes",
        "- activations = 4 S (2 d + max(3 d, f)) bytes, and 4 heads S^2 where no kernel fuses attention",
        "- least time of a pass = max(products / roof + attention / float roof, weight bytes / bandwidth)",
        "- bytes of a weight: " + ", ".join(f"{name} {size:g}" for name, size in BYTES.items()),
        "",
        "A roof is never reached: the least time is a bound to measure against, and a sign of what can't be.",
        "",
    ]


def _sizes() -> list[str]:
    lines = [
        "## Sizes",
        "",
        "Gigabytes (1e9) of weights; the text encoder and the autoencoder beside it.",
        "",
    ]
    lines += ["| model | configuration | weights | " + " | ".join(BYTES) + " | text encoder | autoencoder |"]
    lines += ["|---|---|---" + "|---" * len(BYTES) + "|---|---|"]
    for model in MODELS:
        count = weights(model)
        sizes = " | ".join(f"{count * size / 1e9:.2f}" for size in BYTES.values())
        shape = f"`{model.source}`: {model.layers} layers, {model.heads} x {model.head_width}, f {model.feed}"
        lines.append(
            f"| {model.name} | {shape} | {count / 1e9:.2f}e9 | {sizes} | {model.text / 1e9:.2f}e9 | "
            f"{model.vae / 1e9:.2f}e9 |"
        )
    return [*lines, ""]


def _work() -> list[str]:
    lines = ["## Work and memory", ""]
    lines += ["| model | clip | tokens | TFLOP a pass | of it attention | activations GB | with scores GB |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for model, clips in CLIPS.items():
        for clip in clips:
            count = tokens(model, clip)
            products, attention = operations(model, count)
            fused, whole = (activations(model, count, fused=kind) / 1e9 for kind in (True, False))
            lines.append(
                f"| {model.name} | {'x'.join(map(str, clip))} | {count} | "
                f"{(products + attention) / 1e12:.2f} | {100 * attention / (products + attention):.0f} % | "
                f"{fused:.2f} | {whole:.1f} |"
            )
    note = "The graphs that `riffle export` writes keep the scores of one layer at a time in memory."
    return [*lines, "", note, ""]


def _times() -> list[str]:
    lines = ["## Least time of the denoiser", ""]
    for machine in MACHINES:
        lines += [f"### {machine.name}", "", f"Roofs: {machine.source}.", ""]
        lines += [
            "| model | clip | passes | " + " | ".join(BYTES) + " |",
            "|---|---|---" + "|---" * len(BYTES) + "|",
        ]
        for model, clips in CLIPS.items():
            for clip, student in ((clips[0], True), (clips[1], True), (clips[1], False)):
                count, many = tokens(model, clip), passes(model, student=student)
                times = " | ".join(_shown(many * seconds(model, machine, each, count)) for each in BYTES)
                lines.append(f"| {model.name} | {'x'.join(map(str, clip))} | {many} | {times} |")
        lines.append("")
    return lines


def _shown(time: float) -> str:
    if time < 1:
        return f"{time * 1000:.0f} ms"
    return (
        f"{time:.1f} s" if time < 120 else f"{time / 60:.0f} min" if time < 7200 else f"{time / 3600:.1f} h"
    )


@one_line_errors
def main() -> None:
    """Print the report, and write it where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.model_sizes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = report()
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()

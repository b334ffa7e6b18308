"""Are previews cheaper when several go through the denoiser in one pass, and are they the same previews?

    python -m bench.denoiser_batching TEACHER

Each of the batch is at another step, as it would be. Prints CPU milliseconds of a step and preview, the least
of some rounds in turns, and signal to noise of the answers against each preview drawn by itself.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch

from bench.preview.report import ratio
from export import parts
from export.command import one_line_errors
from export.families.base import Stage
from export.load import LoadedModel, Shape, load
from export.options import ExportOptions, count
from export.preview import preview
from export.quantise import PRODUCTS, quantise_products, roles, split
from export.rewrites.graph import optimise
from export.trace import trace_filled
from model_server.engine.host import host_target
from model_server.engine.onnx_graph import Arrays, OnnxGraph
from train.arguments import model_folder

BATCHES = (1, 2, 4)
ROUNDS = 20


def graphs(source: LoadedModel, shape: Shape) -> Iterator[tuple[str, int, onnx.ModelProto]]:
    """The denoiser of a shape for each precision and size of a batch."""
    alone = parts.denoiser(source, shape, preview(source, shape, "", 0).clone())
    for many in BATCHES:
        inputs = {name: value.expand(many, *value.shape[1:]).clone() for name, value in alone.inputs.items()}
        stage = Stage(alone.module, alone.untouched, inputs, alone.outputs)
        made = optimise(
            trace_filled(source, parts.GraphPart("transformer", "transformer", stage)), "transformer"
        )
        yield "fp32", many, made
        apart = split(made)
        nodes = [node for members in roles(apart, PRODUCTS).values() for node in members]
        yield "int8", many, quantise_products(apart, "transformer", host_target(), nodes)


def given(component: OnnxGraph, timesteps: list[float]) -> dict[str, np.ndarray]:
    """Inputs of as many previews as the largest batch has, each at another step."""
    rng, many = np.random.default_rng(0), BATCHES[-1]
    feeds: dict[str, np.ndarray] = {
        # These graphs are traced for one shape: no size is free.
        name: rng.standard_normal((many, *map(int, shape[1:])), dtype=np.float32)
        for name, (shape, _) in component.inputs.items()
    }
    feeds["timestep"] = np.resize(np.array(timesteps, np.float32), many)
    if "mask" in feeds:
        feeds["mask"][:] = 1
    return feeds


def drawn(component: OnnxGraph, feeds: Arrays) -> np.ndarray:
    """Answers for all previews, in as many passes as it takes."""
    many = int(component.inputs["latents"][0][0])
    passes = []
    for start in range(0, BATCHES[-1], many):
        part = {name: value[start : start + many] for name, value in feeds.items()}
        passes.append(component.run(part)["velocity"].copy())
    return np.concatenate(passes)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.denoiser_batching",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("teacher", type=model_folder, help="a model folder")
    parser.add_argument("--threads", type=count, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = load(options.teacher, ExportOptions(encoder=False))
    shape = source.shapes[0]
    loaded: dict[tuple[str, int], OnnxGraph] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision, many, model in graphs(source, shape):
            path = Path(folder) / f"{precision}-{many}.onnx"
            onnx.save(model, path)
            loaded[precision, many] = OnnxGraph(path, options.threads)
    feeds = given(loaded["fp32", BATCHES[-1]], shape.schedule.timesteps)
    answers = {key: drawn(component, feeds) for key, component in loaded.items()}
    least = dict.fromkeys(loaded, float("inf"))
    for _ in range(ROUNDS):
        for key, component in loaded.items():
            started = time.process_time()
            drawn(component, feeds)
            least[key] = min(least[key], 1000 * (time.process_time() - started) / BATCHES[-1])
    print("| precision | batch | CPU ms a step and preview | x alone | dB to alone |\n|---|---|---|---|---|")
    for (precision, many), took in sorted(least.items()):
        alone = least[precision, 1]
        near = ratio(answers[precision, 1], answers[precision, many])
        print(f"| {precision} | {many} | {took:.2f} | {alone / took:.2f} | {near:.1f} |")


if __name__ == "__main__":
    main()

"""What another target, or another precision, of one model costs and gives: bundles of it side by side.

    python -m bench.bundle_targets BUNDLE BUNDLE ...

CPU milliseconds of each graph on one thread, the least of some rounds in turns; quality as the manifests say.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from export.command import one_line_errors
from model_server.engine.bundle import load_manifest
from model_server.engine.onnx_graph import OnnxGraph
from model_server.engine.shapes import example_sizes
from train.arguments import bundle_folder

PARTS = ("transformer", "decoder", "picture")
ROUNDS = 20


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.bundle_targets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundles", type=bundle_folder, nargs="+", help="bundles of one model")
    folders: list[Path] = parser.parse_args().bundles
    manifests = [load_manifest(folder) for folder in folders]
    graphs = {
        (folder, part): OnnxGraph(
            folder / f"{part}.onnx", 1, example_sizes=example_sizes(manifest.buckets[0])
        )
        for folder, manifest in zip(folders, manifests, strict=True)
        for part in PARTS
    }
    feeds = {key: component.zeros() for key, component in graphs.items()}
    least = dict.fromkeys(graphs, float("inf"))
    for number in range(ROUNDS + 1):
        for key, component in graphs.items():
            started = time.process_time()
            component.run(feeds[key])
            if number:
                least[key] = min(least[key], 1000 * (time.process_time() - started))
    print(f"| bundle | {' ms | '.join(PARTS)} ms | kept in higher precision | preview dB | MB |")
    print("|" + "---|" * (len(PARTS) + 4))
    for folder, manifest in zip(folders, manifests, strict=True):
        times = " | ".join(f"{least[folder, part]:.2f}" for part in PARTS)
        kept = sum(layer.nodes for found in manifest.quantised.values() for layer in found.kept)
        quality = manifest.parity["preview"]["sqnr_db"]
        size = sum(file.bytes for file in manifest.files) / 1e6
        name = f"{manifest.precision} for {manifest.target}"
        print(f"| {name} | {times} | {kept} layers | {quality:.1f} | {size:.1f} |")


if __name__ == "__main__":
    main()

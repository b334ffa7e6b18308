"""The record of the shipped model: it fits this code and these weights, and gives what a trace would give."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from export.graph_weights import fill
from export.load import LoadedModel, load
from export.measure import difference, run
from export.parts import GraphPart, part_names, parts
from export.quantise import fits_ranges
from export.record import tracer_versions
from export.recorded import INT8, Recorded, choices_digest, graphs_digest, ranges_digest
from export.recorded_index import FOLDER, read_index
from export.rewrites.graph import optimise
from export.trace import trace_filled
from export.verify import check_part
from settings import PROJECT
from tests.export.small import small_folder
from tests.product import ModelFolders

AGAIN = "run `python -m export.record`: what is recorded is of other code or weights"
# Rounding of sums in another order.
EQUAL_DB = 100.0


@pytest.fixture(scope="module")
def source(model_folders: ModelFolders) -> LoadedModel:
    return load(model_folders.teacher)


def part_of(source: LoadedModel, name: str) -> GraphPart:
    """A part with random latents for examples."""
    made = torch.Generator().manual_seed(0)
    size = (1, source.family.latent_channels(source))
    examples = {shape.label: torch.randn(*size, *shape.grid, generator=made) for shape in source.shapes}
    return next(part for part in parts(source, examples) if part.name == name)


def test_what_is_recorded_fits_the_code_and_the_weights(source: LoadedModel) -> None:
    index = read_index()
    assert index is not None
    assert index.graphs_digest == graphs_digest(source), AGAIN
    assert index.ranges_digest == ranges_digest(source), AGAIN
    for target, choices in index.choices.items():
        assert choices.digest == choices_digest(source, target), f"{target}: {AGAIN}"
    assert index.tracers == tracer_versions(), AGAIN
    assert {path.stem for path in FOLDER.glob("*.onnx")} == set(part_names(source)), AGAIN
    assert set(index.seconds) >= {"assemble", "load", "draw", *part_names(source)}


def test_what_is_recorded_is_small_and_of_no_machine() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    for path in files:
        assert str(Path.home()).encode() not in path.read_bytes(), path
        assert str(PROJECT).encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "name",
    [
        "picture",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("text", "transformer", "decoder", "conditioned_transformer", "encoder", "refiner")
        ),
    ],
)
def test_a_recorded_graph_gives_what_one_traced_anew_gives(model_folders: ModelFolders, name: str) -> None:
    # Not the module's: tracing the text encoder writes into its configuration, which the digest covers.
    source = load(model_folders.teacher)
    part, stored = part_of(source, name), Recorded(source, INT8, "avx2").graph(name)
    assert stored is not None, AGAIN
    recorded = optimise(fill(stored, name, part.weights), name)
    traced = optimise(trace_filled(source, part), name)
    assert [node.op_type for node in recorded.graph.node] == [node.op_type for node in traced.graph.node]
    feeds = [{key: value.numpy() for key, value in part.inputs.items()}]
    for one, other in zip(*(run(model, name, feeds)[0] for model in (recorded, traced)), strict=True):
        assert difference(other, one)["sqnr_db"] >= EQUAL_DB


@pytest.mark.parametrize("name", ["picture", "transformer"])
def test_a_recorded_graph_holds_no_weight_of_the_shipped_model(source: LoadedModel, name: str) -> None:
    """With other weights it computes what torch computes with those."""
    other, made = copy.copy(source), torch.Generator().manual_seed(0)
    other.transformer, other.vae = copy.deepcopy(source.transformer), copy.deepcopy(source.vae)
    other.decoding_vae = other.vae
    with torch.no_grad():
        for module in (other.transformer, other.vae):
            for weight in module.parameters():
                weight.mul_(1 + 0.2 * torch.randn(weight.shape, generator=made))
    assert graphs_digest(other) == graphs_digest(source)
    assert ranges_digest(other) != ranges_digest(source)
    part, stored = part_of(other, name), Recorded(other, INT8, "avx2").graph(name)
    assert stored is not None
    check_part(part, optimise(fill(stored, name, part.weights), name), "fp32")


def test_recorded_ranges_are_of_the_recorded_graphs_tensors(source: LoadedModel) -> None:
    for name in ("picture", "decoder"):
        part, recorded = part_of(source, name), Recorded(source, INT8, "avx2")
        stored, ranges = recorded.graph(name), recorded.ranges(name)
        assert stored is not None
        assert ranges is not None
        model = optimise(fill(stored, name, part.weights), name)
        assert fits_ranges(model, ranges)
        next(node for node in model.graph.node if node.op_type == "Conv").output[0] = "of another trace"
        assert not fits_ranges(model, ranges)


def test_nothing_is_recorded_for_another_model() -> None:
    recorded = Recorded(load(small_folder()), INT8, "avx2")
    assert recorded.index is None
    assert not recorded.has_ranges
    assert recorded.graph("picture") is None
    assert recorded.ranges("picture") is None
    assert recorded.candidates("picture") == []


def test_choices_are_of_one_target_and_precision(source: LoadedModel) -> None:
    [recorded] = Recorded(source, INT8, "avx2").candidates("decoder")
    assert recorded
    # Another target tries as many of them as it needs.
    assert Recorded(source, INT8, "arm64").candidates("decoder")[:2] == [[], recorded[:1]]
    assert Recorded(source, INT8, "arm64").candidates("decoder")[-1] == recorded
    assert Recorded(source, "fp32", "avx2").candidates("decoder") == []
    assert not Recorded(source, "fp32", "avx2").has_ranges


@pytest.mark.long
def test_the_shipped_model_is_exported_without_what_traces(
    model_folders: ModelFolders, tmp_path: Path
) -> None:
    """Not one of the packages that only a trace needs is there."""
    code = f"""
import sys
for name in ("onnxscript", "optimum", "export.trace", "export.trace_text"):
    sys.modules[name] = None
from pathlib import Path
from export.pack import export_bundle
export_bundle(Path({str(model_folders.teacher)!r}), Path({str(tmp_path / "bundle")!r}), target="avx2")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
    assert (tmp_path / "bundle" / "manifest.json").is_file()
    assert importlib.util.find_spec("onnxscript") is not None

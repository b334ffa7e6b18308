"""Weights beside their graph: the same bundle, whole or refused. Done to a small model by a low bound."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import files
from export.gates import GATES
from export.options import ExportOptions
from export.pack import export_bundle
from export.verify import check_bundle
from model_server.engine.bundle import BundleError, describe, load_manifest
from model_server.engine.preview import PreviewEngine
from tests.export.models import wan_folder
from tests.export.small import copied, edited, small_bundle
from tests.shared import once

OPTIONS = ExportOptions(sizes=((48, 32),), frames=(5,), steps=2, prompt_tokens=12, encoder=False)
LOW = 2000


@cache
def bundle(precision: str, target: str) -> Path:
    def export(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "LARGEST_BYTES", LOW)
            export_bundle(wan_folder(), out, precision=precision, target=target, options=OPTIONS)

    return once(f"wan-in-parts-{precision}-{target}", export)


def relist(folder: Path, names: list[str]) -> None:
    """A manifest of these files as they are now."""
    listed = [describe(folder, folder / name) for name in names]
    edited(folder / "manifest.json", files=[msgspec.to_builtins(file) for file in listed])


@cache
def in_parts() -> Path:
    """A small bundle whose denoiser's weights lie beside its graph, as an export leaves large ones."""

    def split(out: Path) -> None:
        path = copied(small_bundle(), out) / "transformer.onnx"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "LARGEST_BYTES", LOW)
            files.save(onnx.load(path), path)
        relist(out, [each.name for each in sorted(out.glob("*")) if each.name != "manifest.json"])

    return once("small-in-parts", split)


def model() -> onnx.ModelProto:
    weights = [np.arange(96 * 96, dtype=np.float32).reshape(96, 96), np.ones(96, np.float32)]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 96])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 96])],
        [numpy_helper.from_array(each, name) for each, name in zip(weights, "wb", strict=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def test_large_weights_lie_beside_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, path = model(), tmp_path / "a.onnx"
    files.save(made, path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.onnx"]
    before = made.SerializeToString()
    expected = files.session(made, ort.SessionOptions()).run(None, {"x": np.ones((2, 96), np.float32)})
    monkeypatch.setattr(files, "LARGEST_BYTES", LOW)
    files.save(made, path)
    assert made.SerializeToString() == before, "a save changes nothing"
    assert path.stat().st_size < LOW
    assert (tmp_path / "a.onnx.data").stat().st_size == 96 * 96 * 4, "small weights stay in the graph"
    np.testing.assert_array_equal(
        numpy_helper.to_array(onnx.load(path).graph.initializer[0])[1, :3], [96, 97, 98]
    )
    got = files.session(made, ort.SessionOptions()).run(None, {"x": np.ones((2, 96), np.float32)})
    np.testing.assert_array_equal(got[0], expected[0])
    inferred = files.infer_shapes(made)
    assert [item.name for item in inferred.graph.value_info] == ["m"]


@pytest.mark.long
@pytest.mark.parametrize(("precision", "target"), [("int8", "avx2"), ("fp16", "cuda")])
def test_a_bundle_of_large_parts_is_verified_and_draws(precision: str, target: str) -> None:
    made = bundle(precision, target)
    manifest = check_bundle(made)
    sizes = {file.path: file.bytes for file in manifest.files}
    for part in ("text", "transformer", "decoder", "picture"):
        assert sizes[f"{part}.onnx.data"] > 0
        weights = onnx.load(made / f"{part}.onnx", load_external_data=False).graph.initializer
        outside = [tensor for tensor in weights if tensor.data_location == TensorProto.EXTERNAL]
        assert outside
        assert all(len(tensor.raw_data) < files.SMALLEST_OUTSIDE_BYTES for tensor in weights)
    # The export held it against torch by the engine that serves, weights beside and all.
    assert manifest.parity["preview"]["sqnr_db"] >= GATES[precision]["preview"]


def test_weights_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    made = in_parts()
    check_bundle(made)
    name = "transformer.onnx.data"

    def refused(damaged: Path, match: str) -> None:
        with pytest.raises(BundleError, match=match) as caught:
            PreviewEngine(damaged, 1)
        assert "\n" not in str(caught.value)

    cut = copied(made, tmp_path / "cut")
    (cut / name).write_bytes((cut / name).read_bytes()[:-1])
    refused(cut, r"transformer\.onnx\.data has \d+ bytes instead of")
    changed = copied(made, tmp_path / "changed")
    data = bytearray((changed / name).read_bytes())
    data[0] ^= 1
    (changed / name).write_bytes(bytes(data))
    refused(changed, r"transformer\.onnx\.data is damaged")
    renamed = copied(made, tmp_path / "renamed")
    (renamed / name).rename(renamed / "weights.bin")
    refused(renamed, r"transformer\.onnx\.data can't be read")
    # Still there, but nobody checks it.
    unlisted = copied(made, tmp_path / "unlisted")
    relist(unlisted, [file.path for file in load_manifest(made).files if file.path != name])
    refused(
        unlisted, r"transformer\.onnx takes weights from 'transformer\.onnx\.data', which .* doesn't list"
    )


def test_weights_come_from_inside_of_the_bundle(tmp_path: Path) -> None:
    damaged = copied(in_parts(), tmp_path / "bundle")
    graph = damaged / "transformer.onnx"
    loaded = onnx.load(graph, load_external_data=False)
    for tensor in loaded.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../elsewhere"
    onnx.save(loaded, graph)
    relist(damaged, [file.path for file in load_manifest(in_parts()).files])
    with pytest.raises(BundleError, match=r"takes weights from '\.\./elsewhere'"):
        PreviewEngine(damaged, 1)

"""A bundle is taken whole or refused with one line that says what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from model_server.engine.bundle import MANIFEST, BundleError, describe, find_bucket, load_manifest

BUCKET = {
    "width": 64,
    "height": 96,
    "frames": 17,
    "latent_width": 4,
    "latent_height": 6,
    "latent_frames": 5,
    "transformer": "transformer.onnx",
    "decoder": "decoder.onnx",
    "picture": "picture.onnx",
}
FILES = ("transformer.onnx", "decoder.onnx", "picture.onnx", "text.onnx", "tokenizer.json")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode() * 1000)
    files = [describe(tmp_path, tmp_path / name) for name in FILES]
    manifest = {
        "version": 3,
        "id": "riffle-tiny",
        "family": "ltx",
        "precision": "int8",
        "target": "avx2",
        "teacher": "riffle-tiny student 0",
        "created_at": 1,
        "fps": 8,
        "buckets": [BUCKET],
        "sigmas": [1.0, 0.5, 0.0],
        "guidance": 1.0,
        "prompt_tokens": 32,
        "text_encoder": "text.onnx",
        "tokenizer": "tokenizer.json",
        "latent_channels": 64,
        "scaling": {},
        "files": [{"path": file.path, "sha256": file.sha256, "bytes": file.bytes} for file in files],
        "licence": "Apache-2.0",
        "parity": {},
        "vocabulary": {},
    }
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    return tmp_path


def change(bundle: Path, **changes: Any) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def refusal(bundle: Path) -> str:
    with pytest.raises(BundleError) as refused:
        load_manifest(bundle)
    text = str(refused.value)
    assert "\n" not in text
    assert str(bundle) in text
    return text


def test_a_whole_bundle_is_taken(bundle: Path) -> None:
    manifest = load_manifest(bundle)
    assert manifest.id == "riffle-tiny"
    assert find_bucket(manifest, 64, 96, 17).latent_frames == 5


def test_a_later_version_may_have_more_to_say(bundle: Path) -> None:
    change(bundle, colour="red")
    assert load_manifest(bundle).version == 3


def test_a_changed_byte_is_noticed(bundle: Path) -> None:
    data = bytearray((bundle / "decoder.onnx").read_bytes())
    data[100] ^= 1
    (bundle / "decoder.onnx").write_bytes(data)
    assert "decoder.onnx is damaged" in refusal(bundle)


def test_a_truncated_file_is_noticed(bundle: Path) -> None:
    data = (bundle / "text.onnx").read_bytes()
    (bundle / "text.onnx").write_bytes(data[:-1])
    assert f"text.onnx has {len(data) - 1} bytes instead of {len(data)}" in refusal(bundle)


def test_a_renamed_file_is_noticed(bundle: Path) -> None:
    (bundle / "picture.onnx").rename(bundle / "image.onnx")
    assert "picture.onnx can't be read" in refusal(bundle)


def test_a_future_version_is_refused(bundle: Path) -> None:
    change(bundle, version=4, sigmas="as a sentence")
    assert "manifest version 4 can't be read, this reads 3" in refusal(bundle)


def test_an_unknown_family_is_refused(bundle: Path) -> None:
    change(bundle, family="hunyuan")
    assert "family 'hunyuan' is not known" in refusal(bundle)


EULER = {"sigmas": [1.0, 0.5, 0.0], "timesteps": [1000.0, 500.0]}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"precision": "int2"}, "precision 'int2' for target 'avx2' is not known"),
        ({"target": "abacus"}, "for target 'abacus' is not known"),
        ({"fps": 0}, "must be 1 or more"),
        ({"guidance": -1.0}, "guidance is -1"),
        ({"sigmas": [1.0]}, "lead nowhere"),
        ({"sigmas": [0.5, 1.0, 0.0]}, "lead nowhere"),
        ({"buckets": [{**BUCKET, "latent_width": 0}]}, "64x96x17 has no size"),
        ({"buckets": [{**BUCKET, "frames": 10**9}]}, "is larger than anything that is drawn"),
        ({"latent_channels": 10**15}, "is larger than anything that is drawn"),
        ({"buckets": [{**BUCKET, "schedule": {**EULER, "timesteps": [1000.0]}}]}, "lead nowhere"),
        (
            {"buckets": [{**BUCKET, "schedule": {**EULER, "weights": [[1.0], [1.0, 1.0]]}}]},
            "sums of other lengths",
        ),
        (
            {"buckets": [{**BUCKET, "schedule": {**EULER, "timesteps": [1e999, 500.0]}}]},
            "damaged|isn't finite",
        ),
        ({"buckets": [{**BUCKET, "encoder": "encoder.onnx"}]}, "doesn't list encoder.onnx"),
    ],
)
def test_a_manifest_that_makes_no_sense(bundle: Path, changes: dict[str, Any], named: str) -> None:
    change(bundle, **changes)
    assert re.search(named, refusal(bundle))


def test_a_schedule_of_its_own_is_taken(bundle: Path) -> None:
    sums = [[1.0, -0.5], [1.0, -0.2, -0.5]]
    change(bundle, buckets=[{**BUCKET, "schedule": {**EULER, "weights": sums}}])
    schedule = load_manifest(bundle).buckets[0].schedule
    assert schedule is not None
    assert schedule.weights == sums


def test_no_manifest(tmp_path: Path) -> None:
    assert "is no bundle" in refusal(tmp_path)


def test_a_damaged_manifest(bundle: Path) -> None:
    text = (bundle / MANIFEST).read_text()
    (bundle / MANIFEST).write_text(text[: len(text) // 2])
    assert "is damaged" in refusal(bundle)


def test_a_manifest_that_is_no_text(bundle: Path) -> None:
    data = (bundle / MANIFEST).read_bytes().replace(b"Apache-2.0", b"\xff\xfe\xff")
    (bundle / MANIFEST).write_bytes(data)
    assert "is damaged" in refusal(bundle)
    (bundle / MANIFEST).write_text("[1, 2]")
    assert "is damaged" in refusal(bundle)


def test_a_manifest_that_lacks_a_field(bundle: Path) -> None:
    change(bundle, buckets=[{"width": 64}])
    assert "is damaged" in refusal(bundle)


@pytest.mark.parametrize("path", ["../decoder.onnx", "/etc/hostname"])
def test_a_file_outside_the_bundle_is_refused(bundle: Path, path: str) -> None:
    change(bundle, files=[{"path": path, "sha256": "", "bytes": 0}])
    assert "outside the bundle" in refusal(bundle)


def test_a_file_that_is_used_but_not_listed(bundle: Path) -> None:
    change(bundle, text_encoder="other.onnx")
    assert "doesn't list other.onnx" in refusal(bundle)


def test_a_bundle_that_draws_nothing(bundle: Path) -> None:
    change(bundle, buckets=[])
    assert "has no bucket" in refusal(bundle)


def test_a_size_it_does_not_draw(bundle: Path) -> None:
    with pytest.raises(ValueError, match="draws 64x96x17, not 128x192x17"):
        find_bucket(load_manifest(bundle), 128, 192, 17)

"""Content credentials, read back by c2pa's own reader."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from media.credentials import BadCertificate, credentials
from media.provenance import CONSENT, TRAINING, Claims, Signer, active_manifest, read_manifests
from model_server.media import encode
from schemas.videos import Receipt


@pytest.fixture(scope="module")
def clip() -> bytes:
    shades = np.arange(17, dtype=np.uint8).reshape(17, 1, 1, 1) * 10
    return encode.media(np.broadcast_to(shades, (17, 96, 64, 3)).copy(), 8).video


def test_the_manifest_names_model_parents_and_consent(clip: bytes, tmp_path: Path) -> None:
    receipt = Receipt(
        video_id="video_1", cameo_id="cameo_1", grant_id="grant_1", revision=2, policy_version=1, at=1
    )
    claims = Claims(video_id="video_1", model="riffle-tiny", parents=["video_0"], receipts=[receipt])
    signed = Signer(credentials(tmp_path)).sign(clip, claims)
    found = read_manifests(signed)
    assert found is not None
    assert found["validation_state"] == "Valid"
    manifest = found["manifests"][found["active_manifest"]]
    assert manifest["title"] == "video_1"
    assert [item["title"] for item in manifest["ingredients"]] == ["video_0"]
    by_label = {item["label"]: item["data"] for item in manifest["assertions"]}
    action = next(data for label, data in by_label.items() if label.startswith("c2pa.actions"))["actions"][0]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("trainedAlgorithmicMedia")
    assert by_label[CONSENT]["receipts"][0]["grant_id"] == "grant_1"
    entries = by_label[TRAINING]["entries"]
    assert {entry["use"] for entry in entries.values()} == {"notAllowed"}
    assert "c2pa.ai_generative_training" in entries
    judged = active_manifest(signed, credentials(tmp_path).authority)
    assert judged == ("Trusted", "video_1", ["video_0"])
    with av.open(io.BytesIO(signed)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 17
    assert signed.index(b"moov") < signed.index(b"mdat")


def test_a_changed_byte_is_noticed(clip: bytes, tmp_path: Path) -> None:
    signed = bytearray(Signer(credentials(tmp_path)).sign(clip, Claims(video_id="v", model="m")))
    signed[signed.index(b"mdat") + 100] ^= 1
    found = read_manifests(bytes(signed))
    assert found is not None
    assert found["validation_state"] == "Invalid"


def test_an_unsigned_clip_has_no_manifest(clip: bytes) -> None:
    assert read_manifests(clip) is None


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    assert credentials(tmp_path) == credentials(tmp_path)
    assert (tmp_path / "keys" / "key.pem").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_certificate_of_ones_own_signs_and_the_made_one_stays_trusted(clip: bytes, tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    made = credentials(tmp_path / "ours")
    bought = credentials(tmp_path / "theirs")
    keys = tmp_path / "theirs" / "keys"
    given = credentials(tmp_path / "ours", keys / "chain.pem", keys / "key.pem")
    assert (given.chain, given.key) == (bought.chain, bought.key)
    for pair in (made, given):
        signed = Signer(pair).sign(clip, Claims(video_id="v", model="m"))
        judged = active_manifest(signed, given.authority)
        assert judged is not None
        assert judged.state == "Trusted"
    signed = Signer(given).sign(clip, Claims(video_id="v", model="m"))
    alone = active_manifest(signed, made.authority)
    assert alone is not None
    assert alone.state == "Valid"
    with pytest.raises(BadCertificate, match="first certificate"):
        credentials(tmp_path / "ours", keys / "chain.pem", tmp_path / "ours" / "keys" / "key.pem")
    (tmp_path / "broken.pem").write_text("nothing")
    with pytest.raises(BadCertificate, match="can't be read"):
        credentials(tmp_path / "ours", tmp_path / "broken.pem", keys / "key.pem")

"""The report stands alone: pictures inside, every part and file named, and it never replaces half a file."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export import cli
from model_server.engine.bundle import load_manifest
from tests.export.small import FRAMES, SIZE, copied, edited, small_bundle


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(BytesIO(base64.b64decode(data)))) for data in found]


def test_a_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "card.html"
    arguments = ["card", str(small_bundle()), "--out", str(out), "--against", str(small_bundle("fp32"))]
    # Making the bundles shows progress.
    capsys.readouterr()
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert [path.name for path in tmp_path.iterdir()] == ["card.html"]
    page, manifest = out.read_text(), load_manifest(small_bundle())
    for word in (
        *manifest.parity,
        *(file.path for file in manifest.files),
        manifest.licence,
        manifest.teacher,
    ):
        assert word in page
    # Base64 has no colon.
    assert "://" not in page
    assert "<script" not in page
    sheets = pictures(page)
    assert len(sheets) == 18, "three clips of three shapes, each by both bundles"
    assert sheets[0].shape == (SIZE[1] * 2, SIZE[0] * 2 * 5, 3)
    assert sheets[0].std() > 1
    assert all(float(db) > 15 for db in re.findall(r"([\d.]+) dB in latents", page))
    row = re.search(rf"{SIZE[0]}x{SIZE[1]}x{FRAMES}<td class=n>(\d+)<td class=n>([\d.]+)", page)
    assert row is not None
    assert float(row[2]) > 0


def test_a_bundle_of_another_model_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = copied(small_bundle(), tmp_path / "other")
    edited(other / "manifest.json", teacher="somebody else 0123")
    arguments = ["card", str(small_bundle()), "--out", str(tmp_path / "card.html"), "--against", str(other)]
    assert cli.main(arguments) == 1
    assert "was made of somebody else 0123" in capsys.readouterr().err
    assert not (tmp_path / "card.html").exists()


def test_a_card_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["card", str(tmp_path), "--out", str(tmp_path / "card.html")]) == 1
    assert "is no bundle" in capsys.readouterr().err
    nowhere = tmp_path / "no" / "card.html"
    assert cli.main(["card", str(small_bundle()), "--out", str(nowhere)]) == 1
    assert "card: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

"""Where a clip comes from, asked of the whole product with previews that it really drew."""

from __future__ import annotations

import io
from typing import Any

import av
import httpx
import pytest

from media.provenance import CONSENT, read_manifests
from tests import clips
from tests.product import Product

MP4 = {"content-type": "video/mp4"}


class Drawn:
    """A preview with a cameo, and its remix by somebody else."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.owner, self.maker = product.sign_up(), product.sign_up()
        payload = {"display_name": "Ada", "audience": "everyone"}
        self.cameo: str = self._ok("/v1/cameos", payload, self.owner)["id"]
        first = {"prompt": "a fox walks left in a forest by day", "seed": 61, "cameos": [self.cameo]}
        self.first = self._drawn("/v1/videos", first, self.owner)
        self._ok("/v1/posts", {"video_id": self.first}, self.owner)
        remix = {"prompt": "a fox walks left in a forest at night", "seed": 62}
        self.remix = self._drawn(f"/v1/videos/{self.first}/remix", remix, self.maker)
        self.media = self.content(self.remix, self.maker)

    def _ok(self, path: str, body: Any, token: str) -> dict[str, Any]:
        status, reply = self.product.call("POST", path, body, token)
        assert status in (200, 201), reply
        return dict(reply)

    def _drawn(self, path: str, body: Any, token: str) -> str:
        made = self._ok(path, body, token)
        assert self.product.wait(made["id"], token)["status"] == "completed"
        return str(made["id"])

    def content(self, video: str, token: str) -> bytes:
        """The MP4 as its maker downloads it."""
        headers = {"authorization": f"Bearer {token}"}
        reply = httpx.get(f"{self.product.url}/v1/videos/{video}/content", headers=headers)
        assert reply.status_code == 200
        return reply.content

    def asked(self, clip: bytes) -> tuple[dict[str, Any], dict[str, str]]:
        """The answer for an upload, and what each check found."""
        reply = httpx.post(f"{self.product.url}/v1/provenance", content=clip, headers=MP4, timeout=60)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found, {item["name"]: item["result"] for item in found["checks"]}


@pytest.fixture(scope="module")
def drawn(product: Product) -> Drawn:
    return Drawn(product)


def encoded_again(clip: bytes, crf: int, scale: float = 1.0) -> bytes:
    """As a stranger's app writes it anew: every frame, another quality and size, nothing of its metadata."""
    with av.open(io.BytesIO(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width, _ = frames[0].shape
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    return clips.mp4(frames, crf=crf, size=size)


def test_c2pas_own_reader_finds_parents_and_receipts(drawn: Drawn) -> None:
    authority = (drawn.product.home / "keys" / "authority.pem").read_text()
    store = read_manifests(drawn.media, authority)
    assert store is not None
    assert store["validation_state"] == "Trusted"
    manifest = store["manifests"][store["active_manifest"]]
    assert manifest["title"] == drawn.remix
    assert [(item["title"], item["relationship"]) for item in manifest["ingredients"]] == [
        (drawn.first, "inputTo")
    ]
    said = next(item["data"] for item in manifest["assertions"] if item["label"] == CONSENT)
    known = drawn.product.call("GET", f"/v1/videos/{drawn.remix}/receipts", token=drawn.maker)[1]["data"]
    assert [(item["cameo_id"], item["video_id"]) for item in said["receipts"]] == [(drawn.cameo, drawn.remix)]
    assert [item["at"] for item in said["receipts"]] == [item["at"] for item in known]


def test_a_flipped_byte_anywhere_is_detected(drawn: Drawn) -> None:
    authority = (drawn.product.home / "keys" / "authority.pem").read_text()
    start = drawn.media.index(b"mdat") + 8
    manifest = drawn.media.index(drawn.first.encode())
    for place in (start, (start + len(drawn.media)) // 2, len(drawn.media) - 1, manifest):
        changed = bytearray(drawn.media)
        changed[place] ^= 1
        store = read_manifests(bytes(changed), authority)
        assert store is not None
        assert store["validation_state"] == "Invalid", place
        found, checks = drawn.asked(bytes(changed))
        assert checks["manifest"] == "tampered"
        assert found["by"] != "manifest"


def test_as_drawn_it_is_known_by_its_manifest(drawn: Drawn) -> None:
    found, checks = drawn.asked(drawn.media)
    assert (found["made_here"], found["by"], found["video_id"]) == (True, "manifest", drawn.remix)
    assert found["manifest"] == {"state": "trusted", "title": drawn.remix, "parents": [drawn.first]}
    assert checks["manifest"] == "found"


@pytest.mark.parametrize(("crf", "scale"), [(20, 1.0), (34, 1.0), (28, 0.5), (28, 1.5)])
def test_encoded_again_it_is_known_by_its_looks(drawn: Drawn, crf: int, scale: float) -> None:
    found, checks = drawn.asked(encoded_again(drawn.media, crf, scale))
    assert (found["made_here"], found["by"]) == (True, "perceptual_hash"), found
    assert checks["manifest"] == "not_found"
    # The remix is a draft with somebody's likeness: nobody is told which video it is.
    assert found["video_id"] is None


def test_a_foreign_clip_is_not_ours(drawn: Drawn) -> None:
    found, checks = drawn.asked(clips.mp4(clips.scene(4711)))
    assert (found["made_here"], found["by"], found["video_id"]) == (False, None, None)
    assert checks == {"manifest": "not_found", "mark": "not_checked", "perceptual_hash": "not_found"}
    # Our manifest on somebody else's pictures: the box of ours in a file of theirs.
    box = drawn.media.index(b"uuid") - 4
    size = int.from_bytes(drawn.media[box : box + 4], "big")
    foreign = clips.mp4(clips.scene(4712))
    end = int.from_bytes(foreign[:4], "big")
    grafted = foreign[:end] + drawn.media[box : box + size] + foreign[end:]
    found, checks = drawn.asked(grafted)
    assert (found["made_here"], found["by"], checks["manifest"]) == (False, None, "tampered")

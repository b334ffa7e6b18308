"""Fingerprints: copies are near, others far, and what is no video says so."""

from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from domain.safety.hash_distance import BANDS, NEAR_BITS, bands
from media import fingerprint
from media.fingerprint import UnreadableVideo
from tests import clips
from tests.phone_clips import Timed, moving_bar, phone_clip


@pytest.fixture(scope="module")
def original() -> str:
    bits = fingerprint.fingerprint_of(clips.mp4(clips.scene(5)))
    assert bits is not None
    return bits


@pytest.mark.parametrize(
    "how", [{"crf": 28}, {"crf": 36}, {"size": (64, 64)}, {"size": (192, 160)}, {"title": "another"}]
)
def test_copies_are_near(original: str, how: dict[str, object]) -> None:
    copy = fingerprint.fingerprint_of(clips.mp4(clips.scene(5), **how))  # type: ignore[arg-type]
    assert copy is not None
    assert fingerprint.distance(original, copy) <= NEAR_BITS
    # So near that the index on bands finds it.
    assert set(bands(original)) & set(bands(copy))


def test_it_is_the_perceptual_hash_of_imagehash(original: str) -> None:
    small = [picture for _, picture in fingerprint.small_frames(clips.mp4(clips.scene(5)))]
    noise = np.random.default_rng(5).integers(0, 256, (40, 32, 32), dtype=np.uint8)
    for picture in (*small, *noise):
        bits = fingerprint.fingerprint_of_frames([picture] * 4)
        expected = imagehash.phash(Image.fromarray(picture)).hash.flatten()
        assert bits is None or bits[:64] == "".join("1" if bit else "0" for bit in expected)
    assert len(original) == fingerprint.BITS


def test_others_are_far(original: str) -> None:
    for seed in range(6, 12):
        other = fingerprint.fingerprint_of(clips.mp4(clips.scene(seed)))
        assert other is not None
        assert fingerprint.distance(original, other) > 4 * NEAR_BITS


def test_a_mirrored_copy_is_found_by_its_mirror(original: str) -> None:
    mirrored = clips.mp4([frame[:, ::-1] for frame in clips.scene(5)])
    bits = fingerprint.fingerprint_of(mirrored, mirrored=True)
    assert bits is not None
    assert fingerprint.distance(original, bits) <= NEAR_BITS


def test_every_near_pair_shares_a_band(original: str) -> None:
    assert BANDS > NEAR_BITS
    flipped = list(original)
    # The worst case: the differing bits spread over as many bands as they can.
    for place in range(NEAR_BITS):
        at = place * 16 + 3
        flipped[at] = "1" if flipped[at] == "0" else "0"
    assert len(set(bands(original)) & set(bands("".join(flipped)))) == BANDS - NEAR_BITS


def test_a_text_that_names_other_files_opens_none(tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(clips.mp4(clips.scene(5)))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{other}\n#EXT-X-ENDLIST\n"
    for text in (playlist, f"ffconcat version 1.0\nfile '{other}'\n"):
        with pytest.raises(fingerprint.UnreadableVideo):
            fingerprint.small_frames(text.encode())


def test_what_is_no_video_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(fingerprint.UnreadableVideo, match="no video"):
        fingerprint.small_frames(b"nothing of the kind")
    clip = clips.mp4(clips.scene(5))
    with pytest.raises(fingerprint.UnreadableVideo):
        fingerprint.small_frames(clip[:200])
    monkeypatch.setattr(fingerprint, "MAX_FRAMES", 5)
    with pytest.raises(fingerprint.UnreadableVideo, match="5 frames"):
        fingerprint.small_frames(clip)
    monkeypatch.setattr(fingerprint, "MAX_SIDE_PX", 64)
    with pytest.raises(fingerprint.UnreadableVideo, match="64 pixels"):
        fingerprint.small_frames(clip)


def test_times_count_not_frames() -> None:
    shown = clips.scene(5, 61)

    def drawn(at: float, *_: int) -> clips.Frames:
        return shown[round(at * 30)]

    slow, fast = (
        phone_clip(Timed([number / rate for number in range(2 * rate)], 2.0), drawn, size=(128, 128))
        for rate in (30, 240)
    )
    assert abs(len(fingerprint.small_frames(fast)) - len(fingerprint.small_frames(slow))) <= 1
    one, other = fingerprint.fingerprint_of(fast), fingerprint.fingerprint_of(slow)
    assert one is not None
    assert other is not None
    assert fingerprint.distance(one, other) <= NEAR_BITS


def test_a_clip_whose_codec_nobody_knows_is_unreadable() -> None:
    unknown = phone_clip(Timed([0.0, 0.1], 0.2), moving_bar).replace(b"avc1", b"zzz1")
    with pytest.raises(UnreadableVideo):
        fingerprint.small_frames(unknown)

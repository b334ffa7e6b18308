"""Reference pictures: made small, written anew, and nothing comes along that was not asked for."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from PIL import Image

from media.reference import CLIP, CLIP_SIDE, MAX_CLIP_S, PICTURE_SIDE, PICTURES, clean


def picture(form: str = "JPEG", size: tuple[int, int] = (300, 200), **extra: object) -> bytes:
    """A picture whose left half is red."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2, 0] = 250
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, form, **extra)
    return written.getvalue()


def clip(seconds: float = 1, size: tuple[int, int] = (96, 160), rate: int = 8, sound: bool = False) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        container.metadata["comment"] = "taken at home"
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        voice = container.add_stream("aac", rate=44_100) if sound else None
        for number in range(round(seconds * rate)):
            pixels = np.full((size[1], size[0], 3), 20 * number % 250, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        if voice is not None:
            hum = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            hum.sample_rate = 44_100
            container.mux(voice.encode(hum))
            container.mux(voice.encode())
    return buffer.getvalue()


@pytest.mark.parametrize("media_type", PICTURES)
def test_every_kind_of_picture_becomes_a_small_webp(media_type: str) -> None:
    data, kind = clean(picture(PICTURES[media_type], (2000, 1000)), media_type)
    assert kind == "image/webp"
    with Image.open(io.BytesIO(data)) as made:
        assert made.format == "WEBP"
        assert made.size == (PICTURE_SIDE, PICTURE_SIDE // 2)
        red, *_ = made.convert("RGB").getpixel((10, 10))
        assert red > 200


def test_metadata_stays_behind_after_it_was_obeyed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "the camera of somebody"
    exif.get_ifd(0x8825)[1] = "N"
    data = picture(exif=exif, comment=b"taken at home")
    assert b"somebody" in data
    made, _ = clean(data, "image/jpeg")
    assert b"somebody" not in made
    assert b"home" not in made
    with Image.open(io.BytesIO(made)) as found:
        assert found.size == (200, 300)
        assert not found.getexif()


def test_a_clip_is_written_anew_without_sound() -> None:
    made, kind = clean(clip(size=(1280, 720), sound=True), CLIP)
    assert kind == CLIP
    assert b"home" not in made
    with av.open(io.BytesIO(made)) as found:
        assert not found.streams.audio
        stream = found.streams.video[0]
        assert (stream.width, stream.height) == (CLIP_SIDE, 360)
        assert sum(1 for _ in found.decode(stream)) == 8


@pytest.mark.parametrize(
    ("data", "media_type", "said"),
    [
        (b"", "image/png", "no PNG picture"),
        (b"not a picture", "image/webp", "no WEBP picture"),
        (picture("PNG"), "image/jpeg", "no JPEG picture"),
        (picture()[:2000], "image/jpeg", "no JPEG picture"),
        (picture(size=(40, 400)), "image/jpeg", "at least 64"),
        (b"not a clip", CLIP, "no MP4 clip"),
        (clip()[:500], CLIP, "no MP4 clip"),
        (picture(), CLIP, "no MP4 clip"),
        (clip(MAX_CLIP_S + 1), CLIP, f"at most {MAX_CLIP_S} seconds"),
        (clip(rate=100), CLIP, "at most 60 pictures"),
        (clip(size=(32, 64)), CLIP, "at least 64"),
        (picture(), "image/gif", "send image/jpeg"),
    ],
)
def test_what_is_refused(data: bytes, media_type: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clean(data, media_type)

"""Reference pictures: made small, written anew, and nothing comes along that was not asked for."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from media.decode_budget import OverBudget
from media.reference import CLIP, GROUND, PICTURE_SIDE, PICTURES, clean
from media.reference_clip import MAX_S, SIDE, UnusableFile
from media.sketch import look_at
from tests.phone_clips import Timed, moving_bar, phone_clip


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
        assert (stream.width, stream.height) == (SIDE, 360)
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
        (clip(MAX_S + 1), CLIP, f"at most {MAX_S} seconds"),
        (clip(size=(32, 64)), CLIP, "at least 64"),
        (picture(), "image/gif", "send image/jpeg"),
    ],
)
def test_what_is_refused(data: bytes, media_type: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clean(data, media_type)


def damaged_exif(data: bytes) -> list[bytes]:
    """The photo with each part of its EXIF damaged in turn."""
    start = data.index(b"Exif\0\0") + 6
    return [
        data[: start + offset] + value + data[start + offset + 2 :]
        for offset in range(40)
        for value in (b"\xff\xff", b"\x00\x00", b"\x05\x00")
    ]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_photo_with_damaged_exif_is_taken_as_its_pixels_are() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x011A] = 72.0
    exif[0x010F] = "the camera of somebody"
    data = picture(exif=exif)
    for damaged in damaged_exif(data):
        made, _ = clean(damaged, "image/jpeg")
        with Image.open(io.BytesIO(made)) as found:
            assert found.size in ((300, 200), (200, 300))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("media_type", PICTURES)
def test_damaged_files_are_refused_in_words(media_type: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = picture(PICTURES[media_type], exif=exif)
    rng = np.random.default_rng(7)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(UnusableFile):
            clean(bytes(damaged), media_type)


@pytest.mark.parametrize(("orientation", "red_at"), [(1, (0, 1)), (3, (2, 1)), (6, (1, 0)), (8, (1, 2))])
def test_a_photo_stands_as_it_was_taken(orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    made, _ = clean(picture(exif=exif), "image/jpeg")
    with Image.open(io.BytesIO(made)) as found:
        width, height = found.size
        red, *_ = found.convert("RGB").getpixel((red_at[0] * (width - 1) // 2, red_at[1] * (height - 1) // 2))
        assert red > 150


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_cut_out_stands_before_the_ground(mode: str) -> None:
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[40:60, 40:60] = 255
    cut_out = Image.fromarray(pixels).convert(mode)
    written = io.BytesIO()
    cut_out.save(written, "PNG", **({"transparency": cut_out.getpixel((0, 0))} if mode == "P" else {}))
    made, _ = clean(written.getvalue(), "image/png")
    with Image.open(io.BytesIO(made)) as found:
        seen = found.convert("RGB")
        assert np.allclose(seen.getpixel((5, 5)), GROUND, atol=6)
        assert min(seen.getpixel((50, 50))) > 245


def test_half_of_a_see_through_colour_is_the_ground() -> None:
    written = io.BytesIO()
    Image.new("RGBA", (100, 100), (255, 0, 0, 128)).save(written, "PNG")
    made, _ = clean(written.getvalue(), "image/png")
    with Image.open(io.BytesIO(made)) as found:
        assert np.allclose(found.convert("RGB").getpixel((50, 50)), (228, 100, 100), atol=8)


def test_sixteen_bits_keep_their_greys() -> None:
    written = io.BytesIO()
    Image.fromarray(np.full((100, 100), 128 << 8, np.uint16)).save(written, "PNG")
    made, _ = clean(written.getvalue(), "image/png")
    with Image.open(io.BytesIO(made)) as found:
        assert np.allclose(found.convert("RGB").getpixel((50, 50)), (128, 128, 128), atol=4)


def test_a_profile_of_colours_does_not_survive() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for broken in (profile, profile[:200], b"of somebody"):
        made, _ = clean(picture(icc_profile=broken), "image/jpeg")
        with Image.open(io.BytesIO(made)) as found:
            assert "icc_profile" not in found.info
            assert found.convert("RGB").getpixel((10, 10))[0] > 200


# What phones write: steady, not quite steady, slow motion, rates in NTSC's fractions, long pauses.
STEADY = {
    rate: [number / rate for number in range(round(2 * rate))] for rate in (8, 24, 29.97, 60.02, 120, 240)
}
SHAKEN = [number / 30 + 0.004 * (-1) ** number for number in range(60)]
PAUSED = [0.0, 0.03, 0.07, 1.5, 1.53, 1.97]


@pytest.mark.parametrize(
    ("times", "frames", "rate"),
    [
        (STEADY[8], 16, 8),
        (STEADY[24], 48, 24),
        (STEADY[29.97], 60, 30),
        (STEADY[60.02], 60, 30),
        (STEADY[120], 60, 30),
        (STEADY[240], 60, 30),
        (SHAKEN, 60, 30),
        (PAUSED, 60, 30),
    ],
)
def test_any_rate_lasts_as_long_as_it_was(times: list[float], frames: int, rate: float) -> None:
    made, _ = clean(phone_clip(Timed(times, 2.0), moving_bar), CLIP)
    with av.open(io.BytesIO(made)) as found:
        shown = list(found.decode(video=0))
        assert abs(len(shown) - frames) <= 1
        assert float(found.streams.video[0].average_rate) == pytest.approx(rate, rel=0.01)
    # The bar stands where time has put it, whatever the number of frames until then.
    for at in (0.5, 1.0, 1.9):
        newest = max((time for time in times if time <= at + 0.5 / rate), default=0.0)
        pixels = shown[round(at * rate)].to_ndarray(format="gray")
        bright = float(np.flatnonzero(pixels.mean(axis=0) > 128).mean())
        assert bright == pytest.approx(newest / 2 * pixels.shape[1], abs=8)


def test_a_clip_may_end_a_little_after_its_button() -> None:
    times = [number / 30 for number in range(round(10.3 * 30))]
    made, _ = clean(phone_clip(Timed(times, 10.3), moving_bar, size=(96, 64)), CLIP)
    with av.open(io.BytesIO(made)) as found:
        assert sum(1 for _ in found.decode(video=0)) == pytest.approx(309, abs=1)


@pytest.mark.parametrize(
    ("times", "ends", "said"),
    [
        ([0.0, 11.0], 11.1, f"at most {MAX_S} seconds"),
        ([0.0], 11.0, f"at most {MAX_S} seconds"),
        ([number / 1000 for number in range(3000)], 3.0, "at most 240 pictures"),
    ],
)
def test_times_are_what_counts(times: list[float], ends: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clean(phone_clip(Timed(times, ends), moving_bar, size=(96, 64)), CLIP)


@pytest.mark.parametrize(("turn", "red_at"), [(0, (0, 1)), (90, (1, 0)), (180, (2, 1)), (270, (1, 2))])
def test_a_clip_stands_as_it_was_taken(turn: int, red_at: tuple[int, int]) -> None:
    """`turn` is by how much a player turns it clockwise."""

    def left_is_red(_: float, width: int, height: int) -> np.ndarray:
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, : width // 2, 0] = 250
        return pixels

    made, _ = clean(phone_clip(Timed([0.0, 0.1], 0.2), left_is_red, size=(200, 120), turn=turn), CLIP)
    with av.open(io.BytesIO(made)) as found:
        pixels = next(found.decode(video=0)).to_ndarray(format="rgb24")
    height, width, _ = pixels.shape
    assert (width, height) == ((200, 120) if turn % 180 == 0 else (120, 200))
    assert pixels[(height - 1) * red_at[1] // 2, (width - 1) * red_at[0] // 2, 0] > 150


@pytest.mark.parametrize(
    ("pixel_shape", "turn", "shown"),
    [
        (Fraction(2), 0, (320, 120)),
        (Fraction(2), 90, (120, 320)),
        (Fraction(1, 2), 0, (160, 240)),
        (Fraction(4, 3), 180, (214, 120)),
        # Larger than what is kept.
        (Fraction(8), 0, (640, 60)),
    ],
)
def test_pixels_that_are_not_square_are_stretched_as_a_player_does(
    pixel_shape: Fraction, turn: int, shown: tuple[int, int]
) -> None:
    clip = phone_clip(Timed([0.0, 0.1], 0.2), moving_bar, size=(160, 120), turn=turn, pixel_shape=pixel_shape)
    made, _ = clean(clip, CLIP)
    with av.open(io.BytesIO(made)) as found:
        frame = next(found.decode(video=0))
        assert found.streams.video[0].sample_aspect_ratio in (None, 0, 1)
    assert (frame.width, frame.height) == pytest.approx(shown, abs=2)
    (raw, *_), (kept, *_) = look_at(clip, CLIP), look_at(made, CLIP)
    assert raw.shape == pytest.approx(kept.shape, abs=2)


@pytest.mark.parametrize(
    ("codec", "pixels", "size"),
    [
        ("libx265", "yuv420p", (98, 66)),
        ("libx265", "yuv420p10le", (96, 64)),
        ("libx264", "yuv444p", (99, 67)),
    ],
)
def test_what_newer_phones_write_is_read(codec: str, pixels: str, size: tuple[int, int]) -> None:
    made, _ = clean(
        phone_clip(Timed([0.0, 0.1], 0.2), moving_bar, size=size, codec=codec, pixels=pixels), CLIP
    )
    with av.open(io.BytesIO(made)) as found:
        frame = next(found.decode(video=0))
        assert (frame.width, frame.height) == (size[0] // 2 * 2, size[1] // 2 * 2)


def test_a_codec_that_nobody_knows_is_named() -> None:
    unknown = phone_clip(Timed([0.0, 0.1], 0.2), moving_bar).replace(b"avc1", b"zzz1")
    with pytest.raises(ValueError, match=r"send H\.264 or HEVC"):
        clean(unknown, CLIP)


def test_damaged_clips_are_refused_in_words() -> None:
    whole = phone_clip(Timed([0.0, 0.1], 0.2), moving_bar, size=(96, 64))
    rng = np.random.default_rng(7)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 6):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(UnusableFile, OverBudget):
            clean(bytes(damaged), CLIP)

"""Latents survive the wire, and bytes that are none are refused with a reason."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.engine import latents

NATIVE = np.linspace(-3, 3, 2 * 5 * 4 * 3, dtype=np.float32).reshape(1, 2, 5, 4, 3)


def archive(**arrays: object) -> bytes:
    out = BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_round_trip_keeps_float16_precision() -> None:
    arrays = latents.unpack(latents.pack(NATIVE, NATIVE[..., :2]))
    assert set(arrays) == {latents.NATIVE, latents.SMALL}
    assert arrays[latents.NATIVE].dtype == np.float32
    np.testing.assert_array_equal(arrays[latents.NATIVE], NATIVE.astype(np.float16).astype(np.float32))


def test_small_is_the_native_one_where_there_is_no_other() -> None:
    np.testing.assert_allclose(latents.small(latents.pack(NATIVE)), NATIVE, atol=2e-3)
    assert latents.small(latents.pack(NATIVE, NATIVE[..., :2])).shape == (1, 2, 5, 4, 2)


def test_the_same_latents_give_the_same_bytes() -> None:
    assert latents.pack(NATIVE) == latents.pack(NATIVE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no npz"),
        (b"PK\x03\x04 nothing", "no npz"),
        (archive(other=NATIVE.astype(np.float16)), "unexpected"),
        (archive(small=NATIVE.astype(np.float16)), "no array named"),
        (archive(latents=NATIVE), "float16"),
        (archive(latents=NATIVE[0].astype(np.float16)), "float16"),
        (archive(latents=np.zeros((1, 2, 0, 4, 3), np.float16)), "float16"),
        (archive(latents=np.full((1, 2, 5, 4, 3), np.nan, np.float16)), "finite"),
        (archive(latents=np.zeros((1, 2, 5, 1024, 1024), np.float16)), "larger"),
        (archive(latents=np.array([{"a": 1}], dtype=object)), "allow_pickle"),
        (latents.pack(NATIVE)[:-40], "no npz"),
    ],
)
def test_other_bytes_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        latents.unpack(data)


def test_a_member_that_is_no_array_is_refused() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("latents.npy", pickle.dumps({"not": "an array"}))
    with pytest.raises(ValueError, match="float16"):
        latents.unpack(out.getvalue())


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_bytes_never_raise_anything_else(noise: bytes, place: int) -> None:
    good = latents.pack(NATIVE)
    for data in (noise, good[:place] + noise + good[place:], good[:place] + noise):
        try:
            latents.unpack(data)
        except ValueError:
            continue

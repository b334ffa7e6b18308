"""How the files of a request are read: pictures as they are, of videos the frames that count."""

from __future__ import annotations

import numpy as np
import pytest

from model_server.engine.condition_inputs import MAX_BEGIN_FRAMES, read_inputs
from model_server.engine.resize import crop_to_fill
from model_server.media.encode import mp4
from schemas.work import Inputs
from tests.export.small import SIZE
from tests.model_server.engine.clips import Frames, clip, picture


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_picture_is_shown_as_it_is(form: str) -> None:
    frame = clip()[3]
    data = picture(frame, form)
    found = read_inputs(Inputs(begin=data, end=data, reference=data))
    for part in (found.begin, found.end, found.reference):
        assert part is not None
        np.testing.assert_array_equal(part, frame[None])
    assert found.names == ["begin", "end", "reference"]


def test_a_video_begins_with_its_last_frames_and_ends_with_its_first() -> None:
    frames = clip(12)
    data = mp4(frames, 8)
    found = read_inputs(Inputs(begin=data, end=data, reference=data))

    def numbers(part: Frames | None) -> list[int]:
        """Which of the frames each of these is; they come back larger, and with the mark."""
        assert part is not None
        small = crop_to_fill(part, SIZE).astype(int)
        return [int(np.abs(frames - one).mean((1, 2, 3)).argmin()) for one in small]

    assert numbers(found.begin) == list(range(12 - MAX_BEGIN_FRAMES, 12))
    assert numbers(found.end) == [0]
    assert numbers(found.reference) == [6]


@pytest.mark.parametrize("name", ["begin", "end", "reference"])
@pytest.mark.parametrize("data", [b"", b"no picture", picture(clip()[0])[:150], mp4(clip(), 8)[:400]])
def test_what_is_no_picture_is_named(name: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        read_inputs(Inputs(**{name: data}))

"""Every value of a pixel survives the way to the graphs' numbers and back."""

from __future__ import annotations

import numpy as np

from model_server.engine.pixels import (
    frames_from_unit,
    frames_from_video,
    unit_from_frames,
    video_from_frames,
)

# All 256 values, each place of another colour: [2, 4, 32, 3].
FRAMES = np.arange(2 * 4 * 32 * 3).astype(np.uint8).reshape(2, 4, 32, 3)


def test_frames_become_video_and_come_back() -> None:
    video = video_from_frames(FRAMES)
    assert (video.shape, video.dtype) == ((1, 3, 2, 4, 32), np.float32)
    assert (video.min(), video.max()) == (-1.0, 1.0)
    assert video[0, 1, 1, 2, 3] == FRAMES[1, 2, 3, 1] / np.float32(127.5) - 1
    np.testing.assert_array_equal(frames_from_video(video), FRAMES)


def test_frames_become_shares_of_one_and_come_back() -> None:
    images = unit_from_frames(FRAMES)
    assert (images.shape, images.dtype) == ((2, 3, 4, 32), np.float32)
    assert (images.min(), images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(frames_from_unit(images), FRAMES)
    np.testing.assert_array_equal(
        frames_from_unit(images * 3 - 1), frames_from_unit((images * 3 - 1).clip(0, 1))
    )

"""How the model card's pictures are put together."""

import numpy as np

from bench.model_card_pictures import GAP, beside, strip


def test_a_strip_has_the_first_and_the_last_frame() -> None:
    frames = np.stack([np.full((8, 4, 3), 10 * number, np.uint8) for number in range(17)])
    picture = strip(frames, 3, 16)
    assert picture.shape == (16, 3 * 8, 3)
    assert picture[0, ::8, 0].tolist() == [0, 80, 160]


def test_pictures_of_two_sizes_stand_on_white() -> None:
    small, large = np.zeros((4, 6, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)
    row = beside([small, large], axis=1)
    assert row.shape == (8, 12 + 2 * GAP, 3)
    assert (row[4:, :6] == 255).all()
    assert (row[:, 6 : 6 + GAP] == 255).all()
    assert (row[:, 6 + GAP : -GAP] == 0).all()
    assert beside([small, large], axis=0).shape == (12 + 2 * GAP, 6, 3)

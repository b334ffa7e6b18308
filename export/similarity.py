"""Similarity transforms (place, size, angle) between frames and a picture.

Coordinates (x, y) are in short sides of a picture, from its middle.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Similarity:
    """Maps coordinates in N frames to those in the picture: point * turn + shift, as complex numbers.

    turn, shift: [N, 2], real and imaginary parts.
    """

    turn: Tensor
    shift: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """Coordinates [1 or N, 2, h, w] -> [N, 2, h, w]."""
        x, y = points.unbind(1)
        (real, imaginary), (right, down) = (
            part[..., None, None].unbind(1) for part in (self.turn, self.shift)
        )
        return torch.stack((real * x - imaginary * y + right, imaginary * x + real * y + down), dim=1)


def grid_coordinates(rows: int, columns: int) -> Tensor:
    """Coordinates of the middles of cells: [2, rows, columns]."""
    short = min(rows, columns)
    y = (torch.arange(rows) + 0.5 - rows / 2) / short
    x = (torch.arange(columns) + 0.5 - columns / 2) / short
    return torch.stack((x[None].expand(rows, -1), y[:, None].expand(-1, columns)))


def similarity_about(turn: Tensor, middle: Tensor, aim: Tensor) -> Similarity:
    """The similarity with this turn that maps `middle` to `aim`; each [N, 2]."""
    (real, imaginary), (x, y) = turn.unbind(1), middle.unbind(1)
    return Similarity(turn, aim - torch.stack((real * x - imaginary * y, imaginary * x + real * y), dim=1))


def centroid(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The centroid [N, 2] of weights [N, 1, h, w], and their area [N, 1] in squares of the short side."""
    rows, columns = weight.shape[-2:]
    total = weight.sum((2, 3)).clamp(min=1e-3)
    middle = (weight * grid_coordinates(rows, columns).to(weight)).sum((2, 3)) / total
    return middle, total / min(rows, columns) ** 2


def fit_similarity(matches: Tensor, weight: Tensor) -> Similarity:
    """The similarity that maps the cells to their matches [N, 2, h, w] with the least square error.

    weight: [N, 1, h, w], of each cell. After Umeyama, "Least-squares estimation of transformation parameters
    between two point patterns" (1991).
    """
    here = grid_coordinates(*matches.shape[-2:]).to(matches)
    total = weight.sum((2, 3)).clamp(min=1e-3)
    middle = (weight * here).sum((2, 3)) / total
    aim = (weight * matches).sum((2, 3)) / total
    p, q = here - middle[..., None, None], matches - aim[..., None, None]
    spread = (weight * p * p).sum((1, 2, 3)).clamp(min=1e-4)
    real = (weight * p * q).sum((1, 2, 3)) / spread
    crossed = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    imaginary = (weight[:, 0] * crossed).sum((1, 2)) / spread
    return similarity_about(torch.stack((real, imaginary), dim=1), middle, aim)

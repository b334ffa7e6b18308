"""The order of trends. Pure."""

from __future__ import annotations

import math
from datetime import datetime

# One decade of points is worth half a day: 100 points tie with 10 of a trend that began 12 hours later.
HOT_DECADE_S = 12 * 3600
# A remix takes far more than a like.
POINTS_OF_A_POST = 3
POINTS_OF_A_LIKE = 1


def trending_score(points: int, began: datetime) -> float:
    """The trending score. It grows with points and never with time, so pages keep their order."""
    return math.log10(1 + max(0, points)) + began.timestamp() / HOT_DECADE_S

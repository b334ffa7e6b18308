"""Loss curves of a training stage as a PNG, to be looked at."""

import csv
import math
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (720, 360)
MARGIN = 48
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b")
# Columns of a log that are no metrics.
OTHERS = ("step", "seconds", "norm")


def loss_curves(log: Path) -> Path:
    """Draw every metric of a CSV of `MetricLog` over its steps, into a PNG beside it; returns its path.

    Raises:
        ValueError: the log has no row.
    """
    with log.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    if not rows:
        raise ValueError(f"{log} has no row to draw")
    names = [name for name in rows[0] if name not in OTHERS]
    lines = {name: [(row["step"], row[name]) for row in rows if not math.isnan(row[name])] for name in names}
    values = [value for line in lines.values() for _, value in line] or [1.0]
    low, high, last = min(values), max(values), max(1.0, rows[-1]["step"])
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)

    def place(step: float, value: float) -> tuple[float, float]:
        across, up = step / last, (value - low) / max(high - low, 1e-9)
        return MARGIN + across * (SIZE[0] - 2 * MARGIN), SIZE[1] - MARGIN - up * (SIZE[1] - 2 * MARGIN)

    for value in (low, (low + high) / 2, high):
        y = place(0, value)[1]
        pen.line((MARGIN, y, SIZE[0] - MARGIN, y), "#dddddd")
        pen.text((4, y - 6), f"{value:.3g}", "black")
    pen.text((MARGIN, SIZE[1] - MARGIN + 8), f"{log.stem}, steps 0 to {last:.0f}", "black")
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        pen.text((MARGIN + 110 * number, 12), name, colour)
        if len(line) > 1:
            pen.line([place(*point) for point in line], colour, 2)
    out = log.with_suffix(".curve.png")
    picture.save(out)
    return out

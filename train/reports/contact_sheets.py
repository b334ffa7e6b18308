"""Contact sheets: rows of frames as one PNG, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from model_server.engine.pixels import frames_from_video


def pixels(video: Tensor) -> np.ndarray:
    """Video [3, F, H, W] in -1..1 -> uint8 [F, H, W, 3]."""
    return frames_from_video(video.detach().float().clamp(-1, 1)[None].cpu().numpy())


def contact_sheet(rows: Sequence[Tensor], path: Path, columns: int = 9, zoom: int = 1) -> None:
    """One row of `columns` evenly spaced frames for each video [3, F, H, W]."""
    strips = []
    for video in rows:
        frames = pixels(video)
        picked = np.linspace(0, len(frames) - 1, columns).round().astype(int)
        strips.append(np.concatenate(list(frames[picked]), axis=1))
    sheet = Image.fromarray(np.concatenate(strips, axis=0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.Resampling.NEAREST).save(path)


def sheet_name(title: str) -> str:
    """What the picture of a table's row is called: "teacher, preview size (24 steps)" -> its first words."""
    return "-".join(title.split(" (")[0].replace(",", "").split())

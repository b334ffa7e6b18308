"""Loss curves."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.measure.curves import SIZE, loss_curves
from train.stages.training import Log


def test_every_loss_has_its_line(tmp_path: Path) -> None:
    log = Log(tmp_path, "teacher")
    for step in range(0, 500, 50):
        log.row(step=step + 50, known=1 / (step + 50), told=0.02 - step / 50_000, norm=1.0)
    with Image.open(loss_curves(log.path)) as picture:
        assert picture.size == SIZE
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for wanted in ((214, 39, 40), (31, 119, 180)):
        assert (colours == wanted).all(1).sum() > 300
    assert not (colours == (44, 160, 44)).all(1).any()


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "teacher.csv").write_text("step,loss\n")
    with pytest.raises(ValueError, match="no row"):
        loss_curves(tmp_path / "teacher.csv")

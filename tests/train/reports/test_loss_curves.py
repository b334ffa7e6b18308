"""Loss curves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from train.reports.loss_curves import SIZE, loss_curves
from train.stages.metric_log import MetricLog


def test_every_loss_has_its_line(tmp_path: Path) -> None:
    log = MetricLog(tmp_path, "teacher", ("known", "conditioned", "not yet"), window=1)
    for step in range(50, 550, 50):
        log.add({"known": torch.tensor(1 / step), "conditioned": torch.tensor(0.021 - step / 50_000)})
        log.write_row(step, norm=1.0)
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

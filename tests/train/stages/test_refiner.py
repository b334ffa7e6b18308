"""What the refiner learns from, and that its training learns and goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from export.assemble import WEIGHTS
from export.similarity import places
from schemas.vocabulary import SOMEONE
from train.stages import refiner_clips
from train.stages.refiner import train_refiner
from train.stages.refiner_batches import _apart, truth
from train.stages.refiner_clips import LOT, PICTURE, Lot, fill_lots, lot_path
from train.stages.refiner_following import train_following
from train.stages.training import Budget
from train.world.captions import Scene
from train.world.emoji_sprites import unseen_sprites
from train.world.vocabulary import MOTIONS
from train.world.world import PREVIEW_SIZES, course, draw, portrait_pose, sprite_layer

SPRITES = list(unseen_sprites().values())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One lot by the committed student, of the sprites of this repository: others need a font."""
    folder = tmp_path_factory.mktemp("lots")
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").float().eval()
    student = LTXVideoTransformer3DModel.from_pretrained(WEIGHTS / "student" / "transformer").float().eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refiner_clips, "crowd", lambda: tuple(range(len(SPRITES))))
        patch.setattr(refiner_clips, "crowd_sprite", lambda number: SPRITES[number])
        fill_lots(folder, vae, student, 1, seed=1)
    return folder


def test_a_lot_is_soft_where_it_was_drawn_sharp(home: Path) -> None:
    lot = Lot.load(lot_path(home, 0))
    assert len(lot.drawn) == LOT
    assert lot.soft.shape == lot.drawn.shape
    assert lot.soft.dtype == np.uint8

    def sharpness(frames: np.ndarray) -> float:
        return float(np.abs(np.diff(frames.astype(float), axis=3)).mean())

    assert sharpness(lot.soft) < sharpness(lot.drawn)
    # It's still the same clip: nearer to its own than to the next one.
    own, next_ = (
        np.abs(lot.soft.astype(float) - other).mean() for other in (lot.drawn, np.roll(lot.drawn, 1, axis=0))
    )
    assert own < 0.5 * next_


def test_a_finished_lot_is_not_drawn_again(home: Path) -> None:
    before = lot_path(home, 0).stat().st_mtime_ns
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae")
    student = LTXVideoTransformer3DModel.from_pretrained(WEIGHTS / "student" / "transformer")
    fill_lots(home, vae, student, 1, seed=2)
    assert lot_path(home, 0).stat().st_mtime_ns == before


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("size", PREVIEW_SIZES)
@pytest.mark.parametrize("apart", [False, True])
def test_subjects_are_where_their_poses_say(motion: str, size: tuple[int, int], apart: bool) -> None:
    scene, sprite = Scene(SOMEONE, "room", "day", motion), unseen_sprites()["minibus"]
    clip, sitting = draw(scene, 4, size, sprite=sprite), portrait_pose(6)
    layer = torch.from_numpy(sprite_layer(sprite, sitting, PICTURE)).movedim(-1, 0) / 255
    numbers = [[(p.x, p.y, p.size, p.angle) for p in course(scene, 4, size)]]
    pose = np.asarray(numbers, dtype=np.float32)
    posed = np.asarray((sitting.x, sitting.y, sitting.size, sitting.angle), dtype=np.float32)
    if apart:
        layer, posed = _apart(layer, posed, np.random.default_rng(3))
    similarity = truth(pose, posed[None], size)
    where = similarity(places(*clip.cover.shape[1:])[None]).permute(0, 2, 3, 1)
    alpha = layer[None, 3:].expand(len(where), -1, -1, -1)
    found = F.grid_sample(alpha, 2 * where, align_corners=False)[:, 0]
    assert (found - torch.from_numpy(clip.cover)).abs().mean() < 0.02


def test_training_learns_and_goes_on(home: Path) -> None:
    train_refiner(home, Budget(4, 60.0))
    state = torch.load(home / "refiner.pt")
    assert state["steps"] == 4
    train_refiner(home, Budget(50, 60.0))
    assert torch.load(home / "refiner.pt")["steps"] == 50
    rows = (home / "refiner.csv").read_text().splitlines()
    names = rows[0].split(",")
    first, last = (dict(zip(names, map(float, row.split(",")), strict=True)) for row in (rows[1], rows[-1]))
    assert last["match"] < first["match"]
    assert last["cut"] < first["cut"]
    assert (home / "refiner.png").stat().st_size > 10_000


def test_following_trains_its_own_parts_alone(home: Path) -> None:
    train_refiner(home, Budget(50, 60.0))
    before = torch.load(home / "refiner.pt")["average"]
    train_following(home, Budget(20, 60.0))
    after = torch.load(home / "refiner.pt")["average"]
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith(("follow.", "light.")) for name in changed)
    assert (home / "following.csv").read_text().startswith("step,scale,middle,angle,speed,light")

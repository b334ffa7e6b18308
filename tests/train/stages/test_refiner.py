"""What the refiner learns from, and that its training learns and goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from export.assemble import WEIGHTS
from export.similarity import grid_coordinates
from train.stages.refiner import train_refiner
from train.stages.refiner_batches import move_subject, true_similarity
from train.stages.refiner_heads import train_refiner_heads
from train.stages.refiner_shards import PICTURE, SHARD_CLIPS, Shard, fill_shards, pose_vector, shard_path
from train.stages.trainer import Budget, load_average
from train.world import emoji_sprites
from train.world.clips import PREVIEW_SIZES, draw, motion_path, reference_pose, sprite_layer
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import SOMEONE, Scene
from train.world.vocabulary import MOTIONS

SPRITES = list(held_out_sprites().values())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shard by the committed student, of the sprites of this repository: others need a font."""
    folder = tmp_path_factory.mktemp("shards")
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").float().eval()
    student = LTXVideoTransformer3DModel.from_pretrained(WEIGHTS / "student" / "transformer").float().eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emoji_sprites, "emoji_characters", lambda: tuple(range(len(SPRITES))))
        patch.setattr(emoji_sprites, "emoji_sprite", lambda number: SPRITES[number])
        fill_shards(folder, vae, student, 1, seed=1)
    return folder


def test_a_lot_is_soft_where_it_was_drawn_sharp(home: Path) -> None:
    shard = Shard.load(shard_path(home, 0))
    assert len(shard.drawn) == SHARD_CLIPS
    assert shard.soft.shape == shard.drawn.shape
    assert shard.soft.dtype == np.uint8

    def sharpness(frames: np.ndarray) -> float:
        return float(np.abs(np.diff(frames.astype(float), axis=3)).mean())

    assert sharpness(shard.soft) < sharpness(shard.drawn)
    # It's still the same clip: nearer to its own than to the next one.
    own, next_ = (
        np.abs(shard.soft.astype(float) - other).mean()
        for other in (shard.drawn, np.roll(shard.drawn, 1, axis=0))
    )
    assert own < 0.5 * next_


def test_a_finished_lot_is_not_drawn_again(home: Path) -> None:
    before = shard_path(home, 0).stat().st_mtime_ns
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae")
    student = LTXVideoTransformer3DModel.from_pretrained(WEIGHTS / "student" / "transformer")
    fill_shards(home, vae, student, 1, seed=2)
    assert shard_path(home, 0).stat().st_mtime_ns == before


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("size", PREVIEW_SIZES)
@pytest.mark.parametrize("moved", [False, True])
def test_subjects_are_where_their_poses_say(motion: str, size: tuple[int, int], moved: bool) -> None:
    scene, sprite = Scene(SOMEONE, "room", "day", motion), held_out_sprites()["minibus"]
    clip, in_picture = draw(scene, 4, size, sprite=sprite), reference_pose(6)
    layer = torch.from_numpy(sprite_layer(sprite, in_picture, PICTURE)).movedim(-1, 0) / 255
    numbers = [[pose_vector(pose) for pose in motion_path(scene, 4, size)]]
    pose = np.asarray(numbers, dtype=np.float32)
    picture_pose = np.asarray(pose_vector(in_picture), dtype=np.float32)
    if moved:
        layer, picture_pose = move_subject(layer, picture_pose, np.random.default_rng(3))
    similarity = true_similarity(pose, picture_pose[None], size)
    where = similarity(grid_coordinates(*clip.cover.shape[1:])[None]).permute(0, 2, 3, 1)
    alpha = layer[None, 3:].expand(len(where), -1, -1, -1)
    found = F.grid_sample(alpha, 2 * where, align_corners=False)[:, 0]
    assert (found - torch.from_numpy(clip.cover)).abs().mean() < 0.02


@pytest.mark.long
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


def test_heads_are_trained_alone(home: Path) -> None:
    train_refiner(home, Budget(4, 60.0))
    train_refiner_heads(home, Budget(8, 60.0))
    before, after = load_average(home, "refiner"), torch.load(home / "refiner-heads.pt")["model"]
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith(("follow.", "light.")) for name in changed)
    assert (home / "refiner-heads.csv").read_text().startswith("step,scale,middle,angle,speed,light")
    for name, value in load_average(home, "refiner-heads").items():
        if name not in changed:
            torch.testing.assert_close(value, before[name])

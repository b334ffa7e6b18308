"""What several actors do together, and how busts and heads are placed."""

from __future__ import annotations

import math

import pytest

from model_server.engine.actors import ActorPose, Figure
from model_server.engine.layout import paths

CAT = Figure("cat", 1.0, "left", back=0.6)
HORSE = Figure("horse", 1.1, "left", back=0.55)
PAINTED = Figure("pumpkin")
PORTRAIT = 2 / 3


def drawn(
    *figures: Figure, motion: str | None, aspect: float = PORTRAIT, seed: int = 3, **more: bool
) -> list[list[ActorPose]]:
    return paths(figures, motion=motion, place="meadow", seed=seed, frames=17, fps=8, aspect=aspect, **more)


@pytest.mark.parametrize("seed", range(6))
def test_a_rider_sits_on_its_mount_all_the_way(seed: int) -> None:
    rider, mount = drawn(CAT, HORSE, motion="ride", seed=seed)
    for above, below in zip(rider, mount, strict=True):
        back = HORSE.back * below.size / math.sqrt(HORSE.ratio)
        assert above.x == below.x
        assert below.lift < above.lift < below.lift + back
        assert above.lift + above.size > below.lift + back
        assert above.size < below.size
        assert above.mirrored == below.mirrored
    assert mount[0].x > mount[-1].x


def test_one_that_is_only_sat_on_stays() -> None:
    rider, mount = drawn(CAT, Figure("mushroom", back=0.9), motion="mounted")
    assert {pose.x for pose in mount} == {mount[0].x}
    assert {pose.x for pose in rider} == {mount[0].x}


def test_a_broom_lies_to_be_ridden() -> None:
    rider, broom = drawn(Figure("wizard", 0.9), Figure("broom", 0.25), motion="ride")
    assert all(60 < abs(pose.angle) < 95 for pose in broom)
    assert all(pose.angle == 0.0 for pose in rider)
    assert all(above.lift > below.lift for above, below in zip(rider, broom, strict=True))


def test_small_ones_alone_are_seen_as_well_as_large_ones() -> None:
    small = drawn(Figure("ant"), Figure("bee"), motion=None)
    large = drawn(Figure("elephant"), Figure("mammoth"), motion=None)
    assert [path[0].size for path in small] == pytest.approx([path[0].size for path in large], rel=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_who_chases_is_behind_and_looks_ahead(seed: int) -> None:
    dog, cat = drawn(Figure("dog", 1.2, "left"), CAT, motion="chase", seed=seed)
    way = math.copysign(1, dog[-1].x - dog[0].x)
    assert all((fled.x - hunter.x) * way > 0 for hunter, fled in zip(dog, cat, strict=True))
    assert (cat[-1].x - cat[0].x) * way > 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("motion", ["walk", "run", "fly"])
def test_all_who_go_somewhere_go_the_same_way(motion: str, seed: int) -> None:
    one, other = drawn(PAINTED, Figure("robot"), motion=motion, seed=seed)
    assert (one[-1].x - one[0].x) * (other[-1].x - other[0].x) > 0


@pytest.mark.parametrize("aspect", [PORTRAIT, 1.0, 1.5])
@pytest.mark.parametrize("motion", [None, "still", "left", "jump", "dance", "grow", "shrink", "pan"])
def test_where_a_bust_is_cut_is_never_seen(motion: str | None, aspect: float) -> None:
    bust = Figure("wizard", 0.9, shows="bust")
    for pose in drawn(bust, motion=motion, aspect=aspect)[0]:
        height = pose.size * min(aspect, 1.0) / math.sqrt(bust.ratio) * pose.stretch
        lowest = pose.y - pose.lift * min(aspect, 1.0)
        # A bob tilts it too: by at most four degrees of half of its width.
        assert lowest - math.sin(math.radians(abs(pose.angle))) * pose.size * min(aspect, 1.0) / 2 >= 1.0
        # Its head is in the frame.
        assert 0.0 < lowest - height < 0.9


def test_a_head_hangs_over_its_ground_and_jumps_from_it() -> None:
    head = Figure("fox", shows="head")
    assert all(0.02 < pose.lift < 0.2 for pose in drawn(head, motion=None)[0])
    assert min(pose.lift for pose in drawn(head, motion="jump")[0]) == 0.0


def test_a_rocket_leans_to_where_it_flies_and_stands_where_it_doesnt() -> None:
    rocket = Figure("rocket", 0.5)
    way = drawn(rocket, motion="left")[0]
    assert all(-65 < pose.angle < -40 for pose in way)
    assert all(abs(pose.angle) < 5 for pose in drawn(rocket, motion="rise")[0])


def test_a_close_up_is_larger_and_stays_in_the_frame() -> None:
    far, close = drawn(PAINTED, motion=None)[0], drawn(PAINTED, motion=None, close=True)[0]
    assert close[0].size > 1.3 * far[0].size
    assert close[0].size < 1.0


@pytest.mark.parametrize("seed", range(4))
def test_an_ant_is_small_beside_an_elephant_and_can_be_seen(seed: int) -> None:
    ant, elephant = drawn(Figure("ant", 1.2), Figure("elephant", 1.2), motion=None, seed=seed)
    assert 0.1 < ant[0].size < 0.7 * elephant[0].size

"""Where actors are: whole, on their ground, the way that the words say, and not turned unasked."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from model_server.engine.actors import ActorPose, Figure
from model_server.engine.layout import ROOMS, paths
from model_server.engine.motions import MOTIONS, TILT

ASPECTS = {"portrait": 2 / 3, "square": 1.0, "landscape": 3 / 2}
LENGTHS = (17, 25, 33, 41)
FIGURES = (
    Figure("fox", 0.9, "front"),
    Figure("bus", 1.5, "left"),
    Figure("giraffe", 0.5, "right"),
    Figure("ghost", 0.8),
    Figure("tropical fish", 1.3, "left"),
    Figure("castle", 1.0),
)
TURNS = ("spin",)


def planned(
    motion: str | None,
    *figures: Figure,
    seed: int = 1,
    frames: int = 17,
    aspect: float = 2 / 3,
    place: str = "beach",
    begin: list[list[ActorPose]] | None = None,
) -> list[list[ActorPose]]:
    return paths(
        figures or FIGURES[:1],
        motion=motion,
        place=place,
        seed=seed,
        frames=frames,
        fps=8,
        aspect=aspect,
        begin=begin or (),
    )


def sides(pose: ActorPose, figure: Figure, aspect: float) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the box, in widths and heights of the frame."""
    short = min(aspect, 1.0)
    wide = pose.size * math.sqrt(figure.ratio) / pose.stretch * short / aspect
    tall = pose.size / math.sqrt(figure.ratio) * pose.stretch * short
    bottom = pose.y - pose.lift * short
    return pose.x - wide / 2, pose.x + wide / 2, bottom - tall, bottom


@pytest.mark.parametrize("motion", [*MOTIONS, None])
def test_a_seed_decides_a_path_and_another_one_gives_another(motion: str | None) -> None:
    assert planned(motion, *FIGURES[:2]) == planned(motion, *FIGURES[:2])
    assert planned(motion, *FIGURES[:2]) != planned(motion, *FIGURES[:2], seed=2)


@pytest.mark.parametrize("aspect", ASPECTS.values(), ids=ASPECTS)
@pytest.mark.parametrize("motion", [*MOTIONS, None])
def test_actors_stay_in_the_picture(motion: str | None, aspect: float) -> None:
    for seed in range(12):
        for figure in FIGURES:
            for frames in LENGTHS[:: 3 if seed else 1]:
                (path,) = planned(motion, figure, seed=seed, frames=frames, aspect=aspect)
                assert len(path) == frames
                for pose in path:
                    left, right, top, bottom = sides(pose, figure, aspect)
                    assert left > -0.2 * (right - left)
                    assert right < 1 + 0.2 * (right - left)
                    assert top > -0.06, (figure, pose)
                    assert bottom < 1.0


@pytest.mark.parametrize("motion", [each for each in MOTIONS if each not in TURNS] + [None])
def test_nothing_turns_that_the_words_dont_turn(motion: str | None) -> None:
    for seed in range(20):
        for path in planned(motion, *FIGURES[:3], seed=seed):
            assert max(abs(pose.angle) for pose in path) <= TILT


def test_a_spin_is_whole_rounds_either_way() -> None:
    ends = [planned("spin", seed=seed)[0][-1].angle for seed in range(20)]
    assert {round(angle) for angle in ends} == {-360, 360}
    # At 8 frames a second a longer clip turns as fast.
    assert abs(planned("spin", frames=33)[0][-1].angle) == pytest.approx(720)


@pytest.mark.parametrize("faces", ["left", "right"])
def test_it_goes_where_the_words_say_and_faces_there(faces: str) -> None:
    for figure in (Figure("fox", 1.2, faces), Figure("bus", 1.5, faces), Figure("shark", 1.5, faces)):
        left, right = (planned(side, figure)[0] for side in ("left", "right"))
        assert left[0].x - left[-1].x > 0.25
        assert right[-1].x - right[0].x > 0.25
        assert {pose.mirrored for pose in left} == {faces == "right"}
        assert {pose.mirrored for pose in right} == {faces == "left"}


def test_what_has_no_direction_goes_where_it_looks() -> None:
    for motion in ("walk", "drive", "fly", "swim"):
        path = planned(motion, Figure("car", 1.4, "left"))[0]
        assert path[-1].x < path[0].x
        assert not any(pose.mirrored for pose in path)


def test_a_picture_that_looks_at_us_is_never_mirrored() -> None:
    for motion in MOTIONS:
        for path in planned(motion, Figure("owl", 0.8, "front"), Figure("robot", 0.8, "front")):
            assert not any(pose.mirrored for pose in path)


def test_it_grows_jumps_rises_and_falls() -> None:
    grow, shrink, jump, rise, fall = (
        planned(motion, Figure("dog", 1.0))[0] for motion in ("grow", "shrink", "jump", "rise", "fall")
    )
    assert grow[-1].size > 2 * grow[0].size
    assert shrink[0].size > 2 * shrink[-1].size
    assert max(pose.lift for pose in jump) > 0.3
    assert min(pose.lift for pose in jump) < 0.03
    assert rise[-1].lift > rise[0].lift + 0.4
    assert fall[0].lift > fall[-1].lift + 0.4
    assert fall[-1].lift == 0


def test_it_lives_beside_its_path() -> None:
    fox, fish = Figure("fox", 1.2, "left"), Figure("fish", 1.2, "left")
    walk = planned("left", fox)[0]
    assert len({round(pose.lift, 4) for pose in walk}) > 2
    assert len({round(pose.angle, 2) for pose in walk}) > 3
    jump = planned("jump", fox)[0]
    assert min(pose.stretch for pose in jump) < 0.9 < 1.05 < max(pose.stretch for pose in jump)
    still = planned("still", fox)[0]
    assert 0.01 < max(pose.stretch for pose in still) - min(pose.stretch for pose in still) < 0.05
    assert {pose.x for pose in still} == {still[0].x}
    assert all(pose.wobble > 0 for pose in planned("swim", fish)[0])
    assert all(pose.wobble == 0 for pose in walk)


def test_two_or_three_stand_side_by_side() -> None:
    for name, aspect in ASPECTS.items():
        for motion in (None, "still", "jump", "left", "dance", "grow"):
            for count in (2, 3):
                figures = FIGURES[:count]
                for seed in range(10):
                    found = planned(motion, *figures, seed=seed, aspect=aspect)
                    for moment in range(17):
                        boxes = sorted(
                            sides(path[moment], figure, aspect)[:2]
                            for path, figure in zip(found, figures, strict=True)
                        )
                        gaps = [right[0] - left[1] for left, right in pairwise(boxes)]
                        # A hand may reach over, no more.
                        assert min(gaps) > -0.08, (name, motion, count, seed)
                        assert boxes[0][0] > -0.2 * ROOMS[count - 1] * 2
    with pytest.raises(ValueError, match="at most 3"):
        planned(None, *FIGURES[:4])


def test_small_ones_are_smaller_than_large_ones() -> None:
    ant, elephant = planned("still", Figure("ant"), Figure("elephant"))
    assert ant[0].size < 0.8 * elephant[0].size


@pytest.mark.parametrize("motion", [*MOTIONS, None])
@pytest.mark.parametrize("before", ["left", "jump", "grow", "rise", "spin"])
def test_what_goes_on_from_a_clip_goes_on_where_it_was(before: str, motion: str | None) -> None:
    figure = Figure("fox", 1.2, "left")
    last = planned(before, figure)[0][-5:]
    for frames in (17, 41):
        path = planned(motion, figure, seed=9, frames=frames, begin=[last])[0]
        assert len(path) == frames
        assert path[:5] == last
        jump = 0.3 if "jump" in (before, motion) else 0.2
        for one, other in pairwise(path[4:]):
            assert abs(other.x - one.x) < 0.1
            assert abs(other.lift - one.lift) < jump
            assert abs(other.size - one.size) < 0.12
            left, right, _, _ = sides(other, figure, 2 / 3)
            assert (left + right) / 2 > 0.05
            assert (left + right) / 2 < 0.95
            if "spin" not in (before, motion):
                assert abs(other.angle - one.angle) < 2 * TILT


@pytest.mark.parametrize("before", ["left", "right", "still"])
def test_one_that_joins_comes_in_and_is_made_room_for(before: str) -> None:
    fox, dog = FIGURES[0], Figure("dog", 1.1, "left")
    last = planned(before, fox)[0][-5:]
    for seed in range(6):
        found = planned("still", fox, dog, begin=[last, []], seed=seed, frames=25)
        assert found[0][:5] == last
        out = [sides(pose, dog, 2 / 3) for pose in found[1]]
        # While the other clip's frames are shown it isn't there.
        assert all(left >= 0.99 or right <= 0.01 for left, right, _, _ in out[:5])
        fox_box, dog_box = sides(found[0][-1], fox, 2 / 3), out[-1]
        assert max(fox_box[0], dog_box[0]) > min(fox_box[1], dog_box[1]) - 0.06
        assert max(abs(b.x - a.x) for a, b in pairwise(found[0])) < 0.12

"""The twenty places, drawn by code at any size.

A painter receives a canvas, and works in fractions of its height, so that the same seed gives the same
picture at every size. What is seen first stands above the middle or at the sides: a subject hides the rest.
"""

from collections.abc import Callable

from train.world.canvas import Canvas
from train.world.country_places import castle, farm, road
from train.world.far_places import clouds, ocean, space, volcano
from train.world.home_places import kitchen, room
from train.world.land_places import beach, desert, forest, meadow, mountains
from train.world.town_places import city, park, stage
from train.world.wild_places import cave, jungle, lake

PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "beach": beach,
    "forest": forest,
    "city": city,
    "desert": desert,
    "mountains": mountains,
    "ocean": ocean,
    "space": space,
    "meadow": meadow,
    "room": room,
    "volcano": volcano,
    "castle": castle,
    "farm": farm,
    "road": road,
    "kitchen": kitchen,
    "cave": cave,
    "jungle": jungle,
    "lake": lake,
    "park": park,
    "stage": stage,
    "clouds": clouds,
}

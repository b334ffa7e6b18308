"""The documentation's sheets, by rule and by seed."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image

from bench.sheets import FEED, GAP, LABEL_PX, TILE, Sheet, SheetDrawer, Tile, all_sheets, shown_subjects, webp
from schemas.videos import Tier
from tests.bench.studio import opened
from tests.product import ModelFolders


def test_sheets_show_every_place_motion_and_look(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    vocabulary = studio.card.vocabulary
    sheets = {each.name: each for each in all_sheets(studio.library.index.subjects, vocabulary, 100, 3)}
    assert list(sheets) == ["subjects", "feed", "places", "motions", "looks"]
    assert len({tile.label for tile in sheets["subjects"].tiles}) == 100
    assert sheets["feed"].tiles == sheets["subjects"].tiles[:FEED]
    for slot in ("places", "motions"):
        said = " ".join(tile.prompt for tile in sheets[slot].tiles)
        assert all(phrases[0] in said for phrases in vocabulary[slot].values())
    said = " ".join(tile.prompt for tile in sheets["looks"].tiles)
    assert all(phrases[0] in said for slot in ("styles", "times") for phrases in vocabulary[slot].values())


def test_the_same_seed_shows_the_same_mix(model_folders: ModelFolders) -> None:
    subjects = opened(model_folders).library.index.subjects
    one, again, other = (shown_subjects(subjects, 20, random.Random(seed)) for seed in (1, 1, 2))
    assert one == again != other
    assert sum("animal" in each.kinds for each in one) >= 10
    assert len({each.name for each in one}) == 20


def test_a_sheet_has_its_tiles_and_each_clip_is_drawn_once(model_folders: ModelFolders) -> None:
    drawer = SheetDrawer(opened(model_folders), Tier.PREVIEW)
    tile = Tile("a fox jumps on a beach by day", 1, "a fox with a label that is longer than its tile is wide")
    image = drawer.sheet(Sheet("motions", 1, [tile, tile], moments=2))
    assert image.size == (2 * TILE[0], 2 * (TILE[1] + LABEL_PX) + GAP)
    above, below = np.asarray(image)[: TILE[1]], np.asarray(image)[-TILE[1] - LABEL_PX : -LABEL_PX]
    assert (above == below).all()
    assert (above[:, : TILE[0]] != above[:, TILE[0] :]).any()


def test_a_sheet_is_as_good_as_its_size_allows() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    small, large = webp(picture, 30_000), webp(picture, 1_000_000)
    assert len(small) <= 30_000 < len(large)
    assert Image.open(io.BytesIO(small)).size == (200, 200)

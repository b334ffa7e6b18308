"""What the library is made of: its tables, and which pictures no training sees."""

from __future__ import annotations

import numpy as np

from export.assemble import WEIGHTS
from model_server.engine.library import Library
from train.library.held_out import is_held_out
from train.library.pictures import encode, encode_patch
from train.library.subjects import plain
from train.library.tables import read_labels, read_tables


def test_a_fifth_is_held_out_by_rule() -> None:
    library = Library.load(WEIGHTS / "library" / "library.safetensors")
    held = [subject for subject in library.index.subjects if is_held_out(subject.id)]
    assert 0.15 < len(held) / len(library.index.subjects) < 0.25
    # It never changes, or measurements would be of pictures that were seen.
    assert (is_held_out("1f996"), is_held_out("1f408")) == (is_held_out("1f996"), is_held_out("1f408"))


def test_tables_name_each_picture_once_and_describe_most() -> None:
    lines = read_tables()
    labels = [line.label for line in lines]
    assert len(labels) == len(set(labels))
    assert sum(bool(line.descriptions) for line in lines) > 0.9 * len(lines)
    assert not read_labels("faces_left") & read_labels("faces_right")


def test_names_are_looked_up_without_punctuation() -> None:
    assert plain("Jack-o'-Lantern") == "jack o lantern"
    assert plain("  T-Rex ") == "t rex"


def test_a_patch_is_smaller_than_a_picture() -> None:
    base = np.zeros((256, 256, 4), np.uint8)
    base[40:200, 40:200] = (200, 150, 40, 255)
    other = base.copy()
    other[60:90, 60:90, :3] = (90, 60, 40)
    assert len(encode_patch(base, other)) < len(encode(other))

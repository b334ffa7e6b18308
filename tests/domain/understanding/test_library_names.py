"""The library's names, as a whole: each is found, and none is somebody's who is protected."""

from __future__ import annotations

from collections import Counter

from domain.safety.name_match import NameMatcher, shipped_entries
from domain.safety.rules import judge
from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from model_server.engine.library import Library


def test_every_subject_is_found_by_its_own_name(
    library: Library, names: NameIndex, scene: SceneWords
) -> None:
    lost = {}
    for subject in library.index.subjects:
        reading = read(f"a {subject.name}", names, scene)
        shown = [each.name for found in reading.subjects for each in found.candidates]
        if subject.name not in shown:
            lost[subject.name] = shown
    assert len(lost) <= len(library.index.subjects) * 0.01, lost


def test_no_name_is_refused(library: Library) -> None:
    matcher = NameMatcher(shipped_entries())
    for subject in library.index.subjects:
        for name in (subject.name, *subject.names, *subject.near):
            assert not matcher.find([name]), name
        assert not judge([subject.name], False), subject.name


def test_names_are_not_shared_by_chance(library: Library) -> None:
    own = Counter(subject.names[0] for subject in library.index.subjects if not subject.role)
    assert own.most_common(1)[0][1] <= 2

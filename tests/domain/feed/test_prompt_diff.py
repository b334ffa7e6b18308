"""Prompt diffs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.feed.prompt_diff import prompt_diff


def test_a_diff() -> None:
    parts = prompt_diff("a cat sits on a beach", "a dog sits on a beach at night")
    assert [(part.op, part.text) for part in parts] == [
        ("keep", "a"),
        ("remove", "cat"),
        ("add", "dog"),
        ("keep", "sits on a beach"),
        ("add", "at night"),
    ]
    assert prompt_diff("", "") == []


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_a_diff_tells_both_sides(before: list[str], after: list[str]) -> None:
    parts = prompt_diff(" ".join(before), " ".join(after))

    def side(without: str) -> list[str]:
        return [word for part in parts if part.op != without for word in part.text.split()]

    assert side("add") == before
    assert side("remove") == after

"""The registry: names through disguises, over a lineage, and a written set that it was not tuned on."""

from __future__ import annotations

import pytest

from bench.name_refusals import prompts, score
from domain.safety.name_match import NameKind, NameMatcher, RegistryEntry, shipped_entries
from domain.safety.text import normalize_text, readings

ENTRY = RegistryEntry(
    id="reg_quill",
    name="Ottoline Marvane",
    kind=NameKind.PUBLIC,
    names=["Marvane", "Lady Ottoline of Quill"],
    handles=["otti_m"],
    near={"otti": ["violin", "concert hall"]},
    unless=["marvane roses"],
)
MATCHER = NameMatcher([ENTRY])


def names(*texts: str) -> bool:
    return [hit.entry.id for hit in MATCHER.find(texts)] == [ENTRY.id]


@pytest.mark.parametrize(
    "text",
    [
        "Ottoline Marvane dances",
        "OTTOLINE   MARVANE",
        "ottoline-marvane, ottoline_marvane",
        "OttolineMarvane",
        "#ottolinemarvanefans",
        "Óttolìne Márvane",
        "Оttоlіnе Маrvаnе",
        "ＯＴＴＯＬＩＮＥ ＭＡＲＶＡＮＥ",
        "0tt0line M4rv4ne",
        "Ottol!ne Marvane",
        "o t t o l i n e  m a r v a n e",
        "m.a.r.v.a.n.e",
        "Ottooooline Marvane",
        "Ottoline\u200b Mar\u200bvane",
        "Marvane's hat",
        "two Marvanes",
        "Otto line Marvane",
        "@otti_m waves",
        "otti plays the violin",
        "Marvane, Ottoline",
        "ᗰᗩᖇᐯᗩᑎE in the rain",
        "𝓞𝓽𝓽𝓸𝓵𝓲𝓷𝓮 𝓜𝓪𝓻𝓿𝓪𝓷𝓮",
        "🅼🅰🆁🆅🅰🅽🅴",
        "M̷a̷r̷v̷a̷n̷e̷",
        "Mɑrvanе­",
        "OTTOLINE🎩MARVANE",
    ],
)
def test_a_disguise_hides_no_name(text: str) -> None:
    assert names(text)


@pytest.mark.parametrize(
    "text",
    [
        "a cat on a beach",
        "otti the dog sleeps",
        "a bed of marvane roses",
        "marvanelous weather",
        "a mar and a vane",
        "vane, mar",
        "a line of otto, marble and vanes",
        "",
        "!!! 111",
    ],
)
def test_innocent_words_pass(text: str) -> None:
    assert not MATCHER.find([text])


def test_a_lineage_is_read_as_a_whole() -> None:
    assert names("make her say hello", "a city", "Ottoline Marvane in the rain")
    assert names("her name is Ottoline", "somebody called Marvane")
    assert names("otti smiles", "a concert hall at night")
    assert not MATCHER.find(["otti smiles", "a garden at night"])


def test_long_texts_end() -> None:
    assert not MATCHER.find(["a" * 1000, "a b " * 250, "1!|" * 333])
    assert names("x " * 490 + "marvane")


def test_folding_keeps_what_it_should() -> None:
    assert normalize_text("Zoë’s CAFÉ, 20 dogs!", latin=True) == "zoe cafe, 20 dogs!"
    assert readings("a great dog!") == ["a great dog!"]
    assert "charlie" in readings("ch4rl1e")


def test_the_shipped_names_are_whole() -> None:
    entries = shipped_entries()
    assert len({entry.id for entry in entries}) == len(entries) >= 100
    matcher = NameMatcher(entries)
    for entry in entries:
        assert entry.id in {hit.entry.id for hit in matcher.find([f"look, {entry.name} walks"])}, entry.id


def test_the_written_set_is_large_half_innocent_and_judged_well() -> None:
    written = prompts()
    held = [item for item in written if item.half == "held"]
    assert len(written) >= 500
    assert sum(not item.named for item in written) * 2 >= len(written)
    assert len({(item.text, *item.lineage) for item in written}) == len(written)
    found = score(NameMatcher(shipped_entries()), held)
    assert found.precision >= 0.97
    assert found.recall >= 0.93

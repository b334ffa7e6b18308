"""What a text shows: characters without a shape, and every field that people can write in."""

from __future__ import annotations

import ast
import contextlib
import importlib
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from schemas.base import RequestBody, whole
from schemas.shown_text import BadText, Kind, is_invisible, places, shown, shows_something
from settings import PROJECT

NOTHING = [
    "\u200b",
    "\u200b\u200c\u200d\u2060\ufeff",
    "\u3164",
    "\u115f\u1160",
    "\uffa0",
    "\u2800\u2800",
    "\u00ad",
    "\u034f",
    "\u180e",
    "\ufe0f",
    "\U000e0041\U000e007f",
    "\u00a0\u2003",
    "\u0301",
    "\u2028",
    "\u17b4",
    "\U0001d159",
    "\ufffc",
    "\u200e\u200f",
    " \u200b ",
    "\u061c",
    "\U0001d173",
    "\u2061\u2064",
    "\u180b",
    "\U000e0100",
]
TURNING = ["\u202eecila", "a\u202ab", "\u2066a\u2069", "a\u202c", "\u2067", "\u202d1", "a\u2068b"]
BROKEN = ["Ada\n", "\nAda", "A\rda", "A\u2028da", "A\x0bda", "A\x85da", "A\u2029", "A\x0cda", "A\r\nda"]
UNSHOWABLE = [
    "\x1b[31mred",
    "a\x08b",
    "\ue000",
    "\ufdd0",
    "a\uffff",
    "\U0010fffe",
    "z" + "\u0335" * 12,
    "\x7f",
]
KEPT = [
    "Ada",
    "Zoë",
    "李小龙",
    "Ἀθηνᾶ",
    "محمد",
    "می\u200cخواهم",
    "क्\u200dष",
    "👩\u200d👩\u200d👧",
    "❤\ufe0f",
    "1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "👍🏽",
    "🏳\ufe0f\u200d🌈",
    "\U0001fae9",
    "…",
    "ก็",
    "שָׁלוֹם",
    "Ada L.",
    "#1",
    "☺",
    "한국어",
]


@pytest.mark.parametrize("kind", ["line", "paragraph"])
@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_what_shows_nothing_is_refused(text: str, kind: Kind) -> None:
    with pytest.raises(BadText):
        shown(text, kind)
    assert not shows_something(text)


@pytest.mark.parametrize("kind", ["line", "paragraph"])
@pytest.mark.parametrize("text", [*TURNING, *UNSHOWABLE], ids=ascii)
def test_what_turns_or_breaks_the_screen_is_refused(text: str, kind: Kind) -> None:
    with pytest.raises(BadText):
        shown(text, kind)


@pytest.mark.parametrize("text", BROKEN, ids=ascii)
def test_a_line_is_one_line(text: str) -> None:
    with pytest.raises(BadText, match="one line"):
        shown(text, "line")
    assert shown(text, "paragraph").isprintable() or "\n" in shown(text, "paragraph")


@pytest.mark.parametrize("kind", ["line", "paragraph"])
@pytest.mark.parametrize("text", KEPT, ids=ascii)
def test_what_people_write_stays(text: str, kind: Kind) -> None:
    assert shown(text, kind) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A\u200bd\u00ada", "Ada"),
        ("a\u200db", "ab"),
        (" Ada \u00a0 L ", "Ada L"),
        ("A\u2800da", "A da"),
        ("A\u3164da", "Ada"),
        ("e\u200b\u0301", "é"),
        ("Ada\u200e", "Ada"),
        ("Ada\U000e0041", "Ada"),
        ("A\ufe0fda", "Ada"),
        ("\tAda\tL", "Ada L"),
        ("", ""),
        ("  ", ""),
    ],
    ids=ascii,
)
def test_what_has_no_shape_is_taken_out(text: str, kept: str) -> None:
    assert shown(text, "line") == shown(text, "paragraph") == kept


def test_a_paragraph_keeps_its_lines_and_no_pile_of_empty_ones() -> None:
    assert shown("one\r\ntwo\n\n\n\n\u200b\n three ", "paragraph") == "one\ntwo\n\nthree"


@given(st.text(max_size=40), st.sampled_from(["line", "paragraph"]))
def test_what_is_kept_shows_something_and_stays_as_it_is(text: str, kind: Kind) -> None:
    try:
        kept = shown(text, kind)
    except BadText:
        return
    assert not kept or shows_something(kept)
    assert shown(kept, kind) == kept
    joiners = "\u200c\u200d\ufe0e\ufe0f"
    assert not [letter for letter in kept if is_invisible(letter) and letter not in joiners]
    assert "\n" not in kept or kind == "paragraph"


# Fields of bodies that name something by an id, a handle or a word of a list: compared, never shown.
NAMES = {
    "handle",
    "password",
    "new_password",
    "refresh_token",
    "id",
    "video_id",
    "video_ids",
    "cameos",
    "grant_id",
    "grantee",
    "request_id",
    "model",
    "size",
    "seconds",
    "trend",
    "motion",
    "camera",
    "time",
    "style",
    "videos",
    "image_url",
    "file_id",
}


def bodies() -> list[type[msgspec.Struct]]:
    for path in sorted((PROJECT / "schemas").glob("*.py")):
        importlib.import_module(f"schemas.{path.stem}")
    found, waiting = [], list(RequestBody.__subclasses__())
    while waiting:
        body = waiting.pop()
        found.append(body)
        waiting += body.__subclasses__()
    return sorted(found, key=lambda body: body.__name__)


def texts_of(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Every string in a type, with its mark where it has one."""
    if isinstance(kind, inspect.Metadata) and isinstance(kind.type, inspect.StrType):
        yield kind
    elif isinstance(kind, inspect.Metadata):
        yield from texts_of(kind.type)
    elif isinstance(kind, inspect.StrType):
        yield kind
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            yield from texts_of(option)
    elif isinstance(kind, inspect.ListType):
        yield from texts_of(kind.item_type)


@pytest.mark.parametrize("body", bodies(), ids=lambda body: body.__name__)
def test_every_text_that_people_write_is_marked(body: type[msgspec.Struct]) -> None:
    waiting = [inspect.type_info(body)]
    while waiting:
        info = waiting.pop()
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            options = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
            waiting += [option for option in options if isinstance(option, inspect.StructType)]
            for text in texts_of(field.type):
                marked = isinstance(text, inspect.Metadata) and "text" in (text.extra or {})
                assert marked != (field.name in NAMES), f"{body.__name__}.{field.name}"


def test_texts_are_found_wherever_they_are_nested() -> None:
    schemas = importlib.import_module("schemas.cameos")
    body = schemas.CreateCameo(
        display_name="Ada",
        audience=schemas.Audience.EVERYONE,
        restrictions=schemas.Restrictions(words=["gun", "rain"], styles=["noir"]),
    )
    found = {place.path: place for place in places(body)}
    assert set(found) == {
        "display_name",
        "restrictions.words[0]",
        "restrictions.words[1]",
        "restrictions.styles[0]",
    }
    found["restrictions.words[1]"].put("snow")
    assert body.restrictions.words == ["gun", "snow"]


@pytest.mark.parametrize("text", ["name\n", "\nname", "name\r\n", "na\nme", ""])
def test_a_whole_pattern_fits_no_more_than_the_text(text: str) -> None:
    name = Annotated[str, msgspec.Meta(pattern=whole("[a-z]+"))]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, name)
    assert msgspec.convert("name", name) == "name"


FOLDERS = ("api", "db", "domain", "media", "realtime", "schemas", "settings.py")
# Their texts are one word without line breaks; pydantic's `$` is the end alone.
FREE = {"domain/videos/steer.py", "domain/safety/admin/admin_actions.py"}


def python_files() -> list[Path]:
    found = [PROJECT / name for name in FOLDERS]
    return [path for place in found for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]


def test_no_pattern_ends_before_a_line_break() -> None:
    """`$` also fits before a line break at the end of a text: `name` and `name\\n` would be two names."""
    found = []
    for path in python_files():
        name = path.relative_to(PROJECT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or name in FREE:
                continue
            multiline = "MULTILINE" in ast.unparse(node)
            called = ast.unparse(node.func)
            patterns = node.args[:1] if called.startswith("re.") else []
            patterns += [item.value for item in node.keywords if item.arg == "pattern"]
            for pattern in patterns:
                text = pattern.value if isinstance(pattern, ast.Constant) else ""
                if (
                    isinstance(text, str)
                    and text.replace("\\$", "").rstrip(")").endswith("$")
                    and not multiline
                ):
                    found.append((name, text))
    assert not found


@pytest.mark.parametrize("text", ["\U0001f3f4" + "\U000e0061" * 40_000, "a\u200d" * 20_000, "\n" * 40_000])
def test_long_texts_are_looked_through_once(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(BadText):
        shown(text, "paragraph")
    assert time.process_time() - began < 1

"""What a text shows: the one place that decides which characters people may send, and in what form.

A text is kept as it is seen. Characters without any shape of their own are taken out, unless they shape their
neighbours; what turns the direction of a text, breaks a line where one line is meant, or shows nothing,
is refused. Fields say which of the two kinds they are by `Meta(extra=LINE)` or `Meta(extra=PARAGRAPH)`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect

Kind = Literal["line", "paragraph"]
LINE: dict[str, Any] = {"text": "line"}
PARAGRAPH: dict[str, Any] = {"text": "paragraph"}

# Unicode's Default_Ignorable_Code_Point beyond category Cf, which Python doesn't know: joiners of graphemes,
# fillers of Hangul, inherent vowels of Khmer, variation selectors, and what is reserved for more of them.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
# Letters and symbols by their category, whose picture is empty: braille without dots, notes without a head,
# full and half blanks of Egyptian, and what stands for an object that isn't there.
_BLANK = frozenset("\u2800\ufffc\U0001d159\U00013441\U00013442")
# Embeddings, overrides and isolates. Marks of direction (200E, 200F, 061C) are only taken out: keyboards add
# them, and they turn no letter.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BREAK = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
_BLACK_FLAG = "\U0001f3f4"
_TAGS = range(0xE0020, 0xE0080)
# Emoji that are newer than Python's tables have no category there.
_EMOJI = range(0x1F000, 0x1FC00)
# The most that a written language puts on one letter, with room; more only paints over the neighbours.
MAX_MARKS = 8
# The longest field takes 5,000; looking through twice as many holds an event loop for 5 ms.
MAX_CHARS = 10_000
_MARKS = frozenset({"Mn", "Me"})


class BadText(ValueError):
    """A text that can't be kept; the words say why."""


def is_invisible(letter: str) -> bool:
    """Whether a character has no shape, and no width, of its own."""
    return unicodedata.category(letter) == "Cf" or _IGNORABLE.match(letter) is not None


def is_blank(letter: str) -> bool:
    """Whether a character only takes up room."""
    return unicodedata.category(letter) in ("Zs", "Zl", "Zp") or letter in _BLANK or letter == "\t"


def shows_something(text: str) -> bool:
    """Whether a reader sees any letter, digit or sign."""
    return any(_is_seen(letter) for letter in text)


def shown(text: str, kind: Kind) -> str:
    """`text` as it is kept: composed (NFC), without the invisible, single spaces, at most one empty line.

    Raises:
        BadText: it turns its direction, breaks a line, holds control characters or piles of marks, or shows
            nothing. The empty text is returned as it is.
    """
    if _TURNING.search(text):
        raise BadText("it holds characters that turn the direction of the text")
    if kind == "line" and _BREAK.search(text):
        raise BadText("it takes one line")
    lines = [_one_line(line) for line in _BREAK.sub("\n", text).split("\n")]
    kept = unicodedata.normalize("NFC", re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())
    if text.strip(" \t\r\n") and not shows_something(kept):
        raise BadText("it shows nothing")
    return kept


def _one_line(line: str) -> str:
    letters: list[str] = []
    # Flags of regions: a black flag, then tags up to the last one.
    in_flag = False
    for place, letter in enumerate(line):
        is_tag = ord(letter) in _TAGS
        in_flag = letter == _BLACK_FLAG or (in_flag and is_tag)
        if in_flag if is_tag else _stays(line, place):
            letters.append(letter)
    marks = 0
    for letter in letters:
        category = unicodedata.category(letter)
        if (category in ("Cc", "Cs", "Co") and letter != "\t") or _is_no_character(letter):
            raise BadText(f"it holds a character that can't be shown (U+{ord(letter):04X})")
        marks = marks + 1 if category in _MARKS else 0
        if marks > MAX_MARKS:
            raise BadText(f"it piles more than {MAX_MARKS} marks on one letter")
    return " ".join("".join(" " if is_blank(letter) else letter for letter in letters).split())


def _stays(line: str, place: int) -> bool:
    """Whether a character has a shape, or shapes its neighbours here."""
    letter = line[place]
    if not is_invisible(letter):
        return True
    before, after = line[place - 1] if place else "", line[place + 1 : place + 2]
    if letter in (_TEXT_STYLE, _EMOJI_STYLE):
        return bool(before) and (_is_symbol(before) or before in "0123456789#*")
    if letter == _ZWJ and (_is_symbol(before) or before == _EMOJI_STYLE) and _is_symbol(after):
        return True
    if letter in (_ZWJ, _ZWNJ):
        return _is_joining(before) and (_is_joining(after) or letter == _ZWJ)
    return False


def _is_symbol(letter: str) -> bool:
    return bool(letter) and (unicodedata.category(letter) in ("So", "Sk") or ord(letter) in _EMOJI)


def _is_joining(letter: str) -> bool:
    """Letters and vowels of scripts that are joined or not by such characters; Latin is none."""
    if not letter or letter.isascii() or unicodedata.category(letter) not in ("Lo", "Mn", "Mc"):
        return False
    return not is_invisible(letter)


def _is_seen(letter: str) -> bool:
    if letter in _BLANK or is_invisible(letter):
        return False
    return unicodedata.category(letter)[0] in "LNPS" or ord(letter) in _EMOJI


def _is_no_character(letter: str) -> bool:
    return 0xFDD0 <= ord(letter) <= 0xFDEF or ord(letter) & 0xFFFE == 0xFFFE


class Place(NamedTuple):
    """A text of a body: the struct or list that holds it, where in it, its path, and what it must be."""

    holder: Any
    key: Any
    path: str
    kind: Kind
    min_length: int

    @property
    def text(self) -> str:
        """What stands there."""
        found = self.holder[self.key] if isinstance(self.holder, list) else getattr(self.holder, self.key)
        return str(found)

    def put(self, text: str) -> None:
        """Replace it."""
        if isinstance(self.holder, list):
            self.holder[self.key] = text
        else:
            setattr(self.holder, self.key, text)


def places(body: msgspec.Struct, prefix: str = "") -> Iterator[Place]:
    """Every marked text of a decoded body, nested ones too."""
    for field in _fields(type(body)):
        yield from _places_of(
            body, field.name, getattr(body, field.name), field.type, prefix + field.encode_name
        )


def _places_of(holder: Any, key: Any, value: Any, kind: inspect.Type, path: str) -> Iterator[Place]:
    if isinstance(value, str):
        for option in _options(kind):
            if isinstance(option, inspect.Metadata) and "text" in (option.extra or {}):
                assert isinstance(option.type, inspect.StrType)
                yield Place(holder, key, path, (option.extra or {})["text"], option.type.min_length or 0)
    elif isinstance(value, msgspec.Struct):
        yield from places(value, f"{path}.")
    elif isinstance(value, list):
        items = next((option for option in _options(kind) if isinstance(option, inspect.ListType)), None)
        for number, item in enumerate(value if items else ()):
            assert items is not None
            yield from _places_of(value, number, item, items.item_type, f"{path}[{number}]")


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


@cache
def _fields(body: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(body)
    assert isinstance(info, inspect.StructType)
    return info.fields

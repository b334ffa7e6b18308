"""Passwords that are among the first that anybody tries: of a list, or made by the usual tricks. Pure."""

from __future__ import annotations

import re
import string
from itertools import pairwise
from pathlib import Path

# One a line, small letters: words and sequences that lists of leaked passwords begin with.
LISTED = frozenset((Path(__file__).parent / "data" / "common_passwords.txt").read_text().split())
_PUNCTUATION = string.punctuation + string.whitespace
# As people write letters to please a rule: "P@ssw0rd".
_LEET = str.maketrans("@4301!$578", "aaeoiisstb")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujm",
)
# "password1", "summer2024!", "123football": what stands around a word adds little.
_AROUND = re.compile(r"[\W\d_]+")
# A word of the list with no more than this around it is still that word.
MAX_AROUND_CHARS = 5
MAX_PERIOD = 4
# Shorter ones stand in random letters too.
MIN_WORD_CHARS = 4
MIN_HANDLE_CHARS = 3


def is_common(password: str, handle: str) -> bool:
    """Whether `password`, of somebody called `handle`, would be guessed within the first tries."""
    text = password.casefold()
    readings = {text, text.replace(" ", ""), text.translate(_LEET), text.strip(_PUNCTUATION)}
    readings.add(text.strip(_PUNCTUATION).translate(_LEET))
    # Twice the same is once; a word backward is that word.
    readings |= {reading[: len(reading) // 2] for reading in readings if _is_doubled(reading)}
    readings |= {reading[::-1] for reading in readings}
    return any(
        reading in LISTED
        or _repeats(reading)
        or _is_sequence(reading)
        or _is_mostly_one_letter(reading)
        or _is_word_with_trimmings(reading, handle.casefold())
        for reading in readings
    )


def _repeats(text: str) -> bool:
    """One short piece again and again: "aaaaaaaa", "abc1abc1"."""
    longest = min(MAX_PERIOD, len(text) // 2)
    return any(text == (text[:period] * len(text))[: len(text)] for period in range(1, longest + 1))


def _is_doubled(text: str) -> bool:
    return len(text) >= 2 * MIN_WORD_CHARS and text == 2 * text[: len(text) // 2]


def _is_mostly_one_letter(text: str) -> bool:
    """One letter again and again, with little around it: "11111111a"."""
    longest = max((len(run.group()) for run in re.finditer(r"(.)\1*", text, re.DOTALL)), default=0)
    return longest >= MIN_WORD_CHARS and len(text) - longest <= MAX_AROUND_CHARS


def _is_sequence(text: str) -> bool:
    """Keys or letters in a row, forward or backward, of one row after the other: "qwertyasdf", "87654321"."""
    rows = [row for line in _ROWS for row in (line, line[::-1])]
    steps = {first + second for row in rows for first, second in pairwise(row)}
    breaks = sum(first + second not in steps for first, second in pairwise(text))
    return breaks <= len(text) // 8


def _is_word_with_trimmings(text: str, handle: str) -> bool:
    # The same word twice is one.
    words = list(dict.fromkeys(part for part in _AROUND.split(text) if part))
    if not words:
        return False
    longest = max(words, key=len)
    text = text.replace(longest, "", text.count(longest) - 1)
    around = len(text) - len(longest)
    common = len(longest) >= MIN_WORD_CHARS and (
        longest in LISTED or _repeats(longest) or _is_sequence(longest)
    )
    own = len(handle) >= MIN_HANDLE_CHARS and handle in text
    return (common and around <= MAX_AROUND_CHARS) or (own and len(text) - len(handle) <= MAX_AROUND_CHARS)

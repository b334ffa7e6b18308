"""Prompts as rows of tokens, and words in their plain forms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_TOKEN = re.compile(
    r"@[\w.\-]*\w|['’ʼ]s\b|[^\W_]+(?:['’ʼ](?!s\b)[^\W_]*)*|&|\d+x\d+|[.,;:!?()\[\]…\n]|[^\w\s]"
)
_STOPS = frozenset(".,;:!?()[]…\n")
# Selectors of how an emoji is shown, and what joins several to one.
_SELECTOR, _JOINER = "\ufe0f", "\u200d"
_TONES = range(0x1F3FB, 0x1F400)
_IRREGULAR = {
    "mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth", "men": "man", "women": "woman",
    "children": "child", "people": "person", "oxen": "ox", "dice": "die", "wolves": "wolf", "elves": "elf",
    "leaves": "leaf", "knives": "knife", "loaves": "loaf", "scarves": "scarf", "shelves": "shelf",
    "octopi": "octopus", "cacti": "cactus", "fungi": "fungus", "calves": "calf", "thieves": "thief",
    "halves": "half", "hooves": "hoof", "lives": "life", "wives": "wife", "kangaroos": "kangaroo",
}  # fmt: skip
_DOUBLED = re.compile(r"([bdgklmnprtvz])\1(?![\s\S])")
MIN_STEM = 2


class Token(NamedTuple):
    """A word, an emoji (`emoji` is its id), a mention, or punctuation; where it stands in the prompt."""

    text: str
    start: int
    end: int
    emoji: str = ""
    # Whether a hyphen joins it to the word behind it.
    hyphen: bool = False

    @property
    def is_stop(self) -> bool:
        """Whether it ends a phrase."""
        return self.text in _STOPS

    @property
    def is_word(self) -> bool:
        """Whether it has letters or digits."""
        return self.text[:1].isalnum()


def tokens_of(prompt: str) -> list[Token]:
    """The tokens of a prompt; words in lower case without apostrophes, hyphens between words left out."""
    found: list[Token] = []
    at = 0
    while at < len(prompt):
        emoji = _emoji_at(prompt, at)
        if emoji:
            end, picture = emoji
            found.append(Token("\N{REPLACEMENT CHARACTER}", at, end, picture))
            at = end
            continue
        match = _TOKEN.match(prompt, at)
        if match is None:
            at += 1
            continue
        text = match[0].lower()
        if text == "." and _is_initial(found, at) and prompt[match.end() :].lstrip()[:1].isalnum():
            # "T. Rex"
            at = match.end()
            continue
        if text not in ("-", "–", "—", "'", "’", '"', "“", "”", "*", "#", "/", "`"):
            word = text if text.startswith("@") else text.replace("’", "'").replace("ʼ", "'")
            found.append(Token(word if word == "'s" else word.replace("'", ""), at, match.end()))
        elif text in "–—/":
            found.append(Token(",", at, match.end()))
        elif (
            text == "-" and found and found[-1].end == at and prompt[match.end() : match.end() + 1].isalnum()
        ):
            found[-1] = found[-1]._replace(hyphen=True)
        at = match.end()
    return _coloured(found)


def _is_initial(tokens: list[Token], end: int) -> bool:
    """Whether what ends there is a single letter, and no word."""
    return (
        bool(tokens) and tokens[-1].end == end and len(tokens[-1].text) == 1 and tokens[-1].text not in "ai"
    )


def _coloured(tokens: list[Token]) -> list[Token]:
    """ "black and white" is one word, so that it doesn't part a phrase."""
    found: list[Token] = []
    for token in tokens:
        found.append(token)
        if [each.text for each in found[-3:]] in (["black", "and", "white"], ["white", "and", "black"]):
            whole = Token(" ".join(each.text for each in found[-3:]), found[-3].start, token.end)
            found[-3:] = [whole._replace(hyphen=token.hyphen)]
    return found


def joined(tokens: Sequence[Token]) -> str:
    """Tokens as a name is looked up: "man", "'s", "friend" is "mans friend"."""
    return " ".join(token.text for token in tokens).replace(" 's", "s")


def singulars(word: str) -> Iterator[str]:
    """What a word may be the plural of; not the word itself."""
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if len(word) <= MIN_STEM or not word.endswith("s") or word.endswith("ss"):
        return
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield word[:-3] + "f"
        yield word[:-3] + "fe"
    if word.endswith(("ches", "shes", "xes", "sses", "zes", "oes")):
        yield word[:-2]
    yield word[:-1]


def stems(word: str) -> list[str]:
    """What a word may be a form of as a verb, itself first."""
    found = [word, *singulars(word)]
    for ending in ("ing", "ed", "in"):
        if word.endswith(ending) and len(word) > len(ending) + MIN_STEM:
            stem = word.removesuffix(ending)
            found += [stem, stem + "e", _DOUBLED.sub(r"\1", stem)]
            if ending == "ing" and stem.endswith("y"):
                found.append(stem[:-1] + "ie")
            if stem.endswith("i"):
                found.append(stem[:-1] + "y")
    found += _PAST.get(word, ())
    return list(dict.fromkeys(found))


# "ran", "flew", "swam": told as a story.
_PAST: dict[str, tuple[str, ...]] = {
    past: (plain,)
    for plain, pasts in {
        "run": "ran", "fly": "flew flown", "swim": "swam swum", "go": "went gone", "fall": "fell fallen",
        "rise": "rose risen", "sit": "sat", "stand": "stood", "sleep": "slept", "lie": "lay lying",
        "drive": "drove driven", "ride": "rode ridden", "spin": "spun", "swing": "swung", "leap": "leapt",
        "creep": "crept", "hide": "hid hidden", "grow": "grew grown", "sink": "sank sunk", "eat": "ate",
        "speed": "sped", "freeze": "frozen froze", "dream": "dreamt", "flee": "fled", "shake": "shook",
    }.items()
    for past in pasts.split()
}  # fmt: skip


def _emoji_at(prompt: str, at: int) -> tuple[int, str] | None:
    """Where the emoji at `at` ends, and its id; None if there is none."""
    if not _is_emoji(prompt[at]):
        return None
    end, parts = at + 1, [prompt[at]]
    while end < len(prompt):
        sign = prompt[end]
        if sign == _SELECTOR or ord(sign) in _TONES:
            parts += [] if sign == _SELECTOR else [sign]
        elif sign == _JOINER and end + 1 < len(prompt):
            parts += [sign, prompt[end + 1]]
            end += 1
        else:
            break
        end += 1
    return end, "-".join(f"{ord(part):x}" for part in parts)


def _is_emoji(sign: str) -> bool:
    code = ord(sign)
    return (
        0x1F300 <= code <= 0x1FAFF
        or 0x2600 <= code <= 0x27BF
        or 0x2B00 <= code <= 0x2BFF
        or code in (0x231A, 0x231B, 0x23F0, 0x23F1, 0x23F2, 0x23F3, 0x260E, 0x2328)
    )

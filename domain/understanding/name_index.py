"""Finds a library's subjects by name: their own, synonyms, and names of what they can stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.understanding.lexicon import ADJECTIVES, FEMALE, FILLERS, MALE, SMALL_WORDS
from domain.understanding.spelling import Spelling
from domain.understanding.words import Token, joined, singulars, stems
from schemas.library import NEAR_SCORE, Candidate, LibraryIndex, LibrarySubject

MAX_NAME_WORDS = 6
# What says which tone of skin a person shall have, before or behind the name.
_TONE_WORDS = {
    "light": ("light", "pale", "white", "fair", "lightskinned", "caucasian"),
    "medium": ("medium", "tan", "tanned", "olive", "asian", "latino", "latina", "hispanic", "indian"),
    "dark": ("dark", "black", "brown", "african", "darkskinned", "ebony", "african american"),
}
_SKIN = re.compile(r"\b(?:very )?(\w+)[ -](?:skin(?:ned)?|skin tone|complexion)\b")


class NameMatch(NamedTuple):
    """Tokens `start` to `end` name these subjects; `score` says how exactly, `plural` that there are many."""

    start: int
    end: int
    subjects: tuple[LibrarySubject, ...]
    score: float
    plural: bool = False


class NameIndex:
    """The names of one library."""

    def __init__(self, library: LibraryIndex) -> None:
        self.subjects = {subject.id: subject for subject in library.subjects}
        self._verbs = frozenset(library.verbs)
        self._both = frozenset(library.both)
        self._adjectives = frozenset(library.adjectives) | ADJECTIVES
        self._abstract = frozenset(library.abstract)
        self._nouns = frozenset(library.nouns) | self._abstract
        self._exact: dict[str, list[LibrarySubject]] = {}
        self._near: dict[str, list[LibrarySubject]] = {}
        self._tones: dict[str, tuple[LibrarySubject, str]] = {}
        for subject in library.subjects:
            for name in subject.names:
                self._exact.setdefault(name, []).append(subject)
            for name in subject.near:
                self._near.setdefault(name, []).append(subject)
            for tone, picture in subject.tones.items():
                self._tones[picture] = subject, tone
        # A subject whose own name it is comes before those that it is a synonym of.
        self._exact = {name: _own_first(name, found) for name, found in self._exact.items()}
        self._spelling = Spelling(self._exact)
        self._closed = {name.replace(" ", ""): name for name in self._exact if " " in name}

    def at(self, tokens: Sequence[Token], at: int) -> NameMatch | None:
        """The longest name that starts at a token."""
        if tokens[at].emoji:
            return self._emoji(tokens, at)
        if not tokens[at].is_word:
            return None
        for count in range(min(MAX_NAME_WORDS, len(tokens) - at), 0, -1):
            words = tokens[at : at + count]
            if any(token.is_stop or token.emoji for token in words) or words[-1].text == "'s":
                continue
            found = self._named(joined(words), at, at + count)
            # "up and down" shows no feathers.
            small = count == 1 and tokens[at].text in FILLERS
            if found is not None and not (small and found.score < 1.0):
                return found
        return self._misspelt(tokens[at].text, at)

    def _misspelt(self, word: str, at: int) -> NameMatch | None:
        """What a word that English hasn't was meant to be."""
        if self.is_known(word):
            return None
        meant = self._spelling.meant(word)
        if meant is None:
            return None
        found = self._named(meant, at, at + 1)
        return None if found is None else found._replace(score=min(found.score, NEAR_SCORE))

    def is_known(self, word: str) -> bool:
        """Whether a word is one of everyday English."""
        if word in SMALL_WORDS or self.is_verb(word) or self.is_adjective(word) or self.is_noun(word):
            return True
        forms = (*stems(word), f"{word}s")
        return any(form in self._nouns or form in self._adjectives or form in self._near for form in forms)

    def is_verb(self, word: str) -> bool:
        """Whether a word is mainly a verb, in any of its forms."""
        return any(stem in self._verbs for stem in stems(word))

    def can_be_verb(self, word: str) -> bool:
        """Whether a word that is a name can be a verb as well."""
        return any(stem in self._both or stem in self._verbs for stem in stems(word))

    def is_noun(self, word: str) -> bool:
        """Whether a word is a noun of everyday English."""
        return any(form in self._nouns for form in (word, *singulars(word)))

    def is_abstract(self, word: str) -> bool:
        """Whether a word means nothing that can be seen."""
        forms = (word, *singulars(word))
        return any(form in self._abstract for form in forms) and not any(
            form in self._exact for form in forms
        )

    def is_adjective(self, word: str) -> bool:
        """Whether a word is mainly an adjective or an adverb."""
        return word in self._adjectives or (word.endswith("ly") and len(word) > 4)

    def picture(self, picture: str) -> Candidate | None:
        """A picture by its id, also one of another tone of skin."""
        if picture in self.subjects:
            return Candidate(picture=picture, name=self.subjects[picture].name)
        if picture in self._tones:
            subject, tone = self._tones[picture]
            return Candidate(picture=picture, name=_toned(subject, tone))
        return None

    def candidates(
        self, subjects: Sequence[LibrarySubject], before: str, behind: str, *, by_skin: bool = False
    ) -> list[Candidate]:
        """The pictures of subjects, in the gender and tone of skin that the words around their name say.

        `by_skin`: a colour is of the skin only where the words say so.
        """
        words = set(before.split())
        found = list(subjects)
        for gender, said in (("man", MALE), ("woman", FEMALE)):
            if words & said:
                roles = {subject.role or subject.id for subject in found}
                gendered = [
                    each for each in self.subjects.values() if each.role in roles and each.gender == gender
                ]
                found = gendered or found
        tone = _tone("" if by_skin else before, f"{before} | {behind}")
        if tone is None:
            return [Candidate(picture=each.id, name=each.name) for each in found]
        return [
            Candidate(picture=each.tones[tone], name=_toned(each, tone))
            if tone in each.tones
            else Candidate(picture=each.id, name=each.name)
            for each in found
        ]

    def _named(self, text: str, start: int, end: int) -> NameMatch | None:
        if text in self._exact:
            return NameMatch(start, end, tuple(self._exact[text]), 1.0)
        for form in _singular_forms(text):
            if form in self._exact:
                return NameMatch(start, end, tuple(self._exact[form]), 1.0, plural=True)
        closed = self._closed.get(text) if end - start == 1 else None
        open_words = text.replace(" ", "") if end - start == 2 else ""
        for form in (closed or "", open_words):
            if form and form in self._exact:
                return NameMatch(start, end, tuple(self._exact[form]), 1.0)
        for plural, form in ((False, text), *((True, form) for form in _singular_forms(text))):
            if form in self._near:
                return NameMatch(start, end, tuple(self._near[form]), NEAR_SCORE, plural=plural)
        return None

    def _emoji(self, tokens: Sequence[Token], at: int) -> NameMatch | None:
        picture = tokens[at].emoji
        if picture in self._tones:
            picture = self._tones[picture][0].id
        parts = [part for part in picture.split("-") if not part.startswith("1f3f") or part > "1f3ff"]
        for form in (picture, "-".join(parts), parts[0]):
            if form in self.subjects:
                return NameMatch(at, at + 1, (self.subjects[form],), 1.0)
        return None


def _own_first(name: str, found: list[LibrarySubject]) -> list[LibrarySubject]:
    """Those that are called so, and if there are none all that have it as a synonym."""
    own = [subject for subject in found if subject.names[0] == name]
    return own or found


def _singular_forms(text: str) -> Iterator[str]:
    head, _, last = text.rpartition(" ")
    for form in singulars(last):
        yield f"{head} {form}".strip()


def _tone(before: str, behind: str) -> str | None:
    said = [found[1] for found in _SKIN.finditer(f"{before} | {behind}")]
    said += before.split()
    for word in said:
        for tone, words in _TONE_WORDS.items():
            if word in words:
                return tone
    return None


def _toned(subject: LibrarySubject, tone: str) -> str:
    return f"{subject.name} with {tone} skin"

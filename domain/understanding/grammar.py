"""What words do where they stand in a prompt: whether one ends a phrase, describes, moves. Pure."""

from __future__ import annotations

from domain.understanding.lexicon import (
    ARTICLES,
    BLANK,
    CLAUSES,
    DETERMINERS,
    FILLERS,
    IDIOMS,
    JOINTS,
    NOUNS_IN_ING,
    PREPOSITIONS,
)
from domain.understanding.name_index import NameIndex, NameMatch
from domain.understanding.scene import SceneMatch, SceneWords
from domain.understanding.words import Token, joined, stems, tokens_of
from schemas.vocabulary import REFERRING

# As many pictures as a clip has room for.
_COUNTS = {
    "two": 2,
    "both": 2,
    "pair": 2,
    "couple": 2,
    "2": 2,
    "three": 3,
    "trio": 3,
    "3": 3,
    "four": 3,
    "five": 3,
}


class Grammar:
    """The tokens of one prompt."""

    def __init__(self, prompt: str, index: NameIndex, scene: SceneWords) -> None:
        self.prompt, self.index, self.scene = prompt, index, scene
        self.tokens = _without_idioms(tokens_of(prompt))

    def text(self, start: int, end: int) -> str:
        if start >= end:
            return ""
        return self.prompt[self.tokens[start].start : self.tokens[end - 1].end]

    def is_motion(self, at: int) -> bool:
        return at < len(self.tokens) and self._says_motion(at)

    def _says_motion(self, at: int) -> bool:
        return self.scene.motion_of(self.tokens[at].text) is not None

    def is_participle(self, at: int) -> bool:
        return at < len(self.tokens) and self.tokens[at].text.endswith(("ing", "ed"))

    def clause_end(self, at: int) -> int:
        """Where a phrase with its description ends: at a stop, or where another subject begins."""
        while at < len(self.tokens) and not self.tokens[at].is_stop:
            token = self.tokens[at]
            if token.text in JOINTS - {"or", "as"} and self._begins_subject(at + 1):
                return at
            if token.text.startswith("@"):
                return at
            at += 1
        return at

    def _begins_subject(self, at: int) -> bool:
        """Whether an article and a name follow: "and a T-Rex"."""
        start = at
        while at < len(self.tokens) and (self.tokens[at].text in ARTICLES or self.is_adjective(at)):
            at += 1
        return start < at < len(self.tokens) and self.index.at(self.tokens, at) is not None

    def scene_start(self, start: int, end: int) -> int | None:
        """Where words of the scene begin; what follows "that" describes."""
        for at in range(start, end):
            match = self.scene.phrase_at(self.tokens, at)
            if match is not None and match.slot != "motions":
                return at
            moves = match is not None or self.scene.verb_at(self.tokens, at) is not None
            if moves and at > start + 1 and self.tokens[at - 1].text not in CLAUSES | JOINTS:
                return at
        return None

    def names_in(self, start: int, end: int) -> list[NameMatch]:
        """The exact names within a phrase; what follows "that" is a verb."""
        found, at = list[NameMatch](), start
        clause = start < len(self.tokens) and self.tokens[start].text in CLAUSES
        if start < len(self.tokens) and self.tokens[start].text in CLAUSES:
            at = start + 2 if self.tokens[start].text in ("that", "which", "who") else start + 1
        while at < min(end, len(self.tokens)):
            name = self.index.at(self.tokens, at)
            if name is not None and name.end <= end and not (clause and self._is_done(name)):
                # "a fish tail" is no fish.
                compound = name.end < end and self.is_content(name.end)
                compound = compound and self.index.is_noun(self.tokens[name.end].text)
                found += [] if compound and not self.tokens[name.end].text.endswith("s") else [name]
                at = name.end
            else:
                at += 1
        return found

    def _is_done(self, name: NameMatch) -> bool:
        """Whether a name is a verb in a clause: "who bakes and cooks"."""
        before = self.tokens[name.start - 1].text
        alone = name.end == name.start + 1 and before not in ARTICLES | DETERMINERS
        word = self.tokens[name.start].text
        return alone and word.endswith("s") and before in JOINTS | CLAUSES and self.index.can_be_verb(word)

    def count(self, start: int) -> int:
        for at in range(start - 1, max(-1, start - 4), -1):
            text = self.tokens[at].text
            if text in _COUNTS:
                return _COUNTS[text]
            if text not in FILLERS and not self.index.is_adjective(text):
                break
        return 1

    def refers(self, at: int) -> int:
        for words in REFERRING:
            count = words.count(" ") + 1
            if joined(self.tokens[at : at + count]) == words:
                return count
        return 0

    def measures(self, at: int) -> bool:
        """Whether a name follows an "of": "a glass of red wine" is wine."""
        if at + 1 >= len(self.tokens) or self.tokens[at + 1].text != "of":
            return False
        return any(
            self.index.at(self.tokens, place) for place in range(at + 2, min(at + 5, len(self.tokens)))
        )

    def follows_as_verb(self, name: NameMatch, head: NameMatch | None) -> bool:
        """Whether a name of one word right behind another one is what that does: "a rocket flies"."""
        if name.end - name.start > 1 or self.tokens[name.start].emoji:
            return False
        word = self.tokens[name.start].text
        if not self.index.can_be_verb(word) and self.scene.motion_of(word) is None:
            return False
        if head is not None and self.tokens[head.end - 1].text in BLANK:
            # "a fruit monkeys love"
            return False
        plural = head is not None and head.plural
        if word.endswith("ing") and word not in NOUNS_IN_ING:
            # "a chef cooking"
            return True
        inflected = word.endswith("s") != plural or word.endswith("ing")
        behind = self.tokens[name.end].text if name.end < len(self.tokens) else ""
        # "toy trains" end there, "a king watches" does too.
        goes_on = behind[:1].isalnum() and behind not in JOINTS
        return inflected and (goes_on or self.scene.motion_of(word) is not None)

    def goes_on(self, match: SceneMatch) -> bool:
        """Whether a place's noun is the beginning of a longer name: "on a beach ball"."""
        if match.slot != "places":
            return False
        for at in range(match.start, match.end):
            name = self.index.at(self.tokens, at)
            if name is not None and name.end > match.end:
                return True
        return False

    def is_content(self, at: int) -> bool:
        token = self.tokens[at]
        if token.text in ("black and white", "white and black"):
            return True
        if not token.is_word or token.text in FILLERS or token.text in JOINTS or token.text in PREPOSITIONS:
            return False
        return not token.text.isdigit()

    def is_attribute(self, match: SceneMatch) -> bool:
        """Whether a place stands before what it is said of: "a desert plant"."""
        if match.slot != "places" or self.tokens[match.start].text in PREPOSITIONS:
            return False
        if match.end >= len(self.tokens) or not self.is_content(match.end):
            return False
        behind = self.tokens[match.end].text
        return self.index.at(self.tokens, match.end) is not None or (
            self.index.is_noun(behind) and not self._says_motion(match.end)
        )

    def ends_phrase(self, at: int, head: NameMatch | None) -> bool:
        """Whether a word that is no name ends a phrase: a verb, an adverb."""
        word = self.tokens[at].text
        moves = self.scene.motion_of(word) is not None
        if (
            head is None
            and not moves
            and self.index.is_noun(word)
            and self.tokens[at - 1].text not in PREPOSITIONS
        ):
            return False
        if head is not None and self.does(at, head):
            return True
        if moves and (
            head is not None or self.index.is_verb(word) or self.index.is_noun(self.tokens[at - 1].text)
        ):
            return True
        if word.endswith("ly") and len(word) > 4:
            return True
        # "a wolf howling"
        stem_is_noun = word.endswith("ing") and any(self.index.is_noun(each) for each in stems(word)[1:])
        if head is not None and stem_is_noun:
            return True
        if head is not None and self.index.is_adjective(word):
            return True
        return self.index.is_verb(word) and (head is not None or not word.endswith(("ing", "ed")))

    def does(self, at: int, head: NameMatch) -> bool:
        """Whether a noun behind a name is what that does: "a wizard battles dragons"."""
        word = self.tokens[at].text
        behind = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        goes_on = behind is not None and behind.is_word and behind.text not in JOINTS
        inflected = word.endswith("s") != head.plural and not word.endswith("ss")
        return goes_on and inflected and bool(self.index.is_noun(word))

    def is_adjective(self, at: int) -> bool:
        token = self.tokens[at]
        if token.text in _COUNTS or token.hyphen:
            return True
        return (
            token.is_word
            and token.text not in FILLERS | JOINTS | PREPOSITIONS
            and (
                self.index.is_adjective(token.text)
                or token.text.endswith(("ed", "y", "ing", "ous", "less", "ful"))
            )
        )

    def after_preposition(self, start: int) -> bool:
        at = start - 1
        while at >= 0 and (self.tokens[at].text in ARTICLES or self.is_adjective(at)):
            at -= 1
        return at >= 0 and self.tokens[at].text in PREPOSITIONS - {"of"}

    def phrase_start(self, at: int) -> int:
        while (
            at
            and self.tokens[at - 1].is_word
            and self.tokens[at - 1].text not in JOINTS | PREPOSITIONS | {"with"}
        ):
            at -= 1
        return at


_LONGEST_IDIOM = max(idiom.count(" ") + 1 for idiom in IDIOMS)


def _without_idioms(tokens: list[Token]) -> list[Token]:
    """Each idiom is one stop: what stands on its two sides is no one phrase."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        for count in range(min(_LONGEST_IDIOM, len(tokens) - at), 1, -1):
            if joined(tokens[at : at + count]) in IDIOMS:
                found.append(Token(",", tokens[at].start, tokens[at + count - 1].end))
                at += count
                break
        else:
            found.append(tokens[at])
            at += 1
    return found

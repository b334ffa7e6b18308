"""Reads a prompt: what is in it, by the names of a library, and where and how it is. Pure.

Exact names come first, the longest of those that start at a word; what is left is compared by meaning, where
somebody who can do that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.understanding.lexicon import (
    ARTICLES,
    CLAUSES,
    DETERMINERS,
    JOINTS,
    PARTS,
    PREPOSITIONS,
    UPON,
)
from domain.understanding.name_index import NameIndex, NameMatch
from domain.understanding.parser import Parser, Span
from domain.understanding.scene import SceneWords
from domain.understanding.words import singulars, tokens_of
from schemas.library import FoundSubject, PromptReading
from schemas.videos import MAX_SUBJECTS

# Phrases that are said to have been missed: more are no help.
MAX_MISSED = 5
# The least cosine of what is found by meaning, for one word, for two and for more that describe: measured by
# `python -m bench.understanding`.
LEAST_WORD, LEAST_PAIR, LEAST_DESCRIBED = 0.8, 0.65, 0.6
# Words that no picture can show ("silence") are near to many.
LEAST_ABSTRACT = 0.95
# With a description they may mean a thing after all ("a cube with dots", "a board with four wheels").
LEAST_ABSTRACT_DESCRIBED = 0.75
# What is described by a word that says nothing ("something that …"), by one that says little ("a bird with
# …") and by one that says much. The second number: by how much it must be nearer than what its own name says.
BLANK_OTHER, VAGUE_OTHER, NAMED_OTHER = (0.53, 0.0), (0.56, 0.035), (0.68, 0.12)
# "A girl with a balloon" is two subjects, unless both together mean a third; "a baby with wings" may be one.
TOGETHER, WITH_PARTS = (0.8, 0.1), (0.68, 0.07)
# What describes something is not that thing, unless it is as near as this ("a place to take a bath").
LEAST_ITSELF = 0.75
# A motion says little of what moves: "an animal jumping".
LEAST_MOVING = 0.7
# What describes a name as it is known ("a cake with candles") is no other subject.
LEAST_SAME = 0.8
# A name with another noun behind it ("bull market") is what is as near as this to the whole, or nothing.
LEAST_KEPT = 0.9
# A shorter phrase counts if it is nearer by this: it leaves words behind it.
MUCH_NEARER = 0.15
# Unknown places.
LEAST_PLACE = 0.55
MAX_QUERIES = 12


class Near(NamedTuple):
    """A subject or place found by meaning, and its cosine."""

    name: str
    score: float


# Texts -> for each the nearest subjects by id, best first, and the nearest place.
Nearest = Callable[[list[str]], list[tuple[list[Near], Near | None]]]


def read(
    prompt: str,
    index: NameIndex,
    scene: SceneWords,
    nearest: Nearest | None = None,
    *,
    referring: bool = False,
) -> PromptReading:
    """What a prompt says. Without `nearest` only what is named is found.

    "@" and an id stand for a cameo; with `referring` words such as "someone" do as well, whose `cameo` is
    then empty.
    """
    reader = _Reader(prompt, index, scene, referring)
    return reader.read(nearest)


class _Reader(Parser):
    """Decides what the phrases of a prompt name."""

    def __init__(self, prompt: str, index: NameIndex, scene: SceneWords, referring: bool) -> None:
        super().__init__(prompt, index, scene, referring)
        self.place: str | None = None
        self.missed: list[tuple[int, str]] = []

    def read(self, nearest: Nearest | None) -> PromptReading:
        spans = self.spans()
        queries = list(dict.fromkeys(text for span in spans for text in span.texts))[:MAX_QUERIES]
        answers = dict(zip(queries, nearest(queries), strict=True)) if nearest and queries else {}
        taken = -1
        for span in spans:
            if span.start < taken:
                continue
            taken = max(taken, self._decide(span, answers))
        if not self.found and nearest is not None:
            self._read_whole(nearest)
        return self._reading()

    def _read_whole(self, nearest: Nearest) -> None:
        """Nothing was found in its parts: perhaps the whole says it ("a spinning storm")."""
        end = self.clause_end(0)
        words = [token.text for token in self.tokens[:end] if token.text not in ARTICLES]
        # "in the forest at night" names nothing; a storm of which something is said may be meant.
        scenes = [each for each in self.scenes if each.slot in ("weather", "places")]
        named = any(self.tokens[each.start].text not in PREPOSITIONS for each in scenes)
        if len(words) < 2 or not (self.missed or named):
            return
        found = nearest([" ".join(words)])[0][0]
        if (
            found
            and found[0].score >= LEAST_PAIR + 0.02 * (len(words) == 2)
            and (len(words) > 2 or not self.index.is_abstract(words[-1]))
        ):
            self._add_near(0, end, found[0])
            self.missed = [each for each in self.missed if each[0] >= end]
            self.scenes = [match for match in self.scenes if match.start >= end or match.slot != "motions"]

    def _decide(self, span: Span, answers: dict[str, tuple[list[Near], Near | None]]) -> int:
        """Add what a phrase names; where what was understood of it ends."""
        near = [(text, *answers[text]) for text in span.texts if text in answers]
        best = max(
            ((found[0], text) for text, found, _ in near if found),
            key=lambda each: each[0].score,
            default=None,
        )
        if span.described:
            return self._decide_description(span, near)
        if self._is_part(span):
            self._miss(span)
            return span.end
        if span.name is not None:
            if not span.unsure:
                self._add_named(span)
            elif best is not None and best[0].score >= LEAST_KEPT:
                self._add_near(span.start, span.end, best[0])
            else:
                self._miss(span)
            return span.end
        place = max((place for _, _, place in near if place), key=lambda each: each.score, default=None)
        nearest_place = place is not None and (best is None or place.score >= best[0].score)
        if place and nearest_place and span.preposition and place.score >= LEAST_PLACE:
            self.place = self.place or place.name
            return span.end
        if self.is_only_vague(span):
            return span.end
        if best is not None and best[0].score >= self._least(span, best[1]):
            self._add_near(span.start, span.end, best[0])
        else:
            self._miss(span)
        return span.end

    def _is_part(self, span: Span) -> bool:
        """Whether a phrase is a part of a subject before it: "opens its mouth", but not "and a mouth"."""
        noun = self.tokens[span.end - 1].text
        named = span.name is not None and span.name.end - span.name.start > 1
        if named or not PARTS & {noun, *singulars(noun)}:
            return False
        before = self.phrase_start(span.start) - 1
        joins = before >= 0 and (self.tokens[before].text in JOINTS or self.tokens[before].is_stop)
        return not joins and any(start < span.start for start, _ in self.found)

    def _least(self, span: Span, text: str) -> float:
        """The least cosine that a phrase without a name must have to the subject that it is taken for."""
        if self.index.is_abstract(self.tokens[(span.behind or span.end) - 1].text):
            return LEAST_ABSTRACT_DESCRIBED if span.described and span.behind < span.end else LEAST_ABSTRACT
        count = len(text.split())
        return LEAST_WORD if count == 1 else LEAST_PAIR if count == 2 else LEAST_DESCRIBED

    def _decide_description(
        self,
        span: Span,
        near: list[tuple[str, list[Near], Near | None]],
    ) -> int:
        """Take a phrase with its description for what it means as a whole, or leave it to its names: -1."""
        behind = self.names_in(span.behind, span.end) if span.behind < span.end else []
        choices = []
        for text, every, _ in near:
            found = [each for each in every if self._is_of_kind(each, span.kind)]
            end = span.start + len(tokens_of(text))
            # What describes something is not that thing.
            others = found
            if end > span.behind:
                has = self.tokens[span.behind].text == "with"
                # "a witch on a broom" is a witch.
                has |= span.name is not None and not span.vague and self.tokens[span.behind].text in UPON
                others = [
                    each
                    for each in found
                    if (each.score >= LEAST_ITSELF and not has) or not self._is_among(each, behind)
                ]
            if others and self._is_meant(span, text, others, [each for each in behind if each.start < end]):
                choices.append((end, others[0]))
        if not choices:
            return -1
        end, chosen = max(choices, key=lambda choice: choice[0])
        for other_end, other in choices:
            same = other.name == chosen.name and other.score > chosen.score - 0.04
            # The scene keeps its words, where they describe nothing.
            leaves = other_end > span.behind or self.is_motion(span.behind)
            if (same and leaves and other_end < end) or other.score > chosen.score + MUCH_NEARER:
                end, chosen = other_end, other
        self._add_near(span.start, end, chosen)
        self._forget(span.start, end)
        return end

    def _is_meant(self, span: Span, text: str, found: list[Near], behind: list[NameMatch]) -> bool:
        """Whether a phrase means what is nearest to it, rather than what its own name says."""
        best, head = found[0], span.name
        modifiers = [] if head is None or span.blank else self.names_in(span.start, head.start)
        if self._is_among(best, modifiers):
            # "a robot dog" is a dog.
            return False
        own = 0.0 if head is None else self._score_of(head, found)
        count = len(text.split())
        least, clearly = BLANK_OTHER if span.blank else VAGUE_OTHER if span.vague else NAMED_OTHER
        follows = self.tokens[span.behind].text if span.behind < len(self.tokens) else ""
        clause = follows in CLAUSES
        if clause and head is not None and not span.vague:
            clearly = VAGUE_OTHER[1]
        if behind and not span.blank and not clause:
            apart = self.tokens[behind[0].start - 1].text in DETERMINERS or follows != "with"
            least, clearly = TOGETHER if apart else WITH_PARTS
        if span.behind < span.end and self.is_motion(span.behind):
            least = max(least, LEAST_MOVING)
        if count < 3:
            least = max(least, LEAST_PAIR)
        if head is None and not span.vague:
            least = self._least(span, text)
        if head is not None and self._score_of(head, [best]):
            return best.score >= (least if span.blank and clause else LEAST_SAME) and count > 2
        return best.score >= least and (head is None or best.score >= own + clearly)

    def _is_of_kind(self, near: Near, kind: str) -> bool:
        """Whether a subject can be what a noun says: a person, an animal, a thing."""
        kinds = self.index.subjects[near.name].kinds
        return not kind or not kinds or kind in kinds

    def _is_among(self, near: Near, names: Sequence[NameMatch]) -> bool:
        """Whether a subject is one of those named, or a kind of one ("guide dog" of a dog)."""
        subject = self.index.subjects[near.name]
        kind = subject.names[0].split()[-1]
        for name in names:
            if any(subject.id in (each.id, each.role) for each in name.subjects):
                return True
            typed = self.tokens[name.end - 1].text
            if kind in (typed, *singulars(typed)):
                return True
        return False

    def _score_of(self, name: NameMatch, found: Sequence[Near]) -> float:
        ids = {subject.id for subject in name.subjects} | {subject.role for subject in name.subjects}
        return max((each.score for each in found if each.name in ids), default=0.0)

    def _add_named(self, span: Span) -> None:
        name = span.name
        assert name is not None
        before = self.text(self.phrase_start(span.start), name.start).lower()
        behind = self.text(name.end, min(len(self.tokens), name.end + 5)).lower()
        phrase = self.text(span.start, span.end if span.unsure else name.end)
        found = FoundSubject(
            phrase=phrase, score=name.score, candidates=self.index.candidates(name.subjects, before, behind)
        )
        for _ in range(self.count(span.start)):
            self.add(span.start, found)

    def _add_near(self, start: int, end: int, near: Near) -> None:
        text = self.text(start, end)
        subject = self.index.subjects[near.name]
        candidates = self.index.candidates([subject], text.lower(), text.lower(), by_skin=True)
        self.add(
            start, FoundSubject(phrase=text, score=round(min(1.0, near.score), 3), candidates=candidates)
        )

    def _miss(self, span: Span) -> None:
        self.missed.append((span.start, self.text(span.start, span.end)))

    def _forget(self, start: int, end: int) -> None:
        """What was found inside of a description is no subject of its own."""
        self.found = [each for each in self.found if not start < each[0] < end or each[1].cameo is not None]
        self.scenes = [match for match in self.scenes if not start <= match.start < end]
        self.missed = [each for each in self.missed if not start <= each[0] < end]

    def _mounted(self) -> str | None:
        """The motion of two of whom one is on the other: "a grandma on a motorbike"."""
        if len(self.found) != 2:
            return None
        at = max(start for start, _ in self.found) - 1
        while at > 0 and (self.tokens[at].text in ARTICLES or self.is_adjective(at)):
            at -= 1
        return "mounted" if self.tokens[at].text in ("on", "upon", "atop") else None

    def _reading(self) -> PromptReading:
        motion = self.first("motions") or self._mounted()
        found = [each for _, each in sorted(self.found, key=lambda each: each[0])]
        missed = [text for _, text in sorted(self.missed)] + [each.phrase for each in found[MAX_SUBJECTS:]]
        return PromptReading(
            subjects=found[:MAX_SUBJECTS],
            place=self.first("places") or self.place,
            time=self.first("times"),
            motions=[] if motion is None else [motion],
            camera=self.first("cameras"),
            style=self.first("styles"),
            weather=self.first("weather"),
            missed=list(dict.fromkeys(missed))[:MAX_MISSED],
        )

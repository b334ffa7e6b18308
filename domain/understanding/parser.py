"""Cuts a prompt into phrases that may name something, and words of its scene. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.understanding.grammar import Grammar
from domain.understanding.lexicon import (
    ANIMALS,
    ARTICLES,
    BLANK,
    CLASSES,
    MEASURES,
    NOUNS_IN_ING,
    PERSONS,
    PLAIN_VERBS,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVE,
    THINGS,
    VAGUE,
)
from domain.understanding.name_index import NameIndex, NameMatch
from domain.understanding.scene import SceneMatch, SceneWords, is_direction
from domain.understanding.words import joined, singulars, tokens_of
from schemas.library import FoundSubject


@dataclass(slots=True)
class Span:
    """A phrase that may name something, and what is asked of the search by meaning for it."""

    start: int
    end: int
    name: NameMatch | None
    texts: list[str] = field(default_factory=list)
    # Behind the name stand words that aren't any: it may be something else as a whole.
    unsure: bool = False
    described: bool = False
    # Its first noun says little, or nothing; `behind`: where what describes it begins.
    vague: bool = False
    blank: bool = False
    behind: int = 0
    # What it must be by its noun: "person", "animal", "bird", "thing".
    kind: str = ""
    preposition: bool = False


class Parser(Grammar):
    """One prompt, as it is read, and what was found in it so far, by the token that it starts at."""

    def __init__(self, prompt: str, index: NameIndex, scene: SceneWords, referring: bool) -> None:
        super().__init__(prompt, index, scene)
        self.referring = referring
        self.found: list[tuple[int, FoundSubject]] = []
        self.scenes: list[SceneMatch] = []

    def spans(self) -> list[Span]:
        """Phrases in order; words of the scene go into the reading on the way."""
        tokens, spans, at = self.tokens, list[Span](), 0
        while at < len(tokens):
            token = tokens[at]
            if token.text.startswith("@"):
                self._mention(at)
                at += 1
                continue
            if token.text == "what":
                end = self.clause_end(at)
                spans.append(
                    Span(at, end, None, [joined(tokens[at:end])], described=True, vague=True, blank=True)
                )
            name = self.index.at(tokens, at)
            if name is not None and tokens[name.end - 1].hyphen:
                # "a web-spinning insect" is no web.
                name = None
            match = self.scene.phrase_at(tokens, at)
            if name is not None and self._is_verb_here(name, spans):
                name = None
            taken = match is not None and (name is None or match.end >= name.end)
            if match is not None and taken and not self.goes_on(match) and not self.is_attribute(match):
                self._note(match)
                at = match.end
                continue
            alone = name is None or name.end == at + 1
            if alone and token.text in MEASURES and self.measures(at):
                at += 2
                continue
            if self.referring and (count := self.refers(at)):
                self.add(at, FoundSubject(phrase=self.text(at, at + count), score=1.0, cameo=""))
                at += count
                continue
            if name is None and (verb := self._verb(at)):
                at = verb
                continue
            if (
                name is None
                and not token.hyphen
                and (self.index.is_verb(token.text) or self._acts(at, spans))
            ):
                at += 1
                continue
            if name is not None or self.is_content(at):
                if match is not None and name is None and self.is_attribute(match):
                    self._note(match)
                span = self._noun_phrase(at)
                described = self._description(span)
                spans += [span] if described is None else [described, span]
                at = span.end
                continue
            at += 1
        return spans

    def _noun_phrase(self, at: int) -> Span:
        """Names and words that are none, up to what ends a phrase. The last name before that is its head."""
        tokens, start, head = self.tokens, at, None
        unsure, owner = False, at
        while at < len(tokens):
            token = tokens[at]
            if at > start and (token.emoji or tokens[at - 1].emoji):
                break
            name = self.index.at(tokens, at)
            if name is not None and tokens[name.end - 1].hyphen:
                name = None
            if name is not None and head is not None and self.follows_as_verb(name, head):
                break
            if at > start and token.text != "'s":
                match = self.scene.phrase_at(tokens, at)
                if match is not None and (name is None or match.end >= name.end) and not self.goes_on(match):
                    if not self.is_attribute(match):
                        break
                    self._note(match)
                    at = match.end
                    continue
            if name is not None:
                head, at, unsure = name, name.end, False
                continue
            if token.text == "'s":
                # "a cat's toy" is no cat.
                head, unsure, at, owner = None, False, at + 1, at + 1
                continue
            if token.is_stop or token.emoji or token.text.startswith("@"):
                break
            if not self.is_content(at) and not (at > start and tokens[at - 1].hyphen):
                break
            if at > start and not tokens[at - 1].hyphen and not token.hyphen and self.ends_phrase(at, head):
                break
            unsure = unsure or (head is not None and self.index.is_noun(token.text))
            at += 1
        end = at
        span = Span(start, end, head, unsure=unsure and head is not None)
        span.preposition = self.after_preposition(start)
        text = joined(tokens[owner:end])
        if head is None:
            tail = self._tail(end)
            span.texts = [text, *([f"{text} {tail}"] if tail else [])]
        elif span.unsure:
            span.texts = [text]
        return span

    def _tail(self, at: int) -> str:
        """What describes a phrase behind it: "of gold", "with wings"."""
        if at >= len(self.tokens) or self.tokens[at].text not in (
            "of",
            "with",
            "that",
            "which",
            "who",
            "for",
        ):
            return ""
        return joined(self.tokens[at : self.clause_end(at)])

    def _description(self, span: Span) -> Span | None:
        """A phrase with all that may describe it: "an animal with a long trunk", "half woman half fish"."""
        tokens, start = self.tokens, span.start
        while start and self.is_adjective(start - 1):
            start -= 1
        end = self.clause_end(span.end)
        follows = tokens[span.end].text if span.end < len(tokens) else ""
        subject = self._reduced(span)
        relative = follows in RELATIVE or self.is_participle(span.end) or subject is not None
        whole_name = span.name is not None and (span.name.start, span.name.end) == (start, span.end)
        described = not whole_name and span.end - start > 1
        if not relative and not described:
            return None
        cut = self.scene_start(span.end, end)
        while cut is not None and cut > span.end and self.tokens[cut - 1].text in PREPOSITIONS | ARTICLES:
            cut -= 1
        # "an animal in the forest" describes nothing.
        only_scene = cut == span.end and follows in PREPOSITIONS
        texts = [joined(tokens[start:end])] if relative and not only_scene else []
        if relative and cut is not None and cut > span.end + 1:
            texts.append(joined(tokens[start:cut]))
        if described and subject is None:
            texts.append(joined(tokens[start : span.end]))
        if not texts:
            return None
        ends = [start + len(tokens_of(text)) for text in texts]
        name = span.name if subject is None else None
        found = Span(start, max(ends), name, list(dict.fromkeys(texts)), described=True)
        found.behind = span.end if subject is None else subject
        nouns = self._nouns_of(span)
        found.vague, found.blank = bool(nouns & VAGUE), bool(nouns & BLANK)
        found.kind = _kind_of(nouns)
        return found

    def _reduced(self, span: Span) -> int | None:
        """Where a clause begins without its "that": "the animal | santa uses", "a device | gamers hold"."""
        if self.tokens[span.start].text not in BLANK:
            return None
        inside = span.name is not None and span.start < span.name.start
        follows = self.tokens[span.end].text if span.end < len(self.tokens) else ""
        if follows in ARTICLES and span.end == span.start + 1:
            return span.end
        return span.start + 1 if inside and follows not in PREPOSITIONS | RELATIVE else None

    def _nouns_of(self, span: Span) -> set[str]:
        """What a phrase is about: its last word in the singular, and its first ("a device gamers hold")."""
        words = [token.text for token in self.tokens[span.start : span.end]]
        first = next((word for word in words if not self.index.is_adjective(word)), words[-1])
        return {words[-1], *singulars(words[-1]), *([first] if first in BLANK else [])}

    def _acts(self, at: int, spans: list[Span]) -> bool:
        """Whether a noun is what the subject before it does: "a wizard battles dragons"."""
        before = spans[-1] if spans else None
        if before is None or before.end != at or before.name is None or before.described:
            return False
        word = self.tokens[at].text
        if word.endswith("ing") and word not in NOUNS_IN_ING:
            # "a wolf howling"
            return True
        return self.does(at, before.name)

    def _verb(self, at: int) -> int | None:
        """Where a verb ends that says a motion."""
        match = self.scene.verb_at(self.tokens, at)
        if match is None:
            return None
        self._note(match)
        end = match.end
        # "jumps up and down"
        how = self.scene.phrase_at(self.tokens, end) if end < len(self.tokens) else None
        if how is not None and how.slot == "motions":
            return how.end
        # "rolls down", but "rolls | down a hill".
        while end < len(self.tokens) and is_direction(self.tokens[end]):
            place = self.scene.phrase_at(self.tokens, end)
            if place is not None and place.slot == "places":
                break
            end += 1
        return end

    def _is_verb_here(self, name: NameMatch, spans: list[Span]) -> bool:
        """Whether a name is a verb where it stands: behind the end of another phrase, "a king | watches"."""
        before = self._ending_at(name.start, spans)
        return before and self.follows_as_verb(name, None)

    def is_only_vague(self, span: Span) -> bool:
        words = [token.text for token in self.tokens[span.start : span.end]]
        return all(word in VAGUE or self.index.is_adjective(word) or word in PLAIN_VERBS for word in words)

    def _ending_at(self, at: int, spans: list[Span]) -> bool:
        if at == 0:
            return False
        ended = bool(spans) and spans[-1].end == at and not spans[-1].described
        return ended or self.tokens[at - 1].text in PRONOUNS or self.tokens[at - 1].text.startswith("@")

    def _note(self, match: SceneMatch) -> None:
        """Remember words of the scene, and those inside of a place's: "on a rainy street"."""
        self.scenes.append(match)
        if match.slot == "places":
            inner = (self.scene.word_at(self.tokens, at, match.name) for at in range(match.start, match.end))
            self.scenes += [each for each in inner if each is not None]

    def _mention(self, at: int) -> None:
        text = self.text(at, at + 1)
        self.add(at, FoundSubject(phrase=text, score=1.0, cameo=text.removeprefix("@")))

    def add(self, start: int, found: FoundSubject) -> None:
        self.found.append((start, found))

    def first(self, slot: str) -> str | None:
        return next((match.name for match in self.scenes if match.slot == slot), None)


def _kind_of(nouns: set[str]) -> str:
    for kind, words in (("person", PERSONS), ("animal", ANIMALS), ("thing", THINGS)):
        if nouns & words:
            return kind
    return next(iter(nouns & CLASSES), "")

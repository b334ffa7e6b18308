"""WordNet's nouns: which words name a kind of something ("labrador" is a dog), and which are verbs."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

# Where WordNet files its nouns.
ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PERSON = 5, 6, 8, 13, 17, 18
PHENOMENON, PLANT, SUBSTANCE = 19, 20, 27
# Acts, attributes, thoughts, words, events, feelings, groups, motives, money, processes, amounts, relations,
# shapes, states and times are no things that a picture shows.
ABSTRACT = {4, 7, 9, 10, 11, 12, 14, 16, 21, 22, 23, 24, 25, 26, 28}
# A word is taken for a verb or an adjective if it was so in texts this many times as often as a noun.
SURE = 2


class Synset(NamedTuple):
    """One meaning: the words for it, where it is filed, and the offsets of the kinds of it."""

    words: list[str]
    file: int
    kinds: list[str]


class WordNet:
    """The nouns of a WordNet database, and how often each word was which part of speech in tagged texts."""

    def __init__(self, folder: Path) -> None:
        self.synsets: dict[str, Synset] = {}
        for line in _lines(folder / "data.noun"):
            fields = line.split(" | ")[0].split()
            count = int(fields[3], 16)
            words = [fields[4 + 2 * place].replace("_", " ").lower() for place in range(count)]
            at = 5 + 2 * count
            pointers = [fields[at + 4 * place : at + 4 * place + 4] for place in range(int(fields[at - 1]))]
            kinds = [offset for sign, offset, part, _ in pointers if sign == "~" and part == "n"]
            self.synsets[fields[0]] = Synset(words, int(fields[1]), kinds)
        # By noun, its meanings, the most common first.
        self.meanings: dict[str, list[str]] = {}
        for line in _lines(folder / "index.noun"):
            fields = line.split()
            count, pointers = int(fields[2]), int(fields[3])
            self.meanings[fields[0].replace("_", " ")] = fields[6 + pointers : 6 + pointers + count]
        self._tagged: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
            key, _, _, tagged = line.split()
            lemma, _, rest = key.partition("%")
            # 5 is an adjective too.
            self._tagged[lemma][{"5": "3"}.get(rest[0], rest[0])] += int(tagged) + 1

    def meaning(self, noun: str, files: set[int], most: int = 3) -> str | None:
        """The most common of a noun's first `most` meanings that is filed in one of `files`."""
        found = self.meanings.get(noun.lower(), [])[:most]
        return next((offset for offset in found if self.synsets[offset].file in files), None)

    def names(self, offset: str) -> list[str]:
        """The words of a meaning that mean it before anything else."""
        return [word for word in self.synsets[offset].words if self.meanings[word][0] == offset]

    def nouns(self, abstract: bool) -> list[str]:
        """Single words by what they mean first: all that mean something abstract, common ones for things."""
        return sorted(
            word
            for word, meanings in self.meanings.items()
            if word.isalpha()
            and (abstract or self._tagged[word]["1"] > len(meanings))
            and (self.synsets[meanings[0]].file in ABSTRACT) == abstract
        )

    def mainly(self, part: str) -> list[str]:
        """Words that are mainly a part of speech (2 verbs, 3 adjectives, 4 adverbs) in tagged texts."""
        return sorted(
            word
            for word, counts in self._tagged.items()
            if word.isalpha() and counts[part] > 1 and counts[part] >= SURE * counts["1"]
        )

    def verbs_among(self, names: set[str]) -> list[str]:
        """Of these words those that are used as verbs as well."""
        return sorted(name for name in names if self._tagged.get(name, {}).get("2", 0) > 1)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("  ")]

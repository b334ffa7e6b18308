"""How a subject holds itself, by its name: what flies, swims or drives, how large it is beside others."""

from __future__ import annotations

import re
from enum import StrEnum


class Manner(StrEnum):
    """How a subject moves when the words say only where it goes."""

    WALKS = "walks"
    FLIES = "flies"
    # Flies where it goes somewhere, and stands where it doesn't.
    PERCHES = "perches"
    SWIMS = "swims"
    # In air or water without effort, and soft: a ghost, a jellyfish.
    FLOATS = "floats"
    DRIVES = "drives"
    # A head without a body: a little above its ground.
    BOBS = "bobs"
    # Buildings, plants: nothing about them moves by itself.
    STANDS = "stands"


# Words of a subject's name, each alone. A name with none of them walks.
WORDS = {
    Manner.FLIES: """
        airplane plane jet helicopter rocket ufo saucer satellite bat butterfly bee honeybee wasp fly mosquito
        dragonfly moth airship kite parachute fairy cupid comet star sun moon drone hummingbird planet broom
        carpet""",
    Manner.PERCHES: """
        bird eagle owl parrot dove seagull crow raven ladybug superhero supervillain angel dragon pegasus
        phoenix""",
    Manner.SWIMS: """
        fish blowfish pufferfish dolphin whale shark seal squid shrimp merman mermaid merperson swimming
        swimmer submarine""",
    Manner.FLOATS: "ghost octopus jellyfish balloon cloud bubbles genie spirit spook",
    Manner.DRIVES: """
        car bus taxi truck lorry van tractor train tram locomotive trolleybus minibus ambulance engine
        motorcycle scooter bicycle bike automobile railway metro carriage wheelchair skateboard boat ship
        ferry canoe sailboat speedboat sled monorail rickshaw vehicle""",
    Manner.STANDS: """
        house home castle building tree palm cactus church mosque temple synagogue hotel hospital school bank
        factory tower statue tent mountain volcano bridge fountain stadium office store hut evergreen
        bamboo""",
}
# Sizes against a person's, only hinted at: an ant that is too small to see shows nothing.
STATURES = {
    0.62: """
        ant bee honeybee ladybug beetle bug butterfly mosquito fly caterpillar worm snail spider cricket
        grasshopper cockroach scorpion mouse hamster chick shrimp cherries cherry grapes strawberry
        blueberries olive egg key ring coin pill dice peanuts chestnut candy feather battery pushpin
        paperclip tooth cookie donut lollipop diamond pencil pen crayon spoon watch""",
    0.8: """
        cat kitten rabbit frog bird duck parrot penguin owl rat squirrel chipmunk hedgehog fish turtle lizard
        crab chicken rooster apple orange lemon banana pear peach kiwi tomato avocado carrot potato onion corn
        burger pizza taco sushi sandwich croissant bread cupcake cup coffee tea milk beer wine bat dove baby
        book phone smartphone telephone camera clock lamp candle bulb shoe boot sneaker hat crown glasses
        ball rose tulip sunflower flower mushroom bell hammer scissors gun knife skateboard balloon
        crow raven""",
    1.14: """
        elephant mammoth t-rex sauropod long-necked dragon giraffe hippopotamus hippo rhinoceros rhino
        dinosaur bus truck tractor rocket airplane plane helicopter shark bison ox camel gorilla moose""",
    1.25: """
        whale train castle house building ship tree skyscraper church mosque temple hotel hospital school
        volcano mountain tower stadium wheel coaster carousel pagoda planet earth moon sun ferry""",
}
# What beats its wings when it flies.
WINGS = """
    bird eagle owl parrot dove seagull crow raven bat butterfly bee honeybee wasp fly mosquito dragonfly moth
    ladybug fairy dragon pegasus phoenix hummingbird duck swan goose flamingo chick rooster chicken"""
WINGED = frozenset(WINGS.split())
# Drawn with its nose up; it flies with its nose ahead.
NOSES_UP = frozenset({"rocket"})
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_MANNERS = {word: manner for manner, words in WORDS.items() for word in words.split()}
_SIZES = {word: size for size, words in STATURES.items() for word in words.split()}


def manner_of(name: str) -> Manner:
    """How the subject of this name moves: as its last word that is known."""
    return next((_MANNERS[word] for word in _words(name) if word in _MANNERS), Manner.WALKS)


def stature_of(name: str) -> float:
    """Its size against others'."""
    return next((_SIZES[word] for word in _words(name) if word in _SIZES), 1.0)


def flies_upright(name: str) -> bool:
    """Whether its picture points up, and it has to lean to where it flies."""
    return bool(NOSES_UP & set(_words(name)))


def has_wings(name: str) -> bool:
    """Whether it beats wings when it flies."""
    return bool(WINGED & set(_words(name)))


def _words(name: str) -> list[str]:
    """The words of a name, the last first: a fire engine is an engine."""
    found = WORD.findall(name.casefold())[::-1]
    return [form for word in found for form in (word, word.removesuffix("s"))]

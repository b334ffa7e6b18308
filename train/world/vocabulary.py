"""The words of the drawn world: plain data, imported without torch.

Each entry maps a canonical name to its phrasings; the first one is the plainest. A prompt may use any of
them in any order, and may leave whole slots out.
"""

from schemas.vocabulary import REFERRING

SUBJECTS: dict[str, tuple[str, ...]] = {
    "cat": ("cat", "kitty", "kitten", "tabby cat"),
    "dog": ("dog", "puppy", "doggy", "hound"),
    "fox": ("fox", "red fox", "little fox"),
    "frog": ("frog", "green frog", "toad"),
    "penguin": ("penguin", "little penguin", "king penguin"),
    "panda": ("panda", "panda bear", "giant panda"),
    "lion": ("lion", "big lion", "king of the jungle"),
    "pig": ("pig", "piglet", "piggy", "pink pig"),
    "elephant": ("elephant", "grey elephant", "baby elephant"),
    "turtle": ("turtle", "tortoise", "green turtle"),
    "octopus": ("octopus", "squid", "red octopus"),
    "fish": ("fish", "tropical fish", "yellow fish"),
    "butterfly": ("butterfly", "monarch butterfly", "moth"),
    "duck": ("duck", "mallard", "wild duck"),
    "flamingo": ("flamingo", "pink flamingo", "pink bird"),
    "car": ("car", "red car", "automobile"),
    "bus": ("bus", "coach", "city bus"),
    "boat": ("boat", "sailboat", "sailing boat", "ship"),
    "balloon": ("balloon", "red balloon", "party balloon"),
    "rocket": ("rocket", "spaceship", "rocket ship"),
    "robot": ("robot", "android", "droid"),
    "ghost": ("ghost", "spook", "friendly ghost"),
    "pumpkin": ("pumpkin", "jack-o'-lantern", "halloween pumpkin"),
    "unicorn": ("unicorn", "white unicorn", "magic unicorn"),
}

# Words for a subject that a reference picture shows, whatever it is. "it" is trained on, but no prompt with
# an "it" is taken to name a subject.
REFERRED = (*REFERRING, "it")

PLACES: dict[str, tuple[str, ...]] = {
    "beach": ("on a beach", "at the beach", "by the shore", "on the sand by the sea", "at the seaside"),
    "forest": ("in a forest", "in the woods", "among the trees", "between pine trees"),
    "city": ("in a city", "in front of skyscrapers", "downtown", "in the big city", "between tall buildings"),
    "desert": ("in a desert", "among cactuses", "in the sand dunes", "in the dry desert"),
    "mountains": ("in the snowy mountains", "in the snow", "on a snowy mountain", "in the alps", "in winter"),
    "ocean": ("under the sea", "underwater", "in the deep ocean", "at the bottom of the sea"),
    "space": ("in space", "in outer space", "among the stars and planets", "on the moon"),
    "meadow": ("in a meadow", "in a field of flowers", "on the grass", "in the countryside"),
    "room": ("in a room", "at home", "in a living room", "indoors"),
    "volcano": (
        "by a volcano",
        "near a volcano with lava",
        "in front of an erupting volcano",
        "on lava rocks",
    ),
    "castle": (
        "by a castle",
        "in front of a castle",
        "at the castle gate",
        "near a medieval castle",
        "outside a fairy-tale castle",
    ),
    "farm": ("on a farm", "in a farmyard", "in front of a barn", "by a red barn", "near a wheat field"),
    "road": ("on a road", "on a highway", "on the street", "on a country road", "in the middle of the road"),
    "kitchen": ("in a kitchen", "on the kitchen floor", "in front of the stove", "by the kitchen counter"),
    "cave": ("in a cave", "among glowing crystals", "in a crystal cave", "underground", "in a cavern"),
    "jungle": (
        "in a jungle",
        "in the rainforest",
        "in the thick jungle",
        "among vines and palm leaves",
        "in the tropics",
    ),
    "lake": ("by a lake", "on a wooden jetty", "at the lake", "by the pond", "among the reeds"),
    "park": ("in a park", "at the playground", "near a park bench", "in the park", "by the swings"),
    "stage": (
        "on a stage",
        "on stage",
        "in a theatre",
        "in front of red curtains",
        "under the spotlights",
    ),
    "clouds": ("in the clouds", "above the clouds", "among the clouds", "high up in the sky", "in the sky"),
}

# What is seen in front of a place; a scene without one has clear air. Snow that lies is a place: any phrasing
# with the bare word would name both.
WEATHERS: dict[str, tuple[str, ...]] = {
    "rain": ("in the rain", "in rainy weather", "while it rains", "in a downpour", "in pouring rain"),
    "snow": (
        "in a snowfall",
        "while it snows",
        "in a snowstorm",
        "in a blizzard",
        "under falling snowflakes",
    ),
    "fog": ("in the fog", "in thick mist", "in foggy weather", "in the mist", "through the haze"),
}

TIMES: dict[str, tuple[str, ...]] = {
    "day": ("by day", "in daylight", "at noon", "on a sunny day", "in the morning"),
    "sunset": ("at sunset", "at dusk", "in the evening light", "at golden hour", "in the evening"),
    "night": ("at night", "in the dark", "at midnight", "by moonlight", "late at night"),
}

# How the whole picture is coloured; a scene without one has its own colours.
STYLES: dict[str, tuple[str, ...]] = {
    "monochrome": ("in black and white", "as a black and white film", "in monochrome", "without any colour"),
    "sepia": ("as an old film", "in sepia", "as a faded old photo", "in brown tones"),
    "neon": ("in neon colours", "as neon art", "in glowing neon light", "in pink and blue neon"),
    "pastel": ("in pastel colours", "in soft pale colours", "as a pastel drawing", "in light pastels"),
}

# Each phrasing is a pair: third person ("a cat walks left") and participle ("a cat walking left").
MOTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "left": (
        ("walks left", "walking left"),
        ("moves to the left", "moving to the left"),
        ("goes left", "going left"),
        ("runs to the left", "running to the left"),
    ),
    "right": (
        ("walks right", "walking right"),
        ("moves to the right", "moving to the right"),
        ("goes right", "going right"),
        ("runs to the right", "running to the right"),
    ),
    "jump": (
        ("jumps", "jumping"),
        ("hops", "hopping"),
        ("bounces up and down", "bouncing up and down"),
        ("leaps", "leaping"),
    ),
    "spin": (
        ("spins", "spinning"),
        ("turns around and around", "turning around and around"),
        ("rotates", "rotating"),
        ("twirls", "twirling"),
    ),
    "grow": (
        ("comes closer", "coming closer"),
        ("gets bigger", "getting bigger"),
        ("grows", "growing"),
        ("approaches the camera", "approaching the camera"),
    ),
    "rise": (
        ("floats up", "floating up"),
        ("flies up", "flying up"),
        ("rises into the air", "rising into the air"),
        ("takes off", "taking off"),
    ),
    "fall": (
        ("falls down", "falling down"),
        ("drops from the sky", "dropping from the sky"),
        ("sinks", "sinking"),
        ("comes down", "coming down"),
    ),
    "pan": (
        ("is followed by a moving camera", "while the camera pans"),
        ("stays while the camera pans", "with a panning camera"),
        ("is filmed by a sliding camera", "in a panning shot"),
    ),
    "still": (
        ("stands still", "standing still"),
        ("waits", "waiting"),
        ("does not move", "not moving"),
        ("rests", "resting"),
    ),
}


def as_json() -> dict[str, dict[str, list[str]]]:
    """The vocabulary as the model folder carries it: slot -> canonical name -> phrasings."""
    return {
        "subjects": {name: list(words) for name, words in SUBJECTS.items()},
        "places": {name: list(words) for name, words in PLACES.items()},
        "times": {name: list(words) for name, words in TIMES.items()},
        "weathers": {name: list(words) for name, words in WEATHERS.items()},
        "styles": {name: list(words) for name, words in STYLES.items()},
        "motions": {name: [words for pair in pairs for words in pair] for name, pairs in MOTIONS.items()},
    }

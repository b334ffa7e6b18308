"""The words by which a refused topic is noticed. A list of words is a sieve, not a judge: docs say so."""

from __future__ import annotations

from schemas.cameos import Topic

WORDS: dict[Topic, tuple[str, ...]] = {
    Topic.ALCOHOL: (
        *("alcohol", "alcoholic", "beer", "beers", "booze", "champagne", "cocktail", "cocktails", "drunk"),
        *("gin", "liquor", "rum", "tequila", "vodka", "whiskey", "whisky", "wine", "wines"),
    ),
    Topic.DEATH: (
        *("burial", "cemetery", "coffin", "corpse", "corpses", "dead", "death", "deaths", "die", "dies"),
        *("dying", "funeral", "funerals", "grave", "graveyard", "suicide", "tombstone"),
    ),
    Topic.DRUGS: (
        *("cannabis", "cocaine", "crack pipe", "drug", "drugs", "ecstasy", "fentanyl", "heroin", "joint"),
        *("ketamine", "lsd", "marijuana", "meth", "opium", "overdose", "stoned", "weed"),
    ),
    Topic.GAMBLING: (
        *("bet", "bets", "betting", "blackjack", "bookmaker", "casino", "casinos", "gamble", "gambles"),
        *("gambler", "gambling", "jackpot", "lottery", "poker", "roulette", "slot machine", "slot machines"),
    ),
    Topic.HATE: (
        *("antisemitic", "bigot", "hate speech", "homophobic", "kkk", "lynching", "master race", "nazi"),
        *("nazis", "racial slur", "racism", "racist", "swastika", "transphobic", "white power", "xenophobic"),
    ),
    Topic.HORROR: (
        *("creepy", "demon", "demons", "demonic", "evil spirit", "exorcism", "ghoul", "gore", "gory"),
        *("haunted", "horror", "monster", "monsters", "possessed", "scary", "vampire", "zombie", "zombies"),
    ),
    Topic.NUDITY: (
        *("bare breasts", "bare chested", "bikini", "lingerie", "naked", "nude", "nudes", "nudity"),
        *(
            "shirtless",
            "skinny dipping",
            "strip",
            "stripping",
            "striptease",
            "swimsuit",
            "topless",
            "underwear",
        ),
        *("undress", "undressed", "undressing", "unclothed"),
    ),
    Topic.POLITICS: (
        *("ballot", "campaign rally", "candidate", "congress", "election", "elections", "government"),
        *("mayor", "minister", "parliament", "party leader", "political", "politician", "politicians"),
        *("politics", "president", "prime minister", "protest", "referendum", "senate", "senator", "vote"),
        *("voter", "voters", "votes", "voting"),
    ),
    Topic.RELIGION: (
        *("allah", "baptism", "bible", "buddha", "church", "christ", "cross", "god", "gospel", "imam"),
        *("jesus", "koran", "monk", "mosque", "muhammad", "nun", "pope", "pray", "prayer", "praying"),
        *("preacher", "priest", "prophet", "quran", "rabbi", "religion", "religious", "synagogue", "temple"),
        *("torah",),
    ),
    Topic.SEX: (
        *("erotic", "fetish", "hentai", "intercourse", "kinky", "kiss", "kisses", "kissing", "making love"),
        *("making out", "nsfw", "orgasm", "porn", "porno", "pornographic", "seductive", "sensual", "sex"),
        *("sexual", "sexually", "sexy", "twerk", "twerking", "xxx"),
    ),
    Topic.SMOKING: (
        *("ashtray", "cigar", "cigarette", "cigarettes", "cigars", "hookah", "nicotine", "shisha", "smoker"),
        *("smokes", "smoking", "tobacco", "vape", "vapes", "vaping"),
    ),
    Topic.VIOLENCE: (
        *("abuse", "assault", "attack", "attacks", "beaten", "beating", "blood", "bloody", "brutal", "fight"),
        *("fighting", "fights", "hit", "kill", "killed", "killer", "killing", "kills", "massacre", "murder"),
        *("murdered", "murders", "punch", "punches", "rape", "shooting", "shoots", "slap", "slaps", "stab"),
        *("stabbed", "stabs", "strangle", "terrorist", "torture", "tortured", "violence", "violent", "war"),
    ),
    Topic.WEAPONS: (
        *("ak 47", "ak-47", "ammunition", "bomb", "bombs", "bullet", "bullets", "dagger", "explosive"),
        *("explosives", "firearm", "firearms", "grenade", "grenades", "gun", "guns", "handgun", "knife"),
        *("knives", "machete", "machine gun", "pistol", "revolver", "rifle", "rifles", "shotgun", "sword"),
        *("swords", "weapon", "weapons"),
    ),
}

"""What things cost, in credits (whole numbers); and in seconds, until that has been measured. Pure."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from types import MappingProxyType

from schemas.videos import PRICE_SECONDS, Recipe, Tier

# A full render has four times the pixels of a preview, several times its steps, and a second pass for
# guidance. That is far more than eight times the work: the rest is a gift to whoever picks carefully.
PRICE = MappingProxyType({Tier.PREVIEW: 1, Tier.FULL: 8})
# Joining draws nothing: a preview's price covers reading, writing and keeping it, whatever its clips cost.
STITCH_PRICE = 1
# Seconds that one takes on two cores without VNNI: a guess until some have been drawn.
FIRST_GUESS_S = MappingProxyType({Tier.PREVIEW: 0.5, Tier.FULL: 6.0})
# 40 swarms of 16 previews, each followed by one full render, and some left.
START_CREDITS = 1000


def charge(price_each: int, steps_done: int, steps_total: int, *, shown: bool) -> int:
    """Credits for a video that its maker ended early: by the steps that were done, once a picture was sent.

    Rounded up to whole credits, so that what was seen is never free.
    """
    if not shown or steps_total <= 0:
        return 0
    return min(price_each, ceil(Fraction(price_each * steps_done, steps_total)))


def price(tier: Tier, recipe: Recipe) -> int:
    """Credits for one video: a tier's price is that of PRICE_SECONDS, and longer ones cost as much more.

    Rounded up to whole credits. The shape costs nothing: all have the same short side.
    """
    units = max(Fraction(1), Fraction(recipe.frames - 1, recipe.fps * PRICE_SECONDS))
    return ceil(PRICE[tier] * units)

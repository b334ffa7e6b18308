"""The written prompts of the first trends, and the remixes of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FILE = Path(__file__).parent / "data" / "demo_trends.toml"
# What a remix changes.
Change = Literal["subject", "place", "time", "style", "motion", "weather"]


class DemoTrend(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A trend: what is drawn and posted first, and remixes of it by what they change.

    All of one trend have its `seed`, so that a remix shows the change and nothing else.
    """

    prompt: str
    caption: str
    remixes: Annotated[dict[Change, str], Meta(min_length=2, max_length=5)]
    seed: int = 1


class DemoPost(msgspec.Struct, kw_only=True, frozen=True):
    """One post; `source` is the prompt of the one that it is a remix of."""

    prompt: str
    caption: str
    seed: int
    source: str | None = None


def read() -> list[DemoTrend]:
    """The trends, the best first."""
    return msgspec.toml.decode(FILE.read_bytes(), type=dict[str, list[DemoTrend]])["trends"]


def in_order(trends: list[DemoTrend]) -> list[DemoPost]:
    """What is posted, in order: all sources, then one remix of each trend after the other."""
    posts = [DemoPost(prompt=trend.prompt, caption=trend.caption, seed=trend.seed) for trend in trends]
    remixes = [
        (turn, DemoPost(prompt=prompt, caption="", seed=trend.seed, source=trend.prompt))
        for trend in trends
        for turn, prompt in enumerate(trend.remixes.values())
    ]
    return posts + [post for _, post in sorted(remixes, key=lambda each: each[0])]

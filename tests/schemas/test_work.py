"""Whatever bytes come over the work socket, from either end: a frame, or BadFrame and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.videos import Recipe, Tier
from schemas.work import (
    BadFrame,
    Cancel,
    Clip,
    Closenesses,
    Compare,
    Done,
    Embed,
    Fault,
    FaultCode,
    FromModels,
    Inputs,
    Media,
    Queued,
    Render,
    Step,
    Stopped,
    ToModels,
    Vectors,
    decode_from_models,
    decode_to_models,
)

RECIPE = Recipe(model="m", prompt="a cat", width=64, height=64, frames=9, fps=8, seed=1, strength=0.5)
TO_MODELS: list[ToModels] = [
    Render(id="a", attempt=1, tier=Tier.FULL, owner="b", recipe=RECIPE),
    Render(
        id="a",
        attempt=1,
        tier=Tier.PREVIEW,
        owner="b",
        recipe=RECIPE,
        inputs=Inputs(preview=b"p", clips=[Clip(video=b"v", skip=3)]),
    ),
    Cancel(job="a"),
    Embed(call="c", texts=["a cat", "\u00e9"]),
    Compare(call="c", pairs=[(b"1", b"2")]),
]
FROM_MODELS: list[FromModels] = [
    Queued(job="a", attempt=1, position=0, eta_ms=0),
    Step(job="a", attempt=1, i=1, n=4, picture=b"webp"),
    Done(
        job="a",
        attempt=1,
        media=Media(video=b"v", thumbnail=b"t", spritesheet=b"s"),
        latents=b"l",
        timings={"denoise": 1.5},
        cpu_seconds=0.5,
    ),
    Stopped(job="a", attempt=1),
    Fault(job="a", attempt=1, code=FaultCode.BUSY, message="full", retryable=True),
    Vectors(call="c", vectors=[[0.5]]),
    Closenesses(call="c", values=[0.5]),
]
ENDS: list[tuple[Callable[[bytes], Any], list[Any]]] = [
    (decode_to_models, TO_MODELS),
    (decode_from_models, FROM_MODELS),
]
# An array or map of one, in another, and so on, before and inside of what a frame has.
DEEP = st.sampled_from(
    [
        b"\x91",
        b"\x81\xa4type",
        b"\x82\xa4type\xa5embed\xa5texts",
        b"\x82\xa4type\xa6render\xa6recipe",
        b"\x81",
    ]
).map(lambda opener: opener * 20_000)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TAGGED = st.builds(
    lambda tag, fields: {"type": tag, **fields},
    st.sampled_from(["render", "cancel", "embed", "compare", "queued", "step", "done", "fault", "vectors"]),
    st.dictionaries(
        st.sampled_from(["id", "job", "call", "attempt", "recipe", "inputs", "texts", "pairs", "media", "i"]),
        TREES,
        max_size=6,
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real frame with some bytes replaced, put in or cut off."""
    data = bytearray(msgspec.msgpack.encode(draw(st.sampled_from([*TO_MODELS, *FROM_MODELS]))))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


BYTES = (
    st.binary(max_size=200)
    | DEEP
    | TREES.map(msgspec.msgpack.encode)
    | TAGGED.map(msgspec.msgpack.encode)
    | damaged()
)


@settings(max_examples=600, deadline=None)
@given(data=BYTES)
@pytest.mark.parametrize(("decode", "frames"), ENDS, ids=["model server", "dispatcher"])
def test_any_bytes(decode: Callable[[bytes], Any], frames: list[Any], data: bytes) -> None:
    with suppress(BadFrame):
        assert isinstance(decode(data), tuple(type(frame) for frame in frames))


@pytest.mark.parametrize(("decode", "frames"), ENDS, ids=["model server", "dispatcher"])
def test_frames_arrive_as_they_were_sent(decode: Callable[[bytes], Any], frames: list[Any]) -> None:
    assert [decode(msgspec.msgpack.encode(frame)) for frame in frames] == frames
    for other in next(theirs for other_end, theirs in ENDS if other_end is not decode):
        with pytest.raises(BadFrame):
            decode(msgspec.msgpack.encode(other))

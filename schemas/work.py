"""Frames between dispatcher and model server (MessagePack over one websocket, many jobs at once)."""

from __future__ import annotations

import msgspec

from schemas.videos import Recipe, Tier

# A full video with its latents is under 1 MB at the largest size; 16 MB leaves room for longer ones.
MAX_WORK_FRAME_BYTES = 16 * 1024 * 1024
# What a job is made from comes in one frame, and its result, about as large, goes back in one: a quarter of
# the frame is left for what is around them, and for a result that is encoded a little larger.
MAX_INPUT_BYTES = 12 * 1024 * 1024


class Clip(msgspec.Struct, kw_only=True):
    """A video to be joined to others: an MP4 without its first `skip` frames, which the one before showed."""

    video: bytes
    skip: int = 0


class Inputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a job is made from, as bytes.

    `preview` and `source` are npz of float16 arrays named `latents`; `begin`, `end` and `reference` are MP4,
    PNG, WebP or JPEG. A model that can't be shown one of them answers `bad_input`.
    """

    # The latents of the picked preview: a full render keeps it.
    preview: bytes | None = None
    # The latents of the source video of a remix: started from at `recipe.strength`.
    source: bytes | None = None
    # The clip starts with the last frames of this: a picture's only one, of a video
    # as many as the model goes on from (`recipe.repeats`).
    begin: bytes | None = None
    # The clip ends with the first frame of this.
    end: bytes | None = None
    # A picture, or a clip (its middle frame counts), of a subject that shall appear.
    reference: bytes | None = None
    # The videos to be joined, in order: then no model draws, and nothing else is given.
    clips: list[Clip] | None = None


class Render(msgspec.Struct, tag="render", kw_only=True):
    """Draw one video. `owner` is who asks: work is shared fairly between owners."""

    job: str
    attempt: int
    tier: Tier
    owner: str
    recipe: Recipe
    inputs: Inputs = msgspec.field(default_factory=Inputs)


class Cancel(msgspec.Struct, tag="cancel", kw_only=True):
    """Stop a job within one step."""

    job: str


class Embed(msgspec.Struct, tag="embed", kw_only=True):
    """Vectors of texts (unit length, 384 floats)."""

    call: str
    texts: list[str]


class Compare(msgspec.Struct, tag="compare", kw_only=True):
    """Closeness of each pair of latents (npz bytes), 0..1."""

    call: str
    pairs: list[tuple[bytes, bytes]]


class Queued(msgspec.Struct, tag="queued", kw_only=True):
    """Taken in: `position` 1 = next, with an estimate."""

    job: str
    attempt: int
    position: int
    eta_ms: int


class Step(msgspec.Struct, tag="step", kw_only=True):
    """Step `i` of `n` is done; `picture` is a webp of the current estimate's middle frame."""

    job: str
    attempt: int
    i: int
    n: int
    picture: bytes | None = None


class Media(msgspec.Struct, kw_only=True):
    """The finished files: MP4 (H.264, faststart), webp thumbnail, jpeg spritesheet."""

    video: bytes
    thumbnail: bytes
    spritesheet: bytes


class Done(msgspec.Struct, tag="done", kw_only=True):
    """A finished job. `latents` is an npz; timings in milliseconds by stage; cost in CPU-seconds."""

    job: str
    attempt: int
    media: Media
    latents: bytes
    timings: dict[str, float]
    cpu_seconds: float
    fidelity: float | None = None


class Stopped(msgspec.Struct, tag="stopped", kw_only=True):
    """A cancelled job has left the scheduler."""

    job: str
    attempt: int


class Fault(msgspec.Struct, tag="fault", kw_only=True):
    """A job that could not be drawn; `busy` and other retryable ones may be sent again later."""

    job: str
    attempt: int
    code: str
    message: str
    retryable: bool


class Vectors(msgspec.Struct, tag="vectors", kw_only=True):
    """Answer to Embed, in its order."""

    call: str
    vectors: list[list[float]]


class Closenesses(msgspec.Struct, tag="closenesses", kw_only=True):
    """Answer to Compare, in its order."""

    call: str
    values: list[float]


ToModels = Render | Cancel | Embed | Compare
FromModels = Queued | Step | Done | Stopped | Fault | Vectors | Closenesses

"""Frames between dispatcher and model server (MessagePack over one websocket, many jobs at once)."""

from __future__ import annotations

import msgspec

from schemas.videos import Recipe, Tier

# A full video with its latents is under 1 MB at the largest size; 16 MB leaves room for longer ones.
MAX_WORK_FRAME_BYTES = 16 * 1024 * 1024


class Inputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a job is made from, as bytes.

    `preview` and `source` are latents (npz of float16 arrays named `latents`). The others are media files:
    MP4, PNG, WebP or JPEG.
    """

    # The latents of the picked preview: a full render keeps it.
    preview: bytes | None = None
    # The latents of the source video of a remix: started from at `recipe.strength`.
    source: bytes | None = None
    # The clip starts with the last frames of this: a picture's only one, up to five of a video.
    begin: bytes | None = None
    # The clip ends with the first frame of this.
    end: bytes | None = None
    # A subject that shall appear: a picture, or the middle frame of a video.
    reference: bytes | None = None


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

"""Frames between dispatcher and model server (MessagePack over one websocket, many jobs at once)."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import msgspec

from schemas.videos import Recipe, Tier

Frame = TypeVar("Frame")
# A full video with its latents is under 1 MB at the largest size; 16 MB leaves room for longer ones.
MAX_WORK_FRAME_BYTES = 16 * 1024 * 1024
# The inputs of a job come in one frame, and its result, about as large, goes back in one: a quarter of the
# frame is left for what is around them, and for a result that is encoded a little larger.
MAX_INPUT_BYTES = 12 * 1024 * 1024


class Clip(msgspec.Struct, kw_only=True):
    """One MP4 of a stitch, without its first `skip` frames, which repeat the clip before."""

    video: bytes
    skip: int = 0


class Inputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a job is generated from beside its recipe, as bytes.

    `preview` and `source` are npz of float16 arrays named `latents`; `begin`, `end` and `reference` are MP4,
    PNG, WebP or JPEG. A model that wasn't trained on one of them answers with the fault `bad_input`.
    """

    # The latents of the picked preview: a full render keeps it.
    preview: bytes | None = None
    # The latents of the source video of a remix, noised to `recipe.strength`; of the extension of a composed
    # clip those of the clip that it goes on from.
    source: bytes | None = None
    # The frame of the source that an extension's first frames end with, where it goes on from latents.
    continued_frame: int | None = None
    # The clip begins with the last frames of this: the only one of a picture, of a video as many as the model
    # continues (`recipe.repeats`).
    begin: bytes | None = None
    # The clip ends with the first frame of this.
    end: bytes | None = None
    # A picture, or a clip (its middle frame counts), of a subject that shall appear.
    reference: bytes | None = None
    # The videos of a stitch, in order: then no model runs, and no other input is given.
    clips: list[Clip] | None = None


class Priority(StrEnum):
    """What is drawn before what: one job of each can be between its first and its last step."""

    PREVIEW = "preview"
    FULL = "full"
    BACKGROUND = "background"


def priority_of(tier: Tier, *, background: bool) -> Priority:
    """The priority of a video: a preview that nobody waits for is over before anybody could notice."""
    if tier is Tier.PREVIEW:
        return Priority.PREVIEW
    return Priority.BACKGROUND if background else Priority.FULL


class Render(msgspec.Struct, tag="render", kw_only=True):
    """Request to generate one video; `id` is the job that the answers name.

    The same (id, attempt) is generated once, however often it is sent. `owner` is the account that asks: work
    is shared fairly between owners. Nobody waits for a `background` one: its steps come after all others.
    """

    id: str
    attempt: int
    tier: Tier
    owner: str
    recipe: Recipe
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    background: bool = False

    @property
    def priority(self) -> Priority:
        """What it is drawn before, and after."""
        return priority_of(self.tier, background=self.background)


class Cancel(msgspec.Struct, tag="cancel", kw_only=True):
    """Request to stop a job within one step."""

    job: str


class Embed(msgspec.Struct, tag="embed", kw_only=True):
    """Request for vectors of texts (unit length, 384 floats)."""

    call: str
    texts: list[str]


class Compare(msgspec.Struct, tag="compare", kw_only=True):
    """Request for the closeness of each pair of latents (npz bytes), 0..1."""

    call: str
    pairs: list[tuple[bytes, bytes]]


class Queued(msgspec.Struct, tag="queued", kw_only=True):
    """A job was accepted: `position` 1 = next, 0 = started, with the estimated wait."""

    job: str
    attempt: int
    position: int
    eta_ms: int


class Step(msgspec.Struct, tag="step", kw_only=True):
    """Denoising step `i` of `n` is done; `picture` is a webp of the clean estimate's middle frame."""

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


class FaultCode(StrEnum):
    """Why a job or a call failed."""

    # The queue is full: the same job may be sent again later.
    BUSY = "busy"
    # The request itself is wrong: sending it again would fail again.
    BAD_INPUT = "bad_input"
    # A newer attempt of the same job is already here.
    STALE_ATTEMPT = "stale_attempt"
    # The engine for this tier could not be loaded.
    ENGINE_UNAVAILABLE = "engine_unavailable"
    # The model produced numbers that are no video.
    NOT_FINITE = "not_finite"
    # A defect of ours; another attempt may find another server.
    INTERNAL = "internal"


class Fault(msgspec.Struct, tag="fault", kw_only=True):
    """A job that failed; of a call, `job` is its `call` and the attempt is 0.

    Retryable ones may be sent again later.
    """

    job: str
    attempt: int
    code: FaultCode
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


class BadFrame(ValueError):
    """Bytes that are no frame."""


_to_models: msgspec.msgpack.Decoder[ToModels] = msgspec.msgpack.Decoder(ToModels)
_from_models: msgspec.msgpack.Decoder[FromModels] = msgspec.msgpack.Decoder(FromModels)


def decode_to_models(data: bytes) -> ToModels:
    """A frame as the model server gets it.

    Raises:
        BadFrame: it is none.
    """
    return _decode(_to_models, data)


def decode_from_models(data: bytes) -> FromModels:
    """A frame as the dispatcher gets it.

    Raises:
        BadFrame: it is none.
    """
    return _decode(_from_models, data)


def _decode(decoder: msgspec.msgpack.Decoder[Frame], data: bytes) -> Frame:
    try:
        return decoder.decode(data)
    # Nesting ends in a RecursionError, text that is none in a UnicodeDecodeError.
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadFrame(str(error)) from None

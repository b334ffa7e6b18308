"""Videos in OpenAI's shape with Riffle's extra fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.base import Page, RequestBody, ResponseBody, UnixSeconds
from schemas.errors import VideoError
from schemas.playback import VideoFile
from schemas.shown_text import PARAGRAPH

# Four times the longest caption of the drawn world, and far below one NOTIFY payload.
MAX_PROMPT_CHARS = 1000
# A swarm fills a phone's screen twice (2 x 8 tiles).
MAX_SWARM = 16
MAX_CAMEOS = 4
MAX_SOURCES = 4
# Pictures of subjects that stand beside each other in one clip.
MAX_SUBJECTS = 3
# The longest phrase of a prompt that somebody picks another picture for, and the longest id of one.
MAX_PHRASE_CHARS = 200
MAX_PICTURE_CHARS = 80
# Seeds travel through JSON and JavaScript, whose integers are exact up to 2**53; 2**31 is plenty.
MAX_SEED = 2**31 - 1
# The length of a video that a model's price is for.
PRICE_SECONDS = 2


class Tier(StrEnum):
    """`preview` is drawn by the student at once; `full` by the teacher, slowly and well."""

    PREVIEW = "preview"
    FULL = "full"


class Status(StrEnum):
    """A video's life; the last three are final."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Relation(StrEnum):
    """An edge of the lineage graph."""

    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"
    STITCH = "stitch"
    REFERENCE = "reference"
    REROLL = "reroll"
    RENDER = "render"


Variant = Literal["video", "thumbnail", "spritesheet"]


class Source(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a video was made from; docs/how-to/make-from-videos.md says what each relation draws.

    `from_s` and `to_s` are seconds of a source: of an extension, the part from whose end it goes on; of a
    bridge between two, where the first is left (`to_s`) and the second met (`from_s`); of a reference, its
    moment (`from_s`).
    """

    relation: Relation
    video_ids: Annotated[list[str], Meta(min_length=1, max_length=MAX_SOURCES)]
    from_s: Annotated[float, Meta(ge=0.0)] | None = None
    to_s: Annotated[float, Meta(gt=0.0)] | None = None
    strength: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None


class Steer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What shall happen, by names of the model's vocabulary; each wins over the words of the prompt."""

    motion: str | None = None
    camera: str | None = None
    time: str | None = None
    style: str | None = None


# Its length is checked by domain.videos, which has a code for that.
Prompt = Annotated[str, Meta(extra=PARAGRAPH)]


class ImageReference(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A picture by OpenAI's two ways; of them only `image_url` with a data URL is taken."""

    image_url: str | None = None
    file_id: str | None = None


class PickedPicture(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another picture of the model's library for what a phrase of the prompt names."""

    phrase: Annotated[str, Meta(min_length=1, max_length=MAX_PHRASE_CHARS, extra=PARAGRAPH)]
    picture: Annotated[str, Meta(min_length=1, max_length=MAX_PICTURE_CHARS)]


PickedPictures = Annotated[list[PickedPicture], Meta(max_length=MAX_SUBJECTS)]


class CreateVideo(RequestBody, kw_only=True):
    """`POST /v1/videos`. Length and range limits that need their own code are checked by domain.videos."""

    prompt: Prompt
    model: str | None = None
    size: str | None = None
    seconds: str | int | None = None
    tier: Tier = Tier.PREVIEW
    n: int = 1
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    cameos: Annotated[list[str], Meta(max_length=MAX_CAMEOS)] = msgspec.field(default_factory=list)
    source: Source | None = None
    steer: Steer | None = None
    input_reference: ImageReference | bytes | None = None
    # None: what was picked for its source; an empty list: nothing.
    subjects: PickedPictures | None = None


class RemixVideo(RequestBody, kw_only=True):
    """`POST /v1/videos/{id}/remix`."""

    prompt: Prompt
    n: int = 1
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    strength: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    subjects: PickedPictures | None = None


class VideoRef(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A completed video, by its id."""

    id: str


# Or the file of one, as a form carries it; JSON holds it in base64.
VideoInput = VideoRef | bytes


class EditVideo(RequestBody, kw_only=True):
    """`POST /v1/videos/edits`."""

    prompt: Prompt
    video: VideoInput
    n: int = 1
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    strength: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None


class ExtendVideo(RequestBody, kw_only=True):
    """`POST /v1/videos/extensions`; `seconds` is the length of the new clip (default: its source's)."""

    prompt: Prompt
    video: VideoInput
    seconds: str | int | None = None
    n: int = 1
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None


class UnderstoodSubject(msgspec.Struct, kw_only=True):
    """A subject of a prompt: the words as typed, and the picture that shows it.

    `name` is the library's, `picture` its id there, or `cameo:` and a cameo's. `score` is 1 for a name of it,
    0.9 for a name of something that it stands for, else the cosine of what was nearest in meaning. `picked`:
    somebody chose this picture, for this clip or for one that it was made from.
    """

    phrase: str
    name: str
    picture: str
    score: float
    picked: bool = False


class Understood(msgspec.Struct, kw_only=True):
    """What a prompt was understood to say: its subjects in order, and its scene by names of the vocabulary.

    `motion` may also be one of a composed clip: walk, run, drive, fly, swim, float, dance. `missed` are
    phrases that nothing was found for.
    """

    subjects: list[UnderstoodSubject] = []
    place: str | None = None
    time: str | None = None
    motion: str | None = None
    camera: str | None = None
    style: str | None = None
    weather: str | None = None
    missed: list[str] = []


class Recipe(msgspec.Struct, kw_only=True):
    """All that decides the pixels, beside the sources: the same recipe draws the same video.

    `prompt` is the model's own: the words as they were typed, with what `steer` asked for, and
    "someone" for a cameo. `likeness` is the cameo whose picture conditions the drawing; `repeats` how many of
    the first frames of an extension are the last ones of what it goes on from; `input_reference` says that
    the clip begins with a picture that was given.

    `understood` is what the prompt says by the model's library of pictures: the model draws the scene alone,
    which `prompt` then names, and the subjects' pictures are put into it; none: its words alone are drawn.
    `layout_seed` places the subjects; none: `seed` does.
    """

    model: str
    prompt: str
    width: int
    height: int
    frames: int
    fps: int
    seed: int
    strength: float | None = None
    likeness: str | None = None
    repeats: int | None = None
    input_reference: bool | None = None
    understood: Understood | None = None
    layout_seed: int | None = None


class Cost(msgspec.Struct, kw_only=True):
    """What it cost: credits (held until the video ends, then charged) and the CPU-seconds it took."""

    credits: int
    cpu_seconds: float | None = None


class QueuePlace(msgspec.Struct, kw_only=True):
    """Where a queued video stands (1 = next) and a guess when it starts."""

    position: int
    eta_ms: int


class Swarm(msgspec.Struct, kw_only=True):
    """The videos made by one request, in seed order."""

    id: str
    video_ids: list[str]


class Links(msgspec.Struct, kw_only=True):
    """Where to go from here; `events` is a stream name for the socket."""

    self: str
    content: str
    cancel: str
    render: str
    events: str


class Tombstone(msgspec.Struct, kw_only=True):
    """Stands where a video was: its media is deleted, and `reason` is the same whatever happened."""

    reason: str = "This video is no longer available."


class Video(ResponseBody, kw_only=True):
    """One generation and its result. With a `tombstone` it has no media any more, and no prompt.

    `size` and `seconds` are what was asked for and drawn; `file` is what its MP4 has once it is completed.
    """

    id: str
    status: Status
    progress: int
    model: str
    prompt: str
    size: str
    seconds: str
    created_at: UnixSeconds
    tier: Tier
    seed: int
    recipe: Recipe
    cost: Cost
    links: Links
    swarm: Swarm
    completed_at: UnixSeconds | None = None
    expires_at: UnixSeconds | None = None
    error: VideoError | None = None
    remixed_from_video_id: str | None = None
    queue: QueuePlace | None = None
    fidelity: float | None = None
    file: VideoFile | None = None
    cameos: list[str] = msgspec.field(default_factory=list)
    source: Source | None = None
    post_id: str | None = None
    tombstone: Tombstone | None = None
    object: str = "video"


class VideoPage(Page, kw_only=True):
    """`GET /v1/videos`."""

    data: list[Video]


class DeletedVideo(ResponseBody, kw_only=True):
    """`DELETE /v1/videos/{id}`."""

    id: str
    deleted: bool = True
    object: str = "video.deleted"


class Receipt(ResponseBody, kw_only=True):
    """What was permitted, pinned to a video: to `draw` it, or to `post` it."""

    video_id: str
    cameo_id: str
    grant_id: str | None
    revision: int
    policy_version: int
    at: UnixSeconds
    action: str = "draw"


class ReceiptList(ResponseBody, kw_only=True):
    """`GET /v1/videos/{id}/receipts`."""

    data: list[Receipt]
    object: str = "list"


class LineageNode(ResponseBody, kw_only=True):
    """One video of a lineage graph, by what the asker may see of it."""

    id: str
    prompt: str | None
    status: Status
    tier: Tier
    post_id: str | None


class LineageEdge(ResponseBody, kw_only=True):
    """`child` was made from `parent`; closeness 0..1 where both are measured."""

    parent: str
    child: str
    relation: Relation
    closeness: float | None = None


class Lineage(ResponseBody, kw_only=True):
    """The graph up and down from one video."""

    nodes: list[LineageNode]
    edges: list[LineageEdge]
    object: str = "lineage"


class ModelCard(ResponseBody, kw_only=True):
    """One entry of `/v1/models`: what it can draw, at what sizes and price, the defaults first.

    `price` is in credits for `price_seconds`; a longer video costs in proportion, rounded up.

    `conditions` says what can condition it beside words: `begin` (go on from a video), `end` (arrive at one),
    `reference` (a subject that appears). `overlap` is how many frames of a video it goes on from, at most.
    `subjects` is how many subjects its library of pictures has; 0: it has none.
    """

    id: str
    created: int
    sizes: dict[str, list[str]]
    seconds: list[str]
    fps: int
    price: dict[str, int]
    price_seconds: int = PRICE_SECONDS
    vocabulary: dict[str, dict[str, list[str]]]
    conditions: list[str] = msgspec.field(default_factory=list)
    overlap: int = 1
    subjects: int = 0
    owned_by: str = "riffle"
    object: str = "model"


class ModelList(ResponseBody, kw_only=True):
    """`GET /v1/models`."""

    data: list[ModelCard]
    object: str = "list"

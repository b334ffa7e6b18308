"""The OpenAPI document: our error shape on every operation, examples where they help, the bearer scheme."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
    Server,
)

from api.http.body import FORMS
from api.http.schema_page import SchemaPage
from schemas.accounts import CreateAccount, CreateSession
from schemas.cameos import Audience, ConsentCheck, CreateCameo, Restrictions
from schemas.errors import Code
from schemas.feed import CreatePost
from schemas.moderation import CreateAppeal, CreateReport, ReportReason
from schemas.registry import CreateRegistryGrant
from schemas.takedowns import CreateCounterNotice, CreateTakedown
from schemas.videos import CreateVideo, EditVideo, ExtendVideo, Relation, RemixVideo, Source, Steer, VideoRef

VERSION = version("riffle")
JSON = "application/json"
TEXT = Schema(type=OpenAPIType.STRING)
OPTIONAL_TEXT = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL])
ERROR = Schema(
    title="ErrorResponse",
    type=OpenAPIType.OBJECT,
    required=["error"],
    properties={
        "error": Schema(
            type=OpenAPIType.OBJECT,
            required=["code", "message", "param", "type", "request_id"],
            properties={
                "code": Schema(type=OpenAPIType.STRING, enum=[str(code) for code in Code]),
                "message": TEXT,
                "param": OPTIONAL_TEXT,
                "type": TEXT,
                "request_id": TEXT,
            },
        )
    },
)
PROBLEM = OpenAPIResponse(
    description="Anything that goes wrong, with a fitting status",
    content={JSON: OpenAPIMediaType(schema=ERROR)},
)
EXAMPLES = {
    type(example).__name__: example
    for example in (
        CreateAccount(handle="ada", password="correct horse", display_name="Ada"),
        CreateSession(handle="ada", password="correct horse"),
        CreateVideo(
            prompt="a cat on a beach",
            n=4,
            seed=7,
            source=Source(relation=Relation.EXTEND, video_ids=["video_5f0c"], to_s=1.5),
            steer=Steer(motion="jump", time="sunset"),
        ),
        RemixVideo(prompt="the same at night", n=4),
        EditVideo(prompt="the same in the rain", video=VideoRef(id="video_5f0c"), strength=0.6),
        ExtendVideo(prompt="a cat jumps on a beach", video=VideoRef(id="video_5f0c"), seconds="4"),
        CreatePost(video_id="video_5f0c", caption="over and over"),
        CreateCameo(
            display_name="Ada", audience=Audience.PEOPLE_I_APPROVE, restrictions=Restrictions(words=["gun"])
        ),
        ConsentCheck(cameos=["cameo_77aa"], prompt="a cat jumps on a beach"),
        CreateAppeal(request_id="req_5f0c", reason="Robin Hood is the name of my hamster"),
        CreateReport(kind="post", id="post_5f0c", reason=ReportReason.NO_CONSENT, note="that is my sister"),
        CreateRegistryGrant(grantee="ada", until=1_900_000_000),
        CreateTakedown(
            claimant="Grace Example",
            role="self",
            contact="grace@example.org",
            identification="My face, from the first second to the last",
            statement="I did not permit this use, and nobody may permit it for me.",
            good_faith=True,
            signature="Grace Example",
            videos=["video_5f0c"],
        ),
        CreateCounterNotice(
            statement="It shows my own cat and nobody else.",
            good_faith=True,
            signature="Ada Example",
            contact="ada@example.org",
        ),
    )
}


@dataclass
class RiffleOperation(Operation):
    """An operation whose refusals have our shape, not the framework's, and whose body has an example."""

    def __post_init__(self) -> None:
        """Replace what Litestar assumed."""
        responses = {status: found for status, found in (self.responses or {}).items() if int(status) < 400}
        self.responses = {**responses, "default": PROBLEM}
        if isinstance(self.request_body, RequestBody):
            content = self.request_body.content
            if JSON in content:
                # Whatever takes JSON takes its fields as a form.
                for form in FORMS:
                    content.setdefault(form, OpenAPIMediaType(schema=content[JSON].schema))
            for kind in (JSON, *FORMS):
                if kind in content:
                    content[kind].example = _example(content[kind].schema)


def describe(app: Litestar) -> None:
    """Put RiffleOperation on every route without one of its own; the framework is told route by route."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not issubclass(getattr(handler, "operation_class", Operation), RiffleOperation):
                handler.operation_class = RiffleOperation


def config(public_url: str = "") -> OpenAPIConfig:
    """What Litestar needs to know to write the document; `public_url` is where people reach this server."""
    return OpenAPIConfig(
        title="Riffle",
        version=VERSION,
        description="OpenAI's Videos API, with previews, remixes, a feed and consent.",
        servers=[Server(url=public_url or "/")],
        render_plugins=[SchemaPage()],
        use_handler_docstrings=True,
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
    )


def _example(schema: Schema | Reference | None) -> Any:
    # At this point components still carry the name of their module: schemas_videos_CreateVideo.
    name = schema.ref.rpartition("_")[2] if isinstance(schema, Reference) else ""
    return msgspec.to_builtins(EXAMPLES[name]) if name in EXAMPLES else None

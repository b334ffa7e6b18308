"""What docs/reference/socket.md and docs/asyncapi.yaml say is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from domain.events.resume import MAX_MISSED
from realtime import limits
from realtime.gateway import gateway
from schemas.events import PAYLOADS, EventName
from schemas.stream import (
    MAX_CLIENT_FRAME_BYTES,
    MAX_STREAMS_PER_SOCKET,
    SUBPROTOCOL,
    ClientFrame,
    GoodbyeReason,
    ServerFrame,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
WORDS = (DOCS / "reference" / "socket.md").read_text()
API: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
EXAMPLES = [
    line
    for block in re.findall(r"```json\n(.*?)```", WORDS, re.DOTALL)
    for line in block.splitlines()
    if line
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_frames(example: str) -> None:
    frame = msgspec.json.decode(example, type=ClientFrame | ServerFrame)
    assert json.loads(msgspec.json.encode(frame)) == json.loads(example)


def test_every_frame_is_described() -> None:
    for frame in (*ClientFrame.__args__, *ServerFrame.__args__):
        info = msgspec.inspect.type_info(frame)
        assert isinstance(info, msgspec.inspect.StructType)
        payload = API["components"]["messages"][info.tag]["payload"]
        assert set(payload["properties"]) == {"type", *(field.encode_name for field in info.fields)}
    described = set(API["components"]["messages"]) - {"picture"}
    assert len(described) == len(ClientFrame.__args__) + len(ServerFrame.__args__)


@pytest.mark.parametrize("name", EventName)
def test_the_data_of_every_event_is_described(name: EventName) -> None:
    kind = PAYLOADS[name]
    properties = {"name": {"const": name.value}, "data": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    assert {"properties": properties} in API["components"]["messages"]["event"]["payload"]["oneOf"]
    described = API["components"]["schemas"][kind.__name__]
    made = msgspec.json.schema_components([kind])[1][kind.__name__]
    assert described["required"] == made["required"]
    assert set(described["properties"]) == set(made["properties"])
    for field, shape in made["properties"].items():
        options = [option["type"] for option in shape["anyOf"]] if "anyOf" in shape else shape.get("type")
        # A grant is described where it is read over HTTP.
        assert described["properties"][field]["type"] == (options or "object"), field
    (row,) = [line for line in WORDS.splitlines() if line.startswith("| `") and f"`{name.value}`" in line]
    assert all(f"`{field}`" in row for field in made["required"]), row


def test_names_reasons_and_limits() -> None:
    messages = API["components"]["messages"]
    assert messages["event"]["payload"]["properties"]["name"]["enum"] == [name.value for name in EventName]
    reasons = messages["goodbye"]["payload"]["properties"]["reason"]["enum"]
    assert set(reasons) == {reason.value for reason in GoodbyeReason}
    for reason, code in gateway.CLOSE_CODES.items():
        assert f"| `{reason}` | {code} |" in WORDS
    for text in (
        f"per gateway | {limits.MAX_SOCKETS_PER_ACCOUNT} |",
        f"one socket | {MAX_STREAMS_PER_SOCKET};",
        f"a frame from you | {MAX_CLIENT_FRAME_BYTES // 1024} KiB |",
        f"time to say hello | {limits.HELLO_S:.0f} s |",
        f"resume brings | {MAX_MISSED:,} per stream |",
        f"written for {limits.STALL_S:.0f} seconds",
        f"pings every {limits.PING_EVERY_S:.0f} seconds",
        f"subprotocol `{SUBPROTOCOL}`",
    ):
        assert text in WORDS, text

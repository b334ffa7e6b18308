"""Forms as trees: bracketed keys (`source[video_ids][]`) and JSON text become nested values, files bytes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from api.http.multipart import MEDIA_TYPE, FormPart, media_type, read_parts
from schemas.errors import Code, RiffleError

# A prompt with its conditions, each letter of it escaped, has some 10 kB; undoing that goes letter by letter.
MAX_URLENCODED_BYTES = 128 * 1024
# A body of JSON may be no larger either: of many small values it takes longer than files do.
MAX_JSON_CHARS = 1024 * 1024
# 16 fields, each list with at most a few items; far more is an attack.
MAX_FORM_FIELDS = 100
MAX_DEPTH = 4
KEY = re.compile(r"(?P<name>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)")
BRACKETED = re.compile(r"\[([^\[\]]*)\]")


class _Field(NamedTuple):
    """What a field of a wire type holds: lists or objects, or (also) the bytes of a file."""

    nested: bool
    file: bool


def read_form(raw: bytes, content_type: str, body_type: Any) -> dict[str, Any]:
    """The fields of a form; values stay text for msgspec to coerce to `body_type`.

    Raises:
        RiffleError: it is no such form; body_too_large, where its texts are.
    """
    known = _fields(body_type)
    if media_type(content_type) == MEDIA_TYPE:
        parts = read_parts(raw, content_type, max_parts=MAX_FORM_FIELDS)
        # A form sends a file that nobody chose as one without a name.
        chosen = [part for part in parts if part.filename != "" or part.data]
        pairs = [(part.name, _value(part, known)) for part in chosen]
    else:
        pairs = list[tuple[str, str | bytes]](_urlencoded(raw))
    tree: dict[str, Any] = {}
    for key, value in pairs:
        # A field that was left blank wasn't filled in.
        blank = isinstance(value, str) and not value.strip()
        if not blank or key.partition("[")[0] not in known:
            _insert(tree, key, value)
    return {
        name: _decode_json(name, value) if name in known and known[name].nested else value
        for name, value in tree.items()
    }


def _urlencoded(raw: bytes) -> list[tuple[str, str]]:
    if len(raw) > MAX_URLENCODED_BYTES:
        raise RiffleError(
            Code.BODY_TOO_LARGE, f"a form of this kind has at most {MAX_URLENCODED_BYTES} bytes: send JSON"
        )
    try:
        # One byte a character, so that each field says by itself whether it is UTF-8.
        pairs = parse_qsl(
            raw.decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_FORM_FIELDS,
            encoding="latin-1",
        )
    except ValueError as wrong:
        raise RiffleError(Code.INVALID_REQUEST, f"the form is broken: {wrong}") from None
    return [_utf8_pair(*pair) for pair in pairs]


def _utf8_pair(key: str, value: str) -> tuple[str, str]:
    """A field whose characters are the bytes that were sent, as the text that they are."""
    name: str | None = None
    try:
        name = key.encode("latin-1").decode()
        return name, value.encode("latin-1").decode()
    except UnicodeDecodeError as wrong:
        raise _not_utf8(name and name.partition("[")[0], wrong) from None


def _not_utf8(name: str | None, wrong: UnicodeDecodeError) -> RiffleError:
    """`name` is that of the field; None where it's the name itself."""
    message = (
        f"{name or 'the name of a field'}: this is not UTF-8 text ({wrong.reason} at byte {wrong.start})"
    )
    return RiffleError(Code.INVALID_REQUEST, message, param=name)


def _fields(body_type: Any) -> dict[str, _Field]:
    """Every field of a wire type, and what it holds."""
    info = inspect.type_info(body_type)
    structs = [item for item in _members(info) if isinstance(item, inspect.StructType)]
    nesting = (inspect.StructType, inspect.ListType, inspect.DictType)
    return {
        field.encode_name: _Field(
            nested=any(isinstance(item, nesting) for item in _members(field.type)),
            file=any(isinstance(item, inspect.BytesType) for item in _members(field.type)),
        )
        for struct in structs
        for field in struct.fields
    }


def _members(info: inspect.Type) -> tuple[inspect.Type, ...]:
    return info.types if isinstance(info, inspect.UnionType) else (info,)


def _value(part: FormPart, known: dict[str, _Field]) -> str | bytes:
    name = part.name.partition("[")[0]
    if part.filename is None:
        try:
            return part.data.decode()
        except UnicodeDecodeError as wrong:
            raise _not_utf8(name, wrong) from None
    if name not in known:
        raise RiffleError(
            Code.UNKNOWN_FIELD, f"this request has no field `{name}` and takes no such file", param=name
        )
    if not known[name].file or name != part.name:
        raise RiffleError(Code.INVALID_REQUEST, f"`{name}` can't be a file", param=name)
    return part.data


def _insert(tree: dict[str, Any], key: str, value: str | bytes) -> None:
    match = KEY.fullmatch(key)
    path = BRACKETED.findall(match["rest"]) if match else []
    if match is None or len(path) > MAX_DEPTH or "" in path[:-1]:
        raise RiffleError(Code.UNKNOWN_FIELD, f"this request has no field `{key}`", param=key)
    listed = bool(path) and (path[-1] == "" or path[-1].isdigit())
    names = [match["name"], *(path[:-1] if listed else path)]
    for name in names[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise RiffleError(Code.INVALID_REQUEST, f"`{key}` is given in two ways", param=key)
    last = names[-1]
    if last not in tree:
        tree[last] = [value] if listed else value
    elif isinstance(tree[last], list):
        tree[last].append(value)
    elif isinstance(tree[last], str):
        tree[last] = [tree[last], value]
    else:
        raise RiffleError(Code.INVALID_REQUEST, f"`{key}` is given in two ways", param=key)


def _decode_json(name: str, value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    if len(value) > MAX_JSON_CHARS:
        raise RiffleError(Code.BODY_TOO_LARGE, f"a field has at most {MAX_JSON_CHARS} characters of JSON")
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
        raise RiffleError(Code.INVALID_JSON, f"{name}: this is not valid JSON: {wrong}", param=name) from None

"""Reads a request's body straight into its wire type: JSON, or a form as the openai SDK sends it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
from litestar import Request
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from api.http.errors import MESSAGES
from api.http.form import read_form
from api.http.multipart import INLINE_BYTES, MEDIA_TYPE, THREADS, media_type
from domain.videos.validate import check_prompt
from schemas import shown_text
from schemas.base import PATTERNS
from schemas.errors import Code, RiffleError

# The largest honest body is a prompt with its conditions, some 10 kB; more only costs memory.
MAX_BODY_BYTES = 1024 * 1024
# Integers are exact in JSON and JavaScript up to here.
MAX_INTEGER = 2**53 - 1
# Where the decoded body of a request waits.
DECODED = "riffle_decoded_body"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
AT = re.compile(r" - at `\$\.?(?P<path>.*)`\Z")
UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
PATTERN = re.compile(r"Expected `str` matching regex (?P<pattern>'.*')", re.DOTALL)
MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")


class RequestBodyDTO(AbstractDTO[Any]):
    """Decodes the `data: T` of every handler as T by msgspec; unknown fields are refused."""

    _types: ClassVar[dict[str, Any]] = {}

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Remember what a handler takes."""
        cls._types[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The wire type's own schema."""
        found: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return found

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Iterator[Any]:  # type: ignore[override]
        """Nothing: the wire type is not transformed."""
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Nothing is nested for Litestar: msgspec reads the whole."""
        return False

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the handler's type.

        Raises:
            RiffleError: it is not that.
        """
        request = self.asgi_connection
        assert isinstance(request, Request)
        if (found := _state(request).pop(DECODED, None)) is not None:
            return found
        body_type = self._types[request.route_handler.handler_id]
        content_type = request.headers.get("content-type", "")
        # A route whose forms hold files takes larger bodies, and no larger JSON.
        if len(value) > MAX_BODY_BYTES and media_type(content_type) != MEDIA_TYPE:
            raise RiffleError(Code.BODY_TOO_LARGE, MESSAGES[Code.BODY_TOO_LARGE])
        return decode(value, body_type, content_type)

    @classmethod
    async def decode_ahead(cls, request: Request[Any, Any, Any]) -> None:
        """Decode a large form beside the event loop, for `decode_bytes` to find (a `before_request` hook).

        Raises:
            RiffleError: as `decode_bytes`; busy.
        """
        body_type = cls._types.get(request.route_handler.handler_id)
        content_type = request.headers.get("content-type", "")
        if body_type is None or media_type(content_type) != MEDIA_TYPE:
            return
        raw = await request.body()
        if len(raw) > INLINE_BYTES:
            _state(request)[DECODED] = await THREADS.run(decode, raw, body_type, content_type)


def _state(request: Request[Any, Any, Any]) -> dict[str, Any]:
    state: dict[str, Any] = request.scope.setdefault("state", {})
    return state


def decode(raw: bytes, body_type: Any, content_type: str) -> Any:
    """`raw` as `body_type`, storable: no NUL, no number that JSON can't hold, texts as they are shown.

    Raises:
        RiffleError: wrong syntax, field, type or content type.
    """
    media = content_type.partition(";")[0].strip().lower()
    try:
        if media in FORMS:
            data = msgspec.convert(read_form(raw, content_type, body_type), body_type, strict=False)
        elif media in ("", "application/json") or media.endswith("+json"):
            data = msgspec.json.decode(raw, type=body_type)
        else:
            raise RiffleError(Code.UNSUPPORTED_MEDIA_TYPE, f"send application/json, not {media}")
    except msgspec.ValidationError as wrong:
        raise _validation_error(str(wrong)) from None
    except UnicodeDecodeError as wrong:
        message = f"the body is not UTF-8 text ({wrong.reason} at byte {wrong.start})"
        raise RiffleError(Code.INVALID_JSON, message) from None
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise RiffleError(Code.INVALID_JSON, f"the body is not valid JSON: {wrong}") from None
    for path, value in _scalars(msgspec.to_builtins(data, builtin_types=(bytes,)), ""):
        _check_storable(path, value)
    if isinstance(data, msgspec.Struct):
        _keep_as_shown(data)
    return data


def _validation_error(text: str) -> RiffleError:
    at = AT.search(text)
    path = at["path"] if at else ""
    text = AT.sub("", text)
    if unknown := UNKNOWN.fullmatch(text):
        field = _join(path, unknown["field"])
        return RiffleError(Code.UNKNOWN_FIELD, f"this request has no field `{field}`", param=field)
    if missing := MISSING.fullmatch(text):
        field = _join(path, missing["field"])
        return RiffleError(Code.INVALID_REQUEST, f"the field `{field}` is missing", param=field)
    if pattern := PATTERN.fullmatch(text):
        text = f"takes {PATTERNS[ast.literal_eval(pattern['pattern'])]}"
    return RiffleError(Code.INVALID_REQUEST, f"{path or 'the body'}: {text}", param=path or None)


def _scalars(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(item, _join(path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _scalars(item, f"{path}[{number}]")
    else:
        yield path, value


def _check_storable(path: str, value: Any) -> None:
    """Refuse what PostgreSQL can't store."""
    if isinstance(value, str) and "\0" in value:
        raise RiffleError(Code.INVALID_REQUEST, f"{path} holds a NUL character", param=path)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        code = Code.INVALID_N if path == "n" else Code.INVALID_REQUEST
        raise RiffleError(code, f"{path} is out of range", param=path)
    if isinstance(value, float) and not math.isfinite(value):
        raise RiffleError(Code.INVALID_REQUEST, f"{path} must be a finite number", param=path)


def _keep_as_shown(body: msgspec.Struct) -> None:
    """Put every text of a body into the form that it is seen in.

    Raises:
        RiffleError: invalid_request, for one that schemas.shown_text refuses or that is too short then;
            prompt_too_long.
    """
    for place in shown_text.places(body):
        if len(place.text) > shown_text.MAX_CHARS:
            # Only prompts have no bound in their type: theirs has a code of its own.
            check_prompt(place.text)
        try:
            text = shown_text.shown(place.text, place.kind)
        except shown_text.BadText as wrong:
            raise RiffleError(Code.INVALID_REQUEST, f"{place.path}: {wrong}", param=place.path) from None
        if len(text) < place.min_length:
            least = f"{place.path} takes {place.min_length} characters or more"
            raise RiffleError(Code.INVALID_REQUEST, least, param=place.path)
        place.put(text)


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field

"""Bodies: JSON and forms become the same wire types, and nonsense becomes one clear refusal."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from api.http.body import decode
from schemas.accounts import CreateAccount
from schemas.cameos import RequestCameo
from schemas.errors import Code, RiffleError
from schemas.shown_text import MAX_CHARS
from schemas.takedowns import CreateTakedown
from schemas.videos import CreateVideo, Relation, RemixVideo, Source

BOUNDARY = "----riffle"


def multipart(*parts: tuple[str, str], filename: str | None = None) -> tuple[bytes, str]:
    """A form as clients encode it; `filename` makes the last part a file."""
    lines = []
    for number, (name, value) in enumerate(parts):
        extra = f'; filename="{filename}"' if filename is not None and number == len(parts) - 1 else ""
        lines.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'
        )
    return ("".join(lines) + f"--{BOUNDARY}--\r\n").encode(), f"multipart/form-data; boundary={BOUNDARY}"


def refusal(raw: bytes, kind: Any = CreateVideo, content_type: str = "application/json") -> RiffleError:
    with pytest.raises(RiffleError) as caught:
        decode(raw, kind, content_type)
    return caught.value


FULL = CreateVideo(
    prompt="a cat",
    n=3,
    seed=7,
    seconds="2",
    cameos=["cameo_1", "cameo_2"],
    source=Source(relation=Relation.REMIX, video_ids=["video_1"], strength=0.5),
)


def test_a_form_with_bracketed_keys_is_the_same_request_as_json() -> None:
    raw, content_type = multipart(
        ("prompt", "a cat"),
        ("n", "3"),
        ("seed", "7"),
        ("seconds", "2"),
        ("cameos[]", "cameo_1"),
        ("cameos[]", "cameo_2"),
        ("source[relation]", "remix"),
        ("source[video_ids][]", "video_1"),
        ("source[strength]", "0.5"),
    )
    assert decode(raw, CreateVideo, content_type) == FULL
    assert decode(msgspec.json.encode(FULL), CreateVideo, "application/json; charset=utf-8") == FULL


def test_a_form_with_json_text_and_repeated_or_numbered_keys_is_the_same_request_too() -> None:
    raw, content_type = multipart(
        ("prompt", "a cat"),
        ("n", "3"),
        ("seed", "7"),
        ("seconds", "2"),
        ("cameos[0]", "cameo_1"),
        ("cameos[1]", "cameo_2"),
        ("source", '{"relation": "remix", "video_ids": ["video_1"], "strength": 0.5}'),
    )
    assert decode(raw, CreateVideo, content_type) == FULL
    urlencoded = b"prompt=a+cat&n=3&seed=7&seconds=2&cameos=cameo_1&cameos=cameo_2&source=" + (
        b"%7B%22relation%22%3A%22remix%22%2C%22video_ids%22%3A%5B%22video_1%22%5D%2C%22strength%22%3A0.5%7D"
    )
    assert decode(urlencoded, CreateVideo, "application/x-www-form-urlencoded") == FULL


def test_text_that_looks_like_json_stays_text_in_a_text_field() -> None:
    raw, content_type = multipart(("prompt", '{"not": "json"}'))
    assert decode(raw, CreateVideo, content_type).prompt == '{"not": "json"}'
    raw, content_type = multipart(("prompt", "5"))
    assert decode(raw, CreateVideo, content_type).prompt == "5"


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b"", Code.INVALID_JSON, None),
        (b"{", Code.INVALID_JSON, None),
        (b'{"prompt": "a"} x', Code.INVALID_JSON, None),
        (b'{"prompt": "\xff"}', Code.INVALID_JSON, None),
        (b'{"prompt": "\\ud800"}', Code.INVALID_JSON, None),
        (b'{"prompt": "a", "n": NaN}', Code.INVALID_JSON, None),
        (b"[" * 100_000, Code.INVALID_REQUEST, None),
        (b'{"prompt": ' + b"[" * 100_000, Code.INVALID_REQUEST, "prompt"),
        (b'{"prompt": "a", "source": ' + b'{"relation": ' * 100_000, Code.INVALID_REQUEST, "source.relation"),
        (b"[]", Code.INVALID_REQUEST, None),
        (b"null", Code.INVALID_REQUEST, None),
        (b"{}", Code.INVALID_REQUEST, "prompt"),
        (b'{"prompt": 5}', Code.INVALID_REQUEST, "prompt"),
        (b'{"prompt": "a", "n": "3"}', Code.INVALID_REQUEST, "n"),
        (b'{"prompt": "a", "n": 1e400}', Code.INVALID_REQUEST, "n"),
        (b'{"prompt": "a", "n": 99999999999999999999999}', Code.INVALID_N, "n"),
        (b'{"prompt": "a", "seed": -1}', Code.INVALID_REQUEST, "seed"),
        (b'{"prompt": "a", "seconds": 99999999999999999999}', Code.INVALID_REQUEST, "seconds"),
        (b'{"prompt": "a\\u0000b"}', Code.INVALID_REQUEST, "prompt"),
        (b'{"prompt": "a", "cameos": ["b", "c\\u0000"]}', Code.INVALID_REQUEST, "cameos[1]"),
        (b'{"prompt": "a", "promt": "b"}', Code.UNKNOWN_FIELD, "promt"),
        (
            b'{"prompt": "a", "source": {"relation": "remix", "video_ids": ["v"], "x": 1}}',
            Code.UNKNOWN_FIELD,
            "source.x",
        ),
        (b'{"prompt": "a", "source": {"relation": "remix"}}', Code.INVALID_REQUEST, "source.video_ids"),
        (b'{"prompt": "a", "tier": "best"}', Code.INVALID_REQUEST, "tier"),
    ],
)
def test_json_that_is_refused(raw: bytes, code: Code, param: str | None) -> None:
    problem = refusal(raw)
    assert (problem.code, problem.param) == (code, param), problem.message


@pytest.mark.parametrize(
    ("parts", "code", "param"),
    [
        ([("prompt", "a"), ("n", "three")], Code.INVALID_REQUEST, "n"),
        ([("prompt", "a"), ("n", "9" * 40)], Code.INVALID_N, "n"),
        ([("prompt", "a"), ("prompt", "b")], Code.INVALID_REQUEST, "prompt"),
        ([("prompt", "a\0")], Code.INVALID_REQUEST, "prompt"),
        ([("prompt", "a"), ("what", "b")], Code.UNKNOWN_FIELD, "what"),
        ([("prompt", "a"), ("source[strength]", "nan")], Code.INVALID_REQUEST, None),
        ([("prompt", "a"), ("source", "{")], Code.INVALID_JSON, "source"),
        ([("prompt", "a"), ("source", "[" * 50_000)], Code.INVALID_JSON, None),
        ([("prompt", "a"), ("source[a][b][c][d][e]", "x")], Code.UNKNOWN_FIELD, "source[a][b][c][d][e]"),
        ([("prompt", "a"), ("]", "x")], Code.UNKNOWN_FIELD, "]"),
        (
            [("prompt", "a"), ("source", "x"), ("source[relation]", "remix")],
            Code.INVALID_REQUEST,
            "source[relation]",
        ),
        ([("prompt", "a"), ("source[relation]", "remix"), ("source", "x")], Code.INVALID_REQUEST, "source"),
    ],
)
def test_forms_that_are_refused(parts: list[tuple[str, str]], code: Code, param: str | None) -> None:
    raw, content_type = multipart(*parts)
    problem = refusal(raw, content_type=content_type)
    assert problem.code == code, problem.message
    assert param is None or problem.param == param


def test_a_file_is_refused_by_name() -> None:
    raw, content_type = multipart(("prompt", "a"), ("poster", "PNG"), filename="a.png")
    problem = refusal(raw, content_type=content_type)
    assert (problem.code, problem.param) == (Code.UNKNOWN_FIELD, "poster")
    raw, content_type = multipart(("prompt", "a"), filename="a.txt")
    assert refusal(raw, content_type=content_type).param == "prompt"


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary="),
        (b"x", f"multipart/form-data; boundary={BOUNDARY}"),
        (multipart(("prompt", "a"))[0][:-20], f"multipart/form-data; boundary={BOUNDARY}"),
        (multipart(*[("prompt", "a")] * 200)[0], f"multipart/form-data; boundary={BOUNDARY}"),
        (b"prompt=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join([b"prompt=a"] * 200), "application/x-www-form-urlencoded"),
    ],
)
def test_broken_forms_are_refused(raw: bytes, content_type: str) -> None:
    assert refusal(raw, content_type=content_type).code in (Code.INVALID_REQUEST, Code.INVALID_JSON)


@pytest.mark.parametrize(
    ("raw", "content_type", "param"),
    [
        (
            multipart(("n", "1"), ("prompt", "a?"))[0].replace(b"a?", b"a\xff"),
            f"multipart/form-data; boundary={BOUNDARY}",
            "prompt",
        ),
        (
            multipart(("prompt", "a"), ("source[relation]", "a?"))[0].replace(b"a?", b"a\xff"),
            f"multipart/form-data; boundary={BOUNDARY}",
            "source",
        ),
        (b"n=1&prompt=a%ff", "application/x-www-form-urlencoded", "prompt"),
        (b"n=1&prompt=a\xff", "application/x-www-form-urlencoded", "prompt"),
        (b"prompt=a&%ff=1", "application/x-www-form-urlencoded", None),
    ],
)
def test_text_that_is_not_utf8_is_called_so(raw: bytes, content_type: str, param: str | None) -> None:
    problem = refusal(raw, content_type=content_type)
    assert (problem.code, problem.param) == (Code.INVALID_REQUEST, param)
    assert "not UTF-8" in problem.message
    assert "JSON" not in problem.message


def test_a_body_of_json_that_is_not_utf8_is_called_so() -> None:
    problem = refusal(b'{"prompt": "\xff"}')
    assert problem.code == Code.INVALID_JSON
    assert "not UTF-8" in problem.message


@pytest.mark.parametrize("raw", ["prompt=ä%C3%A4+%2B".encode(), b"prompt=%C3%A4%c3%a4+%2b"])
def test_escaped_and_plain_bytes_of_a_form_are_one_text(raw: bytes) -> None:
    assert decode(raw, CreateVideo, "application/x-www-form-urlencoded").prompt == "ää +"


def test_another_content_type_is_refused() -> None:
    assert refusal(b"prompt: a", content_type="text/yaml").code is Code.UNSUPPORTED_MEDIA_TYPE


def test_optional_bodies_may_be_empty_objects() -> None:
    assert decode(b"{}", RequestCameo | None, "application/json") == RequestCameo()
    assert decode(b'{"prompt": "b"}', RemixVideo, "") == RemixVideo(prompt="b")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_form_fields_that_were_left_blank_are_absent(content_type: str) -> None:
    fields = {
        "prompt": "a fox",
        "n": "",
        "seed": "",
        "model": "",
        "seconds": "",
        "cameos[]": "",
        "source[relation]": "",
    }
    raw = urlencode(fields).encode()
    if "multipart" in content_type:
        raw = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        raw += (
            b'--x\r\nContent-Disposition: form-data; name="input_reference"; filename=""\r\n\r\n\r\n--x--\r\n'
        )
    found = decode(raw, CreateVideo, content_type)
    assert found == CreateVideo(prompt="a fox")
    with pytest.raises(RiffleError) as refused:
        decode(b"prompt=", CreateVideo, "application/x-www-form-urlencoded")
    assert refused.value.param == "prompt"
    with pytest.raises(RiffleError) as unknown:
        decode(b"prompt=a&nothing=", CreateVideo, "application/x-www-form-urlencoded")
    assert unknown.value.code is Code.UNKNOWN_FIELD


def test_a_text_that_no_field_takes_is_not_looked_through() -> None:
    """What is wrong inside of it would be found first, and take as long as a stranger likes."""
    raw = msgspec.json.encode({"prompt": "\u202e" * (MAX_CHARS + 1)})
    assert refusal(raw).code is Code.PROMPT_TOO_LONG


def test_what_takes_long_to_take_apart_is_bounded() -> None:
    letters = urlencode({"prompt": "\u00e9" * 1000})
    assert (
        decode(letters.encode(), CreateVideo, "application/x-www-form-urlencoded").prompt == "\u00e9" * 1000
    )
    for raw, content_type in (
        (b"prompt=" + b"%41" * 50_000, "application/x-www-form-urlencoded"),
        multipart(("prompt", "a cat"), ("cameos", "[" + '"a",' * 300_000 + '"a"]')),
    ):
        assert refusal(raw, content_type=content_type).code is Code.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("body_type", "body", "words"),
    [
        (
            CreateAccount,
            {"handle": "Ada Example", "password": "x" * 12},
            "handle: takes 3 to 30 of a-z, 0-9, _",
        ),
        (
            CreateTakedown,
            {"claimant": "Grace", "role": "self", "contact": "nowhere"},
            "contact: takes an e-mail address or a telephone number",
        ),
    ],
)
def test_a_pattern_is_told_in_words(body_type: Any, body: dict[str, Any], words: str) -> None:
    with pytest.raises(RiffleError) as refused:
        decode(msgspec.json.encode(body), body_type, "application/json")
    assert refused.value.message == words


def test_a_file_with_nothing_in_it_is_not_a_field_that_was_left_blank() -> None:
    def form(disposition: str) -> Any:
        raw = (
            b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fox\r\n--b\r\n'
            + f'Content-Disposition: form-data; name="input_reference"; {disposition}\r\n\r\n'.encode()
            + b"\r\n--b--\r\n"
        )
        return decode(raw, CreateVideo, "multipart/form-data; boundary=b").input_reference

    # A browser sends a file that nobody chose as one without a name.
    assert form('filename=""') is None
    assert form('filename="empty.png"') == b""


def test_blanks_alone_are_a_field_that_was_left_blank() -> None:
    video = decode(b"prompt=a+fox&seconds=+&size=%20%0A", CreateVideo, "application/x-www-form-urlencoded")
    assert (video.seconds, video.size) == (None, None)

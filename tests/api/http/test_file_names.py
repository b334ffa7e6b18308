"""Names of saved files: readable, safe in a header and on a disk, in any script."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest

from api.http.file_names import content_disposition


@pytest.mark.parametrize(
    ("words", "name", "wide"),
    [
        ("A fox jumps in a forest, at night!", "a-fox-jumps-in-a-forest-at-night-0123abcd.mp4", None),
        ("Ein Füchslein", "ein-fuchslein-0123abcd.mp4", "ein-füchslein-0123abcd.mp4"),
        ("きつね", "riffle-0123abcd.mp4", "きつね-0123abcd.mp4"),
        ('"; filename="evil.exe', "filename-evil-exe-0123abcd.mp4", None),
        ("../../etc/passwd\r\nset-cookie: a=b", "etc-passwd-set-cookie-a-b-0123abcd.mp4", None),
        ("a\u202e\u200bcat", "a-cat-0123abcd.mp4", None),
        ("", "riffle-0123abcd.mp4", None),
        ("🦊", "riffle-0123abcd.mp4", None),
        ("cat " * 100, f"{'cat-' * 15}0123abcd.mp4", None),
    ],
)
def test_a_name_says_what_it_is(words: str, name: str, wide: str | None) -> None:
    header = content_disposition(words, "video_5f0c0123abcd", "mp4")
    assert header.isascii()
    assert not set(header) & set("\r\n")
    message = Message()
    message["content-disposition"] = header
    assert message.get_content_disposition() == "inline"
    assert f'filename="{name}"' in header
    assert message.get_filename() == name
    _, star, encoded = header.partition("; filename*=UTF-8''")
    assert (unquote(encoded) if star else None) == wide

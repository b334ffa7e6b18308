"""A digest of code that changes with what it does, and not with what only its readers and checkers see.

That is comments, docstrings, annotations and the imports that they need. Nor does Python's version count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
# Fields that hold annotations, and modules that only annotations need.
ANNOTATIONS = ("annotation", "returns", "type_comment")
TYPES = ("typing", "collections.abc")


def code_digest(patterns: Iterable[str], folder: Path = HERE) -> str:
    """First 16 hex digits of the SHA-256 over the syntax of the files that match, in order of their paths."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        digest.update(path.relative_to(folder).as_posix().encode())
        for token in _tokens(ast.parse(path.read_text())):
            digest.update(token.encode() + b"\0")
    return digest.hexdigest()[:16]


def _tokens(node: ast.AST) -> Iterator[str]:
    """A node's kind, then its fields; those that are empty are left out, since versions differ in them."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name in ANNOTATIONS:
            continue
        items = value if isinstance(value, list) else [value]
        if name == "body" and _is_docstring(items):
            items = items[1:]
        # A class body's annotations stay, without their types: they may be the fields of a dataclass.
        if not isinstance(node, ast.ClassDef):
            items = [_without_annotation(item) for item in items]
        for item in items:
            if isinstance(item, ast.AST):
                yield name
                yield from _tokens(item)
            elif item is not None:
                yield f"{name}={item!r}"
    yield "end"


def _without_annotation(item: object) -> object:
    """A statement without the type that it notes; None for one that does nothing else."""
    if isinstance(item, ast.AnnAssign):
        return None if item.value is None else ast.Assign([item.target], item.value)
    if isinstance(item, ast.ImportFrom) and item.module in TYPES:
        return None
    return item


def _is_docstring(body: list[object]) -> bool:
    first = body[0] if body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )

"""Serves the page: the files of web/, each at its own address."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from api.http.etags import Preconditions

INDEX = "index.html"
# Asked for again on every visit, answered by 304 while it is the same.
CACHE = "no-cache"


def page_handlers(folder: Path) -> list[HTTPRouteHandler]:
    """One handler for every file that `folder` holds now, so no address can reach outside it."""
    files = {
        f"/{path.relative_to(folder).as_posix()}": path for path in sorted(folder.rglob("*")) if _shown(path)
    }
    if f"/{INDEX}" in files:
        files["/"] = files[f"/{INDEX}"]
    if not files:
        return []

    @route(sorted(files), http_method=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        """A file of the page."""
        return _file(request, files[request.scope["path"]])

    return [page]


def _shown(path: Path) -> bool:
    return (
        path.is_file()
        and path.suffix != ".py"
        and not path.name.startswith(".")
        and "__pycache__" not in path.parts
    )


def _file(request: Request[Any, Any, Any], path: Path) -> Response[bytes]:
    data = path.read_bytes()
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": CACHE}
    if Preconditions.of(request).has_newest(etag):
        return Response(b"", status_code=304, headers=headers)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(data, headers=headers, media_type=kind)

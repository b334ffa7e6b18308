"""The page at /schema: a viewer that comes with the repository, under the same policy as every other page."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

# swagger-ui-dist of npm at this version, as it is published but for the links to its source maps.
VIEWER = "/vendor/swagger-ui-5.35.0"
PAGE = f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Riffle: the API</title>
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="{VIEWER}/swagger-ui.css">
  <script defer src="{VIEWER}/swagger-ui-bundle.js"></script>
  <script defer src="/schema_viewer.js"></script>
</head>
<body><div id="viewer"></div></body>
</html>
"""


class SchemaPage(OpenAPIRenderPlugin):
    """Serves the viewer, whose scripts are files of web/."""

    def __init__(self) -> None:
        super().__init__(path="/viewer")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page; it fetches the document by itself."""
        return PAGE.encode()

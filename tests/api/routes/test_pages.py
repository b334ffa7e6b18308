"""The page's files at their addresses."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from settings import load
from tests.api.conftest import FixedCards
from tests.api.people import refused


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "icons").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><p>hello</p>")
    (folder / "app.js").write_text("export {}")
    (folder / "icons" / "a.svg").write_text("<svg/>")
    (folder / "__init__.py").write_text("secret = 1")
    (folder / ".hidden").write_text("secret")
    return folder


async def test_files_with_types_tags_and_nothing_else(web: Path, tmp_path: Path) -> None:
    app = create_app(load({"RIFFLE_HOME": str(tmp_path)}), cards=FixedCards(), web=web)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        page = await client.get("/")
        assert page.text == "<!doctype html><p>hello</p>"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-cache"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert (await client.get("/app.js")).headers["content-type"].startswith("text/javascript")
        assert (await client.get("/icons/a.svg")).headers["content-type"] == "image/svg+xml"
        assert (await client.head("/")).headers["etag"] == page.headers["etag"]
        same = await client.get("/", headers={"if-none-match": page.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        (web / "index.html").write_text("<!doctype html><p>new</p>")
        assert (await client.get("/", headers={"if-none-match": page.headers["etag"]})).status_code == 200
        for address in ("/__init__.py", "/.hidden", "/../pyproject.toml", "/%2e%2e/pyproject.toml", "/icons"):
            refused(await client.get(address), 404, "not_found")


async def test_an_api_without_a_page(tmp_path: Path) -> None:
    app = create_app(load({"RIFFLE_HOME": str(tmp_path)}), cards=FixedCards(), web=tmp_path / "none")
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        refused(await client.get("/"), 404, "not_found")
        assert (await client.get("/health")).json() == {"status": "ok"}


async def test_the_schema_page_runs_nothing_from_elsewhere(anyone: httpx.AsyncClient) -> None:
    page = await anyone.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    start = (await anyone.get("/")).headers["content-security-policy"]
    assert page.headers["content-security-policy"] == start
    assert "unsafe" not in start
    assert "://" not in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 4
    for address in files:
        assert (await anyone.get(address)).status_code == 200, address
    assert (await anyone.get("/schema/openapi.json")).json()["info"]["title"] == "Riffle"


async def test_the_schema_says_which_bodies_are_files(anyone: httpx.AsyncClient) -> None:
    paths = (await anyone.get("/schema/openapi.json")).json()["paths"]
    content = paths["/v1/videos/{video_id}/content"]["get"]
    assert set(content["responses"]) == {"200", "206", "304", "default"}
    assert set(content["responses"]["206"]["content"]) == {"video/mp4", "image/webp", "image/jpeg"}
    asked = {field["name"] for field in content["parameters"] if field["in"] == "header"}
    assert asked == {"Range", "If-Range", "If-None-Match", "If-Match"}
    shown = paths["/v1/cameos/{cameo_id}/reference"]["get"]["responses"]["200"]["content"]
    assert set(shown) == {"image/webp", "video/mp4"}
    for path, method in (("/v1/provenance", "post"), ("/v1/cameos/{cameo_id}/proof", "put")):
        assert set(paths[path][method]["requestBody"]["content"]) == {"video/mp4", "multipart/form-data"}
    taken = paths["/v1/videos"]["post"]["requestBody"]["content"]
    assert set(taken) == {"application/json", "multipart/form-data", "application/x-www-form-urlencoded"}

"""One model server with the real engines for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.model_server.server import Server
from tests.product import ModelFolders


@pytest.fixture(scope="session")
def server(model_folders: ModelFolders, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server whose engines are both loaded."""
    running = Server(tmp_path_factory.mktemp("models"), model_folders.teacher, model_folders.bundle)
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.stop()

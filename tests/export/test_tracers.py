"""Without the extra, an export says in one line how to install it."""

from __future__ import annotations

import sys

import pytest

from export.errors import ExportError
from export.tracers import check_tracers


def test_without_the_packages_for_tracing_one_line_says_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_tracers()
    # What Python keeps of a module that can't be imported.
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match="make export-extra") as caught:
        check_tracers()
    assert "onnxscript can't be found" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1

"""Finds a Chromium for the page tests, or installs one: Debian's package, else Playwright's own build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

DEBIAN = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """The path of an installed Chromium, or None where only Playwright's own may exist."""
    return next((path for name in DEBIAN if (path := shutil.which(name))), None)


def install() -> None:
    """Make sure that some Chromium is there.

    Raises:
        SystemExit: neither way worked; the text says what to do.
    """
    if find():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("installing Debian's chromium for the page tests", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]
        if find():
            return
    print("installing Playwright's chromium for the page tests", flush=True)
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode:
        raise SystemExit(
            "no Chromium for the page tests: install the package `chromium`, then run make again"
        )


if __name__ == "__main__":
    install()

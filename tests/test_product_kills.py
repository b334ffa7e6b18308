"""The product, killed again and again while people draw, delete and revoke: all media are accounted for."""

from __future__ import annotations

import contextlib
import os
import random
import time
import urllib.error
from pathlib import Path

import pytest

from tests.product import Product, run_riffle

KILLS = int(os.environ.get("RIFFLE_TEST_KILLS", "50"))


def verify(product: Product, tmp_path: Path) -> None:
    done = run_riffle(tmp_path, "media", "verify", RIFFLE_HOME=str(product.home))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_no_media_is_orphaned_or_missing_whenever_it_is_killed(product: Product, tmp_path: Path) -> None:
    chance = random.Random(1)
    token = product.wait_until_up()
    face = product.call("POST", "/v1/cameos", {"display_name": "Me", "audience": "only_me"}, token)[1]
    videos: list[str] = []

    def act() -> None:
        # A killed api answers nothing for a moment.
        with contextlib.suppress(urllib.error.URLError, OSError):
            cameos = [face["id"]] if chance.random() < 0.5 else []
            asked = {"prompt": "a cat on a beach", "n": 4, "cameos": cameos}
            status, made = product.call("POST", "/v1/videos", asked, token)
            if status == 200:
                videos.extend(made["swarm"]["video_ids"])
            time.sleep(chance.random() * 1.5)
            for video in chance.sample(videos, min(2, len(videos))):
                if chance.random() < 0.5:
                    product.call("DELETE", f"/v1/videos/{video}", token=token)
                else:
                    product.call("DELETE", f"/v1/cameos/{face['id']}/uses/{video}", token=token)

    for number in range(KILLS):
        act()
        product.kill(chance.choice(("realtime", "realtime", "api", "models")))
        if number % 10 == 9:
            verify(product, tmp_path)
    product.wait_until_up()
    for video in videos:
        status, _ = product.call("GET", f"/v1/videos/{video}", token=token)
        if status == 200:
            product.wait(video, token)
    verify(product, tmp_path)

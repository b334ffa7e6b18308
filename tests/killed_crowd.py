"""People who draw, delete and revoke at once, for the test that kills the product meanwhile."""

from __future__ import annotations

import http.client
import io
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from PIL import Image

from tests import clips
from tests.product import Product

MODES = ("block_new", "hide_posts", "tombstone")
# What a client meets while a part is killed and comes back.
CUT_OFF = (urllib.error.URLError, OSError, http.client.HTTPException, ValueError)
# A person's videos: enough to choose from, few enough that deletions meet what is being drawn.
MAX_VIDEOS = 12
# So that some of what they ask for is drawn before they delete it.
PAUSE_S = 1.0


class Record:
    """What was done, how often; `ids` of which the product has said that they are gone, media and all."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.acts: dict[str, int] = {}
        self.broken: list[str] = []

    def has(self, act: str) -> bool:
        """Whether an act, in any of its modes, was done."""
        return any(done.startswith(act) for done in self.acts)


class Person:
    """Somebody who does one thing after another; `seed` decides which."""

    def __init__(self, product: Product, seed: int, cameos: list[str], record: Record) -> None:
        """`cameos` are those of all persons that anybody may use."""
        self._product = product
        self._chance = random.Random(seed)
        self._pictures = seed * 1000
        self._cameos = cameos
        self._record = record
        self._token = ""
        self._own: str | None = None
        self._videos: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Act until `stop` is set."""
        acts: list[tuple[float, Callable[[], str | None]]] = [
            (3, self._draw),
            (3, self._remix),
            (3, self._delete),
            (2, self._cancel),
            (2, self._take_out),
            (3, self._post),
            (2, self._give_picture),
            (1, self._take_picture_back),
            (1, self._prove),
            (1, self._revoke_person),
            (2, self._revoke_cameo),
            (0.3, self._leave),
        ]
        weights = [weight for weight, _ in acts]
        while not stop.is_set():
            (_, act) = self._chance.choices(acts, weights)[0]
            undone = [other for _, other in acts if not self._record.has(other.__name__[1:])]
            if undone and self._chance.random() < 0.3:
                act = self._chance.choice(undone)
            try:
                done = act() if self._token or self._begin() else None
            except CUT_OFF:
                done = None
            except AssertionError as broken:
                self._record.broken.append(f"{act.__name__}: {broken}")
                return
            if done is not None:
                self._record.acts[done] = self._record.acts.get(done, 0) + 1
            time.sleep(self._chance.random() * PAUSE_S)

    def finish(self) -> None:
        """Wait until nothing that is left of this person's is being drawn."""
        for video in self._videos:
            status, _ = self._product.call("GET", f"/v1/videos/{video}", token=self._token)
            if status == 200:
                self._product.wait(video, self._token)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        """The reply; None where it was refused. What breaks in the product is no refusal."""
        status, reply = self._product.call(method, path, body, self._token)
        assert status < 500 or status == 503, (method, path, status, reply)
        return reply if status < 300 else None

    def _upload(self, path: str, kind: str, data: bytes) -> bool:
        request = urllib.request.Request(
            self._product.url + path,
            data,
            {"content-type": kind, "authorization": f"Bearer {self._token}"},
            method="PUT",
        )
        status = 200
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as refusal:
            status = refusal.code
        assert status < 500 or status == 503, (path, status)
        return status == 200

    def _begin(self) -> bool:
        handle = f"p{uuid4().hex[:12]}"
        made = self._call("POST", "/v1/accounts", {"handle": handle, "password": uuid4().hex})
        self._token = made["session"]["access_token"] if made else ""
        self._own, self._videos = None, []
        return bool(made)

    def _cameo(self) -> str | None:
        if self._own is None:
            made = self._call("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})
            if made:
                self._own = made["id"]
                self._cameos.append(made["id"])
        return self._own

    def _video(self) -> str | None:
        return self._chance.choice(self._videos) if self._videos else None

    def _drawn(self, made: Any) -> bool:
        if not made:
            return False
        self._videos.extend((made.get("swarm") or {}).get("video_ids") or [made["id"]])
        while len(self._videos) > MAX_VIDEOS:
            self._remove(self._videos[0])
        return True

    def _remove(self, video: str) -> bool:
        gone = bool(self._call("DELETE", f"/v1/videos/{video}"))
        if gone:
            self._record.ids.add(video)
        self._videos.remove(video)
        return gone

    def _draw(self) -> str | None:
        cameos = [cameo for cameo in [self._cameo()] if cameo and self._chance.random() < 0.6]
        if self._cameos and self._chance.random() < 0.4:
            cameos = [self._chance.choice(self._cameos)]
        asked: dict[str, Any] = {"prompt": "a cat on a beach", "n": self._chance.randint(1, 2)}
        made = self._call("POST", "/v1/videos", {**asked, "cameos": cameos})
        return "draw" if self._drawn(made) else None

    def _completed(self) -> str | None:
        found = self._call("GET", "/v1/videos?limit=50") or {"data": []}
        done = [video["id"] for video in found["data"] if video["status"] == "completed"]
        return self._chance.choice(done) if done else None

    def _remix(self) -> str | None:
        if (video := self._completed()) is None:
            return None
        made = self._call("POST", f"/v1/videos/{video}/remix", {"prompt": "a dog in a city"})
        return "remix" if self._drawn(made) else None

    def _delete(self) -> str | None:
        video = self._video()
        return "delete" if video is not None and self._remove(video) else None

    def _cancel(self) -> str | None:
        video = self._video()
        return "cancel" if video and self._call("POST", f"/v1/videos/{video}/cancel") else None

    def _take_out(self) -> str | None:
        """Delete a video with the own cameo, whoever made it."""
        uses = self._own and self._call("GET", f"/v1/cameos/{self._own}/uses")
        if not uses or not uses["data"]:
            return None
        video = self._chance.choice(uses["data"])["video_id"]
        if not self._call("DELETE", f"/v1/cameos/{self._own}/uses/{video}"):
            return None
        self._record.ids.add(video)
        return "take_out"

    def _post(self) -> str | None:
        video = self._completed()
        return "post" if video and self._call("POST", "/v1/posts", {"video_id": video}) else None

    def _give_picture(self) -> str | None:
        if (cameo := self._cameo()) is None:
            return None
        self._pictures += 1
        picture = io.BytesIO()
        Image.fromarray(clips.scene(self._pictures, 1, 96)[0]).save(picture, "JPEG")
        given = self._upload(f"/v1/cameos/{cameo}/reference", "image/jpeg", picture.getvalue())
        return "give_picture" if given else None

    def _take_picture_back(self) -> str | None:
        taken = self._own and self._call("DELETE", f"/v1/cameos/{self._own}/reference")
        return "take_picture_back" if taken else None

    def _prove(self) -> str | None:
        if (cameo := self._cameo()) is None:
            return None
        self._pictures += 1
        sent = self._upload(f"/v1/cameos/{cameo}/proof", "video/mp4", clips.proof(self._pictures))
        return "prove" if sent else None

    def _revoke_person(self) -> str | None:
        """Everybody but one person, whose videos are deleted."""
        other = self._chance.choice(self._cameos) if self._cameos else None
        owner = other and self._call("GET", f"/v1/cameos/{other}")
        if not owner or self._own is None or other == self._own:
            return None
        asked = {"mode": self._chance.choice(MODES), "grantee": owner["owner"]}
        return "revoke_person" if self._call("POST", f"/v1/cameos/{self._own}/revoke", asked) else None

    def _revoke_cameo(self) -> str | None:
        if self._own is None:
            return None
        undone = [mode for mode in MODES if f"revoke_cameo_{mode}" not in self._record.acts]
        cameo, mode = self._own, self._chance.choice(undone or MODES)
        uses = self._call("GET", f"/v1/cameos/{cameo}/uses")
        if not self._call("POST", f"/v1/cameos/{cameo}/revoke", {"mode": mode}):
            return None
        self._own = None
        self._cameos.remove(cameo)
        if mode == "tombstone":
            self._record.ids |= {cameo, *(use["video_id"] for use in (uses or {"data": []})["data"])}
        return f"revoke_cameo_{mode}"

    def _leave(self) -> str | None:
        if not self._call("DELETE", "/v1/me"):
            return None
        self._record.ids |= {*self._videos, *([self._own] if self._own else [])}
        if self._own in self._cameos:
            self._cameos.remove(self._own)
        self._token, self._videos, self._own = "", [], None
        return "leave"

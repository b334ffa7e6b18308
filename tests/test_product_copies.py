"""What was drawn of somebody here becomes nobody else's likeness: over the real product."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from openai import OpenAI
from PIL import Image, ImageOps

from tests import clips
from tests.product import Product
from tests.test_product import frames_of

JPEG, MP4 = "image/jpeg", "video/mp4"
PROMPT = "a cat jumps on a beach by day"


class Uploader:
    """Somebody with a cameo, who downloads and uploads."""

    def __init__(self, product: Product) -> None:
        self.product, self.token = product, product.sign_up()
        self._client = OpenAI(api_key=self.token, base_url=product.url + "/v1")
        self.cameo: str = self.call("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})[
            "id"
        ]

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The reply to a call that must succeed."""
        status, reply = self.product.call(method, path, body, self.token)
        assert status < 300, reply
        return reply

    def draw(self, prompt: str, **payload: Any) -> str:
        """A completed video."""
        made = self.call("POST", "/v1/videos", {"prompt": prompt, **payload})
        done = self.product.wait(made["id"], self.token)
        assert done["status"] == "completed", done
        return str(made["id"])

    def download(self, video: str, variant: Literal["video", "thumbnail", "spritesheet"] = "video") -> bytes:
        """A file of a video as anybody gets it."""
        return self._client.videos.download_content(video, variant=variant).read()

    def give(self, data: bytes, kind: str) -> int:
        """The status of an upload for the own cameo."""
        request = urllib.request.Request(
            f"{self.product.url}/v1/cameos/{self.cameo}/reference",
            data,
            {"content-type": kind, "authorization": f"Bearer {self.token}"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code if b"likeness_protected" in refusal.read() else 0


def still(frame: NDArray[np.uint8], *, changed: bool) -> bytes:
    """A frame as JPEG; changed, it is mirrored, cropped by a twelfth each side, and padded."""
    picture = Image.fromarray(frame)
    if changed:
        across, down = picture.width // 12, picture.height // 12
        picture = ImageOps.mirror(picture.crop((across, down, picture.width - across, picture.height - down)))
        picture = ImageOps.expand(picture.resize((picture.width * 4, picture.height * 4)), (60, 120), "black")
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=85)
    return written.getvalue()


def test_what_was_downloaded_is_refused(product: Product) -> None:
    owner, other = Uploader(product), Uploader(product)
    video = owner.draw(PROMPT, cameos=[owner.cameo], seed=31)
    owner.call("POST", "/v1/posts", {"video_id": video})
    downloaded = other.download(video)
    frames = frames_of(downloaded)
    again = clips.mp4([np.asarray(Image.fromarray(frame).resize((256, 448))) for frame in frames], crf=26)
    assert other.give(downloaded, MP4) == 403
    assert other.give(again, MP4) == 403
    for place in (0, len(frames) // 2, len(frames) - 1):
        for changed in (False, True):
            assert other.give(still(frames[place], changed=changed), JPEG) == 403, (place, changed)
    # What is served beside the clip is out of it too.
    for variant, kind in (("thumbnail", "image/webp"), ("spritesheet", JPEG)):
        assert other.give(other.download(video, variant), kind) == 403, variant
    # Somebody else is somebody else.
    assert other.give(still(clips.scene(31, 1, 160)[0], changed=False), JPEG) == 200
    plain = frames_of(other.download(other.draw("a dog in a city at night", seed=32)))
    assert other.give(still(plain[0], changed=False), JPEG) == 200
    # What somebody kept of it is refused after it was deleted.
    owner.call("POST", f"/v1/cameos/{owner.cameo}/revoke", {"mode": "tombstone"})
    for data, kind in ((downloaded, MP4), (again, MP4), (still(frames[3], changed=True), JPEG)):
        assert other.give(data, kind) == 403

"""Reference pictures and clips: decoded, made small and written anew, so that nothing else comes along."""

from __future__ import annotations

import io

import numpy as np
from PIL import ExifTags, Image, ImageCms

from media.reference_clip import UnusableFile, check_sides, rewrite_clip

# A phone's 12-megapixel photo has 3 to 6 MB, five seconds of its video about the same.
MAX_BYTES = 8 * 1024 * 1024
# 50 megapixels of RGB are 150 MB while they are decoded; phones go to 48.
MAX_PIXELS = 50_000_000
# A model looks at far less; people look at a face on a phone.
PICTURE_SIDE = 1024
# A cut-out stands before a light grey: the pictures that likenesses are learned from have a ground of one
# middle tone (60..235), and neither dark hair nor a white shirt is lost in it.
GROUND = (200, 200, 200)
PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
CLIP = "video/mp4"
# What undoes each orientation of EXIF.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def clean(data: bytes, media_type: str) -> tuple[bytes, str]:
    """The picture as WebP, or the clip as MP4 without sound, and which; no metadata survives.

    Raises:
        UnusableFile: it is not what `media_type` says, or too large, too small or too long; the text says it.
    """
    if media_type == CLIP:
        return rewrite_clip(data, MAX_PIXELS), CLIP
    if media_type not in PICTURES:
        raise UnusableFile(f"send {', '.join(PICTURES)} or {CLIP}")
    return _picture(data, PICTURES[media_type]), "image/webp"


def _picture(data: bytes, form: str) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=[form]) as found:
            check_sides(found.width, found.height, MAX_PIXELS)
            found.load()
            picture = _opaque(_upright(_standard_colours(found)))
    except UnusableFile:
        raise
    # Damaged files make Pillow raise nearly anything (struct.error, KeyError, ValueError, OverflowError).
    except Exception as wrong:
        raise UnusableFile(f"this is no {form} picture that can be read") from wrong
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=90, icc_profile=None, exif=b"", xmp=b"")
    return written.getvalue()


def _standard_colours(found: Image.Image) -> Image.Image:
    """In sRGB: a phone's colours are wider, and the profile that says so is not kept."""
    profile = found.info.pop("icc_profile", None)
    if profile is None or found.mode not in ("RGB", "RGBA"):
        return found
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        changed = ImageCms.profileToProfile(found, own, ImageCms.createProfile("sRGB"))
    except Exception:
        # A damaged profile says nothing of the pixels.
        return found
    return changed or found


def _upright(found: Image.Image) -> Image.Image:
    """As it is meant to be seen: a photo lies on its side until its metadata is obeyed."""
    try:
        turned = TURNS.get(int(found.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:
        # Damaged metadata says nothing of the pixels.
        turned = None
    return found if turned is None else found.transpose(turned)


def _opaque(picture: Image.Image) -> Image.Image:
    """In RGB, 8 bits a channel; what shows through is GROUND."""
    if picture.mode.startswith("I;16"):
        # Pillow cuts 16 bits off at 255.
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, (*GROUND, 255)), seen).convert("RGB")

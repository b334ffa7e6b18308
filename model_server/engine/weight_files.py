"""Which weight files of a model's component are loaded: plain ones, else those of a variant, such as fp16."""

from __future__ import annotations

import re
from pathlib import Path

# `model.safetensors`, `diffusion_pytorch_model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`.
WEIGHTS = re.compile(
    r"(?:diffusion_pytorch_model|pytorch_model|model)"
    r"(?:\.(?P<variant>[A-Za-z0-9_]+))?(?:-\d{5}-of-\d{5})?\.(?:safetensors|bin)"
)
# More exact first; others after these, by name.
PREFERRED = ("fp32", "bf16", "fp16")


def variant_of(folder: Path) -> str | None:
    """What `from_pretrained` must be asked for to load `folder`; None: nothing but the folder."""
    found = {match["variant"] for path in folder.iterdir() if (match := WEIGHTS.fullmatch(path.name))}
    named = sorted(name for name in found if name is not None)
    if None in found or not named:
        return None
    return next((name for name in PREFERRED if name in named), named[0])

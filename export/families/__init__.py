"""What differs between model families: grids, modules, and how their pipelines call them."""

from __future__ import annotations

from export.families.base import Family
from export.families.ltx import Ltx
from export.families.wan import Wan

# By the transformer's class in model_index.json.
FAMILIES: dict[str, Family] = {"LTXVideoTransformer3DModel": Ltx(), "WanTransformer3DModel": Wan()}

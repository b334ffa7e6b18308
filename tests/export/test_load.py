"""A folder that can't be exported is refused with one line that names what is wrong."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file, save_file

from export.load import ExportError, load, weight_digest
from export.options import ExportOptions
from export.refiner import Refiner, save_refiner
from tests.export.models import ltx_folder, wan_folder, wan_vae
from tests.export.small import CHANNELS, SIZE, copied, edited, small_folder, small_transformer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(small_folder(), tmp_path / "model")


def refusal(folder: Path) -> str:
    with pytest.raises(ExportError) as refused:
        load(folder)
    text = str(refused.value)
    assert text.startswith("load: ")
    assert "\n" not in text
    return text


def test_the_student_is_taken() -> None:
    source = load(small_folder())
    card = json.loads((small_folder() / "riffle.json").read_text())
    shape = source.shapes[0]
    assert source.is_student
    assert shape.schedule.sigmas == card["preview"]["sigmas"]
    assert shape.grid == (5, SIZE[1] // 16, SIZE[0] // 16)
    assert source.transformer.config.in_channels == CHANNELS
    assert "cat" in source.vocabulary["subjects"]


def test_every_size_has_every_length_and_the_ends_are_measured() -> None:
    source = load(small_folder())
    assert source.free
    assert source.reference_grid == (4, 4)
    assert [shape.label for shape in source.shapes[:5]] == [
        *(f"64x96x{n}" for n in (17, 25, 33, 41)),
        "64x64x17",
    ]
    assert len(source.shapes) == 12
    assert [shape.label for shape in source.proven] == ["64x96x17", "64x64x17", "96x64x41"]


def test_sizes_that_fit_no_grid_are_named(folder: Path) -> None:
    card = json.loads((folder / "riffle.json").read_text())
    edited(folder / "riffle.json", preview={**card["preview"], "sizes": [[64, 96], [60, 96]]})
    assert "60x96x17 is no multiple of 32 px" in refusal(folder)
    edited(folder / "riffle.json", preview=card["preview"], lengths=[17, 18])
    assert "64x96x18 is no multiple of 32 px and 4 frames + 1" in refusal(folder)


def test_without_a_student_the_teacher_is_taken(folder: Path) -> None:
    shutil.rmtree(folder / "student")
    source, card = load(folder), json.loads((folder / "riffle.json").read_text())
    shape = source.shapes[0]
    assert not source.is_student
    assert (shape.schedule.sigmas, source.guidance) == (card["full"]["sigmas"], card["full"]["guidance"])
    assert [shape.width, shape.height] == card["preview"]["size"]


def test_what_the_folder_says_of_its_licence(folder: Path) -> None:
    assert load(folder).licence == "Apache-2.0"
    edited(folder / "riffle.json", licence="")
    assert load(folder).licence == "unspecified"
    (folder / "LICENSE").write_text("\nApache License 2.0\n\nmore")
    assert load(folder).licence == "Apache License 2.0"
    edited(folder / "riffle.json", licence="MIT")
    assert load(folder).licence == "MIT"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("model_index.json", "model_index.json can't be read"),
        ("vae/config.json", "vae is missing"),
        ("text_encoder/config.json", "text_encoder is missing"),
        ("student/transformer/diffusion_pytorch_model.safetensors", "transformer can't be loaded"),
    ],
)
def test_a_missing_file(folder: Path, missing: str, named: str) -> None:
    (folder / missing).unlink()
    assert named in refusal(folder)


def test_a_truncated_weight_file(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    assert "vae can't be loaded" in refusal(folder)


def test_a_weight_that_is_not_finite(folder: Path) -> None:
    path = folder / "student" / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["proj_out.bias"][3] = float("nan")
    path.unlink()
    save_file(weights, path, metadata={"format": "pt"})
    assert "transformer: proj_out.bias holds numbers that are not finite" in refusal(folder)


def test_an_unknown_family(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "HunyuanVideoTransformer3DModel"]
    (folder / "model_index.json").write_text(json.dumps(index))
    assert "'HunyuanVideoTransformer3DModel' is of no known family (LTXVideo" in refusal(folder)


@pytest.mark.parametrize("sigmas", [[1.0], [1.0, 0.5], [0.5, 1.0, 0.0], []])
def test_sigmas_that_lead_nowhere(folder: Path, sigmas: list[float]) -> None:
    edited(folder / "riffle.json", preview={"size": list(SIZE), "sigmas": sigmas, "guidance": 1.0})
    assert "sigmas must fall to 0" in refusal(folder)


def test_a_size_between_latents(folder: Path) -> None:
    edited(folder / "riffle.json", preview={"size": [60, 96], "sigmas": [1.0, 0.0], "guidance": 1.0})
    assert "60x96x17 is no multiple of 32 px" in refusal(folder)


def test_a_card_without_sense(folder: Path) -> None:
    (folder / "riffle.json").write_text('{"name": 3}')
    assert "riffle.json" in refusal(folder)


def test_a_folder_without_riffle_json_is_drawn_as_its_pipeline_draws() -> None:
    source = load(wan_folder())
    (shape,) = source.shapes
    assert (shape.label, source.fps, source.prompt_tokens) == ("192x320x33", 16, 512)
    assert (shape.grid, source.guidance) == ((9, 80, 48), 1.0)
    assert shape.schedule.made_by == "UniPCMultistepScheduler, 8 steps"
    assert (source.name, source.licence) == (wan_folder().name, "unspecified")
    assert "UniPCMultistepScheduler isn't Euler's method" in source.notes[0]


def test_what_was_asked_for_goes_before_what_the_folder_says() -> None:
    options = ExportOptions(
        sizes=((64, 32), (64, 32), (32, 64)),
        frames=(5, 9),
        fps=12,
        steps=20,
        prompt_tokens=9,
        name="other",
    )
    source = load(ltx_folder(), options)
    assert [shape.label for shape in source.shapes] == ["64x32x5", "64x32x9", "32x64x5", "32x64x9"]
    assert (source.fps, source.prompt_tokens, source.name) == (12, 9, "other")
    # Many steps are those of a model that isn't distilled.
    assert source.guidance == 3.0
    assert len(source.shapes[0].schedule.timesteps) == 20
    # The scheduler of published LTX folders shifts by the number of tokens.
    assert source.shapes[0].schedule.sigmas != source.shapes[1].schedule.sigmas
    assert load(small_folder(), ExportOptions(steps=3)).shapes[0].schedule.made_by.endswith("3 steps")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (ExportOptions(sizes=((60, 32),)), "60x32x33 is no multiple of 32 px"),
        (ExportOptions(frames=(6,)), "192x320x6 is no multiple"),
        (ExportOptions(frames=(-3,)), "192x320x-3 is no multiple"),
        (ExportOptions(steps=0), "steps must be 1 to 1000, not 0"),
        (ExportOptions(fps=999), "fps must be 1 to 240, not 999"),
        (ExportOptions(prompt_tokens=9000), "prompt tokens must be 1 to 4096"),
        (ExportOptions(guidance=float("nan")), "guidance must be 0 to 100"),
        (ExportOptions(decode_timestep=1.0), "decode timestep must be 0 to 1"),
        (
            ExportOptions(sizes=tuple((32 * n, 32) for n in range(1, 18))),
            "17 sizes of 1 lengths are over 16 shapes",
        ),
        (ExportOptions(tiny_decoder=Path("/nowhere")), "tiny decoder is missing"),
    ],
)
def test_what_can_not_be_asked(options: ExportOptions, named: str) -> None:
    with pytest.raises(ExportError, match=re.escape(named)):
        load(ltx_folder(), options)


def test_a_bundle_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    assert "is a bundle already" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("part", "name", "named"),
    [
        ("_class_name", "WanImageToVideoPipeline", "pipeline 'WanImageToVideoPipeline' is not known"),
        ("vae", ["diffusers", "AutoencoderKL"], "vae 'AutoencoderKL' is not known"),
        ("text_encoder", ["transformers", "CLIPTextModel"], "text_encoder 'CLIPTextModel' is not known"),
        ("scheduler", ["diffusers", "NoSuchScheduler"], "scheduler NoSuchScheduler: "),
        ("scheduler", None, "names no scheduler"),
        ("scheduler", ["subprocess", "Popen"], "scheduler 'Popen' is of 'subprocess', not of diffusers"),
        (
            "vae",
            ["evil", "AutoencoderKLWan"],
            "AutoencoderKLWan is of 'evil', not of diffusers or transformers",
        ),
        ("transformer", None, "transformer '' is of no known family"),
        ("transformer_2", ["diffusers", "WanTransformer3DModel"], "belong to Wan 2.2"),
    ],
)
def test_a_foreign_part(tmp_path: Path, part: str, name: object, named: str) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    edited(folder / "model_index.json", **{part: name})
    assert named in refusal(folder)


def test_a_scheduler_that_draws_lots(tmp_path: Path) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    edited(folder / "model_index.json", scheduler=["diffusers", "FlowMatchEulerDiscreteScheduler"])
    FlowMatchEulerDiscreteScheduler(stochastic_sampling=True).save_pretrained(folder / "scheduler")
    assert "its steps are random or not linear" in refusal(folder)


def test_weights_of_another_model(tmp_path: Path) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    other = copied(ltx_folder(), tmp_path / "other") / "transformer" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(other, folder / "transformer" / "diffusion_pytorch_model.safetensors")
    said = refusal(folder)
    assert "transformer can't be loaded: " in said
    assert "expected shape" in said
    assert len(said) < 300


def test_a_weight_that_is_missing(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    lost = sorted(weights)[0]
    del weights[lost]
    path.unlink()
    save_file(weights, path, metadata={"format": "pt"})
    assert f"vae: its files lack {lost}" in refusal(folder)


@pytest.mark.parametrize("shard", [None, "20KB"])
@pytest.mark.parametrize("write", [wan_folder, ltx_folder])
def test_a_folder_of_a_variant(tmp_path: Path, write: Callable[[], Path], shard: str | None) -> None:
    """As diffusers saves and publishes half-precision weights, in one file or in several."""
    folder = tmp_path / "model"
    whole = load(write())
    halved = DiffusionPipeline.from_pretrained(write(), torch_dtype=torch.float16)
    sharded = {} if shard is None else {"max_shard_size": shard}
    halved.save_pretrained(folder, variant="fp16", **sharded)
    names = {path.name for path in folder.rglob("*.safetensors")}
    assert names
    assert all(".fp16" in name for name in names)
    assert any("-of-" in name for name in names) == (shard is not None)
    source = load(folder)
    for part in ("transformer", "vae", "text_encoder"):
        for (name, mine), (_, theirs) in zip(
            getattr(source, part).state_dict().items(), getattr(whole, part).state_dict().items(), strict=True
        ):
            assert mine.dtype == torch.float32, name
            assert torch.allclose(mine, theirs, atol=1e-3), name


def test_plain_weights_are_taken_before_a_variant(folder: Path) -> None:
    plain = folder / "vae" / "diffusion_pytorch_model.safetensors"
    plain.with_name("diffusion_pytorch_model.fp16.safetensors").write_bytes(b"damaged")
    load(folder)
    plain.unlink()
    assert "vae can't be loaded" in refusal(folder)


def test_no_tokenizer_at_all(tmp_path: Path) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    (folder / "tokenizer" / "tokenizer.json").write_text("{")
    assert "tokenizer.json is no tokenizer" in refusal(folder)
    shutil.rmtree(folder / "tokenizer")
    assert "tokenizer.json is missing, and can't be made" in refusal(folder)


def test_a_tiny_decoder_of_other_latents(tmp_path: Path) -> None:
    folder = copied(wan_folder(), tmp_path / "model")
    wan_vae(z_dim=8).save_pretrained(folder / "tiny_decoder")
    assert "takes 8 latent channels, the model has 4" in refusal(folder)


def test_another_weight_makes_another_digest() -> None:
    model = small_transformer()
    before = weight_digest(model)
    model.proj_out.bias.data[0] += 1
    assert weight_digest(model) != before


def test_a_refiner_is_taken_along_and_a_damaged_one_named(folder: Path) -> None:
    assert load(folder).refiner is None
    save_refiner(Refiner(), folder / "refiner")
    assert load(folder).refiner is not None
    (folder / "refiner" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ExportError, match="refiner can't be loaded"):
        load(folder)

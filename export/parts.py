"""The graphs of a bundle: which modules they are made of, and examples of what each is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.families.base import LATENT_AXES, Function, Stage
from export.load import LoadedModel, Shape
from export.refiner import Matte, Refiner
from export.text_encoder import encoded, states
from model_server.engine.tokens import tokenize

REFINER = "refiner"
MATTE = "matte"
UPSAMPLING_DECODER = "upsampling_decoder"
# Mid-way through a schedule, where noise and video matter alike.
EXAMPLE_SIGMA = 0.7
# The timestep of tokens of a picture that isn't given.
UNKNOWN_TIMESTEP = 1000.0
# Words of the first drawn worlds, for models that list none of their own.
PROMPTS = ("a cat hops on the beach at sunset", "a fox", "a rocket flies over a city at night", "")


@dataclass(slots=True)
class GraphPart:
    """One graph to make: its file's stem, its kind, and what it is traced by and measured against.

    `kind` is text, transformer, conditioned_transformer, decoder, picture, encoder, refiner, matte or
    upsampling_decoder: it says how the part is quantised and judged.
    """

    name: str
    kind: str
    stage: Stage

    @property
    def module(self) -> nn.Module:
        """What is traced."""
        return self.stage.module

    @property
    def weights(self) -> dict[str, Tensor]:
        """Every tensor that the traced module holds, by the name that it has in the graph."""
        module = self.stage.holder or self.stage.module
        tensors = [*module.named_parameters(remove_duplicate=False)]
        return dict([*tensors, *module.named_buffers(remove_duplicate=False)])

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Examples by name."""
        return self.stage.inputs


def prompts(source: LoadedModel, number: int) -> str:
    """One word of each kind that the model knows, or one of a few sentences."""
    slots = [list(words) for words in source.vocabulary.values() if words]
    if not slots:
        return PROMPTS[number % len(PROMPTS)]
    return " ".join(slot[number % len(slot)] for slot in slots)


def parts(source: LoadedModel, drawn: dict[str, Tensor]) -> Iterator[GraphPart]:
    """Every graph of a bundle, one after the other: text encoder, then for each shape what it needs.

    `drawn` has latents [1, C, F, h, w] of a preview for each shape's label: the examples are what a server
    will really compute. Graphs that don't depend on a clip's length are made once for each size.
    """
    yield text_part(source)
    made: set[str] = set()
    for shape in source.shapes:
        for name, kind in names(source, shape).items():
            if name not in made:
                made.add(name)
                yield GraphPart(name, kind, _stage(source, shape, kind, drawn))
    if source.refiner is not None:
        yield refiner_part(source, source.refiner, drawn[source.shapes[0].label])
        yield matte_part(source, source.refiner, drawn[source.shapes[0].label])
    if source.upsampling_decoder is not None:
        clips = [drawn[shape.label] for shape in source.proven]
        yield upsampling_part(source.upsampling_decoder, clips)


def part_names(source: LoadedModel) -> list[str]:
    """The names of `parts`, in their order."""
    made = ["text", *(name for shape in source.shapes for name in names(source, shape))]
    if source.refiner is not None:
        made += [REFINER, MATTE]
    if source.upsampling_decoder is not None:
        made.append(UPSAMPLING_DECODER)
    return list(dict.fromkeys(made))


def names(source: LoadedModel, shape: Shape) -> dict[str, str]:
    """The files' stems of a shape, with the kind of each. The first shape has the plain names."""
    first = source.shapes[0]
    if source.free:
        shape = first
    frame = f"-{shape.width}x{shape.height}"
    size = "" if (shape.width, shape.height) == (first.width, first.height) else frame
    whole = "" if shape is first else f"-{shape.label}"
    # A picture is of one frame, and a streamed decoder goes on from frame to frame: neither knows the length.
    stems = {f"transformer{whole}": "transformer", f"picture{size}": "picture"}
    stems[f"decoder{size if source.family.streams else whole}"] = "decoder"
    if source.conditions:
        stems[f"conditioned_transformer{whole}"] = "conditioned_transformer"
    if source.with_encoder:
        stems[f"encoder{whole}"] = "encoder"
    return stems


def text_part(source: LoadedModel) -> GraphPart:
    """The text encoder."""
    ids, mask = (
        torch.from_numpy(part) for part in tokenize(source.tokenizer, source.family.clean(prompts(source, 0)))
    )
    module = Function(lambda ids, mask: encoded(source, ids, mask))
    stage = Stage(module, module, {"ids": ids, "mask": mask}, ["states"], holder=source.text_encoder)
    return GraphPart("text", "text", stage)


def refiner_part(source: LoadedModel, refiner: nn.Module, latents: Tensor) -> GraphPart:
    """What puts a reference picture's detail into a clip of either tier: here into one of twice the size.

    The picture is the middle of the clip's first frame.
    """
    small = _unit_frames(source, latents)
    frames = F.interpolate(small, scale_factor=2, mode="bilinear")
    picture = _middle_of(frames[:1])
    free = {
        "reference": {2: "side", 3: "side"},
        "frames": {0: "clip_frames", 2: "height", 3: "width"},
        "small": {0: "clip_frames", 2: "small_height", 3: "small_width"},
    }
    inputs = {"reference": picture, "frames": frames, "small": small}
    half = F.interpolate(picture, scale_factor=0.5, mode="bilinear")
    one = {"reference": half, "frames": small[:1], "small": small[:1]}
    stage = Stage(refiner, refiner, inputs, ["refined"], free, [one])
    return GraphPart(REFINER, REFINER, stage)


def matte_part(source: LoadedModel, refiner: Refiner, latents: Tensor) -> GraphPart:
    """What cuts a reference picture's subject out: here of the middle of a clip's first frame, enlarged."""
    picture = _middle_of(_unit_frames(source, latents)[:1])
    module = Matte(refiner)
    larger = F.interpolate(picture, scale_factor=4, mode="bilinear")
    free = {"reference": {2: "side", 3: "side"}}
    stage = Stage(module, module, {"reference": picture}, ["layer"], free, [{"reference": larger}])
    return GraphPart(MATTE, MATTE, stage)


def upsampling_part(decoder: nn.Module, clips: Sequence[Tensor]) -> GraphPart:
    """What decodes latents to what people see: the first clip's, all others', and a single latent frame."""
    first, *others = clips
    given = [{"latents": latents} for latents in (*others, first[:, :, 1:2])]
    stage = Stage(decoder, decoder, {"latents": first}, ["video"], {"latents": LATENT_AXES}, given)
    return GraphPart(UPSAMPLING_DECODER, UPSAMPLING_DECODER, stage)


def _unit_frames(source: LoadedModel, latents: Tensor) -> Tensor:
    """Decoded frames [F, 3, H, W] in 0..1."""
    with torch.inference_mode():
        return (source.family.decode(source, latents)[0].transpose(0, 1).clone() + 1) / 2


def _middle_of(frames: Tensor) -> Tensor:
    """The square in the middle of frames [F, 3, H, W]."""
    rows, columns = frames.shape[-2:]
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    return frames[:, :, top : top + side, left : left + side]


def _stage(source: LoadedModel, shape: Shape, kind: str, drawn: dict[str, Tensor]) -> Stage:
    """What is traced by a shape's latents; a free graph is measured by those of the other shapes too."""
    stage = _example(source, shape, kind, drawn[shape.label])
    if source.free:
        for other in source.proven:
            if other is not shape:
                stage.others.append(_example(source, other, kind, drawn[other.label]).inputs)
    return stage


def _example(source: LoadedModel, shape: Shape, kind: str, latents: Tensor) -> Stage:
    family = source.family
    if kind == "transformer":
        return denoiser(source, shape, latents)
    if kind == "conditioned_transformer":
        return conditioned_denoiser(source, shape, latents)
    if kind == "encoder":
        with torch.inference_mode():
            video = family.decode(source, latents)
        return family.encoder(source, video.clone())
    return family.decoder(source, latents) if kind == "decoder" else family.picture(source, latents)


def denoiser(source: LoadedModel, shape: Shape, latents: Tensor) -> Stage:
    """The transformer in the middle of a preview."""
    text_states, mask = states(source, prompts(source, 0))
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    inputs = {
        "latents": torch.lerp(latents, noise, EXAMPLE_SIGMA),
        "timestep": torch.full((1,), EXAMPLE_SIGMA * 1000.0),
        "states": text_states.clone(),
    }
    if source.family.takes_mask:
        inputs["mask"] = mask.clone()
    lean = source.family.denoiser(source, shape, lean=True)
    free = {"latents": LATENT_AXES} if source.free else {}
    return Stage(lean, source.family.denoiser(source, shape, lean=False), inputs, ["velocity"], free)


def conditioned_denoiser(source: LoadedModel, shape: Shape, latents: Tensor) -> Stage:
    """The transformer in the middle of a preview that is shown its first frame and a reference picture."""
    plain = denoiser(source, shape, latents)
    plainly = {name: value.numpy() for name, value in plain.inputs.items()}
    conditioned = conditioned_inputs(plainly, latents.numpy(), source.reference_grid)
    inputs = {name: torch.from_numpy(value) for name, value in conditioned.items()}
    lean = source.family.conditioned_denoiser(source, shape, lean=True)
    axes = {
        "latents": LATENT_AXES,
        "timesteps": {1: LATENT_AXES[2]},
        "end": {axis: name for axis, name in LATENT_AXES.items() if axis > 2},
    }
    return Stage(
        lean, source.family.conditioned_denoiser(source, shape, lean=False), inputs, ["velocity"], axes
    )


def conditioned_inputs(
    plain: dict[str, np.ndarray], clip: np.ndarray, grid: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Inputs of `conditioned_transformer` for those of the transformer; frames of `clip` are the pictures.

    Its first latent frame is shown, a part of its middle of `grid` (rows, columns) is the reference picture,
    and no last frame is known.
    """
    latents, level = plain["latents"].copy(), float(plain["timestep"][0])
    latents[:, :, 0] = clip[:, :, 0]
    timesteps = np.full((1, latents.shape[2]), level, dtype=np.float32)
    timesteps[:, 0] = 0
    rows, columns = grid
    middle = clip[:, :, clip.shape[2] // 2 :][:, :, :1]
    repeats = (1, 1, 1, -(-rows // clip.shape[3]), -(-columns // clip.shape[4]))
    rest = {name: value for name, value in plain.items() if name not in ("latents", "timestep")}
    return {
        "latents": latents,
        "timesteps": timesteps,
        "stills": np.asarray([[0, UNKNOWN_TIMESTEP]], dtype=np.float32),
        "reference": np.tile(middle, repeats)[..., :rows, :columns].copy(),
        "end": np.zeros_like(latents[:, :, :1]),
        **rest,
    }


def arrays(stage: Stage) -> dict[str, np.ndarray]:
    """The examples as onnxruntime takes them."""
    return {name: value.numpy() for name, value in stage.inputs.items()}

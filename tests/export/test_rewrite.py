"""Every rewrite computes what the library's own module computes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_ltx import LTXVideoCausalConv3d, LTXVideoUpsampler3d
from diffusers.models.transformers.transformer_ltx import LTXAttention, LTXVideoRotaryPosEmbed
from onnx import TensorProto, helper, numpy_helper

from export.load import ExportError
from export.rewrite import (
    Attention,
    ConstantRotary,
    FrameConv,
    FrameDecoder,
    FrameUpsampler,
    RootMeanSquare,
    lean_transformer,
    optimise,
)
from tests.export.small import CHANNELS, small_transformer, small_vae

HEADS, WIDTH, TOKENS = 3, 16, 10


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(1)


def attention(bias: bool = True) -> LTXAttention:
    made = LTXAttention(query_dim=48, heads=HEADS, kv_heads=HEADS, dim_head=WIDTH, bias=bias)
    torch.nn.init.normal_(made.norm_q.weight)
    torch.nn.init.normal_(made.norm_k.weight)
    return made.eval()


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_self_attention_with_rotary_embedding(bias: bool) -> None:
    coordinates = torch.rand(1, 3, TOKENS) * 50
    x = torch.randn(1, TOKENS, HEADS * WIDTH)
    angles = LTXVideoRotaryPosEmbed(dim=HEADS * WIDTH)(x, video_coords=coordinates)
    theirs = attention(bias)
    ours = Attention(theirs, ConstantRotary(*angles))
    torch.testing.assert_close(ours(x), theirs(x, image_rotary_emb=angles), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_cross_attention_with_a_mask() -> None:
    x, states = torch.randn(1, TOKENS, HEADS * WIDTH), torch.randn(1, 6, HEADS * WIDTH)
    mask = (torch.arange(6) > 3).float()[None, None] * -10000.0
    theirs = attention()
    expected = theirs(x, encoder_hidden_states=states, attention_mask=mask)
    torch.testing.assert_close(Attention(theirs, None)(x, states, mask), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_root_mean_square() -> None:
    theirs = torch.nn.RMSNorm(48, eps=1e-5)
    torch.nn.init.normal_(theirs.weight)
    x = torch.randn(2, 5, 48) * 3
    torch.testing.assert_close(RootMeanSquare(theirs.weight, 1e-5)(x), theirs(x))


@torch.no_grad()
def test_a_rewritten_transformer_leaves_the_first_as_it_was() -> None:
    theirs = small_transformer()
    before = {name: value.clone() for name, value in theirs.state_dict().items()}
    places = torch.rand(1, 3, TOKENS) * 50
    inputs = {
        "hidden_states": torch.randn(1, TOKENS, CHANNELS),
        "encoder_hidden_states": torch.randn(1, 6, 384),
        "timestep": torch.tensor([[500.0]]),
        "encoder_attention_mask": torch.tensor([[1.0, 1, 1, 0, 0, 0]]),
        "video_coords": places,
        "return_dict": False,
    }
    got = lean_transformer(theirs, places)(**inputs)[0]
    torch.testing.assert_close(got, theirs(**inputs)[0], rtol=1e-4, atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("frames", "single"), [(4, False), (1, False), (1, True)])
@pytest.mark.parametrize("kernel", [1, 3])
@torch.no_grad()
def test_a_convolution_over_frames(kernel: int, frames: int, single: bool, causal: bool) -> None:
    theirs = LTXVideoCausalConv3d(6, 8, kernel_size=kernel, is_causal=causal)
    x = torch.randn(1, 6, frames, 5, 4)
    got = FrameConv(theirs, single)(x[0].transpose(0, 1)).transpose(0, 1)[None]
    torch.testing.assert_close(got, theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("residual", "factor"), [(True, 1), (True, 2), (False, 2)])
@torch.no_grad()
def test_upsampling_over_frames(residual: bool, factor: int) -> None:
    theirs = LTXVideoUpsampler3d(
        16, stride=(2, 2, 2), is_causal=False, residual=residual, upscale_factor=factor
    )
    x = torch.randn(1, 16, 3, 4, 2)
    got = FrameUpsampler(theirs, False)(x[0].transpose(0, 1)).transpose(0, 1)[None]
    torch.testing.assert_close(got, theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("frames", "single"), [(5, False), (1, True)])
@torch.no_grad()
def test_a_decoder_over_frames(frames: int, single: bool) -> None:
    decoder = small_vae().decoder
    latents = torch.randn(1, CHANNELS, frames, 6, 4)
    got = FrameDecoder(decoder, single)(latents)
    torch.testing.assert_close(got, decoder(latents), rtol=1e-3, atol=1e-4)


def graph(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
        value_info=[helper.make_tensor_value_info("half", TensorProto.FLOAT, [9, 9])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_constants_are_folded_and_noted_shapes_dropped() -> None:
    two = np.full((4,), 2, np.float32)
    model = graph(
        [helper.make_node("Add", ["a", "a"], ["half"]), helper.make_node("Mul", ["x", "half"], ["y"])],
        {"a": two},
    )
    lean = optimise(model, "part")
    assert [node.op_type for node in lean.graph.node] == ["Mul"]
    assert not lean.graph.value_info
    assert {node.domain for node in lean.graph.node} == {""}


def test_a_graph_that_no_runtime_takes() -> None:
    model = graph([helper.make_node("Unheard", ["x"], ["y"])], {})
    with pytest.raises(ExportError, match="rewrite: part: "):
        optimise(model, "part")

"""Rewritten attention, rotation and patches compute what the libraries' own modules compute."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.transformers.transformer_ltx import (
    LTXAttention,
    LTXVideoRotaryPosEmbed,
    apply_rotary_emb,
)
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor, WanRotaryPosEmbed

from export.rewrites.attention import (
    Attention,
    ConstantRotary,
    PatchProduct,
    expanded,
    halves,
    lean_ltx,
    lean_wan,
    rotated,
)
from tests.export.models import TEXT_WIDTH, ltx_transformer, wan_transformer
from tests.export.small import CHANNELS, small_transformer

HEADS, WIDTH, TOKENS = 3, 16, 10
GRID = (2, 3, 4)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(1)


def ltx_attention(bias: bool = True) -> LTXAttention:
    made = LTXAttention(query_dim=48, heads=HEADS, kv_heads=HEADS, dim_head=WIDTH, bias=bias)
    torch.nn.init.normal_(made.norm_q.weight)
    torch.nn.init.normal_(made.norm_k.weight)
    return made.eval()


def wan_attention(**options: object) -> WanAttention:
    made = WanAttention(dim=48, heads=HEADS, dim_head=WIDTH, processor=WanAttnProcessor(), **options)
    torch.nn.init.normal_(made.norm_q.weight)
    torch.nn.init.normal_(made.norm_k.weight)
    return made.eval()


def ltx_angles(coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return LTXVideoRotaryPosEmbed(dim=HEADS * WIDTH)(torch.zeros(1, TOKENS, 1), video_coords=coordinates)


def by_head(angles: tuple[torch.Tensor, torch.Tensor]) -> ConstantRotary:
    return ConstantRotary(*(angle.unflatten(2, (HEADS, -1)) for angle in angles))


@torch.no_grad()
def test_a_rotation_of_halves_is_ltx_rotation_of_pairs() -> None:
    angles = ltx_angles(torch.rand(1, 3, TOKENS) * 50)
    x, order = torch.randn(1, TOKENS, HEADS * WIDTH), halves(HEADS, WIDTH)
    got = rotated(x[..., order].unflatten(2, (HEADS, -1)), by_head(angles)()).flatten(2)
    torch.testing.assert_close(got, apply_rotary_emb(x, angles)[..., order])


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_ltx_self_attention(bias: bool) -> None:
    angles = ltx_angles(torch.rand(1, 3, TOKENS) * 50)
    x = torch.randn(1, TOKENS, HEADS * WIDTH)
    theirs = ltx_attention(bias)
    got = Attention(theirs, rotates=True)(x, image_rotary_emb=by_head(angles)())
    torch.testing.assert_close(got, theirs(x, image_rotary_emb=angles), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_wan_self_attention_shares_angles_between_heads() -> None:
    tokens = GRID[0] * GRID[1] * GRID[2]
    angles = WanRotaryPosEmbed(WIDTH, (1, 1, 1), 64)(torch.zeros(1, 1, *GRID))
    x, theirs = torch.randn(1, tokens, HEADS * WIDTH), wan_attention()
    got = Attention(theirs, rotates=True)(x, None, None, ConstantRotary(*angles)())
    torch.testing.assert_close(got, theirs(x, None, None, angles), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_cross_attention_with_a_mask() -> None:
    x, states = torch.randn(1, TOKENS, HEADS * WIDTH), torch.randn(1, 6, HEADS * WIDTH)
    mask = (torch.arange(6) > 3).float()[None, None] * -10000.0
    theirs = ltx_attention()
    expected = theirs(x, encoder_hidden_states=states, attention_mask=mask)
    got = Attention(theirs, rotates=False)(x, states, mask)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert (got - Attention(theirs, rotates=False)(x, states)).abs().max() > 1e-3


@torch.no_grad()
def test_wan_cross_attention() -> None:
    x, states = torch.randn(1, TOKENS, HEADS * WIDTH), torch.randn(1, 6, HEADS * WIDTH)
    theirs = wan_attention(cross_attention_dim_head=WIDTH)
    got = Attention(theirs, rotates=False)(x, states)
    torch.testing.assert_close(got, theirs(x, states, None, None), rtol=1e-4, atol=1e-5)


def test_a_mask_is_expanded_over_heads_and_queries() -> None:
    mask = torch.tensor([[[0.0, -10000.0]]])
    assert expanded(mask).shape == (1, 1, 1, 2)
    assert (torch.zeros(1, HEADS, 5, 2) + expanded(mask))[0, 1, 3].tolist() == [0.0, -10000.0]


@torch.no_grad()
def test_patches_as_a_product() -> None:
    conv = torch.nn.Conv3d(3, 8, kernel_size=(1, 2, 2), stride=(1, 2, 2))
    x = torch.randn(1, 3, 2, 4, 6)
    torch.testing.assert_close(PatchProduct(conv)(x), conv(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("made", [small_transformer, ltx_transformer])
@torch.no_grad()
def test_a_rewritten_ltx_leaves_the_first_as_it_was(made: object) -> None:
    theirs = made()  # type: ignore[operator]
    before = {name: value.clone() for name, value in theirs.state_dict().items()}
    places = torch.rand(1, 3, TOKENS) * 50
    narrow = theirs.config.in_channels != CHANNELS
    inputs = {
        "hidden_states": torch.randn(1, TOKENS, theirs.config.in_channels),
        "encoder_hidden_states": torch.randn(1, 6, TEXT_WIDTH if narrow else 384),
        "timestep": torch.tensor([[500.0]]),
        "encoder_attention_mask": torch.tensor([[1.0, 1, 1, 0, 0, 0]]),
        "video_coords": places,
        "return_dict": False,
    }
    got = lean_ltx(theirs, places)(**inputs)[0]
    torch.testing.assert_close(got, theirs(**inputs)[0], rtol=1e-4, atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in theirs.state_dict().items())


@torch.no_grad()
def test_a_rewritten_wan_leaves_the_first_as_it_was() -> None:
    theirs = wan_transformer()
    before = {name: value.clone() for name, value in theirs.state_dict().items()}
    x, states = torch.randn(1, 4, 2, 4, 6), torch.randn(1, 5, TEXT_WIDTH)
    inputs = (x, torch.tensor([321.0]), states)
    got = lean_wan(theirs, (2, 4, 6))(*inputs, return_dict=False)[0]
    torch.testing.assert_close(got, theirs(*inputs, return_dict=False)[0], rtol=1e-4, atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in theirs.state_dict().items())

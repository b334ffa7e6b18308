"""Attention of LTX and Wan: fewer, larger products, and a rotation of halves that scatters nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.rewrites.linear import linear, rows, stacked
from export.rewrites.norm import RootMeanSquare, rewrite_norms


class ConstantRotary(nn.Module):
    """Stands in for the rotary embedding of one static grid: its angles become constants of the graph.

    `cos` and `sin` [1, S, heads or 1, W] hold each angle twice, side by side, as both libraries have it. They
    are kept with the even channels of a head first and the sign of the rotation in `sin`, so that the
    rotation is x * cos + (second half, first half) * sin: real numbers, and no scatter.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        super().__init__()
        width = cos.shape[-1]
        order = halves(1, width)
        sign = torch.cat((-torch.ones(width // 2), torch.ones(width // 2)))
        self.register_buffer("cos", cos[..., order].contiguous())
        self.register_buffer("sin", (sin[..., order] * sign).contiguous())

    def forward(self, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Angles [1, S, heads or 1, W] each."""
        return self.cos, self.sin


class FreeRotary(nn.Module):
    """Stands in for an LTX rotary embedding of any grid: computes angles in ConstantRotary's order."""

    def __init__(self, rope: nn.Module, heads: int) -> None:
        super().__init__()
        self.rope, self.heads = rope, heads

    def forward(
        self, tokens: Tensor, frames: int, rows: int, columns: int, scale: object, video_coords: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Angles [1, S, heads, W] each, of tokens at `video_coords` [1, 3, S]."""
        angles = self.rope(tokens, video_coords=video_coords)
        cos, sin = (part.unflatten(2, (self.heads, -1)) for part in angles)
        width = cos.shape[-1]
        order = halves(1, width)
        sign = torch.cat((-torch.ones(width // 2), torch.ones(width // 2)))
        return cos[..., order], sin[..., order] * sign


def halves(heads: int, width: int) -> Tensor:
    """The order that puts each head's even channels before its odd ones."""
    return torch.unflatten(torch.arange(heads * width), 0, (heads, width // 2, 2)).transpose(1, 2).flatten()


def rotated(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """[B, S, H, W] turned by a ConstantRotary's angles; the channels are in the order of `halves`."""
    first, second = x.chunk(2, dim=-1)
    return x * angles[0] + torch.cat((second, first), dim=-1) * angles[1]


def expanded(mask: Tensor) -> Tensor:
    """A bias [B, 1, T] over what is attended to, as scores [B, H, S, T] take it.

    Fused attention of onnxruntime rejects a mask that it would have to broadcast over queries: with this one
    axis written out the product, the sum and the softmax are left as they are.
    """
    return mask[:, None]


class Attention(nn.Module):
    """An LTX or Wan attention layer with fewer, larger products.

    Self-attention computes query, key and value by one product, cross-attention key and value. The channels
    of each head are reordered (even ones first) in query and key alike, which changes no score, so that the
    rotation joins two halves instead of interleaving pairs. The scale is folded into the query's norm.
    """

    def __init__(self, attn: Any, *, rotates: bool) -> None:
        super().__init__()
        self.heads = attn.heads
        width = attn.inner_dim // attn.heads
        order = halves(attn.heads, width) if rotates else torch.arange(attn.inner_dim)
        query, key, value = rows(attn.to_q, order), rows(attn.to_k, order), attn.to_v
        self.rotates = rotates
        self.fused = stacked([query, key, value] if rotates else [key, value])
        self.query = None if rotates else linear(query.weight, query.bias)
        self.norm_q = RootMeanSquare(attn.norm_q.weight[order] * width**-0.5, attn.norm_q.eps)
        self.norm_k = RootMeanSquare(attn.norm_k.weight[order], attn.norm_k.eps)
        self.out = attn.to_out[0]

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Tokens [B, S, C], states [B, T, C], mask [B, 1, T] that is added to the scores -> [B, S, C]."""
        if self.query is None:
            query, key, value = self.fused(hidden_states).chunk(3, dim=-1)
        else:
            query = self.query(hidden_states)
            key, value = self.fused(encoder_hidden_states).chunk(2, dim=-1)
        query, key = self._heads(self.norm_q(query)), self._heads(self.norm_k(key))
        if self.rotates and image_rotary_emb is not None:
            query, key = rotated(query, image_rotary_emb), rotated(key, image_rotary_emb)
        scores = torch.matmul(query.transpose(1, 2), key.permute(0, 2, 3, 1))
        if attention_mask is not None:
            scores = scores + expanded(attention_mask)
        mixed = torch.matmul(F.softmax(scores, dim=-1), self._heads(value).transpose(1, 2))
        y: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return y

    def _heads(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.heads, -1))


def lean_ltx(transformer: Any, coordinates: Tensor | None) -> nn.Module:
    """A rewritten copy of an LTX transformer for tokens at `coordinates` [1, 3, S] (seconds, pixels).

    None: for tokens at any coordinates, which become an input.
    """
    transformer = copy.deepcopy(transformer)
    heads = transformer.transformer_blocks[0].attn1.heads
    if coordinates is None:
        transformer.rope = FreeRotary(transformer.rope, heads)
        return _with_attention(transformer, transformer.transformer_blocks)
    cos, sin = transformer.rope(torch.zeros(1, coordinates.shape[-1], 1), video_coords=coordinates)
    transformer.rope = ConstantRotary(*(angle.unflatten(2, (heads, -1)) for angle in (cos, sin)))
    return _with_attention(transformer, transformer.transformer_blocks)


def lean_wan(transformer: Any, grid: tuple[int, int, int]) -> nn.Module:
    """A rewritten copy of a Wan transformer for latents of `grid` (frames, rows, columns)."""
    transformer = copy.deepcopy(transformer)
    transformer.rope = ConstantRotary(*transformer.rope(torch.zeros(1, 1, *grid)))
    transformer.patch_embedding = PatchProduct(transformer.patch_embedding)
    return _with_attention(transformer, transformer.blocks)


class PatchProduct(nn.Module):
    """A convolution whose stride is its kernel, as one product over patches: that is quantised, it isn't."""

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.patch = tuple(conv.kernel_size)
        self.product = linear(conv.weight.flatten(1), conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, H, W] -> [B, D, F', H', W']."""
        time, tall, wide = self.patch
        x = torch.unflatten(torch.unflatten(torch.unflatten(x, 4, (-1, wide)), 3, (-1, tall)), 2, (-1, time))
        x = x.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)
        y: Tensor = self.product(x)
        return y.movedim(-1, 1)


def _with_attention(transformer: nn.Module, blocks: Iterable[Any]) -> nn.Module:
    for block in blocks:
        block.attn1 = Attention(block.attn1, rotates=True)
        block.attn2 = Attention(block.attn2, rotates=False)
    rewrite_norms(transformer)
    return transformer

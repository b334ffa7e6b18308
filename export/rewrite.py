"""Stage 3: the same numbers from fewer, faster operations: modules before the trace, the graph after it."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.load import ExportError


class ConstantRotary(nn.Module):
    """Stands in for the rotary embedding of one static grid: its angles become constants of the graph."""

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        super().__init__()
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Angles [1, S, C] each."""
        return self.cos, self.sin


class RootMeanSquare(nn.Module):
    """RMSNorm written with a square root and a division: the form that optimisers recognise and fuse."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """[..., C] -> [..., C]."""
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    """LTX attention with fewer, larger products and rotary embedding on contiguous halves.

    Self-attention computes query, key and value by one product, cross-attention key and value. The channels
    of each head are reordered (even ones first) in query and key alike, which changes no score, so that the
    rotation joins two halves instead of interleaving pairs. The scale is folded into the query's norm.
    """

    def __init__(self, attn: nn.Module, rotary: ConstantRotary | None) -> None:
        super().__init__()
        self.heads = attn.heads
        width = attn.inner_dim // attn.heads
        order = torch.arange(attn.inner_dim)
        if rotary is not None:
            order = order.unflatten(0, (attn.heads, width // 2, 2)).transpose(1, 2).flatten()
            half = width // 2
            sign = torch.cat((-torch.ones(half), torch.ones(half))).repeat(attn.heads)
            self.register_buffer("cos", rotary.cos[..., order])
            self.register_buffer("sin", rotary.sin[..., order] * sign)
        query, key, value = _rows(attn.to_q, order), _rows(attn.to_k, order), _rows(attn.to_v, None)
        self.rotates = rotary is not None
        self.fused = _stacked([query, key, value] if self.rotates else [key, value])
        self.query = None if self.rotates else _stacked([query])
        self.norm_q = RootMeanSquare(attn.norm_q.weight[order] * width**-0.5, attn.norm_q.eps)
        self.norm_k = RootMeanSquare(attn.norm_k.weight[order], attn.norm_k.eps)
        self.out = attn.to_out[0]

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: object = None,
    ) -> Tensor:
        """Tokens [B, S, C], states [B, T, C], mask [B, 1, T] that is added to the scores -> [B, S, C]."""
        if self.query is None:
            query, key, value = self.fused(hidden_states).chunk(3, dim=-1)
        else:
            query = self.query(hidden_states)
            key, value = self.fused(encoder_hidden_states).chunk(2, dim=-1)
        query, key = self._heads(self.norm_q(query)), self._heads(self.norm_k(key))
        if self.rotates:
            query, key = self._rotated(query), self._rotated(key)
        scores = torch.matmul(query.transpose(1, 2), key.permute(0, 2, 3, 1))
        if attention_mask is not None:
            scores = scores + attention_mask[:, None]
        mixed = torch.matmul(F.softmax(scores, dim=-1), self._heads(value).transpose(1, 2))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1))

    def _rotated(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        return x * self._heads(self.cos) + torch.cat((second, first), dim=-1) * self._heads(self.sin)


def lean_transformer(transformer: nn.Module, coordinates: Tensor) -> nn.Module:
    """A rewritten copy of an LTX transformer for tokens at `coordinates` [1, 3, S] (seconds, pixels)."""
    transformer = copy.deepcopy(transformer)
    tokens = torch.zeros(1, coordinates.shape[-1], 1)
    rotary = ConstantRotary(*transformer.rope(tokens, video_coords=coordinates))
    transformer.rope = rotary
    for block in transformer.transformer_blocks:
        block.attn1 = Attention(block.attn1, rotary)
        block.attn2 = Attention(block.attn2, None)
    return transformer


class FrameConv(nn.Module):
    """A convolution over time and space as a 2-D one over frames [F, C, H, W], whose kernel is twice as fast.

    Time is padded with copies of the edge frames, so on a single frame all taps in time see that frame and
    add up to one kernel: a third of the work and of the weights.
    """

    def __init__(self, layer: nn.Module, single: bool) -> None:
        super().__init__()
        conv, taps = layer.conv, layer.kernel_size[0]
        self.taps = 1 if single else taps
        self.before = self.taps - 1 if layer.is_causal else (self.taps - 1) // 2
        self.after = self.taps - 1 - self.before
        weight = conv.weight.sum(2) if single else conv.weight.movedim(2, 1).flatten(1, 2)
        self.conv = nn.Conv2d(weight.shape[1], len(weight), layer.kernel_size[1:], padding=conv.padding[1:])
        self.conv.weight = nn.Parameter(weight, requires_grad=False)
        self.conv.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """[F, C, H, W] -> [F, D, H, W]."""
        frames = len(x)
        if self.taps > 1:
            padded = torch.cat((*[x[:1]] * self.before, x, *[x[-1:]] * self.after))
            x = torch.cat([padded[tap : tap + frames] for tap in range(self.taps)], dim=1)
        return self.conv(x)


class FrameUpsampler(nn.Module):
    """LTX's upsampler over frames: channels move into time and space, and the first frames are dropped."""

    def __init__(self, layer: nn.Module, single: bool) -> None:
        super().__init__()
        self.conv = FrameConv(layer.conv, single)
        self.stride = layer.stride
        time, rows, columns = layer.stride
        self.copies = time * rows * columns // layer.upscale_factor if layer.residual else 0

    def forward(self, x: Tensor) -> Tensor:
        """[F, C, H, W] -> [time * F - time + 1, D, rows * H, columns * W]."""
        y = self._spread(self.conv(x))
        return y + self._spread(x).repeat(1, self.copies, 1, 1) if self.copies else y

    def _spread(self, x: Tensor) -> Tensor:
        time = self.stride[0]
        x = x.unflatten(1, (-1, *self.stride)).permute(0, 2, 1, 5, 3, 6, 4)
        return x.flatten(5, 6).flatten(3, 4).flatten(0, 1)[time - 1 :]


class FrameDecoder(nn.Module):
    """LTX's decoder over frames; `single` makes one for a single latent frame."""

    def __init__(self, decoder: nn.Module, single: bool) -> None:
        super().__init__()
        self.decoder = copy.deepcopy(decoder)
        self.patch = decoder.patch_size
        for name, layer in list(self.decoder.named_modules()):
            kind = _FRAME_LAYERS.get(type(layer).__name__)
            if kind is not None and not name.endswith("upsamplers.0.conv"):
                self.decoder.set_submodule(name, kind(layer, single))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [1, C, F, H, W] in the decoder's own scale -> video [1, 3, F', H', W']."""
        x = self.decoder.conv_in(latents[0].transpose(0, 1))
        x = self.decoder.mid_block(x)
        for block in self.decoder.up_blocks:
            x = block(x)
        x = self.decoder.norm_out(x.movedim(1, -1)).movedim(-1, 1)
        x = self.decoder.conv_out(self.decoder.conv_act(x))
        x = x.unflatten(1, (-1, self.patch, self.patch)).permute(1, 0, 4, 3, 5, 2)
        return x.flatten(4, 5).flatten(2, 3)[None]


_FRAME_LAYERS: dict[str, type[FrameConv] | type[FrameUpsampler]] = {
    "LTXVideoCausalConv3d": FrameConv,
    "LTXVideoUpsampler3d": FrameUpsampler,
}


def optimise(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Fold constants and drop redundant nodes; standard operators only, so that any runtime takes the result.

    Raises:
        ExportError: onnxruntime can't load the traced graph.
    """
    # Shapes that the tracer noted stop the quantiser's own inference.
    model.graph.ClearField("value_info")
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.log_severity_level = 3
        try:
            ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError("rewrite", f"{name}: {str(error).splitlines()[0]}") from error
        return onnx.load(options.optimized_model_filepath)


def _rows(linear: nn.Linear, order: Tensor | None) -> nn.Linear:
    """The layer with its outputs in another order."""
    if order is None:
        return linear
    return _linear(linear.weight[order], None if linear.bias is None else linear.bias[order])


def _stacked(linears: list[nn.Linear]) -> nn.Linear:
    """One layer that computes several of the same input."""
    biases = [layer.bias for layer in linears]
    bias = None if any(part is None for part in biases) else torch.cat(biases)
    return _linear(torch.cat([layer.weight for layer in linears]), bias)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer

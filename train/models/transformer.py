"""The denoiser: LTX-Video's transformer at toy size, and how training and measuring call it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import LTXVideoTransformer3DModel
from diffusers.models.transformers.transformer_ltx import apply_rotary_emb
from torch import Tensor, nn

from train.models.conditioning import TokenConditioning, coordinates
from train.models.precision import mixed
from train.models.text_encoder import TEXT_CHANNELS
from train.models.vae import LATENT_CHANNELS


def build_transformer() -> LTXVideoTransformer3DModel:
    """Teacher and student have the same architecture."""
    return LTXVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=6,
        attention_head_dim=32,
        cross_attention_dim=192,
        num_layers=8,
        caption_channels=TEXT_CHANNELS,
    )


def pack(latents: Tensor) -> Tensor:
    """[B, C, F, H, W] -> tokens [B, F*H*W, C]."""
    return latents.flatten(2).transpose(1, 2)


def unpack(tokens: Tensor, shape: Sequence[int]) -> Tensor:
    """Tokens [B, F*H*W, C] -> [B, C, F, H, W]; `shape` is (F, H, W) of the latents."""
    return tokens.transpose(1, 2).unflatten(2, tuple(shape))


class TrainingAttention:
    """LTX attention written as two products and a float32 softmax; the fused kernel on an accelerator.

    Under bfloat16 on CPU the backward pass of the fused kernel is several times slower than this.
    """

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = attn.norm_q(attn.to_q(hidden_states).float())
        key = attn.norm_k(attn.to_k(source).float())
        value = attn.to_v(source)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb)
            key = apply_rotary_emb(key, image_rotary_emb)
        query, key, value = (
            part.unflatten(2, (attn.heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        bias = None if attention_mask is None else attention_mask[:, None]
        if query.is_cuda:
            query, key = query.to(value.dtype), key.to(value.dtype)
            attended = F.scaled_dot_product_attention(
                query, key, value, None if bias is None else bias.to(value.dtype)
            )
            return attn.to_out[0](attended.transpose(1, 2).flatten(2))
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)).float()
        if bias is not None:
            scores = scores + bias
        attended = torch.matmul(F.softmax(scores, dim=-1), value)
        return attn.to_out[0](attended.transpose(1, 2).flatten(2))


def prepare_for_training(model: LTXVideoTransformer3DModel) -> LTXVideoTransformer3DModel:
    """Faster attention and blocks compiled for any shape; the weights stay the same objects."""
    # One stage runs blocks of several models, with and without gradients: each is a graph of its own.
    torch._dynamo.config.recompile_limit = 64
    for block in model.transformer_blocks:
        block.attn1.processor = TrainingAttention()
        block.attn2.processor = TrainingAttention()
        block.compile(dynamic=True)
    return model


def velocity(
    model: LTXVideoTransformer3DModel,
    latents: Tensor,
    sigma: Tensor,
    states: Tensor,
    mask: Tensor,
    fast: bool = True,
    conditioning: TokenConditioning | None = None,
) -> Tensor:
    """The model's estimate of noise - video for noisy latents [B, C, F, H, W].

    sigma: [B, 1] in 0..1, the noise level of the video; states [B, 32, 384] and mask [B, 32]: the encoded
    prompts; pinned frames must be in their places already. `fast` computes in bfloat16 where that helps: for
    training; whatever is measured is computed in float32.
    """
    shape = tuple(latents.shape[2:])
    tokens, places, levels = pack(latents), coordinates(shape).to(latents.device), sigma
    if conditioning is not None:
        tokens = torch.cat((conditioning.tokens, tokens), dim=1)
        places = torch.cat((conditioning.coordinates, places), dim=2)
        levels = conditioning.noise_levels(sigma)
    with mixed(latents.device, wanted=fast):
        answer = model(
            hidden_states=tokens,
            encoder_hidden_states=states,
            timestep=levels * 1000,
            encoder_attention_mask=mask,
            video_coords=places.expand(len(latents), -1, -1),
            return_dict=False,
        )[0]
    return unpack(answer[:, -latents[0, 0].numel() :].float(), shape)

"""Wan 2.1 text to video: WanTransformer3DModel, AutoencoderKLWan, a UMT5 text encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from export.families.base import Defaults, Family, Function, Scaled, Stage, middle, tensor
from export.rewrites.attention import lean_wan
from export.rewrites.stream import FirstFrame, NextFrame, cache_shapes, lean_decoder, lean_encoder
from model_server.engine.tokens import clean


class Wan(Family):
    """Latents go in and come out as they are; padding of the prompt is zeroed instead of masked."""

    name = "wan"
    vae_class = "AutoencoderKLWan"
    pipelines = ("WanPipeline",)
    streams = True

    def defaults(self, pipeline: str) -> Defaults:
        """As its pipeline."""
        return Defaults(fps=16, prompt_tokens=512, guidance=5.0)

    def problem(self, source: Any) -> str | None:
        """Image-conditioned models, two-stage ones and the autoencoder of Wan 2.2 are none of this."""
        transformer, vae = source.transformer.config, source.vae.config
        index = source.index
        if transformer.image_dim is not None or transformer.added_kv_proj_dim is not None:
            return "transformer is conditioned on images (image_dim, added_kv_proj_dim): only text is known"
        if (index.get("transformer_2") or [None])[0] is not None or index.get("expand_timesteps"):
            return "transformer_2 and expand_timesteps belong to Wan 2.2: only Wan 2.1 is known"
        if vae.is_residual or vae.patch_size is not None:
            return "vae is_residual or patch_size belong to Wan 2.2: only Wan 2.1 is known"
        if transformer.in_channels != transformer.out_channels:
            return (
                f"transformer takes {transformer.in_channels} channels and gives {transformer.out_channels}"
            )
        width = transformer.num_attention_heads * transformer.attention_head_dim
        if transformer.qk_norm != "rms_norm_across_heads" or width % 2:
            return f"transformer qk_norm {transformer.qk_norm!r} is not known, only 'rms_norm_across_heads'"
        made = (2 ** (len(vae.dim_mult) - 1), 2 ** sum(bool(step) for step in vae.temperal_downsample))
        said = (vae.scale_factor_spatial, vae.scale_factor_temporal)
        if made != said:
            return f"vae says it shrinks {said} in space and time, its blocks shrink {made}"
        if transformer.patch_size[0] != 1:
            return f"transformer patch size in time {transformer.patch_size[0]} is not 1"
        return None

    def factors(self, vae: Any) -> tuple[int, int, int]:
        """As the autoencoder says; the pipeline takes multiples of 16 pixels."""
        space = int(vae.config.scale_factor_spatial)
        return space, int(vae.config.scale_factor_temporal), max(16, space * 2)

    def latent_channels(self, source: Any) -> int:
        """Of the autoencoder."""
        return int(source.vae.config.z_dim)

    def scaling(self, vae: Any) -> tuple[Tensor, Tensor]:
        """From its configuration."""
        return tensor(vae.config.latents_mean), tensor(vae.config.latents_std)

    def denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """The transformer takes latents of this shape."""
        transformer = lean_wan(source.transformer, shape.grid) if lean else source.transformer
        return _Denoiser(transformer)

    def decode(self, source: Any, latents: Tensor) -> Tensor:
        """The library decodes frame by frame as well."""
        vae = source.decoding_vae
        video: Tensor = vae.decode(Scaled(*self.scaling(source.vae))(latents), return_dict=False)[0]
        return video

    def picture(self, source: Any, latents: Tensor) -> Stage:
        """The first frame of a stream, which is what a single latent frame decodes to."""
        lean = lean_decoder(source.decoding_vae)
        first = FirstFrame(lean)
        example = latents[:, :, :1]
        module = _Clamped(Scaled(*self.scaling(source.vae)), first)
        with torch.no_grad():
            module(example)
        outputs = ["video", *(f"kept_{place}" for place in first.cache)]
        whole = Function(lambda frame: self.decode(source, frame))
        return Stage(module, whole, {"latents": example}, outputs)

    def decoder(self, source: Any, latents: Tensor) -> Stage:
        """A later frame; its example is the last latent frame, right behind the first one."""
        first, last = latents[:, :, :1], latents[:, :, -1:]
        lean = lean_decoder(source.decoding_vae)
        (example,) = self._frames(source, lean, torch.cat((first, last), 2))
        whole = Function(lambda frame, *_: self.decode(source, torch.cat((first, frame), 2))[:, :, 1:])
        outputs = ["video", *(f"kept_{place}" for place in range(len(example) - 1))]
        return Stage(_Clamped(Scaled(*self.scaling(source.vae)), NextFrame(lean)), whole, example, outputs)

    def calibration(self, source: Any, kind: str, latents: Tensor) -> list[dict[str, Tensor]]:
        """Every later frame with what is left by the one before; or the first frame and the middle one."""
        if kind == "picture":
            return [{"latents": latents[:, :, :1]}, {"latents": middle(latents)}]
        return self._frames(source, lean_decoder(source.decoding_vae), latents)

    @torch.no_grad()
    def _frames(self, source: Any, lean: nn.ModuleDict, latents: Tensor) -> list[dict[str, Tensor]]:
        """What the decoder of later frames is given along a clip."""
        scale = Scaled(*self.scaling(source.vae))
        first, following = FirstFrame(lean), NextFrame(lean)
        _, *left = first(scale(latents[:, :, :1]))
        seen = [torch.zeros(size) for size in cache_shapes(lean, latents[:, :, :1])]
        for place, value in zip(first.cache, left, strict=True):
            seen[place] = value
        feeds = []
        for number in range(1, latents.shape[2]):
            frame = latents[:, :, number : number + 1]
            feeds.append({"latents": frame, **{f"seen_{place}": value for place, value in enumerate(seen)}})
            _, *seen = following(scale(frame), *seen)
        return feeds

    def encoder(self, source: Any, video: Tensor) -> Stage:
        """The whole clip at once."""
        scale, vae = Scaled(*self.scaling(source.vae)), source.vae
        untouched = Function(lambda frames: scale.back(vae.encode(frames, return_dict=False)[0].mode()))
        return Stage(_Encoder(scale, lean_encoder(vae)), untouched, {"video": video}, ["latents"])

    def text_states(self, states: Tensor, mask: Tensor) -> Tensor:
        """Padding is zero."""
        return states * mask.unsqueeze(-1).to(states.dtype)

    def clean(self, prompt: str) -> str:
        """As the pipeline cleans it, less what ftfy would repair."""
        return clean(self.name, prompt)


class _Denoiser(nn.Module):
    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, latents: Tensor, timestep: Tensor, states: Tensor) -> Tensor:
        velocity: Tensor = self.transformer(latents, timestep, states, return_dict=False)[0]
        return velocity


class _Clamped(nn.Module):
    def __init__(self, scale: Scaled, decoder: nn.Module) -> None:
        super().__init__()
        self.scale, self.decoder = scale, decoder

    def forward(self, latents: Tensor, *seen: Tensor) -> tuple[Tensor, ...]:
        video, *kept = self.decoder(self.scale(latents), *seen)
        return video.clamp(-1, 1), *kept


class _Encoder(nn.Module):
    def __init__(self, scale: Scaled, encoder: nn.Module) -> None:
        super().__init__()
        self.scale, self.encoder = scale, encoder

    def forward(self, video: Tensor) -> Tensor:
        return self.scale.back(self.encoder(video).chunk(2, dim=1)[0])

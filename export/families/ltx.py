"""LTX-Video: LTXVideoTransformer3DModel over tokens, AutoencoderKLLTXVideo, a T5 or BERT text encoder."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from export.families.base import Defaults, Family, Function, Grid, Scaled, Stage, middle
from export.rewrites.attention import lean_ltx
from export.rewrites.frames import FrameDecoder
from export.rewrites.norm import rewrite_norms

# LTXConditionPipeline tells the model seconds and pixels, LTXPipeline the same without the short first frame.
PLAIN = "LTXPipeline"


class Ltx(Family):
    """Latents become tokens inside the graph; padding of the prompt is masked."""

    name = "ltx"
    vae_class = "AutoencoderKLLTXVideo"
    pipelines = (PLAIN, "LTXConditionPipeline")
    takes_mask = True
    takes_conditions = True

    def defaults(self, pipeline: str) -> Defaults:
        """As its pipelines."""
        tokens = 128 if pipeline == PLAIN else 256
        return Defaults(fps=25, prompt_tokens=tokens, guidance=3.0)

    def problem(self, source: Any) -> str | None:
        """Patches of tokens, and noise inside the decoder, are not known."""
        transformer, vae = source.transformer.config, source.vae.config
        if transformer.patch_size != 1 or transformer.patch_size_t != 1:
            return f"transformer patch size {transformer.patch_size} is not 1"
        if transformer.qk_norm != "rms_norm_across_heads":
            return f"transformer qk_norm {transformer.qk_norm!r} is not known, only 'rms_norm_across_heads'"
        if vae.patch_size_t != 1:
            return f"vae patch size in time {vae.patch_size_t} is not 1"
        if transformer.in_channels != vae.latent_channels:
            return (
                f"transformer takes {transformer.in_channels} channels, the vae makes {vae.latent_channels}"
            )
        for name, weight in source.decoding_vae.decoder.named_parameters():
            if "per_channel_scale" in name and weight.abs().max() > 0:
                return f"vae decoder.{name} mixes random numbers into the picture: no fixed graph can"
        return None

    def factors(self, vae: nn.Module) -> tuple[int, int, int]:
        """Both pipelines take multiples of 32 pixels."""
        space = int(vae.spatial_compression_ratio)
        return space, int(vae.temporal_compression_ratio), max(32, space)

    def latent_channels(self, source: Any) -> int:
        """Of the autoencoder."""
        return int(source.vae.config.latent_channels)

    def scaling(self, vae: nn.Module) -> tuple[Tensor, Tensor]:
        """From its buffers."""
        return vae.latents_mean.float(), vae.latents_std.float() / float(vae.config.scaling_factor)

    def denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """Tokens of this shape at their places."""
        places = coordinates(source, shape.grid)
        transformer = lean_ltx(source.transformer, places) if lean else source.transformer
        return _Denoiser(transformer, places, shape.grid)

    def told(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """The same with the tokens of a reference picture and of a last frame before the clip's."""
        _, rows, columns = shape.grid
        still = coordinates(source, (1, rows, columns))
        seconds = (source.reference_second, (shape.frames - 1) / source.fps)
        extra = [torch.cat((torch.full_like(still[:, :1], at), still[:, 1:]), dim=1) for at in seconds]
        places = torch.cat((*extra, coordinates(source, shape.grid)), dim=2)
        transformer = lean_ltx(source.transformer, places) if lean else source.transformer
        return _Told(transformer, places, shape.grid)

    def decode(self, source: Any, latents: Tensor) -> Tensor:
        """By the library's decoder; what it does to the timestep and its noise is fixed."""
        return _Decoder(self, source, latents, None)(latents)

    def decoder(self, source: Any, latents: Tensor) -> Stage:
        """The whole clip."""
        return self._stage(source, latents, single=latents.shape[2] == 1)

    def picture(self, source: Any, latents: Tensor) -> Stage:
        """The middle frame alone."""
        return self._stage(source, middle(latents), single=True)

    def calibration(self, source: Any, kind: str, latents: Tensor) -> list[dict[str, Tensor]]:
        """The clip, or its middle."""
        return [{"latents": middle(latents) if kind == "picture" else latents}]

    def encoder(self, source: Any, video: Tensor) -> Stage:
        """The library's own, with the norms written out."""
        scale, vae = Scaled(*self.scaling(source.vae)), source.vae
        untouched = Function(lambda frames: scale.back(vae.encode(frames, return_dict=False)[0].mode()))
        return Stage(_Encoder(scale, vae), untouched, {"video": video}, ["latents"])

    def text_mask(self, mask: Tensor, pipeline: str) -> Tensor:
        """LTXPipeline lets the text encoder see the padding."""
        return torch.ones_like(mask) if pipeline == PLAIN else mask

    def _stage(self, source: Any, latents: Tensor, *, single: bool) -> Stage:
        vae = source.decoding_vae
        frames = None if vae.config.timestep_conditioning else FrameDecoder(vae.decoder, single)
        module = _Decoder(self, source, latents, frames)
        whole = Function(lambda given: self.decode(source, given))
        return Stage(module, whole, {"latents": latents}, ["video"])


def coordinates(source: Any, grid: Grid) -> Tensor:
    """Seconds and pixels of each token [1, 3, S], as the folder's pipeline tells them."""
    axes = [torch.arange(size, dtype=torch.float32) for size in grid]
    frame, row, column = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
    space, time = source.vae.spatial_compression_ratio, source.vae.temporal_compression_ratio
    seconds = frame * time if source.pipeline == PLAIN else (frame * time + 1 - time).clamp(min=0)
    return torch.stack((seconds / source.fps, row * space, column * space))[None]


class _Denoiser(nn.Module):
    def __init__(self, transformer: nn.Module, places: Tensor, grid: Grid) -> None:
        super().__init__()
        self.transformer, self.grid = transformer, grid
        self.register_buffer("places", places)

    def forward(self, latents: Tensor, timestep: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        velocity = self.transformer(
            hidden_states=latents.flatten(2).transpose(1, 2),
            encoder_hidden_states=states,
            timestep=timestep[:, None],
            encoder_attention_mask=mask,
            video_coords=self.places,
            return_dict=False,
        )[0]
        return velocity.transpose(1, 2).unflatten(2, self.grid)


class _Told(nn.Module):
    """timesteps: [1, S], one for each token; extra: [1, C, 2, h, w], reference picture and last frame."""

    def __init__(self, transformer: nn.Module, places: Tensor, grid: Grid) -> None:
        super().__init__()
        self.transformer, self.grid = transformer, grid
        self.register_buffer("places", places)

    def forward(
        self, latents: Tensor, timesteps: Tensor, extra: Tensor, states: Tensor, mask: Tensor
    ) -> Tensor:
        tokens = torch.cat((extra.flatten(2), latents.flatten(2)), dim=2).transpose(1, 2)
        velocity = self.transformer(
            hidden_states=tokens,
            encoder_hidden_states=states,
            timestep=timesteps,
            encoder_attention_mask=mask,
            video_coords=self.places,
            return_dict=False,
        )[0]
        clip = velocity[:, 2 * self.grid[1] * self.grid[2] :]
        return clip.transpose(1, 2).unflatten(2, self.grid)


class _Decoder(nn.Module):
    """With timestep conditioning, latents are mixed with one noise that stays in the graph."""

    def __init__(self, family: Ltx, source: Any, latents: Tensor, frames: nn.Module | None) -> None:
        super().__init__()
        self.scale = Scaled(*family.scaling(source.vae))
        vae = source.decoding_vae
        self.frames = frames
        self.decoder = None if frames is not None else vae.decoder
        self.told = bool(vae.config.timestep_conditioning)
        level = float(source.decode_timestep) if self.told else 0.0
        self.register_buffer("timestep", torch.full((1,), level))
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", noise * level if level else None)
        self.keep = 1.0 - level

    def forward(self, latents: Tensor) -> Tensor:
        x = self.scale(latents)
        if self.noise is not None:
            x = self.keep * x + self.noise
        if self.frames is not None:
            return self.frames(x).clamp(-1, 1)
        return self.decoder(x, self.timestep if self.told else None).clamp(-1, 1)


class _Encoder(nn.Module):
    def __init__(self, scale: Scaled, vae: nn.Module) -> None:
        super().__init__()
        self.scale, self.encoder = scale, copy.deepcopy(vae.encoder)
        self.channels = int(vae.config.latent_channels)
        rewrite_norms(self.encoder)

    def forward(self, video: Tensor) -> Tensor:
        return self.scale.back(self.encoder(video)[:, : self.channels])

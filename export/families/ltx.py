"""LTX-Video: LTXVideoTransformer3DModel over tokens, AutoencoderKLLTXVideo, a T5 or BERT text encoder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from export.families.base import (
    LATENT_AXES,
    VIDEO_AXES,
    Defaults,
    Family,
    Function,
    Scaled,
    Stage,
    middle,
)
from export.rewrites.attention import lean_ltx
from export.rewrites.frames import FrameDecoder
from export.rewrites.norm import rewrite_norms

# LTXConditionPipeline gives the model seconds and pixels, LTXPipeline the same without the short first frame.
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

    def factors(self, vae: Any) -> tuple[int, int, int]:
        """Both pipelines take multiples of 32 pixels."""
        space = int(vae.spatial_compression_ratio)
        return space, int(vae.temporal_compression_ratio), max(32, space)

    def latent_channels(self, source: Any) -> int:
        """Of the autoencoder."""
        return int(source.vae.config.latent_channels)

    def scaling(self, vae: Any) -> tuple[Tensor, Tensor]:
        """From its buffers."""
        return vae.latents_mean.float(), vae.latents_std.float() / float(vae.config.scaling_factor)

    def frees(self, source: Any) -> bool:
        """A decoder that mixes in noise has that of one shape in its graph."""
        return not source.decoding_vae.config.timestep_conditioning

    def denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """Tokens of this shape, or in a free graph of any, at their places."""
        places = None if source.free else coordinates(source, shape.grid)
        transformer = lean_ltx(source.transformer, places) if lean else source.transformer
        return _Denoiser(transformer, source, places)

    def conditioned_denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """The same with the tokens of a reference picture and of a last frame before the clip's."""
        transformer = lean_ltx(source.transformer, None) if lean else source.transformer
        return _ConditionedDenoiser(transformer, source)

    def decode(self, source: Any, latents: Tensor) -> Tensor:
        """By the library's decoder; what it does to the timestep and its noise is fixed."""
        video: Tensor = _Decoder(self, source, latents, None)(latents)
        return video

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
        free = {"video": VIDEO_AXES} if source.free else {}
        return Stage(_Encoder(scale, vae), untouched, {"video": video}, ["latents"], free)

    def text_mask(self, mask: Tensor, pipeline: str) -> Tensor:
        """LTXPipeline lets the text encoder see the padding."""
        return torch.ones_like(mask) if pipeline == PLAIN else mask

    def _stage(self, source: Any, latents: Tensor, *, single: bool) -> Stage:
        vae = source.decoding_vae
        frames = None if vae.config.timestep_conditioning else FrameDecoder(vae.decoder, single)
        module = _Decoder(self, source, latents, frames)
        whole = Function(lambda given: self.decode(source, given))
        axes = {axis: name for axis, name in LATENT_AXES.items() if not single or axis > 2}
        return Stage(module, whole, {"latents": latents}, ["video"], {"latents": axes} if source.free else {})


def coordinates(source: Any, grid: Sequence[int]) -> Tensor:
    """Seconds and pixels of each token [1, 3, S], as the folder's pipeline tells them."""
    axes = [torch.arange(size, dtype=torch.float32) for size in grid]
    frame, row, column = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
    space, time = source.vae.spatial_compression_ratio, source.vae.temporal_compression_ratio
    seconds = frame * time if source.pipeline == PLAIN else (frame * time + 1 - time).clamp(min=0)
    return torch.stack((seconds / source.fps, row * space, column * space))[None]


def last_second(source: Any, clip: Tensor) -> Tensor:
    """When a clip's last frame is shown [1, 1, 1], of its tokens' coordinates.

    A latent frame's time is that of its first frame, in every pipeline that tells of the short first one.
    """
    time = source.vae.temporal_compression_ratio
    return clip[:, :1, -1:] + (0.0 if source.pipeline == PLAIN else (time - 1) / source.fps)


class _Denoiser(nn.Module):
    """places: of the tokens of the one shape that it's for; none: they follow from the latents' shape."""

    places: Tensor | None

    def __init__(self, transformer: nn.Module, source: Any, places: Tensor | None) -> None:
        super().__init__()
        self.transformer, self.source = transformer, source
        self.register_buffer("places", places)

    def forward(self, latents: Tensor, timestep: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        places = coordinates(self.source, latents.shape[2:]) if self.places is None else self.places
        velocity: Tensor = self.transformer(
            hidden_states=latents.flatten(2).transpose(1, 2),
            encoder_hidden_states=states,
            timestep=timestep[:, None],
            encoder_attention_mask=mask,
            video_coords=places,
            return_dict=False,
        )[0]
        return velocity.transpose(1, 2).reshape(latents.shape)


class _ConditionedDenoiser(nn.Module):
    """Its tokens are those of the reference picture, of the last frame, of the clip, in this order."""

    def __init__(self, transformer: nn.Module, source: Any) -> None:
        super().__init__()
        self.transformer, self.source = transformer, source

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        stills: Tensor,
        reference: Tensor,
        end: Tensor,
        states: Tensor,
        mask: Tensor,
    ) -> Tensor:
        source, pictures = self.source, (reference, end)
        clip = coordinates(source, latents.shape[2:])
        seconds = (torch.full_like(clip[:, :1, :1], source.reference_second), last_second(source, clip))
        places, levels = [], []
        for number, (picture, second) in enumerate(zip(pictures, seconds, strict=True)):
            still = coordinates(source, picture.shape[2:])
            places.append(torch.cat((second.expand(-1, -1, still.shape[2]), still[:, 1:]), dim=1))
            levels.append(stills[:, number : number + 1].expand(-1, still.shape[2]))
        area = latents.shape[3] * latents.shape[4]
        levels.append(timesteps[:, :, None].expand(-1, -1, area).flatten(1))
        tokens = torch.cat([part.flatten(2) for part in (*pictures, latents)], dim=2)
        velocity: Tensor = self.transformer(
            hidden_states=tokens.transpose(1, 2),
            encoder_hidden_states=states,
            timestep=torch.cat(levels, dim=1),
            encoder_attention_mask=mask,
            video_coords=torch.cat((*places, clip), dim=2),
            return_dict=False,
        )[0]
        before = places[0].shape[2] + places[1].shape[2]
        return velocity[:, before:].transpose(1, 2).reshape(latents.shape)


class _Decoder(nn.Module):
    """With timestep conditioning, latents are mixed with one noise that stays in the graph."""

    timestep: Tensor
    noise: Tensor | None

    def __init__(self, family: Ltx, source: Any, latents: Tensor, frames: nn.Module | None) -> None:
        super().__init__()
        self.scale = Scaled(*family.scaling(source.vae))
        vae = source.decoding_vae
        self.frames = frames
        self.decoder: Any = None if frames is not None else vae.decoder
        self.takes_level = bool(vae.config.timestep_conditioning)
        level = float(source.decode_timestep) if self.takes_level else 0.0
        self.register_buffer("timestep", torch.full((1,), level))
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", noise * level if level else None)
        self.keep = 1.0 - level

    def forward(self, latents: Tensor) -> Tensor:
        x: Tensor = self.scale(latents)
        if self.noise is not None:
            x = self.keep * x + self.noise
        if self.frames is not None:
            video: Tensor = self.frames(x)
        else:
            video = self.decoder(x, self.timestep if self.takes_level else None)
        return video.clamp(-1, 1)


class _Encoder(nn.Module):
    def __init__(self, scale: Scaled, vae: Any) -> None:
        super().__init__()
        self.scale, self.encoder = scale, copy.deepcopy(vae.encoder)
        self.channels = int(vae.config.latent_channels)
        rewrite_norms(self.encoder)

    def forward(self, video: Tensor) -> Tensor:
        return self.scale.back(self.encoder(video)[:, : self.channels])

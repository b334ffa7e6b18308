"""The refiner: puts a reference picture's own detail where a clip shows its subject.

The transformer draws the subject of a reference picture in the right place and colours, but softly. This
network finds in each frame where the picture's parts are (a softmax over all pairs of cells, as in Sun et
al., "LoFTR", 2021), fits a similarity to these matches (export.similarity) and samples the picture there
(Jaderberg et al., "Spatial transformer networks", 2015), in the light and the style of the clip.

Pictures and clips are in 0..1. B clips of F frames have N = B * F frames. The modules' names are those of the
stored weights.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from export.similarity import Similarity, centroid, fit_similarity, grid_coordinates, similarity_about

# Pixels of the short side of the pictures in which subjects are searched: that of previews.
SIDE = 64
CELL = 4  # pixels of a cell's side
WIDTH, THIN = 32, 16  # channels
MOTION_WIDTH = 24  # channels of the motion head
MATTE_WIDTH = 8  # channels that the matte's edges get of each place
SHARPNESS = 8.0  # of matches: 1 / temperature
UNSURE = 0.1  # a cell that is less likely the subject's doesn't count
LEAST_CELLS = 2.0  # a subject of fewer cells fades
FIRMNESS = 1.5  # contrast of the matte, which is less sure than it should be: decision 0017
SLOW, FAST = 0.14, 0.24  # radians a frame: a clip that turns less doesn't turn, one that turns more does
LUMA = (0.299, 0.587, 0.114)
# Red, green, blue, one, and how far brightness is from its middle: what lights and styles make of a colour is
# nearly linear in these.
BASIS = 5
FILE = "model.safetensors"


@dataclass
class FrameFeatures:
    """What single frames show: the motion head's input.

    values: [B, C, F]; scale: [N, 1] and middle: [N, 2], size and centroid of the subject in the frames; aim:
    [N, 2], its centroid in the picture.
    """

    values: Tensor
    scale: Tensor
    middle: Tensor
    aim: Tensor


@dataclass
class Detection:
    """Where N frames show the subject.

    similarity: from the frames to the picture; speed: [N], how far it turns from frame to frame, in radians;
    matches: [N, 2, h, w], coordinates in the picture of each cell; subject: [N, 1, h, w], logits of the
    subject being there; present: [N] in 0..1; features: what similarity and speed follow from.
    """

    similarity: Similarity
    speed: Tensor
    matches: Tensor
    subject: Tensor
    present: Tensor
    features: FrameFeatures


@dataclass
class Refined:
    """Refined clips [B, F, 3, H, W], where their subjects were found, and `colour_statistics` [B, C]."""

    clips: Tensor
    found: Detection
    tones: Tensor


class Refiner(nn.Module):
    """Clips drawn after a reference picture -> the same with its subject in the picture's detail."""

    def __init__(self) -> None:
        super().__init__()
        self.near = _block(3, THIN, stride=2)
        self.far = nn.Sequential(_block(THIN, WIDTH, stride=2), _block(WIDTH, WIDTH))
        self.match = nn.Conv2d(WIDTH, WIDTH, 1)
        self.enter = nn.Sequential(_block(2 * WIDTH + 3, WIDTH), _block(WIDTH, WIDTH, dilation=2))
        self.along = nn.Conv3d(WIDTH, WIDTH, (3, 1, 1), padding=(1, 0, 0))
        self.around = _block(WIDTH, WIDTH, dilation=4)
        self.place = nn.Conv2d(WIDTH, 3, 1)
        # The motion head: at first nothing turns.
        self.follow = nn.Sequential(
            *(part for k in range(4) for part in _motion_block(WIDTH + 6 if k == 0 else MOTION_WIDTH, 2**k)),
            _zeros(nn.Conv1d(MOTION_WIDTH, 5, 1)),
        )
        self.inside = nn.Sequential(
            _block(WIDTH + THIN + 3, THIN),
            *(_block(THIN, THIN, dilation=2**k) for k in (1, 2)),
            nn.Conv2d(THIN, MATTE_WIDTH, 1),
        )
        self.edge = nn.Sequential(
            nn.Conv2d(3 + 3 + MATTE_WIDTH, THIN, 3, padding=1), nn.SiLU(), nn.Conv2d(THIN, 4, 3, padding=1)
        )
        # The lighting head: at first a light changes nothing.
        statistics = BASIS * BASIS + BASIS * 3 + WIDTH
        self.light = nn.Sequential(nn.Linear(statistics, 48), nn.SiLU(), _zeros(nn.Linear(48, BASIS * 3)))
        wide = [_block(8, THIN), *(_block(THIN, THIN, dilation=2**k) for k in range(3))]
        self.behind = nn.Sequential(*wide, nn.Conv2d(THIN, 4, 1))

    def forward(self, reference: Tensor, frames: Tensor, small: Tensor) -> Tensor:
        """One clip [F, 3, H, W] refined.

        reference: [1, 3, S, S], S the short side of the frames; small: the frames at a short side of SIDE.
        """
        return self.refine(reference, frames[None], small[None]).clips[0]

    def refine(
        self, reference: Tensor, frames: Tensor, small: Tensor, similarity: Similarity | None = None
    ) -> Refined:
        """Refine clips [B, F, 3, H, W].

        reference: [B, 3, S, S]; small: [B, F, 3, h, w], the clips at a short side of SIDE; similarity: where
        to put the subjects, instead of where they are found.
        """
        picture = F.interpolate(reference, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        near = self.near(picture)
        far = self.far(near)
        layer = self.cut(reference, near, far)
        seen = self.far(self.near(small.flatten(0, 1)))
        found = self._find(far, layer[:, 3:], torch.unflatten(seen, 0, small.shape[:2]))
        layer = sharpen_matte(layer)
        if similarity is None:
            similarity = Similarity(found.similarity.turn.detach(), found.similarity.shift.detach())
        low, low_cover = _paste(layer, similarity, found.present, small)
        colours, cover = _paste(layer, similarity, found.present, frames)
        tones = colour_statistics(low, low_cover, small, seen)
        light = torch.unflatten(self.light(tones), 1, (BASIS, 3))
        background = self._background(apply_light(low, light), low_cover, small, found)
        wide = F.interpolate(background, size=frames.shape[-2:], mode="bilinear", align_corners=False)
        clean = frames + torch.unflatten(wide, 0, frames.shape[:2])
        return Refined(clean + (apply_light(colours, light) - clean) * cover, found, tones)

    def cut(self, reference: Tensor, near: Tensor, far: Tensor) -> Tensor:
        """The picture's subject [B, 4, S, S]: colours times alpha, and alpha.

        near, far: its features at a half and a quarter of SIDE.
        """
        apart = (reference - border_colour(reference)).abs()
        far = F.interpolate(far, size=near.shape[-2:], mode="bilinear", align_corners=False)
        small = F.interpolate(apart, size=near.shape[-2:], mode="bilinear", align_corners=False)
        inside = self.inside(torch.cat((near, far, small), dim=1))
        inside = F.interpolate(inside, size=reference.shape[-2:], mode="bilinear", align_corners=False)
        correction = self.edge(torch.cat((reference, apart, inside), dim=1))
        alpha = torch.sigmoid(correction[:, 3:])
        return torch.cat(((reference + correction[:, :3]) * alpha, alpha), dim=1)

    def _find(self, far: Tensor, alpha: Tensor, seen: Tensor) -> Detection:
        """far: [B, C, h', w'] and alpha: [B, 1, S, S] of the picture; seen: [B, F, C, h, w] of the frames."""
        clips, frames_each, _, rows, columns = seen.shape
        flat = seen.flatten(0, 1)
        wanted = torch.unflatten(F.normalize(self.match(flat), dim=1), 0, (clips, frames_each)).flatten(3)
        have = F.normalize(self.match(far), dim=1).flatten(2)
        share = F.softmax(torch.einsum("bfcn,bcm->bfnm", wanted, have) * SHARPNESS, dim=-1)
        known = grid_coordinates(*far.shape[2:]).to(far).flatten(1)
        guess = torch.einsum("bfnm,cm->bfcn", share, known)
        guess = torch.cat((guess, share.amax(-1)[:, :, None]), dim=2).flatten(0, 1)
        guess = torch.unflatten(guess, 2, (rows, columns))
        whole = far.mean((2, 3))[:, None, :, None, None].expand(-1, frames_each, -1, rows, columns)
        hidden = self.enter(torch.cat((flat, guess, whole.flatten(0, 1)), dim=1))
        clip = torch.unflatten(hidden, 0, (clips, frames_each)).transpose(1, 2)
        hidden = hidden + self.along(clip).transpose(1, 2).flatten(0, 1)
        hidden = hidden + self.around(hidden)
        answer = self.place(hidden)
        matches, subject = guess[:, :2] + answer[:, :2], answer[:, 2:]
        weight = torch.sigmoid(subject)
        # Where nothing is found nothing is changed.
        present = (F.relu(weight - UNSURE).sum((1, 2, 3)) / LEAST_CELLS).clamp(max=1)
        features = self._frame_features(hidden, matches, weight, alpha)
        return Detection(*self.follow_motion(features), matches, subject, present, features)

    def _frame_features(
        self, hidden: Tensor, matches: Tensor, weight: Tensor, alpha: Tensor
    ) -> FrameFeatures:
        # Without gradients: areas and centroids are learned by the subject's own loss, not to make sizes fit.
        (aim, area), (middle, cover) = centroid(alpha.detach()), centroid(weight.detach())
        frames_each = len(cover) // len(area)
        aim, area = (part.repeat_interleave(frames_each, 0) for part in (aim, area))
        scale = (area / cover).sqrt()
        fit = fit_similarity(matches, weight)
        size = fit.turn.square().sum(1, keepdim=True).clamp(min=1e-4).sqrt()
        astray = fit(middle[..., None, None]).flatten(1) - aim
        whole = (hidden * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1e-3)
        values = (whole, fit.turn / size, (size / scale).log(), astray, torch.ones_like(scale))
        stacked = torch.unflatten(torch.cat(values, dim=1), 0, (-1, frames_each)).transpose(1, 2)
        return FrameFeatures(stacked, scale, middle, aim)

    def follow_motion(self, features: FrameFeatures) -> tuple[Similarity, Tensor]:
        """Centroid on centroid and area on area, corrected by all frames of a clip together; and the speed
        [N].

        Where something turns, single frames are too soft to say how far: speeds are summed from the first on.
        """
        speed, angle, larger, *shift = self.follow(features.values).unbind(1)
        # A slow turn all along is a doubt: nothing in the drawn world does that.
        sure = ((speed.mean(1, keepdim=True).abs() - SLOW) / (FAST - SLOW)).clamp(0, 1)
        angle = ((speed * sure).cumsum(1) + angle).flatten()
        scale = features.scale * larger.flatten()[:, None].exp()
        turn = torch.stack((angle.cos(), angle.sin()), dim=1) * scale
        aim = features.aim + torch.stack(shift, dim=2).flatten(0, 1)
        return similarity_about(turn, features.middle, aim), speed.flatten()

    def _background(self, low: Tensor, cover: Tensor, small: Tensor, found: Detection) -> Tensor:
        """What to add [N, 3, h, w] so that nothing soft stands out behind the subject."""
        half = [F.avg_pool2d(part.flatten(0, 1), 2) for part in (small, low * cover, cover)]
        there = F.interpolate(
            torch.sigmoid(found.subject), size=half[0].shape[-2:], mode="bilinear", align_corners=False
        )
        made: Tensor = self.behind(torch.cat((*half, there), dim=1))
        present = found.present[:, None, None, None]
        return made[:, :3] * torch.sigmoid(made[:, 3:]) * there * present


class Matte(nn.Module):
    """A reference picture [1, 3, S, S] -> its subject alone [1, 4, S, S]: colours times alpha, and alpha."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(self, reference: Tensor) -> Tensor:
        """Cut it out, with a firm edge."""
        picture = F.interpolate(reference, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        near = self.refiner.near(picture)
        return sharpen_matte(self.refiner.cut(reference, near, self.refiner.far(near)))


def _motion_block(inner: int, dilation: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv1d(inner, MOTION_WIDTH, 3, padding=dilation, dilation=dilation), nn.SiLU()


def _zeros(layer: nn.Conv1d | nn.Linear) -> nn.Module:
    """The layer, whose answer is 0 at first."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _block(inner: int, outer: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, dilation, dilation), nn.GroupNorm(4, outer), nn.SiLU()
    )


def border_colour(picture: Tensor) -> Tensor:
    """The mean colour of a picture's border [B, 3, 1, 1]: pixels unlike it are most often the subject's."""
    sides = (picture[..., 0, :], picture[..., -1, :], picture[..., 0], picture[..., -1])
    return torch.cat(sides, dim=-1).mean(-1)[..., None, None]


def colour_basis(colours: Tensor) -> Tensor:
    """Colours [..., 3, H, W] as [..., BASIS, H, W]."""
    weights = torch.tensor(LUMA).to(colours)[:, None, None]
    bright = (colours * weights).sum(-3, keepdim=True)
    return torch.cat((colours, torch.ones_like(bright), (2 * bright - 1).abs()), dim=-3)


def colour_statistics(low: Tensor, cover: Tensor, small: Tensor, seen: Tensor) -> Tensor:
    """Second moments of the picture's colours, alone and with those of the clip [B, C]: the lighting head's
    input.

    low, small: [B, F, 3, h, w], the picture where it was found and the frames; cover: [B, F, 1, h, w]; seen:
    [N, WIDTH, h', w'], the frames' features.
    """
    total = cover.sum((1, 2, 3, 4)).clamp(min=1e-3)[:, None, None]
    basis = colour_basis(low)
    alike = torch.einsum("bfihw,bfjhw->bij", basis * cover, basis) / total
    wanted = torch.einsum("bfihw,bfjhw->bij", basis * cover, small) / total
    whole = torch.unflatten(seen.mean((2, 3)), 0, small.shape[:2]).mean(1)
    return torch.cat((alike.flatten(1), wanted.flatten(1), whole), dim=1)


def sharpen_matte(layer: Tensor) -> Tensor:
    """A layer [B, 4, S, S] with a firmer edge: the matte is less sure than it should be."""
    alpha = ((layer[:, 3:] - 0.5) * FIRMNESS + 0.5).clamp(0, 1)
    return torch.cat((layer[:, :3] / layer[:, 3:].clamp(min=1e-3) * alpha, alpha), dim=1)


def apply_light(colours: Tensor, light: Tensor) -> Tensor:
    """Colours [B, F, 3, H, W] in a light [B, BASIS, 3]."""
    return colours + torch.einsum("bfihw,bij->bfjhw", colour_basis(colours), light)


def _paste(layer: Tensor, similarity: Similarity, present: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's colours [B, F, 3, H, W] and cover [B, F, 1, H, W] where it belongs in the frames."""
    there = similarity(grid_coordinates(*frames.shape[-2:]).to(layer)[None]).permute(0, 2, 3, 1)
    frames_each = frames.shape[1]
    # Twice, since grid_sample counts from -1 to 1.
    drawn = F.grid_sample(
        layer[:, None].expand(-1, frames_each, -1, -1, -1).flatten(0, 1),
        2 * there,
        mode="bilinear",
        align_corners=False,
    )
    cover = drawn[:, 3:]
    colours = drawn[:, :3] / cover.clamp(min=1e-3)
    cover = cover * present[:, None, None, None]
    return torch.unflatten(colours, 0, (-1, frames_each)), torch.unflatten(cover, 0, (-1, frames_each))


def save_refiner(model: Refiner, folder: Path) -> None:
    """Write the weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half() for name, value in model.state_dict().items()}, folder / FILE)


def load_refiner(folder: Path) -> Refiner:
    """The network of a model's `refiner` folder, in float32."""
    model = Refiner()
    model.load_state_dict({name: value.float() for name, value in load_file(folder / FILE).items()})
    return model.eval().requires_grad_(False)

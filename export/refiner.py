"""The refiner: puts a reference picture's own detail where a clip shows its subject.

The transformer draws the subject of a reference picture where the words want it and in its colours, but
softly. This network finds in each frame where the picture's parts are (a softmax over all pairs of cells, as
in Sun et al., "LoFTR", 2021), fits the similarity that they agree on (Umeyama, "Least-squares estimation of
transformation parameters between two point patterns", 1991) and samples the picture there (Jaderberg et al.,
"Spatial transformer networks", 2015), in the light and the style of the clip.

Pictures and clips are in 0..1.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from export.similarity import Similarity, about, fitted, middled, places

# Of the pictures in which subjects are looked for: the preview's short side.
SIDE = 64
CELL = 4  # pixels of a cell
WIDTH, THIN = 32, 16  # channels
ALONG = 24  # of what is followed from frame to frame
CODE = 8  # channels about each place that the matte's edges follow from
SHARPNESS = 8.0  # of matches: 1 / temperature
UNSURE = 0.1  # a cell that is less likely the subject's doesn't count
LEAST_CELLS = 2.0  # a subject of fewer cells fades
FIRMNESS = 1.5  # of the matte, which is less sure than it should be: decision 0017
SLOW, FAST = 0.14, 0.24  # radians a frame: a clip that turns less doesn't turn, one that turns more does
BRIGHTNESS = (0.299, 0.587, 0.114)
# Red, green, blue, one, and how far brightness is from its middle: what lights and styles make of a colour is
# nearly linear in these.
BASIS = 5
FILE = "model.safetensors"


@dataclass
class Watched:
    """What frame by frame is seen of B clips of F frames, N in all.

    features: [B, C, F]; scale: [N, 1] and middle: [N, 2], of the subject in the frames; aim: [N, 2], its
    middle in the picture.
    """

    features: Tensor
    scale: Tensor
    middle: Tensor
    aim: Tensor


@dataclass
class Found:
    """Where N frames show the subject.

    matches: [N, 2, h, w], the place in the picture of each cell; subject: [N, 1, h, w], logits of the subject
    being there; present: [N] in 0..1; speed: [N], how far the picture turns from frame to frame, in radians;
    watched: what similarity and speed follow from; tones: what the light of clips follows from (`toned`).
    """

    similarity: Similarity
    speed: Tensor
    matches: Tensor
    subject: Tensor
    present: Tensor
    watched: Watched
    tones: Tensor | None = None


class Refiner(nn.Module):
    """Clips that were shown a picture -> the same with its subject in the picture's detail."""

    def __init__(self) -> None:
        super().__init__()
        self.near = _block(3, THIN, stride=2)
        self.far = nn.Sequential(_block(THIN, WIDTH, stride=2), _block(WIDTH, WIDTH))
        self.match = nn.Conv2d(WIDTH, WIDTH, 1)
        self.enter = nn.Sequential(_block(2 * WIDTH + 3, WIDTH), _block(WIDTH, WIDTH, dilation=2))
        self.along = nn.Conv3d(WIDTH, WIDTH, (3, 1, 1), padding=(1, 0, 0))
        self.around = _block(WIDTH, WIDTH, dilation=4)
        self.place = nn.Conv2d(WIDTH, 3, 1)
        self.follow = nn.Sequential(
            *(part for k in range(4) for part in _followed(WIDTH + 6 if k == 0 else ALONG, 2**k)),
            nn.Conv1d(ALONG, 5, 1),
        )
        # At first nothing turns.
        nn.init.zeros_(self.follow[-1].weight)
        nn.init.zeros_(self.follow[-1].bias)
        self.inside = nn.Sequential(
            _block(WIDTH + THIN + 3, THIN),
            *(_block(THIN, THIN, dilation=2**k) for k in (1, 2)),
            nn.Conv2d(THIN, CODE, 1),
        )
        self.edge = nn.Sequential(
            nn.Conv2d(3 + 3 + CODE, THIN, 3, padding=1), nn.SiLU(), nn.Conv2d(THIN, 4, 3, padding=1)
        )
        tones = BASIS * BASIS + BASIS * 3 + WIDTH
        self.light = nn.Sequential(nn.Linear(tones, 48), nn.SiLU(), nn.Linear(48, BASIS * 3))
        # At first a light changes nothing.
        nn.init.zeros_(self.light[-1].weight)
        nn.init.zeros_(self.light[-1].bias)
        wide = [_block(8, THIN), *(_block(THIN, THIN, dilation=2**k) for k in range(3))]
        self.behind = nn.Sequential(*wide, nn.Conv2d(THIN, 4, 1))

    def forward(self, reference: Tensor, frames: Tensor, small: Tensor) -> Tensor:
        """One clip [F, 3, H, W] refined.

        reference: [1, 3, S, S], S the short side of the frames; small: the frames at a short side of SIDE.
        """
        return self.refine(reference, frames[None], small[None])[0][0]

    def refine(
        self, reference: Tensor, frames: Tensor, small: Tensor, at: Similarity | None = None
    ) -> tuple[Tensor, Found]:
        """Clips [B, F, 3, H, W] refined, and where their subjects were found.

        at: where to put them instead.
        """
        picture = F.interpolate(reference, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        near = self.near(picture)
        far = self.far(near)
        layer = self.cut(reference, near, far)
        seen = self.far(self.near(small.flatten(0, 1)))
        found = self._find(far, layer[:, 3:], seen.unflatten(0, small.shape[:2]))
        layer = firm(layer)
        at = at or Similarity(found.similarity.turn.detach(), found.similarity.shift.detach())
        low, low_cover = _pasted(layer, at, found.present, small)
        colours, cover = _pasted(layer, at, found.present, frames)
        found.tones = toned(low, low_cover, small, seen)
        light = self.light(found.tones).unflatten(1, (BASIS, 3))
        rest = self._behind(lit(low, light), low_cover, small, found)
        wide = F.interpolate(rest, size=frames.shape[-2:], mode="bilinear", align_corners=False)
        clean = frames + wide.unflatten(0, frames.shape[:2])
        return clean + (lit(colours, light) - clean) * cover, found

    def cut(self, reference: Tensor, near: Tensor, far: Tensor) -> Tensor:
        """The picture's subject [B, 4, S, S]: colours times alpha, and alpha.

        near, far: its features at a half and a quarter of SIDE.
        """
        apart = (reference - bordered(reference)).abs()
        far = F.interpolate(far, size=near.shape[-2:], mode="bilinear", align_corners=False)
        small = F.interpolate(apart, size=near.shape[-2:], mode="bilinear", align_corners=False)
        inside = self.inside(torch.cat((near, far, small), dim=1))
        inside = F.interpolate(inside, size=reference.shape[-2:], mode="bilinear", align_corners=False)
        made = self.edge(torch.cat((reference, apart, inside), dim=1))
        alpha = torch.sigmoid(made[:, 3:])
        return torch.cat(((reference + made[:, :3]) * alpha, alpha), dim=1)

    def _find(self, far: Tensor, alpha: Tensor, seen: Tensor) -> Found:
        """far: [B, C, h', w'] and alpha: [B, 1, S, S] of the picture; seen: [B, F, C, h, w] of the frames."""
        clips, long, _, rows, columns = seen.shape
        flat = seen.flatten(0, 1)
        wanted = F.normalize(self.match(flat), dim=1).unflatten(0, (clips, long)).flatten(3)
        have = F.normalize(self.match(far), dim=1).flatten(2)
        share = F.softmax(torch.einsum("bfcn,bcm->bfnm", wanted, have) * SHARPNESS, dim=-1)
        known = places(*far.shape[2:]).to(far).flatten(1)
        guess = torch.einsum("bfnm,cm->bfcn", share, known)
        guess = torch.cat((guess, share.amax(-1)[:, :, None]), dim=2).flatten(0, 1)
        guess = guess.unflatten(2, (rows, columns))
        whole = far.mean((2, 3))[:, None, :, None, None].expand(-1, long, -1, rows, columns)
        hidden = self.enter(torch.cat((flat, guess, whole.flatten(0, 1)), dim=1))
        clip = hidden.unflatten(0, (clips, long)).transpose(1, 2)
        hidden = hidden + self.along(clip).transpose(1, 2).flatten(0, 1)
        hidden = hidden + self.around(hidden)
        answer = self.place(hidden)
        matches, subject = guess[:, :2] + answer[:, :2], answer[:, 2:]
        weight = torch.sigmoid(subject)
        # Where nothing is found nothing is changed.
        present = (F.relu(weight - UNSURE).sum((1, 2, 3)) / LEAST_CELLS).clamp(max=1)
        watched = self._watched(hidden, matches, weight, alpha)
        return Found(*self.followed(watched), matches, subject, present, watched)

    def _watched(self, hidden: Tensor, matches: Tensor, weight: Tensor, alpha: Tensor) -> Watched:
        # Areas and middles are learned as such, and not as what makes sizes fit.
        (aim, area), (middle, cover) = middled(alpha.detach()), middled(weight.detach())
        long = len(cover) // len(area)
        aim, area = (part.repeat_interleave(long, 0) for part in (aim, area))
        scale = (area / cover).sqrt()
        fit = fitted(matches, weight)
        size = fit.turn.square().sum(1, keepdim=True).clamp(min=1e-4).sqrt()
        astray = fit(middle[..., None, None]).flatten(1) - aim
        whole = (hidden * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1e-3)
        features = (whole, fit.turn / size, (size / scale).log(), astray, torch.ones_like(scale))
        return Watched(
            torch.cat(features, dim=1).unflatten(0, (-1, long)).transpose(1, 2), scale, middle, aim
        )

    def followed(self, watched: Watched) -> tuple[Similarity, Tensor]:
        """Middle on middle, area on area, corrected by what all frames of a clip tell; and how fast it turns.

        Where something turns, single frames are too soft to say how far: it's followed from the first on.
        """
        speed, angle, larger, *shift = self.follow(watched.features).unbind(1)
        # What would turn slowly all along is a doubt: nothing in the world does.
        sure = ((speed.mean(1, keepdim=True).abs() - SLOW) / (FAST - SLOW)).clamp(0, 1)
        angle = ((speed * sure).cumsum(1) + angle).flatten()
        scale = watched.scale * larger.flatten()[:, None].exp()
        turn = torch.stack((angle.cos(), angle.sin()), dim=1) * scale
        aim = watched.aim + torch.stack(shift, dim=2).flatten(0, 1)
        return about(turn, watched.middle, aim), speed.flatten()

    def _behind(self, low: Tensor, cover: Tensor, small: Tensor, found: Found) -> Tensor:
        """What to add [N, 3, h, w] so that nothing soft stands out behind the subject."""
        half = [F.avg_pool2d(part.flatten(0, 1), 2) for part in (small, low * cover, cover)]
        there = F.interpolate(
            torch.sigmoid(found.subject), size=half[0].shape[-2:], mode="bilinear", align_corners=False
        )
        made = self.behind(torch.cat((*half, there), dim=1))
        present = found.present[:, None, None, None]
        return made[:, :3] * torch.sigmoid(made[:, 3:]) * there * present


def _followed(inner: int, dilation: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv1d(inner, ALONG, 3, padding=dilation, dilation=dilation), nn.SiLU()


def _block(inner: int, outer: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, dilation, dilation), nn.GroupNorm(4, outer), nn.SiLU()
    )


def bordered(picture: Tensor) -> Tensor:
    """The mean colour of a picture's border [B, 3, 1, 1]: what is unlike it is most often the subject."""
    sides = (picture[..., 0, :], picture[..., -1, :], picture[..., 0], picture[..., -1])
    return torch.cat(sides, dim=-1).mean(-1)[..., None, None]


def based(colours: Tensor) -> Tensor:
    """Colours [..., 3, H, W] as [..., BASIS, H, W]."""
    weights = torch.tensor(BRIGHTNESS).to(colours)[:, None, None]
    bright = (colours * weights).sum(-3, keepdim=True)
    return torch.cat((colours, torch.ones_like(bright), (2 * bright - 1).abs()), dim=-3)


def toned(low: Tensor, cover: Tensor, small: Tensor, seen: Tensor) -> Tensor:
    """How colours of the picture and of clips go together [B, C]: light and style follow from it.

    low, small: [B, F, 3, h, w], the picture where it was found and the frames; cover: [B, F, 1, h, w]; seen:
    the frames' features.
    """
    total = cover.sum((1, 2, 3, 4)).clamp(min=1e-3)[:, None, None]
    basis = based(low)
    alike = torch.einsum("bfihw,bfjhw->bij", basis * cover, basis) / total
    wanted = torch.einsum("bfihw,bfjhw->bij", basis * cover, small) / total
    whole = seen.mean((2, 3)).unflatten(0, small.shape[:2]).mean(1)
    return torch.cat((alike.flatten(1), wanted.flatten(1), whole), dim=1)


def firm(layer: Tensor) -> Tensor:
    """A layer [B, 4, S, S] with a firmer edge: the matte is less sure than it is right."""
    alpha = ((layer[:, 3:] - 0.5) * FIRMNESS + 0.5).clamp(0, 1)
    return torch.cat((layer[:, :3] / layer[:, 3:].clamp(min=1e-3) * alpha, alpha), dim=1)


def lit(colours: Tensor, light: Tensor) -> Tensor:
    """Colours [B, F, 3, H, W] in a light [B, BASIS, 3]."""
    return colours + torch.einsum("bfihw,bij->bfjhw", based(colours), light)


def _pasted(layer: Tensor, at: Similarity, present: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's colours [B, F, 3, H, W] and cover [B, F, 1, H, W] where it belongs in the frames."""
    there = at(places(*frames.shape[-2:]).to(layer)[None]).permute(0, 2, 3, 1)
    long = frames.shape[1]
    # Twice, since grid_sample counts from -1 to 1.
    drawn = F.grid_sample(
        layer[:, None].expand(-1, long, -1, -1, -1).flatten(0, 1),
        2 * there,
        mode="bilinear",
        align_corners=False,
    )
    cover = drawn[:, 3:]
    colours = drawn[:, :3] / cover.clamp(min=1e-3)
    cover = cover * present[:, None, None, None]
    return colours.unflatten(0, (-1, long)), cover.unflatten(0, (-1, long))


def save_refiner(model: Refiner, folder: Path) -> None:
    """Write the weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half() for name, value in model.state_dict().items()}, folder / FILE)


def load_refiner(folder: Path) -> Refiner:
    """The network of a model's `refiner` folder, in float32."""
    model = Refiner()
    model.load_state_dict({name: value.float() for name, value in load_file(folder / FILE).items()})
    return model.eval().requires_grad_(False)

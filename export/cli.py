"""`riffle export`: a diffusers folder in, a verified bundle out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from export.options import ExportOptions, count, size
from schemas.bundle import PRECISIONS, TARGETS

USAGE = """riffle export FOLDER --out BUNDLE [--precision ...] [--target ...] [--steps N] [--size WxH ...]
       riffle export verify BUNDLE [--against FOLDER]
       riffle export card BUNDLE [--out FILE] [--against BUNDLE]"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status. Failures are one line on stderr."""
    argv = sys.argv[1:] if argv is None else argv
    word = argv[0] if argv[:1] in (["verify"], ["card"]) else ""
    parser = {"verify": _verify_parser, "card": _card_parser, "": _export_parser}[word]()
    arguments = parser.parse_args(argv[1:] if word else argv)
    # Imported after parsing: torch takes seconds, and --help shouldn't.
    from export.command import WRONG_PATH, say

    try:
        arguments.run(arguments)
    except WRONG_PATH as error:
        print(say(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _export_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle export", usage=USAGE, description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="a model in diffusers folder format: LTX-Video or Wan 2.1")
    add("--out", type=Path, required=True, help="where the bundle goes; a bundle that is there is replaced")
    add("--precision", choices=PRECISIONS, help="int8 for processors, fp16 for cuda and web, unless said")
    add("--target", choices=TARGETS, help="what will run it; this machine's processor unless said")
    add("--steps", type=count, help="of the folder's scheduler; 8, or riffle.json's, unless said")
    add("--size", type=size, action="append", default=[], metavar="WxH", help="pixels; may be repeated")
    add("--frames", type=count, action="append", default=[], help="a clip's length; may be repeated")
    add("--fps", type=count, help="frames a second, which LTX is conditioned on")
    add("--guidance", type=float, help="1 (none) for up to 8 steps, else the pipeline's, unless said")
    add("--prompt-tokens", type=count, help="every prompt is filled or cut to these")
    add("--decode-timestep", type=float, default=0.0, help="for autoencoders that take a noise level")
    add(
        "--tiny-decoder",
        type=Path,
        metavar="DIR",
        help="a smaller autoencoder of the same latents to decode with",
    )
    add("--name", help="the model's name; riffle.json's or the folder's unless said")
    add("--no-encoder", action="store_true", help="leave out what turns frames into latents")
    parser.set_defaults(run=_export)
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle export verify", description="check a bundle")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--against", type=Path, help="the model folder: measure against torch again")
    parser.set_defaults(run=_verify)
    return parser


def _card_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="riffle export card", description="a bundle's report, one HTML file"
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, help="the file; BUNDLE.html unless said")
    parser.add_argument("--against", type=Path, help="another bundle of the same model, drawn side by side")
    parser.set_defaults(run=_card)
    return parser


def _export(arguments: argparse.Namespace) -> None:
    from export.pack import export_bundle

    options = ExportOptions(
        sizes=tuple(arguments.size),
        frames=tuple(arguments.frames),
        fps=arguments.fps,
        steps=arguments.steps,
        guidance=arguments.guidance,
        prompt_tokens=arguments.prompt_tokens,
        decode_timestep=arguments.decode_timestep,
        name=arguments.name,
        tiny_decoder=arguments.tiny_decoder,
        encoder=not arguments.no_encoder,
    )
    export_bundle(
        arguments.folder,
        arguments.out,
        precision=arguments.precision,
        target=arguments.target,
        options=options,
    )


def _verify(arguments: argparse.Namespace) -> None:
    from export.verify import check_against, check_bundle

    manifest = check_bundle(arguments.bundle)
    print(f"{arguments.bundle}: {manifest.id}, {manifest.precision} for {manifest.target}: whole and running")
    for part, found in manifest.parity.items():
        # The gate is by the worst of several; less than that is stated where they spread.
        print(f"  {part}: {found.get('least_db', found['sqnr_db'])} dB at least when it was made")
    if arguments.against:
        for part, found in check_against(arguments.bundle, manifest, arguments.against).items():
            print(f"  {part}: {found.get('least_db', found['sqnr_db'])} dB now")


def _card(arguments: argparse.Namespace) -> None:
    from export.card import write_card

    out = arguments.out or arguments.bundle.with_name(f"{arguments.bundle.resolve().name}.html")
    print(write_card(arguments.bundle, out, arguments.against))


if __name__ == "__main__":
    sys.exit(main())

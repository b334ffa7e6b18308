"""`riffle export`: a diffusers folder in, a verified bundle out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# As the stages have them, whose import takes seconds.
PRECISIONS = ("int8", "fp32")
TARGETS = ("avx2", "vnni", "arm64")
USAGE = """riffle export FOLDER --out BUNDLE [--precision int8|fp32] [--target avx2|vnni|arm64]
       riffle export verify BUNDLE [--against FOLDER]
       riffle export tiny-train ..."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status. Failures are one line on stderr."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["tiny-train"]:
        from export.tiny import train

        train.main(argv[1:])
        return 0
    parser = _verify_parser() if argv[:1] == ["verify"] else _export_parser()
    options = parser.parse_args(argv[1:] if argv[:1] == ["verify"] else argv)
    # Imported after parsing: torch takes seconds, and --help shouldn't.
    from export.load import ExportError
    from model_server.bundle import BundleError

    try:
        options.run(options)
    except (ExportError, BundleError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _export_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle export", usage=USAGE, description=__doc__)
    parser.add_argument("folder", type=Path, help="a model in diffusers folder format, with riffle.json")
    parser.add_argument("--out", type=Path, required=True, help="where the bundle goes; replaced if there")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument("--target", choices=TARGETS, default="avx2")
    parser.set_defaults(run=_export)
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle export verify", description="check a bundle")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--against", type=Path, help="the model folder: measure against torch again")
    parser.set_defaults(run=_verify)
    return parser


def _export(options: argparse.Namespace) -> None:
    from export.pack import export_bundle

    export_bundle(options.folder, options.out, precision=options.precision, target=options.target)


def _verify(options: argparse.Namespace) -> None:
    from export.load import load
    from export.verify import check_bundle, check_preview

    manifest = check_bundle(options.bundle)
    print(f"{options.bundle}: {manifest.id}, {manifest.precision} for {manifest.target}: whole and running")
    for part, found in manifest.parity.items():
        print(f"  {part}: {found['sqnr_db']} dB when it was made")
    if options.against:
        found = check_preview(load(options.against), options.bundle, manifest.precision)
        print(f"  preview: {found['sqnr_db']} dB now")


if __name__ == "__main__":
    sys.exit(main())

"""What the commands of this folder share: their arguments, and the models that these name."""

import argparse
from pathlib import Path

import torch

from export.assemble import assemble
from export.options import count
from model_server.engine.preview import PreviewEngine
from train.arguments import bundle_folder, model_folder
from train.measure.sampler import ModelSampler


def measurement_parser(module: str, doc: str | None, *, bundle: bool = False) -> argparse.ArgumentParser:
    """A parser with the arguments that measurements share; `bundle`: also one for an exported bundle."""
    parser = argparse.ArgumentParser(
        prog=f"python -m train.measure.{module}", description=(doc or "").split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"), help="where a model is assembled")
    parser.add_argument("--model", type=model_folder, help="a model folder; else this repository's weights")
    parser.add_argument("--threads", type=count, default=2, help="CPU threads")
    if bundle:
        parser.add_argument("--bundle", type=bundle_folder, help="an exported bundle to measure too")
    return parser


def set_threads(options: argparse.Namespace) -> None:
    """CPU threads of torch, without denormal numbers, which are slow."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)


def measured_folder(options: argparse.Namespace) -> Path:
    """The model folder to measure."""
    folder: Path = options.model or assemble(options.home / "model")
    return folder


def measured_model(options: argparse.Namespace) -> ModelSampler:
    """The model to measure."""
    return ModelSampler(measured_folder(options))


def measured_bundle(options: argparse.Namespace) -> PreviewEngine | None:
    """The bundle to measure too, if one is given."""
    return None if options.bundle is None else PreviewEngine(options.bundle, options.threads)

"""The packages that the library is made from, as folders or as the archives that `npm pack` fetches."""

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory


def opened(path: Path, work: TemporaryDirectory[str]) -> Path:
    """The folder of a package; an archive is unpacked into `work`.

    Raises:
        FileNotFoundError: neither is there.
    """
    if path.is_dir():
        return path / "package" if (path / "package").is_dir() else path
    folder = Path(work.name) / path.stem
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"

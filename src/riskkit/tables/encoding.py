"""In which encoding a file is, where it is not in the one that was stated.

Takes a path; gives a sentence.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from riskkit.tables.csv_files import opened

__all__ = ["encoding_fault"]

_PIECE_BYTES = 1 << 20


def encoding_fault(path: Path, encoding: str) -> str:
    """Sentence on the first byte that is not in this encoding, with one that would read it.

    Empty where there is none. The offer is tried on 1 MiB at most, and is a guess: whose letters
    come out right, only the owner sees.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    n_bytes, line, sample = 0, 1, b""
    for piece in _pieces(path):
        sample = piece or sample
        n_bytes += len(piece)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeError as error:  # UTF-16 without its mark is a plain one
            seen, at = getattr(error, "object", piece), getattr(error, "start", 0)
            line += seen[:at].decode(encoding, "replace").count("\n") if at else 0
            byte = n_bytes - len(seen) + at + 1
            return f"byte {byte:,}, line {line:,}: no {encoding} text; {_offers(sample)}"
        if "\0" in text:
            return f"line {line:,}: bytes of value 0; {_offers(sample)}"
        line += text.count("\n")
    return ""


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        file = opened(path, raw)
        while piece := file.read(_PIECE_BYTES):
            yield piece
    yield b""


def _offers(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried = ["utf-16"]
    elif b"\0" in sample:
        tried = ["utf-16-be" if sample.startswith(b"\0") else "utf-16-le"]
    else:
        runs = re.findall(rb"[\x80-\xff]+", sample)
        # a Chinese letter is two bytes in a row, a European one stands among plain letters
        pairs = sum(map(len, runs)) >= 2 * len(runs)
        tried = ["utf-8", *(["gb18030", "cp1252"] if pairs else ["cp1252", "gb18030"])]
    found = [name for name in tried if _reads(name, sample)]
    return f"encoding: {found[0]} would read it" if found else f"nor {', '.join(tried)}"


def _reads(encoding: str, sample: bytes) -> bool:
    try:
        # its last letter may be cut
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True

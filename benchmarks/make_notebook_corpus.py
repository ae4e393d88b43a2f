"""Make the corpus of the notebook on cleaning: ``python -m benchmarks.make_notebook_corpus PAGES OUT.jsonl.gz``.

PAGES is the folder of the English GNOME help in Mallard, ``/usr/share/help/C/gnome-help`` where the package
gnome-user-docs is installed (CC BY-SA 3.0). Its text is no part of what the language model was counted on. Every second
page, by a fixed draw, is spun with the rows of one family. The file holds a JSON object a line: ``id``, ``title`` (never
spun, so that it serves as a query), ``text``, and for a spun page ``family`` and ``original``. Same pages, same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from unspin import resources

from . import command
from .spin import Spinner

_MALLARD = "{http://projectmallard.org/1.0/}"
_SKIPPED = {_MALLARD + name for name in ("info", "code", "screen", "media", "table", "links", "comment")}
_WORDS = (60, 700)
#: Families, and how many of ten spun pages each spins.
_SHARES = {"news": 7, "web": 2, "academic": 1}
_SEED = 20

def pages(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield id, title and text (a paragraph a line) of every topic of usual length, in the order of their ids."""
    roots = {path.stem: ElementTree.parse(path).getroot() for path in sorted(folder.glob("*.page"))}
    titles = {name: _line(root.find(_MALLARD + "title"), {}) for name, root in roots.items()}
    for name, root in roots.items():
        lines = [line for line in (_line(p, titles) for p in _paragraphs(root)) if line]
        text = "\n".join(lines)
        if root.get("type") != "guide" and titles[name] and _WORDS[0] <= len(text.split()) <= _WORDS[1]:
            yield name, titles[name], text


def _paragraphs(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    for child in element:
        # The page's own title is no part of its text; those of sections are.
        if child.tag == _MALLARD + "p" or (child.tag == _MALLARD + "title" and element.tag != _MALLARD + "page"):
            yield child
        elif child.tag not in _SKIPPED and child.tag != _MALLARD + "title":
            yield from _paragraphs(child)


def _line(element: ElementTree.Element | None, titles: dict[str, str]) -> str:
    """The text of a paragraph on one line; an empty link reads as the title of its page, quoted."""
    if element is None:
        return ""
    parts = [element.text or ""]
    for child in element:
        inner = _line(child, titles)
        if not inner and child.tag == _MALLARD + "link":
            inner = f"“{titles.get(child.get('xref', '').split('#')[0], '')}”"
        parts += (inner, child.tail or "")
    return re.sub(r"\s+", " ", "".join(parts))


def corpus(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the records; half of the pages spun."""
    rows = resources.rows()
    spinners = {family: Spinner(rows, family) for family in _SHARES}
    draw = random.Random(_SEED)
    for k, (name, title, text) in enumerate(pages(folder)):
        record = {"id": name, "title": title, "text": text.strip()}
        if draw.random() < 0.5:
            family = draw.choices([*_SHARES], [*_SHARES.values()])[0]
            spun = spinners[family].spin(record["text"], seed=_SEED + k).text
            # A short page may hold nothing that the family replaces.
            if spun != text.strip():
                record |= {"text": spun, "family": family, "original": record["text"]}
        yield record


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("make_notebook_corpus", __doc__)
    parser.add_argument("pages", type=Path, metavar="PAGES")
    parser.add_argument("out", type=Path, metavar="OUT.jsonl.gz")
    arguments = parser.parse_args(argv)
    records = list(corpus(arguments.pages))
    if not records:
        parser.error(f"{arguments.pages}: no Mallard pages there")
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as out:
        for record in records:
            out.write((json.dumps(record, ensure_ascii=False) + "\n").encode())
    arguments.out.write_bytes(buffer.getvalue())
    spun = sum("family" in record for record in records)
    print(f"{len(records)} pages, {spun} spun; {len(buffer.getvalue()) / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

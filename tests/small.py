"""Small tables over the shipped model, and a short text laid out on one: what the model's own tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unspin import lattice, protected
from unspin.channel import Channel, Settings
from unspin.evidence import Evidence, find_matches, gather
from unspin.inference import Reading, infer
from unspin.lattice import Lattice
from unspin.phrase_table import PhraseTable
from unspin.resources import language_model
from unspin.rows import FAMILIES, parse_rows
from unspin.table_compiler import compile_rows
from unspin.tokens import Tokens, tokenise


def made(*lines: str) -> PhraseTable:
    """A table of a few rows; "# family: web" and the like are lines too."""
    return compile_rows(parse_rows(lines, name="small.txt"), language_model())


@dataclass
class Laid:
    """A text laid out on a table: all that the channel is given."""

    table: PhraseTable
    text: str
    tokens: Tokens
    evidence: Evidence
    graph: Lattice

    def channel(self, settings: Settings | None = None) -> Channel:
        return Channel(self.table, self.graph, self.evidence, settings or Settings())

    def read(self, settings: Settings | None = None) -> Reading:
        return infer(self.table, language_model(), self.tokens.stream, self.evidence, settings or Settings())

    def original(self, entry: int) -> str:
        return self.table.texts[int(self.table.row[entry])]

    def chances(self, reading: Reading) -> dict[tuple[int, str], float]:
        """Posterior by (index of the first word, original)."""
        arcs = reading.arcs
        at = self.tokens.at[arcs.start].tolist()
        return {(a, self.original(e)): p for a, e, p in zip(at, arcs.entry.tolist(), reading.posterior.tolist())}


def laid(table: PhraseTable, text: str, families: Sequence[str] = FAMILIES) -> Laid:
    tokens = tokenise(text, table.vocabulary)
    free = protected.free_words(tokens.offsets, protected.find_places(text))
    found = find_matches(table.match(tokens.stream), tokens, free)
    evidence = gather(table, tokens, found, np.array([f in families for f in FAMILIES]))
    return Laid(table, text, tokens, evidence, lattice.build(table, tokens.stream, evidence.arcs))

"""The text engine: a tantivy index whose documents are texts by their code in the value heap.

A text never changes and a code is never given to another, so a document is never deleted or replaced: which
texts a view shows is asked of the database afterwards. So all views of a database, past ones too, share
one index.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from tantivy import Document, Index, IndexWriter, Occur, Query, Schema, SchemaBuilder
from tantivy import Searcher as TantivySearcher

from datamem.index.kernels import Int64Array
from datamem.text.analysis import Analyzer, prepare
from datamem.text.bm25 import Float64Array, weight_of
from datamem.text.syntax import Bool, Boost, Fuzzy, Node, Phrase, Prefix, Term
from datamem.text.tail import EXPANSION_SCORE, Weights

_TEXT: Final = "text"
_CODE: Final = "code"
_ANALYZER: Final = "datamem"

BULK_TEXTS: Final = 10_000
"""From so many texts at once, the engine's own threads and memory are worth starting."""

_BULK_BYTES: Final = 128_000_000
_SMALL_BYTES: Final = 15_000_000


def is_engine_fault(error: BaseException) -> bool:
    """Tell whether the engine failed on its files; a panic of its own is no `Exception`."""
    return isinstance(error, ValueError | OSError) or type(error).__name__ == "PanicException"


def _schema() -> Schema:
    builder = SchemaBuilder().add_text_field(
        _TEXT, tokenizer_name=_ANALYZER, index_option="position"
    )
    return builder.add_integer_field(_CODE, indexed=True, fast=True).build()


class Engine:
    """An index in a directory or in memory, with one writer.

    Raises:
        ValueError, OSError: by any method, when the files are not as the engine left them.
    """

    def __init__(self, path: Path | None, analyzer: Analyzer) -> None:
        self._schema = _schema()
        if path is None:
            self._index = Index(self._schema)
        else:
            path.mkdir(parents=True, exist_ok=True)
            self._index = Index(self._schema, str(path), reuse=True)
            # Else a thread of the engine maps files as they change: a truncated one kills the process.
            self._index.config_reader("manual")
        self._index.register_tokenizer(_ANALYZER, analyzer.engine)
        self._analyzer = analyzer
        self._writer: IndexWriter | None = None
        self._searcher: EngineSearcher | None = None

    @property
    def searcher(self) -> EngineSearcher:
        """Everything that was added, as of the last `add`."""
        if self._searcher is None:
            self._index.reload()
            self._searcher = EngineSearcher(self._index.searcher(), self._schema)
        return self._searcher

    def add(self, codes: Sequence[int], texts: Sequence[str]) -> None:
        """Add texts and make them durable and visible; all of them or none.

        Cost: about 15 µs a text of 40 words, and 10 to 80 ms for a commit to a disk.
        """
        is_bulk = len(codes) >= BULK_TEXTS
        if is_bulk:
            self.close()
        if self._writer is None:
            heap_bytes, threads = (_BULK_BYTES, 0) if is_bulk else (_SMALL_BYTES, 1)
            self._writer = self._index.writer(heap_bytes, threads)
        writer = self._writer
        try:
            for code, text in zip(codes, texts, strict=True):
                writer.add_document(Document(text=prepare(text), code=code))
            writer.commit()
        except BaseException:
            self._writer = None
            writer.rollback()
            raise
        self._searcher = None
        if is_bulk:
            self.close()

    def close(self) -> None:
        """Wait for merges and give up the writer; searching goes on."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()
            self._searcher = None


class EngineSearcher:
    """The index at one moment; later additions do not change it."""

    def __init__(self, searcher: TantivySearcher, schema: Schema) -> None:
        self._searcher = searcher
        self._schema = schema
        self.text_count = searcher.num_docs
        self._average_length: float | None = None

    def doc_freq(self, token: str) -> int:
        """Return how many texts have a token."""
        return self._searcher.doc_freq(_TEXT, token)

    def average_length(self) -> float:
        """Return the mean count of tokens as the engine scores with it; read from an explanation."""
        if self._average_length is None:
            self._average_length = self._explained_length()
        return self._average_length

    def _explained_length(self) -> float:
        found = self._searcher.terms_with_prefix(_TEXT, "", limit=1)
        if not found:
            return 1.0
        query = Query.term_query(self._schema, _TEXT, found[0][0])
        hits = self._searcher.search(query, 1, count=False).hits
        if not hits:
            return 1.0
        told = json.loads(query.explain(self._searcher, hits[0][1]).to_json())
        return _find_number(told, "avgdl") or 1.0

    def search(
        self, node: Node, limit: int, weights: Weights | None, only: Sequence[int] | None = None
    ) -> tuple[Int64Array, Float64Array]:
        """Return the codes and scores of the best texts, best first; equal ones in no order.

        Args:
            node: what to find.
            limit: how many at most.
            weights: of all texts, where the engine does not hold them all; None: its own.
            only: codes, the only ones to find. Cost: about 0.5 µs each beside the search.
        """
        query = self._compile(node, weights)
        if only is not None:
            among = Query.term_set_query(self._schema, _CODE, only)
            filtered = Query.const_score_query(among, 0.0)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, filtered)])
        return self._columns(self._searcher.search(query, limit, count=False).hits)

    def search_each(
        self, nodes: Sequence[Node], limit: int, weights: Weights | None
    ) -> tuple[list[int], Int64Array, Float64Array]:
        """Return how many texts each search found, and the codes and scores, search after search."""
        search = self._searcher.search
        found = [
            search(self._compile(node, weights), limit, count=False).hits for node in nodes
        ]
        return [len(hits) for hits in found], *self._columns(list(chain.from_iterable(found)))

    def _columns(self, hits: list[Any]) -> tuple[Int64Array, Float64Array]:
        """Return the codes and scores of hits: pairs of a score and an address."""
        codes = self._searcher.fast_field_values(_CODE, [address for _, address in hits])
        scores = np.array([score for score, _ in hits], np.float64)
        return np.array(codes, np.int64), scores

    def _compile(self, node: Node, weights: Weights | None) -> Query:
        match node:
            case Term(token):
                return self._weighted(self._term(token), (token,), weights)
            case Phrase(tokens):
                phrase = Query.phrase_query(self._schema, _TEXT, list(tokens))
                return self._weighted(phrase, tokens, weights)
            case Prefix(start, stem):
                found = Query.fuzzy_term_query(self._schema, _TEXT, start, 0, prefix=True)
                return self._expanded(found, stem, weights)
            case Fuzzy(token, distance, near):
                found = Query.fuzzy_term_query(self._schema, _TEXT, token, distance)
                if near:
                    others = Query.term_set_query(self._schema, _TEXT, sorted(near))
                    found = Query.boolean_query([(Occur.Should, found), (Occur.Should, others)])
                return self._expanded(found, token, weights)
            case Boost(part, factor):
                return Query.boost_query(self._compile(part, weights), factor)
            case Bool():
                return self._bool(node, weights)

    def _term(self, token: str) -> Query:
        return Query.term_query(self._schema, _TEXT, token)

    def _weighted(self, query: Query, tokens: Sequence[str], weights: Weights | None) -> Query:
        """Return a query that scores with the weight of the tokens among all texts."""
        if weights is None:
            return query
        own = weight_of((self.doc_freq(token) for token in tokens), self.text_count)
        return Query.boost_query(query, weights.weight(tokens) / max(own, 1e-9))

    def _expanded(self, query: Query, exact: str, weights: Weights | None) -> Query:
        constant = Query.const_score_query(query, EXPANSION_SCORE)
        term = self._weighted(self._term(exact), (exact,), weights)
        return Query.boolean_query([(Occur.Should, constant), (Occur.Should, term)])

    def _bool(self, node: Bool, weights: Weights | None) -> Query:
        kinds = ((Occur.Must, node.must), (Occur.Should, node.should))
        parts = [
            (kind, self._compile(part, weights)) for kind, parts in kinds for part in parts
        ]
        if not parts:
            return Query.empty_query()
        parts += [(Occur.MustNot, self._compile(part, None)) for part in node.must_not]
        return Query.boolean_query(parts)


def _find_number(told: dict[str, Any], name: str) -> float | None:
    """Return the value that an explanation gives for a name, wherever it stands."""
    if str(told.get("description", "")).startswith(name):
        return float(told["value"])
    for detail in told.get("details") or ():
        found = _find_number(detail, name)
        if found is not None:
            return found
    return None

"""Indexes the sample articles in passages of several sizes, and measures what is found in each."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from assistant import Assistant, Settings
from assistant.embedding import MiniLMEmbedder
from assistant.evaluation import CaseSet, Result, evaluate
from assistant.ingest import add_sources
from assistant.library import Library


def measure_sizes(sizes: Sequence[int], cases: CaseSet, articles: Path) -> dict[int, Result]:
    """Measure searches, and answers, where passages have at most so many tokens."""
    results = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            _index(index, size, articles)
            with Assistant.open(index, model="quotes") as assistant:
                results[size] = evaluate(cases, assistant)
    return results


def _index(index: Path, size: int, articles: Path) -> None:
    """Index articles in passages of a size; whoever opens the index takes them as they are."""
    embedder = MiniLMEmbedder(cache_folder=Settings(index=index).cache)
    embedder.max_tokens = size
    library = Library(index, embedding_model=embedder.identity)
    try:
        add_sources(articles, library=library, embedder=embedder)
    finally:
        library.close()
        embedder.close()


def list_passage_lengths(result: Result) -> list[int]:
    """List how long the passages are that were found, in characters."""
    return [it.end - it.start for case in result.cases for it in case.retrieved]

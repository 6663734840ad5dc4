"""Small libraries to try things on: articles of short passages, with random vectors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from assistant.library import CHROMA_FOLDER, Library
from assistant.schema import EmbeddedPassage
from assistant.snapshot import Snapshot
from assistant.types import Article, ArticleRef, Passage, Span
from assistant.vectors import FloatArray, Neighbour

DIMENSION = 8
PASSAGE_CHARACTERS = 20
LARGE = 250  # passages, enough for Chroma to write its segment files

Articles = tuple[Article, Article, Article]

# For a test that is to hold of a library on this machine and of one on a server.
everywhere = pytest.mark.parametrize("library", ["local", "shared"], indirect=True)


def make_vectors(count: int, *, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embed(article: Article, *, seed: int = 0) -> tuple[Article, list[EmbeddedPassage]]:
    """Cut an article into passages of a few characters, each one sentence, with random vectors."""
    starts = range(0, len(article.text), PASSAGE_CHARACTERS)
    spans = [Span(start, min(start + PASSAGE_CHARACTERS, len(article.text))) for start in starts]
    vectors = make_vectors(len(spans), seed=seed)
    return article, [
        EmbeddedPassage(Passage(article.id, *span, article.text[span.start : span.end], (span,)), vector, vector[None])
        for span, vector in zip(spans, vectors, strict=True)
    ]


def make_article(id: str, passage_count: int) -> Article:
    text = "".join(f"{id} {number}".ljust(PASSAGE_CHARACTERS) for number in range(passage_count))
    return Article(id, f"Title of {id}", text, outlet=id)


def add(library: Library, *articles: Article, seed: int = 0, publish: bool = True) -> None:
    with library.writing():
        library.add([embed(article, seed=seed + number) for number, article in enumerate(articles)])
        if publish:
            library.publish()


def remove(library: Library, article_id: str) -> None:
    with library.writing():
        library.remove(article_id)
        library.publish()


@contextmanager
def opened(folder: Path, *, embedding_model: str = "words") -> Iterator[Library]:
    library = Library(folder, embedding_model=embedding_model)
    try:
        yield library
    finally:
        library.close()


def nearest(library: Library, query: FloatArray, limit: int = 10) -> list[Neighbour]:
    with library.snapshot() as snapshot:
        return snapshot.nearest(query, limit=limit)


def find_texts(snapshot: Snapshot, *terms: str) -> list[str]:
    ids = [id for id, _ in snapshot.match(terms, limit=100)]
    return [stored.passage.text for stored in snapshot.load(ids)]


def all_vectors(snapshot: Snapshot) -> tuple[list[int], FloatArray]:
    batches = list(snapshot.vectors(0))
    return [id for ids, _ in batches for id in ids], np.concatenate([vectors for _, vectors in batches])


def passage_articles(snapshot: Snapshot) -> list[tuple[int, ArticleRef]]:
    return [(stored.id, stored.article) for stored in snapshot.load(sorted(snapshot.passage_ids()))]


def assert_nearest_is_exact(library: Library, *, limit: int = 10) -> None:
    """Check nearest neighbours against numpy over all that the library holds."""
    with library.snapshot() as snapshot:
        ids, vectors = all_vectors(snapshot)
        for query in make_vectors(5, seed=99):
            cosines = np.sort(vectors @ query)[::-1][:limit]
            found = snapshot.nearest(query, limit=limit)
            assert np.allclose([cosine for _, cosine in found], cosines, atol=1e-5)
            assert all(np.isclose(vectors[ids.index(id)] @ query, cosine, atol=1e-5) for id, cosine in found)
            assert len({id for id, _ in found}) == len(found)


def generation_folders(library: Library) -> list[Path]:
    return sorted((library.folder / CHROMA_FOLDER).iterdir())


def is_chroma_used(library: Library) -> bool:
    with library.snapshot() as snapshot:
        published = snapshot.published
        return published is not None and snapshot._open_generation(published) is not None

"""How an archive of 100,000 passages is taken in, asked and kept, against Chroma alone with the same passages.

pytest tests/benchmarks/test_library_speed.py --benchmark-only -s      (some ten minutes on two cores)

The articles are made of the words of the sample articles and of invented names, as often as words are in a language
(Zipf); their vectors are ready and clustered, as those of articles on the same subjects are.
"""

import multiprocessing
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import chromadb
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from assistant.embedding import DIMENSION, Embedder, FloatArray, MiniLMEmbedder
from assistant.library import Library
from assistant.retrieval import retrieve
from assistant.schema import EmbeddedPassage, PassageFilter
from assistant.snapshot import EVERYTHING
from assistant.types import Article, Passage, Span

PASSAGES = 100_000
PASSAGES_AN_ARTICLE = 5
SENTENCES_A_PASSAGE = 7
WORDS_A_SENTENCE = 18
NAMES = 20_000
SUBJECTS = 2_000  # clusters of vectors
OUTLETS = 40
FIRST_DAY = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 700
QUESTIONS = 100
BATCH_ARTICLES = 100
MODEL = "benchmark"
ARTICLES_FOLDER = Path(__file__).parents[2] / "articles"

HALF_A_YEAR = PassageFilter("outlet 7", FIRST_DAY + timedelta(days=100), FIRST_DAY + timedelta(days=280))
LATER_HALF = PassageFilter(None, FIRST_DAY + timedelta(days=DAYS / 2), None)

Embedded = tuple[Article, list[EmbeddedPassage]]


@dataclass(frozen=True)
class Archive:
    """A library on the disk, and how long it took to fill it: without the time in which its articles were made."""

    folder: Path
    seconds: float


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("archive")
    return Archive(folder, fill(folder))


@pytest.fixture(scope="module")
def library(archive: Archive) -> Iterator[Library]:
    library = Library(archive.folder, embedding_model=MODEL)
    yield library
    library.close()


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder(tmp_path_factory.mktemp("cache"))
    embedder.load()
    yield embedder
    embedder.close()


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[chromadb.Collection, float]]:
    """Chroma alone, with documents and metadata in it: the collection, and how long it took to fill it."""
    client = chromadb.PersistentClient(path=str(tmp_path_factory.mktemp("chroma")))
    collection = client.create_collection(
        "passages", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    seconds = 0.0
    for number, batch in enumerate(batches(make_articles())):
        passages = [(article, item) for article, embedded in batch for item in embedded]
        ids = [f"{number}-{place}" for place in range(len(passages))]
        metadata = [{"outlet": it.outlet, "published": it.published.timestamp()} for it, _ in passages]
        started = time.perf_counter()
        collection.add(
            ids=ids,
            embeddings=np.array([item.vector for _, item in passages]),
            documents=[item.passage.text for _, item in passages],
            metadatas=metadata,
        )
        seconds += time.perf_counter() - started
    yield collection, seconds
    client.close()


def test_an_archive_is_taken_in(
    benchmark: BenchmarkFixture, archive: Archive, chroma: tuple[chromadb.Collection, float]
) -> None:
    benchmark.pedantic(lambda: None)  # it was measured when it was made
    benchmark.extra_info["times as fast as Chroma alone"] = round(chroma[1] / archive.seconds, 2)
    benchmark.extra_info["seconds"] = round(archive.seconds, 1)
    report(benchmark)


def test_disk(benchmark: BenchmarkFixture, archive: Archive, tmp_path: Path) -> None:
    benchmark.pedantic(fill, args=(tmp_path,), kwargs={"has_sentence_vectors": False, "publish": False}, rounds=1)

    generation = measure(archive.folder / "chroma")
    benchmark.extra_info["MB with sentence vectors"] = round(measure(archive.folder))
    benchmark.extra_info["MB without"] = round(measure(tmp_path) + generation)
    report(benchmark)


@pytest.mark.parametrize("wanted", [EVERYTHING, HALF_A_YEAR, LATER_HALF], ids=["all", "outlet and date", "later half"])
def test_passages_are_found(
    benchmark: BenchmarkFixture, library: Library, embedder: Embedder, wanted: PassageFilter
) -> None:
    seconds = ask(library, embedder, wanted)
    benchmark.pedantic(lambda: None)
    benchmark.extra_info.update(percentiles(seconds))
    report(benchmark)


@pytest.mark.parametrize("wanted", [EVERYTHING, HALF_A_YEAR, LATER_HALF], ids=["all", "outlet and date", "later half"])
def test_chroma_alone_finds_passages(
    benchmark: BenchmarkFixture, chroma: tuple[chromadb.Collection, float], embedder: Embedder, wanted: PassageFilter
) -> None:
    """The reference: the embedded question's nearest passages with their documents, and nothing by words."""
    conditions = [
        *([{"outlet": "Outlet 7"}] if wanted.outlet else []),
        *([{"published": {"$gte": wanted.since.timestamp()}}] if wanted.since else []),
        *([{"published": {"$lt": wanted.until.timestamp()}}] if wanted.until else []),
    ]
    where = {"$and": conditions} if len(conditions) > 1 else (conditions or [None])[0]

    def find(question: str) -> None:
        chroma[0].query(query_embeddings=embedder.embed_questions([question]), n_results=10, where=where)

    seconds = clock(find)
    benchmark.pedantic(lambda: None)
    benchmark.extra_info.update(percentiles(seconds))
    report(benchmark)


@pytest.mark.parametrize("kind", ["clustered", "near duplicates"])
def test_recall(benchmark: BenchmarkFixture, library: Library, tmp_path: Path, kind: str) -> None:
    """The ten nearest that Chroma finds against those of a search through all."""
    if kind == "near duplicates":
        fill(tmp_path, spread=0.02, passages=20_000)
        library = Library(tmp_path, embedding_model=MODEL)
    with library.snapshot() as snapshot:
        ids, vectors = zip(*snapshot.vectors(0), strict=True)
        every, places = np.concatenate(vectors), np.concatenate(ids)
        noise = np.random.default_rng(5).standard_normal((QUESTIONS, DIMENSION)).astype(np.float32)
        spread = 1.2 if kind == "clustered" else 0.02
        queries = normalise(every[:: len(every) // QUESTIONS][:QUESTIONS] + noise * spread / np.sqrt(DIMENSION))
        found = [{id for id, _ in snapshot.nearest(query, limit=10)} for query in queries]
        exact = [set(places[np.argsort(-(every @ query))[:10]].tolist()) for query in queries]
    benchmark.pedantic(lambda: None)
    shares = [len(one & other) / 10 for one, other in zip(found, exact, strict=True)]
    benchmark.extra_info["recall at 10"] = round(statistics.mean(shares), 4)
    report(benchmark)


def test_the_first_question(benchmark: BenchmarkFixture, archive: Archive, tmp_path: Path) -> None:
    """In a new process: from nothing but Python to the passages, and the memory that it takes."""
    MiniLMEmbedder(tmp_path).load()
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=ask_first, args=(archive.folder, tmp_path, make_questions(), there)
    )
    process.start()
    there.close()  # so that the death of the child ends the wait
    seconds, megabytes = here.recv()
    process.join()
    benchmark.pedantic(lambda: None)
    benchmark.extra_info["seconds"] = round(seconds, 2)
    benchmark.extra_info["resident MB"] = round(megabytes)
    report(benchmark)


def ask_first(folder: Path, cache: Path, questions: list[str], talk: Connection) -> None:
    library, embedder = Library(folder, embedding_model=MODEL), MiniLMEmbedder(cache)
    started = time.perf_counter()
    with library.snapshot() as snapshot:
        retrieve(questions[0], library=snapshot, embedder=embedder, limit=10)
    seconds = time.perf_counter() - started
    for question in questions[1:]:
        with library.snapshot() as snapshot:
            retrieve(question, library=snapshot, embedder=embedder, limit=10)
    # Subtle: getrusage would count what the parent had in memory when it made this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    talk.send((seconds, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000))


# The archive ---------------------------------------------------------------------------------------------------------


def fill(
    folder: Path,
    *,
    has_sentence_vectors: bool = True,
    publish: bool = True,
    spread: float = 0.9,
    passages: int = PASSAGES,
) -> float:
    """Fill a library, and say in how many seconds."""
    library = Library(folder, embedding_model=MODEL)
    seconds = 0.0
    with library.writing():
        made = make_articles(passages, spread=spread, has_sentence_vectors=has_sentence_vectors)
        for batch in batches(made):
            started = time.perf_counter()
            library.add(batch)
            seconds += time.perf_counter() - started
        if publish:
            started = time.perf_counter()
            library.publish()
            seconds += time.perf_counter() - started
    library.close()
    return seconds


def batches(articles: Iterator[Embedded]) -> Iterator[list[Embedded]]:
    while batch := list(islice(articles, BATCH_ARTICLES)):
        yield batch


def make_articles(
    passages: int = PASSAGES, *, spread: float = 0.9, has_sentence_vectors: bool = True
) -> Iterator[Embedded]:
    chance, numbers = random.Random(7), np.random.default_rng(7)
    words, weights = make_vocabulary()
    subjects = numbers.standard_normal((SUBJECTS, DIMENSION)).astype(np.float32)

    def embed(subject: int, count: int) -> FloatArray:
        noise = numbers.standard_normal((count, DIMENSION)).astype(np.float32)
        return normalise(subjects[subject] + np.float32(spread) * noise)

    for number in range(passages // PASSAGES_AN_ARTICLE):
        sentences = SENTENCES_A_PASSAGE * PASSAGES_AN_ARTICLE
        drawn = numbers.choice(len(words), size=(sentences, WORDS_A_SENTENCE), p=weights)
        written = [" ".join(words[place] for place in row).capitalize() + ". " for row in drawn]
        text = "".join(written)
        ends = np.cumsum([len(sentence) for sentence in written]).tolist()
        starts = [0, *ends[:-1]]
        id = f"article-{number}"
        subject = chance.randrange(SUBJECTS)
        vectors = embed(subject, PASSAGES_AN_ARTICLE)
        embedded = []
        for place, vector in enumerate(vectors):
            of_passage = slice(place * SENTENCES_A_PASSAGE, (place + 1) * SENTENCES_A_PASSAGE)
            spans = tuple(Span(start, end - 1) for start, end in zip(starts[of_passage], ends[of_passage], strict=True))
            start, end = starts[of_passage][0], ends[of_passage][-1]
            own = embed(subject, len(spans)) if has_sentence_vectors else np.zeros((0, DIMENSION), np.float32)
            kept = spans if has_sentence_vectors else ()
            embedded.append(EmbeddedPassage(Passage(id, start, end, text[start:end], kept), vector, own))
        published = FIRST_DAY + timedelta(days=chance.uniform(0, DAYS))
        outlet = f"Outlet {chance.randrange(OUTLETS)}"
        yield Article(id, " ".join(written[0].split()[:8]), text, outlet=outlet, published=published), embedded


def make_vocabulary() -> tuple[list[str], FloatArray]:
    texts = " ".join(path.read_text(encoding="utf-8") for path in sorted(ARTICLES_FOLDER.glob("*.*")))
    words = [word for word, _ in Counter(re.findall(r"[a-z]{2,}", texts.lower())).most_common()]
    chance = random.Random(3)
    parts = ["ka", "ro", "min", "tel", "sov", "an", "der", "ber", "lin", "os", "ta", "vik", "mar", "el", "son", "ny"]
    names = {"".join(chance.choices(parts, k=chance.randint(2, 4))).capitalize() for _ in range(NAMES)}
    words += sorted(names)
    weights = 1 / np.arange(1, len(words) + 1)
    return words, weights / weights.sum()


def make_questions() -> list[str]:
    """Questions of the words of sentences that are in the archive."""
    chance = random.Random(11)
    texts = [article.text for article, _ in islice(make_articles(), 400)]
    sentences = [chance.choice(text.split(". ")[:-1]) for text in chance.choices(texts, k=QUESTIONS)]
    return [f"What did {' '.join(chance.sample(sentence.split(), 8))}?" for sentence in sentences]


def normalise(rows: FloatArray) -> FloatArray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Measuring -----------------------------------------------------------------------------------------------------------


def ask(library: Library, embedder: Embedder, wanted: PassageFilter) -> list[float]:
    def find(question: str) -> None:
        with library.snapshot() as snapshot:
            retrieve(question, library=snapshot, embedder=embedder, limit=10, filter=wanted)

    return clock(find)


def clock(find: Callable[[str], None]) -> list[float]:
    questions = make_questions()
    for question in questions[:10]:
        find(question)
    seconds = []
    for question in questions[10:]:
        started = time.perf_counter()
        find(question)
        seconds.append(time.perf_counter() - started)
    return seconds


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50 ms": round(1000 * float(p50), 1), "p95 ms": round(1000 * float(p95), 1)}


def measure(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def report(benchmark: BenchmarkFixture) -> None:
    print(f"\n{benchmark.name}: {dict(benchmark.extra_info)}")  # noqa: T201

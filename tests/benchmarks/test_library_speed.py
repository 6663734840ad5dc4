"""How an archive of 100,000 passages is taken in, asked and kept, against Chroma alone with the same passages.

pytest tests/benchmarks/test_library_speed.py --benchmark-only -s      (some ten minutes on two cores)

The articles are those of notebooks/archive.py, with vectors that are ready.
"""

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import chromadb
import numpy as np
import pytest
from archive import DAYS, FIRST_DAY, batches, fill, make_articles, make_questions, normalise
from pytest_benchmark.fixture import BenchmarkFixture

from assistant.embedding import DIMENSION, Embedder, MiniLMEmbedder
from assistant.library import Library
from assistant.retrieval import retrieve
from assistant.schema import PassageFilter
from assistant.snapshot import EVERYTHING

PASSAGES = 100_000
QUESTIONS = 100
MODEL = "benchmark"

HALF_A_YEAR = PassageFilter("outlet 7", FIRST_DAY + timedelta(days=100), FIRST_DAY + timedelta(days=280))
LATER_HALF = PassageFilter(None, FIRST_DAY + timedelta(days=DAYS / 2), None)


@dataclass(frozen=True)
class Archive:
    """A library on the disk, and how long it took to fill it: without the time in which its articles were made."""

    folder: Path
    seconds: float


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("archive")
    return Archive(folder, fill(folder, PASSAGES, embedding_model=MODEL))


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
    for number, batch in enumerate(batches(make_articles(PASSAGES))):
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
    without = {"embedding_model": MODEL, "has_sentence_vectors": False, "publish": False}
    benchmark.pedantic(fill, args=(tmp_path, PASSAGES), kwargs=without, rounds=1)

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
        fill(tmp_path, 20_000, embedding_model=MODEL, spread=0.02)
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
        target=ask_first, args=(archive.folder, tmp_path, make_questions(QUESTIONS, passages=PASSAGES), there)
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


# Measuring -----------------------------------------------------------------------------------------------------------


def ask(library: Library, embedder: Embedder, wanted: PassageFilter) -> list[float]:
    def find(question: str) -> None:
        with library.snapshot() as snapshot:
            retrieve(question, library=snapshot, embedder=embedder, limit=10, filter=wanted)

    return clock(find)


def clock(find: Callable[[str], None]) -> list[float]:
    questions = make_questions(QUESTIONS, passages=PASSAGES)
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

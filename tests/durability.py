"""What the tests of durability run in processes of their own, which may be killed, starved and forked."""

import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from answer_records import asked_at, make_answer
from fakes import WordEmbedder

from assistant import ingest
from assistant.conversations import Conversations
from assistant.doctor import UNBUILT, UNWRITABLE, examine
from assistant.errors import AssistantError, LibraryError
from assistant.exporting import import_library
from assistant.library import CHROMA_FOLDER, Library
from assistant.preparing import prepare_article
from assistant.retrieval import retrieve
from assistant.schema import has_article_vectors, hash_article
from assistant.settings import LIBRARY_FILE
from assistant.types import Article

DIMENSION = 32
MAX_TOKENS = 24  # so that a short article has several passages
IDENTITY = "words"
WORDS = (
    "harbour",
    "council",
    "ferry",
    "budget",
    "storm",
    "school",
    "tram",
    "museum",
    "river",
    "vote",
    "mayor",
    "bridge",
)

Content = list[tuple[object, ...]]


def make_embedder(fail_at: int | None = None) -> WordEmbedder:
    return WordEmbedder(identity=IDENTITY, dimension=DIMENSION, max_tokens=MAX_TOKENS, fail_at=fail_at)


def make_article(number: int, *, version: int = 0) -> Article:
    """Make an article of six sentences, its own number in each, with more of them in a later version."""
    sentences = [
        f"The {WORDS[(number + place) % 12]} number{number} came before the {WORDS[(number * 5 + place) % 12]} of"
        f" version{version} in part{place}."
        for place in range(6 + version)
    ]
    return Article(f"article-{number}", f"Report number{number}", " ".join(sentences), outlet=f"Outlet {number % 3}")


@contextmanager
def opened(folder: Path, *, wait: float = 1.0) -> Iterator[Library]:
    library = Library(folder, embedding_model=IDENTITY, wait=wait)
    try:
        yield library
    finally:
        library.close()


def add(folder: Path, articles: Iterable[Article], *, embedder: WordEmbedder | None = None, wait: float = 1.0) -> None:
    with opened(folder, wait=wait) as library:
        report = ingest.add_sources(list(articles), library=library, embedder=embedder or make_embedder())
    assert report.failed == ()


def ask(library: Library, number: int) -> None:
    """Ask for what only one article says, in both ways of searching."""
    with library.snapshot() as snapshot:
        found = retrieve(f"What about number{number}?", library=snapshot, embedder=make_embedder(), limit=3)
        assert found.passages[0].passage.article_id == f"article-{number}"
        query = make_embedder().embed_questions([make_article(number).text])[0]
        cosines = [cosine for _, cosine in snapshot.nearest(query, limit=5)]
        exact = sorted((float(c) for _, vectors in snapshot.vectors(0) for c in vectors @ query), reverse=True)[:5]
        assert np.allclose(cosines, exact, atol=1e-5)


def check(folder: Path, versions: dict[int, Sequence[int]], acknowledged: dict[int, int]) -> set[int]:
    """Check the promises after whatever happened, and say which articles are there.

    `versions` says in which versions an article may be there, `acknowledged` in which (or a later) it must be.
    """
    if not (folder / LIBRARY_FILE).exists():
        assert not acknowledged
        return set()
    there = set()
    with opened(folder) as library:
        with library.snapshot() as snapshot:
            for ref in snapshot.articles():
                number = int(ref.id.removeprefix("article-"))
                article = snapshot.article(ref.id)
                least = acknowledged.get(number, 0)
                wanted = [make_article(number, version=each) for each in versions[number] if each >= least]
                assert article in wanted
                assert snapshot.hash(ref.id) == hash_article(article)
                passages = snapshot.passages(ref.id)
                assert "".join(passage.text for passage in passages) == article.text
                found = snapshot.load([id for id, _ in snapshot.match([f"number{number}"], limit=1000)])
                own = sorted(each.ordinal for each in found if each.article.id == ref.id)
                assert own == list(range(len(passages)))
                there.add(number)
            assert set(acknowledged) <= there
            assert len(snapshot.passage_ids()) == sum(len(ids) for ids, _ in snapshot.vectors(0))
        for number in sorted(there)[-2:]:
            ask(library, number)
    return there


def content_of(folder: Path) -> Content:
    """List all that a library holds, but for the ids of its rows; and check that Chroma holds no more and no less."""
    with opened(folder) as library, library.snapshot() as snapshot:
        assert snapshot.is_published
        published = snapshot.published
        if published is not None:
            generation = library._open_generation(published)
            assert generation is not None
            assert set(generation.ids() or ()) == snapshot.passage_ids()
        with library.connection() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            columns = [
                f'{table}."{name}"'
                for table in ("articles", "passages", "passage_vectors", "sentence_vectors")
                for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
                if name not in ("id", "article", "passage")
            ]
            rows: Content = connection.execute(
                f"SELECT {', '.join(columns)} FROM articles JOIN passages ON passages.article = articles.id"
                " JOIN passage_vectors ON passage_vectors.passage = passages.id"
                " JOIN sentence_vectors ON sentence_vectors.passage = passages.id"
                " ORDER BY articles.article_id, passages.ordinal"
            ).fetchall()
            assert len(rows) == len(snapshot.passage_ids())
            assert all(
                has_article_vectors(connection, id)
                for (id,) in connection.execute("SELECT id FROM articles").fetchall()
            )
        words = [snapshot.match([word], limit=10_000) for word in WORDS]
        return [
            ("hash", snapshot.content_hash()),
            *rows,
            *((word, len(found)) for word, found in zip(WORDS, words, strict=True)),
        ]


# What runs elsewhere --------------------------------------------------------------------------------------------------


def ingest_batches(folder: Path, ledger: Path, numbers: Sequence[int], batch: int, version: int) -> None:
    """Add articles batch by batch, and write down those of each batch when it is acknowledged."""
    with ledger.open("a", encoding="ascii") as written:
        for start in range(0, len(numbers), batch):
            taken = numbers[start : start + batch]
            add(folder, [make_article(number, version=version) for number in taken])
            written.write("".join(f"{number} {version}\n" for number in taken))
            written.flush()


def remove_all(folder: Path, numbers: Sequence[int]) -> None:
    """Remove those of some articles that are there, for good."""
    with opened(folder) as library, library.writing():
        for number in numbers:
            library.remove(f"article-{number}")
        library.publish()


def import_all(folder: Path, file: Path) -> None:
    with opened(folder) as library:
        import_library(file, library=library)


def keep_turns(folder: Path, id: str, ledger: Path, numbers: Sequence[int]) -> None:
    """Keep an answer a turn, and write down the number of each when it is acknowledged."""
    conversations = Conversations(folder)
    with ledger.open("a", encoding="ascii") as written:
        for number in numbers:
            conversations.keep(id, make_answer(number), asked_at(number))
            written.write(f"{number}\n")
            written.flush()


def resume_as_nobody(folder: Path, id: str, count: int, talk: Connection) -> None:
    """Read what is kept, and then try to keep more, as a user who may not write there."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    conversations = Conversations(folder)
    assert [turn.answer for turn in conversations.get(id).turns] == [make_answer(number) for number in range(count)]
    assert conversations.last() == id
    report_outcome(lambda: conversations.keep(id, make_answer(count)), talk)


def keep_with_limit(folder: Path, id: str, numbers: Sequence[int], limit: int, talk: Connection) -> None:
    """Keep answers where no file may become larger than `limit` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    conversations = Conversations(folder)
    kept = 0
    with suppress(LibraryError):
        for number in numbers:
            conversations.keep(id, make_answer(number), asked_at(number))
            kept += 1
    report_outcome(lambda: conversations.keep(id, make_answer(kept)), talk)
    talk.send(kept)


def ingest_in_turns(folder: Path, numbers: Sequence[int], batch: int) -> None:
    """Add articles batch by batch, waiting for whoever writes."""
    for start in range(0, len(numbers), batch):
        add(folder, [make_article(number) for number in numbers[start : start + batch]], wait=30)


def report_outcome(work: Callable[[], object], talk: Connection) -> None:
    """Do something, and say what came of it: None, or the kind and the words of an error of ours."""
    try:
        work()
    except AssistantError as error:
        talk.send((type(error).__name__, str(error)))
    else:
        talk.send(None)


def ingest_with_limit(folder: Path, numbers: Sequence[int], limit: int | None, talk: Connection) -> None:
    """Add articles where no file may become larger than `limit` bytes."""
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    report_outcome(lambda: add(folder, [make_article(number) for number in numbers]), talk)


def ask_as_nobody(folder: Path, numbers: Sequence[int], talk: Connection) -> None:
    """Ask, examine, and then try to add, as a user who may not write there."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with opened(folder) as library:
        for number in numbers:
            ask(library, number)
        with library.snapshot() as snapshot:
            there = {ref.id for ref in snapshot.articles()}
        assert there == {f"article-{number}" for number in numbers}
        (found,) = [finding.what for finding in examine(library).findings]
        assert found in (UNWRITABLE, UNBUILT)
    report_outcome(lambda: add(folder, [make_article(99)]), talk)


def ask_all(folder: Path, numbers: Sequence[int], talk: Connection) -> None:
    with opened(folder) as library:
        for number in numbers:
            ask(library, number)
    talk.send("answered")


def hold_writer_lock(folder: Path, talk: Connection) -> None:
    with opened(folder) as library, library.writing():
        talk.send("holding")
        talk.recv()


def hold_database_lock(path: Path, talk: Connection) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    talk.send("holding")
    talk.recv()
    connection.close()


def leave_log(folder: Path, numbers: Sequence[int], talk: Connection) -> None:
    """Add articles in a transaction each, publish none, and wait to be killed with all of them in SQLite's log."""
    embedder = make_embedder()
    with opened(folder) as library, library.writing(), library.snapshot():
        for number in numbers:
            _add_unpublished(library, make_article(number), embedder)
        talk.send("written")
        time.sleep(60)


def _add_unpublished(library: Library, article: Article, embedder: WordEmbedder) -> None:
    ingest._store([prepare_article(article, embedder)], [], library, embedder, ingest._Tally(), lambda _: None)


def ask_after_fork(folder: Path, number: int, talk: Connection) -> None:
    """Ask, fork, and do both again in the child of this child, which has ten seconds."""
    with opened(folder) as library:
        ask(library, number)
        with library.snapshot():  # a connection that is in use when it forks
            child = os.fork()
            if child == 0:
                _ask_and_add_in_fork(library, number, talk)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.02)
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            talk.send("hung")
            return
        ask(library, number)  # the parent goes on
        talk.send(os.waitstatus_to_exitcode(status))


def _ask_and_add_in_fork(library: Library, number: int, talk: Connection) -> None:
    try:
        ask(library, number)
        with opened(library.folder) as another:
            ask(another, number)
        report_outcome(lambda: ingest.add_sources(make_article(77), library=library, embedder=make_embedder()), talk)
        library.close()
        os._exit(0)
    except BaseException as error:
        talk.send(repr(error))
    finally:
        os._exit(1)


def watch_flush(folder: Path, seen: dict[Path, tuple[int, int]]) -> bool:
    """Whether Chroma has begun to write out the segment of a generation since this was called last."""
    changed = False
    with suppress(FileNotFoundError):  # an old one may be going away
        for file in (folder / CHROMA_FOLDER).glob("*/*/*.*"):
            status = file.stat()
            state = (status.st_size, status.st_mtime_ns)
            changed = changed or seen.get(file) != state
            seen[file] = state
    return changed

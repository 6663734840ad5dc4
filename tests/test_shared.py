import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from chroma_runs import ChromaRun, make_name, open_shared
from fakes import WordEmbedder
from libraries import add, embed, make_article, make_vectors, remove

from assistant.chroma_server import MAX_BATCH, ChromaServer, Record
from assistant.errors import LibraryDamagedError, LibraryError, LibraryMismatchError
from assistant.ingest import add_sources
from assistant.library import Library
from assistant.records import ARTICLE, LEFTOVER, make_key
from assistant.retrieval import RetrievalWeights, retrieve
from assistant.revision_records import FORMER
from assistant.schema import hash_article
from assistant.shared import SharedLibrary
from assistant.types import Article, Revision

OLD, NEW = (
    make_article("a", 3),
    Article("a", "Title of a", "".join(f"a new {n}".ljust(20) for n in range(7)), outlet="b"),
)


SECOND = make_article("b", 2)


class _StoppedError(Exception):
    """The writer is gone."""


class _StoppingServer(ChromaServer):
    """Stops its writer at the n-th write, which is done and not acknowledged, as by a kill."""

    def __init__(self, url: str, *, stop_at: int) -> None:
        super().__init__(url)
        self._left = stop_at

    def send(self, method: str, path: str, body: object = None, *, is_write: bool = False, **options: Any) -> Any:
        answer = super().send(method, path, body, is_write=is_write, **options)
        self._left -= is_write
        if is_write and self._left == 0:
            raise _StoppedError
        return answer


def read_state(library: SharedLibrary) -> tuple[str, ...]:
    """Read all texts, checking that what is found by its vector is of the same articles, and all of it there."""
    with library.snapshot() as snapshot:
        known = {ref.id: snapshot.article(ref.id) for ref in snapshot.articles()}
        near = snapshot.load([id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=100)])
    texts = {id: article.text for id, article in known.items() if article is not None}
    assert all(texts[each.article.id][each.passage.start : each.passage.end] == each.passage.text for each in near)
    assert sum(len(each.passage.text) for each in near) == sum(map(len, texts.values()))
    return tuple(texts[id] for id in sorted(texts))


def count_records(library: SharedLibrary) -> tuple[int, int, int]:
    """Count articles, leftovers and passages."""
    found = library.find_collections()
    assert found is not None
    records, passages = found
    kinds = [record.metadata["kind"] for record in records.find_all(None)]
    return kinds.count(ARTICLE), kinds.count(LEFTOVER), passages.count()


def stop_everywhere(folder: Path, url: str, write: Callable[[SharedLibrary], None]) -> Iterator[SharedLibrary]:
    """Have a writer stop at each of its writes, and last at none, and give the library that each leaves."""
    for stop_at in count(1):
        name = make_name()
        library = open_shared(folder, url, name=name, grace=0)
        add(library, OLD, SECOND, publish=False)
        server = _StoppingServer(url, stop_at=stop_at)
        writer = SharedLibrary(folder, name=name, server=server, embedding_model="words", home=folder, grace=0)
        is_done = False
        with suppress(_StoppedError):
            write(writer)
            is_done = True
        yield library
        writer.close()
        library.close()
        if is_done:
            assert stop_at > 5
            return


def test_a_writer_that_stops_anywhere_leaves_the_old_or_the_new(tmp_path: Path, chroma: ChromaRun) -> None:
    third = make_article("c", 1)

    def write(library: SharedLibrary) -> None:
        add(library, NEW, third, seed=5)

    for library in stop_everywhere(tmp_path, chroma.url, write):
        assert read_state(library)[0] in (OLD.text, NEW.text)
        write(library)
        assert read_state(library) == (NEW.text, SECOND.text, third.text)
        assert count_records(library) == (3, 0, 10)
        assert [each.article for each in read_revisions(library, "a")] == [OLD, NEW]
        assert count_former(library) == 1


def test_a_removal_that_stops_anywhere_is_done_or_goes_on(tmp_path: Path, chroma: ChromaRun) -> None:
    for library in stop_everywhere(tmp_path, chroma.url, partial(remove, article_id="b")):
        assert read_state(library) in ((OLD.text, SECOND.text), (OLD.text,))
        remove(library, "b")
        assert read_state(library) == (OLD.text,)
        assert count_records(library) == (1, 0, 3)


def read_revisions(library: SharedLibrary, article_id: str) -> tuple[Revision, ...]:
    with library.snapshot() as snapshot:
        return snapshot.revisions(article_id)


def count_former(library: SharedLibrary) -> int:
    """Count the records of earlier versions, also of those that are nobody's past."""
    records, _ = library.find_collections() or ()
    return sum(1 for _ in records.find_all({"kind": FORMER}))


def test_readers_see_the_old_article_or_the_new_one(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    writer = open_shared(tmp_path, chroma.url, name=name)
    add(writer, OLD)
    is_written = threading.Event()

    def write() -> None:
        for number in range(8):
            add(writer, (NEW, OLD)[number % 2], seed=number)
        is_written.set()

    thread = threading.Thread(target=write)
    thread.start()
    reader = open_shared(tmp_path, chroma.url, name=name)
    seen = set()
    while not is_written.is_set():
        with reader.snapshot() as snapshot:
            near = snapshot.load([id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=50)])
            article = snapshot.article("a")
            assert article in (OLD, NEW)
            assert sum(len(each.passage.text) for each in near) in (0, len(article.text))
            assert all(article.text[each.passage.start : each.passage.end] == each.passage.text for each in near)
            seen.add(article.outlet)
    thread.join()

    assert seen == {"a", "b"}
    reader.close()
    writer.close()


def test_of_two_writers_of_one_article_one_wins_whole(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    both = [open_shared(tmp_path, chroma.url, name=name, grace=0) for _ in range(2)]
    add(both[0], make_article("b", 1))
    barrier = threading.Barrier(2)

    def write(library: SharedLibrary, article: Article) -> None:
        for seed in range(4):
            barrier.wait()
            with library.writing():
                library.add([embed(article, seed=seed)])

    threads = [threading.Thread(target=write, args=pair) for pair in zip(both, (OLD, NEW), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (text, _) = read_state(both[0])
    assert text in (OLD.text, NEW.text)
    both[0].sweep()
    assert count_records(both[1]) == (2, 0, 1 + (3 if text == OLD.text else 7))
    past = read_revisions(both[0], "a")
    assert past[-1].article.text == text
    assert {each.article for each in past} <= {OLD, NEW}
    assert count_former(both[0]) == len(past) - 1
    for library in both:
        library.close()


class _CountingServer(ChromaServer):
    """Counts how often articles' records are asked for."""

    count = 0

    def send(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        self.count += isinstance(body, dict) and path.endswith("/get") and make_key("a") in body.get("ids", ())
        return super().send(method, path, body, **options)


def test_what_was_read_of_articles_is_read_again_once_one_has_changed(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    server = _CountingServer(chroma.url)
    reader = SharedLibrary(tmp_path, name=name, server=server, embedding_model="words", home=tmp_path)
    writer = open_shared(tmp_path, chroma.url, name=name)
    add(writer, OLD)

    def ask() -> tuple[str, ...]:
        with reader.snapshot() as snapshot:
            snapshot.nearest(make_vectors(1)[0], limit=50)
            return tuple(found.text for found in (snapshot.article(id) for id in "ab") if found is not None)

    assert [ask() for _ in range(3)] == [(OLD.text,)] * 3
    assert server.count == 1
    add(writer, NEW)
    assert ask() == (NEW.text,)
    add(writer, make_article("b", 1))
    assert ask() == (NEW.text, make_article("b", 1).text)
    remove(writer, "a")
    assert ask() == (make_article("b", 1).text,)
    assert server.count == 4
    for library in (reader, writer):
        library.close()


def test_a_reader_learns_of_what_was_removed_by_one_that_died(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    reader, sweeper = (open_shared(tmp_path, chroma.url, name=name, grace=0) for _ in range(2))
    add(reader, OLD)
    with reader.snapshot() as snapshot:
        assert snapshot.article("a") == OLD
    stopping = _StoppingServer(chroma.url, stop_at=2)
    with pytest.raises(_StoppedError):
        SharedLibrary(tmp_path, name=name, server=stopping, embedding_model="words", home=tmp_path).remove("a")
    sweeper.sweep()

    with reader.snapshot() as snapshot:
        assert snapshot.article("a") is None
    for library in (reader, sweeper):
        library.close()
    stopping.close()


def test_what_may_still_be_needed_is_not_swept(tmp_path: Path, chroma: ChromaRun) -> None:
    library = open_shared(tmp_path, chroma.url, name=make_name(), grace=600)
    add(library, OLD)
    with library.snapshot() as snapshot:
        near = [id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=10)]
        add(library, NEW)

        assert snapshot.article("a") == OLD
        assert {each.passage.text for each in snapshot.load(near)} <= {each.text for each in snapshot.passages("a")}
    assert count_records(library) == (1, 3, 10)
    library.close()


def test_a_server_that_is_killed_loses_nothing_and_is_said_to_be_gone(
    tmp_path: Path, chroma: ChromaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.chroma_server.READ_PATIENCE", 0.2)
    monkeypatch.setattr("assistant.chroma_server.WRITE_PATIENCE", 0.2)
    library = open_shared(tmp_path, chroma.url, name=make_name(), grace=0)
    add(library, OLD)
    chroma.kill()

    with pytest.raises(LibraryError, match="see that it runs"), library.snapshot() as snapshot:
        snapshot.nearest(make_vectors(1)[0], limit=3)
    with pytest.raises(LibraryError, match="see that it runs"):
        add(library, NEW)
    chroma.start()

    assert read_state(library) == (OLD.text,)
    add(library, NEW)
    assert read_state(library) == (NEW.text,)
    library.close()


def test_another_embedding_model_is_refused(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    library = open_shared(tmp_path, chroma.url, name=name)
    add(library, OLD)
    other = open_shared(tmp_path, chroma.url, name=name, embedding_model="other")

    with pytest.raises(LibraryMismatchError, match="made with the embedding model words, not other"):
        add(other, NEW)
    with pytest.raises(LibraryMismatchError), other.snapshot():
        pass
    library.close()
    other.close()


def request(chroma: ChromaRun, path: str, body: object) -> Any:
    url = f"{chroma.url}/api/v2/tenants/default_tenant/databases/default_database/{path}"
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def test_collections_of_others_are_refused(tmp_path: Path, chroma: ChromaRun) -> None:
    for metadata, message in (({"a": 1}, "aren't this program's"), ({"news_assistant": 9}, "another version")):
        library = open_shared(tmp_path, chroma.url, name=make_name())
        for kind in ("articles", "passages"):
            request(chroma, "collections", {"name": f"{library.name}.{kind}", "metadata": metadata})

        with pytest.raises(LibraryMismatchError, match=message), library.snapshot():
            pass
        library.close()


def test_a_collection_that_names_an_embedding_function_is_refused(tmp_path: Path, chroma: ChromaRun) -> None:
    library = open_shared(tmp_path, chroma.url, name=make_name())
    function = {"type": "known", "name": "default", "config": {}}
    request(
        chroma,
        "collections",
        {"name": f"{library.name}.articles", "configuration": {"embedding_function": function}},
    )

    with pytest.raises(LibraryMismatchError, match="names an embedding function"), library.snapshot():
        pass
    library.close()


def test_a_library_that_was_deleted_can_be_made_again(tmp_path: Path, chroma: ChromaRun) -> None:
    library = open_shared(tmp_path, chroma.url, name=make_name())
    add(library, OLD)
    for kind in ("articles", "passages"):
        delete(chroma, f"collections/{library.name}.{kind}")

    with pytest.raises(LibraryError, match="was deleted"), library.snapshot() as snapshot:
        snapshot.article("a")
    add(library, NEW)
    assert read_state(library) == (NEW.text,)
    library.close()


def delete(chroma: ChromaRun, path: str) -> None:
    url = f"{chroma.url}/api/v2/tenants/default_tenant/databases/default_database/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10):
        pass


def test_a_text_that_is_not_what_was_stored_is_not_quoted(shared_library: SharedLibrary) -> None:
    add(shared_library, OLD)
    with shared_library.snapshot() as snapshot:
        records, passages = shared_library.find_collections() or ()
        (article,) = shared_library.read_articles(records, [make_key("a")]).values()
        first = passages.get(article.passage_ids[:1], include=("metadatas", "documents", "embeddings"))[0]
        forged = "forged".ljust(len(first.document))
        assert first.vector is not None
        passages.write([Record(first.id, first.vector, first.metadata, forged)])

        with pytest.raises(LibraryDamagedError, match="isn't what was stored"):
            snapshot.article("a")


@pytest.mark.parametrize(("most", "is_found"), [(1_000, True), (5, False)])
def test_a_rare_word_is_looked_for_where_that_takes_no_minute(
    shared_library: SharedLibrary, monkeypatch: pytest.MonkeyPatch, most: int, is_found: bool
) -> None:
    monkeypatch.setattr("assistant.shared.NEAREST", 2)
    monkeypatch.setattr("assistant.shared.FULL_TEXT_PASSAGES", 0)
    monkeypatch.setattr("assistant.shared.MAX_FULL_TEXT_PASSAGES", most)
    embedder = WordEmbedder()
    others = [Article(str(n), "Council", f"The council met about parking {n} and roads.") for n in range(12)]
    hidden = Article("hidden", "Ships", "Many other things were said, of which nobody took note; the QUAHOGS sank.")
    add_sources([*others, hidden], library=shared_library, embedder=embedder)

    with shared_library.snapshot() as snapshot:
        found = retrieve(
            "Did the council that met about parking and roads see a quahog?",
            library=snapshot,
            embedder=embedder,
            limit=1,
            weights=RetrievalWeights(nearest_passages=2),
        )

    assert ("hidden" in {each.article.id for each in found.candidates}) == is_found


def test_what_an_article_was_again_and_again_crowds_out_nothing(shared_library: SharedLibrary) -> None:
    add(shared_library, make_article("a", MAX_BATCH + 100), SECOND)
    add(shared_library, NEW, seed=9)
    query = make_vectors(1, seed=0)[0]
    far, near = embed(SECOND, seed=1)[1], embed(NEW, seed=9)[1]
    cosines = sorted((float(each.vector @ query) for each in (*far, *near)), reverse=True)

    with shared_library.snapshot() as snapshot:
        found = snapshot.nearest(query, limit=50)
        matched = snapshot.match(["a", "b"], limit=100)
        texts = {each.passage.text for each in snapshot.load([id for id, _ in matched])}

    assert [cosine for _, cosine in found] == pytest.approx(cosines, abs=1e-5)
    assert texts == {each.passage.text for each in (*far, *near)}


class _BusyServer(ChromaServer):
    """Is busy whenever it is asked something for the first time."""

    is_busy = False

    def _ask(self, *arguments: Any, **options: Any) -> Any:
        self.is_busy = not self.is_busy
        answer = super()._ask(*arguments, **options)
        return replace(answer, status=503) if self.is_busy else answer


def test_an_ingest_waits_for_a_server_and_a_question_does_not(
    tmp_path: Path, chroma: ChromaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.chroma_server.READ_PATIENCE", 0.0)
    monkeypatch.setattr("assistant.chroma_server.FIRST_PAUSE", 0.001)
    server = _BusyServer(chroma.url)
    library = SharedLibrary(tmp_path, name=make_name(), server=server, embedding_model="words", home=tmp_path)

    report = add_sources([OLD], library=library, embedder=WordEmbedder())

    assert report.added == ("a",)
    with library.snapshot() as snapshot, pytest.raises(LibraryError, match="is busy"):
        snapshot.article("a")
    library.close()


def test_a_word_that_stands_nowhere_is_said_to(shared_library: SharedLibrary, articles: tuple[Article, ...]) -> None:
    embedder = WordEmbedder()
    add_sources(articles, library=shared_library, embedder=embedder)

    with shared_library.snapshot() as snapshot:
        found = retrieve("Did the fox see a unicorn?", library=snapshot, embedder=embedder, limit=1)

    assert found.frequencies["fox"] == 1
    assert found.frequencies["unicorn"] == 0


def test_replacing_an_article_keeps_since_when_it_is_known_only_if_it_says_the_same(
    shared_library: SharedLibrary,
) -> None:
    add(shared_library, OLD)
    with shared_library.snapshot() as snapshot:
        before = snapshot.revisions("a")[0].since
    add(shared_library, OLD, seed=3)

    with shared_library.snapshot() as snapshot:
        assert snapshot.revisions("a")[0].since == before
        assert snapshot.hash("a") == hash_article(OLD)


def test_a_hash_is_that_of_a_library_on_this_machine(shared_library: SharedLibrary, library: Library) -> None:
    for each in (shared_library, library):
        add(each, OLD, make_article("ä", 2))

    assert shared_library.content_hash() == library.content_hash()

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import WordEmbedder
from libraries import everywhere

from assistant import passages
from assistant.embedding import PassageVectors
from assistant.errors import LibraryError, ModelError
from assistant.ingest import BATCH_PASSAGES, add_sources, update_sources
from assistant.library import Library
from assistant.looking import Source
from assistant.types import Article, IngestReport

STORY = "<p>The wall of the old harbour fell at dawn, the port said, after a night of wind from the west.</p>" * 2
Articles = tuple[Article, Article, Article]


def add(library: Library, embedder: WordEmbedder, *sources: Source) -> IngestReport:
    return add_sources(sources, library=library, embedder=embedder)


def find_ids(library: Library, *terms: str) -> set[str]:
    """Find the articles with a passage that holds any of the terms."""
    with library.snapshot() as snapshot:
        return {stored.article.id for stored in snapshot.load([id for id, _ in snapshot.match(terms, limit=1000)])}


def stored_ids(library: Library) -> list[str]:
    with library.snapshot() as snapshot:
        return [ref.id for ref in snapshot.articles()]


def make_long(id: str, passage_count: int, *, word: str = "word") -> Article:
    """Make an article that a WordEmbedder's limit of 96 tokens cuts into this many passages."""
    return Article(
        id, id, "\n\n".join(f"{word}{number} " + "and so on " * 20 + "it went." for number in range(passage_count))
    )


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


# What an ingest does -------------------------------------------------------------------------------------------------


def test_new_articles_are_added_and_can_be_found(library: Library, embedder: WordEmbedder, articles: Articles) -> None:
    report = add(library, embedder, *articles)

    assert report.added == ("fox", "jill", "lamb")
    assert (report.updated, report.unchanged, report.removed, report.failed) == ((), (), (), ())
    assert report.passages == len(embedder.embedded) == 3
    assert report.seconds > 0
    assert find_ids(library, "fetch") == {"jill"}
    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == articles[0]
        assert snapshot.is_published
        question = embedder.embed_questions(["Mary had a little lamb"])[0]
        assert snapshot.load([snapshot.nearest(question, limit=1)[0][0]])[0].article.id == "lamb"


def test_one_source_needs_no_list(library: Library, embedder: WordEmbedder, articles: Articles, tmp_path: Path) -> None:
    path = write(tmp_path, "rain.md", "It rained.")

    for source in (articles[0], path, str(path)):
        add_sources(source, library=library, embedder=embedder)

    assert stored_ids(library) == ["fox", path.resolve().as_uri()]


def test_sources_may_come_from_a_generator(library: Library, embedder: WordEmbedder, articles: Articles) -> None:
    generator: Iterable[Source] = (article for article in articles)

    assert add_sources(generator, library=library, embedder=embedder).added == ("fox", "jill", "lamb")


def test_what_is_unchanged_costs_no_embedding(library: Library, embedder: WordEmbedder, articles: Articles) -> None:
    add(library, embedder, *articles)
    folders = sorted((library.folder / "chroma").iterdir())
    embedder.embedded.clear()

    report = add(library, embedder, *articles)

    assert report.unchanged == ("fox", "jill", "lamb")
    assert (report.added, report.updated, report.failed, report.passages) == ((), (), (), 0)
    assert embedder.embedded == []
    assert sorted((library.folder / "chroma").iterdir()) == folders


def test_an_index_that_was_asked_is_still_published(
    library: Library, embedder: WordEmbedder, articles: Articles
) -> None:
    add(library, embedder, *articles)
    folders = sorted((library.folder / "chroma").iterdir())
    for _ in range(2):
        again = Library(library.folder, embedding_model="words")
        with again.snapshot() as snapshot:
            assert len(snapshot.nearest(embedder.embed_questions(["lamb"])[0], limit=5)) == 3
            assert snapshot.is_published
        again.close()

    add(library, embedder, *articles)

    assert sorted((library.folder / "chroma").iterdir()) == folders


def test_what_changes_no_text_and_no_title_is_not_embedded_again(
    library: Library, embedder: WordEmbedder, articles: Articles
) -> None:
    add(library, embedder, *articles)
    embedder.embedded.clear()
    corrected = replace(articles[0], outlet="Hill Herald", published=None)

    report = add(library, embedder, corrected, replace(articles[1], title="Three fall"))

    assert report.updated == ("fox", "jill")
    assert report.passages == len(embedder.embedded) == 1
    assert find_ids(library, "herald") == {"fox", "jill"}
    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == corrected
        assert len(snapshot.revisions("fox")) == 2
        question = embedder.embed_questions(["the quick brown fox"])[0]
        assert snapshot.load([snapshot.nearest(question, limit=1)[0][0]])[0].article.id == "fox"


def test_a_changed_article_is_replaced_whole(library: Library, embedder: WordEmbedder) -> None:
    add(library, embedder, make_long("story", 9, word="old"), make_long("other", 2))
    with library.snapshot() as snapshot:
        old = snapshot.passage_ids() - {id for id, _ in snapshot.match(["other"], limit=100)}
    changed = make_long("story", 3, word="new")

    report = add(library, embedder, changed)

    assert report.updated == ("story",)
    assert report.added == ()
    assert report.passages == 3
    assert find_ids(library, *(f"old{number}" for number in range(9))) == set()
    assert find_ids(library, "new0") == find_ids(library, "new2") == {"story"}
    with library.snapshot() as snapshot:
        assert snapshot.load(sorted(old)) == []
        found = snapshot.nearest(embedder.embed_questions(["old3 old4 old8"])[0], limit=100)
        assert not {id for id, _ in found} & old
        assert len(found) == snapshot.passage_count == 5
        assert "".join(passage.text for passage in snapshot.passages("story")) == changed.text


@pytest.mark.parametrize("change", [{"title": "Fox fails"}, {"outlet": None}, {"published": None}, {"url": None}])
def test_a_change_of_what_is_said_about_an_article_is_one(
    library: Library, embedder: WordEmbedder, articles: Articles, change: dict[str, None]
) -> None:
    changed = replace(articles[0], **change)  # type: ignore[arg-type]
    add(library, embedder, articles[0])

    assert add(library, embedder, changed).updated == ("fox",)
    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == changed


def test_an_id_that_comes_twice_is_taken_once(library: Library, embedder: WordEmbedder, articles: Articles) -> None:
    fox, jill, _ = articles

    report = add(library, embedder, fox, jill, fox, replace(fox, text="Another story."))

    assert report.added == ("fox", "jill")
    assert [(failure.source, "only the first was taken" in failure.reason) for failure in report.failed] == [
        ("article 'fox'", True)
    ]
    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == fox
        assert len(snapshot.articles()) == 2


def test_an_article_of_too_many_sentences_is_a_failure_and_stops_no_other(
    library: Library, embedder: WordEmbedder, articles: Articles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "MAX_ARTICLE_SENTENCES", 10)
    lines = Article("lines", "Lines", "\n".join(["It rains"] * 200_000))

    report = add(library, embedder, Article("many", "Many", "It rains. " * 11), lines, articles[0])

    assert report.added == ("fox",)
    assert [failure.reason for failure in report.failed] == [
        "too many sentences: it may have at most 10; split it",
        "too large: an article may have at most 150,000 lines with text; split it",
    ]


def test_a_file_that_is_known_by_its_place_stays_so_when_its_page_declares_an_address(
    library: Library, embedder: WordEmbedder, tmp_path: Path
) -> None:
    path = write(tmp_path, "storm.html", f"<html><body><article><h1>Storm</h1>{STORY}</article></body></html>")
    add(library, embedder, path)

    head = '<head><link rel="canonical" href="https://a.example/storm"></head>'
    write(tmp_path, "storm.html", path.read_text().replace("<html>", f"<html>{head}"))
    report = update_sources(library=library, embedder=embedder)

    assert (report.updated, report.gone, report.failed) == ((path.as_uri(),), (), ())
    assert stored_ids(library) == [path.as_uri()]


def test_progress_reaches_the_total(library: Library, embedder: WordEmbedder, articles: Articles) -> None:
    told: list[tuple[int, int]] = []
    sources = [*articles, articles[0], replace(articles[0], id=""), replace(articles[0], text="Changed.")]

    for _ in range(2):
        told.clear()
        add_sources(sources, library=library, embedder=embedder, progress=lambda *counts: told.append(counts))

        assert told == [(done, 6) for done in range(1, 7)]


def test_nothing_to_do_is_fine(library: Library, embedder: WordEmbedder) -> None:
    report = add(library, embedder)

    assert (report.added, report.failed, report.passages) == ((), (), 0)
    assert not library.folder.exists()


# What stops it -------------------------------------------------------------------------------------------------------


@everywhere
def test_when_embedding_fails_finished_batches_stay_and_the_rest_is_added_later(library: Library) -> None:
    half = BATCH_PASSAGES // 2
    sources = [make_long(f"a{number}", half) for number in range(5)]
    embedder = WordEmbedder(fail_at=BATCH_PASSAGES + half + 3)

    with pytest.raises(ModelError, match="broke"):
        add(library, embedder, *sources)

    assert stored_ids(library) == ["a0", "a1"]
    with library.snapshot() as snapshot:
        assert snapshot.passage_count == 2 * half
        question = embedder.embed_questions(["word3"])[0]
        assert len(snapshot.nearest(question, limit=1000)) == 2 * half

    embedder.fail_at = None
    embedder.embedded.clear()
    report = add(library, embedder, *sources)

    assert report.unchanged == ("a0", "a1")
    assert report.added == ("a2", "a3", "a4")
    assert len(embedder.embedded) == report.passages == 3 * half
    with library.snapshot() as snapshot:
        assert snapshot.is_published
        assert snapshot.passage_count == 5 * half


@everywhere
def test_a_change_that_fails_leaves_the_article_as_it_was(library: Library, articles: Articles) -> None:
    embedder = WordEmbedder()
    add(library, embedder, *articles)
    embedder.fail_at = 1

    with pytest.raises(ModelError):
        add(library, embedder, replace(articles[0], text="Changed."))

    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == articles[0]
        assert snapshot.is_published


def test_what_was_stopped_before_it_was_published_is_published_next_time(library: Library) -> None:
    embedder = WordEmbedder(fail_at=BATCH_PASSAGES + 1)
    with pytest.raises(ModelError):
        add(library, embedder, make_long("a", BATCH_PASSAGES), make_long("b", 1))
    with library.snapshot() as snapshot:
        assert not snapshot.is_published
    embedder.embedded.clear()

    add(library, embedder, make_long("a", BATCH_PASSAGES))

    assert embedder.embedded == []
    with library.snapshot() as snapshot:
        assert snapshot.is_published


def test_an_index_in_a_place_that_can_not_be_written_is_an_error(
    embedder: WordEmbedder, articles: Articles, tmp_path: Path
) -> None:
    file = write(tmp_path, "file", "Not a folder.")
    library = Library(file / "index", embedding_model="words")

    with pytest.raises(LibraryError, match="can't be written"):
        add(library, embedder, *articles)

    assert embedder.embedded == []
    library.close()


def test_sources_are_read_while_others_are_embedded(library: Library) -> None:
    """Each waits for the other: were they done in turn, this would never end."""
    is_read, is_embedding = threading.Event(), threading.Event()

    class Waiting(WordEmbedder):
        def embed_passages(self, *args: Any, **options: Any) -> list[PassageVectors]:
            is_embedding.set()
            assert is_read.wait(60)
            return super().embed_passages(*args, **options)

        def count_tokens(self, texts: Sequence[str]) -> list[int]:
            if any("last" in text for text in texts):
                assert is_embedding.wait(60)
                is_read.set()
            return super().count_tokens(texts)

    report = add(library, Waiting(), make_long("first", BATCH_PASSAGES), make_long("last", 1, word="last"))

    assert report.added == ("first", "last")


@everywhere
def test_an_interrupted_ingest_keeps_what_was_finished_and_goes_on(library: Library, tmp_path: Path) -> None:
    class Interrupted(WordEmbedder):
        def embed_passages(self, *args: Any, **options: Any) -> list[PassageVectors]:
            if self.embedded:
                raise KeyboardInterrupt
            return super().embed_passages(*args, **options)

    folder = tmp_path / "news"
    folder.mkdir()
    long = write(folder, "a long one.md", make_long("long", BATCH_PASSAGES).text).resolve().as_uri()
    for name in ("hail", "rain", "snow"):
        write(folder, f"{name}.md", f"It brought {name} to the hills.")
    with pytest.raises(KeyboardInterrupt):
        add(library, Interrupted(), folder)
    assert stored_ids(library) == [long]
    assert [thread.name for thread in threading.enumerate() if thread.name == "read-sources"] == []

    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_sources(folder, library=library, embedder=WordEmbedder(), progress=interrupt)
    kept = stored_ids(library)
    assert len(kept) == 3  # what waited for more, to be embedded together

    report = add(library, WordEmbedder(), folder)

    assert set(report.unchanged) == set(kept)
    assert len(report.added) == report.passages == 1


# The fake ------------------------------------------------------------------------------------------------------------


def test_the_fake_embedder_is_one() -> None:
    embedder = WordEmbedder(identity="mine", dimension=16)

    rows = embedder.embed_questions(["Mary had a lamb", "a lamb had Mary", "", "\ud800"])

    assert rows.dtype == np.float32
    assert rows.shape == (4, 16)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.array_equal(rows[0], rows[1])
    assert embedder.identity == "mine"
    assert embedder.questions == ["Mary had a lamb", "a lamb had Mary", "", "\ud800"]

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fakes import WordEmbedder

from assistant.errors import ArticleError, LibraryError, ModelError
from assistant.ingest import (
    BATCH_PASSAGES,
    MAX_HEADER_TOKENS,
    MAX_TEXT_CHARACTERS,
    Source,
    add_sources,
    check_article,
    write_header,
)
from assistant.library import Library
from assistant.reading import MAX_FILE_BYTES
from assistant.types import Article, IngestReport

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


def test_titles_are_embedded_with_every_passage(library: Library, embedder: WordEmbedder) -> None:
    add(library, embedder, replace(make_long("a", 3), title="Storm\n closes   harbour"))

    assert [text.split("\n")[0] for text in embedder.embedded] == ["Storm closes harbour"] * 3


def test_a_long_title_leaves_room_for_the_text(library: Library, embedder: WordEmbedder) -> None:
    article = Article("a", "very " * 10_000 + "long", "It rained.")

    header = write_header(article, embedder)

    assert article.title.startswith(header)
    assert embedder.count_tokens([header])[0] <= MAX_HEADER_TOKENS
    assert add(library, embedder, article).added == ("a",)
    with library.snapshot() as snapshot:
        assert snapshot.article("a") == article


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


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_folder_is_the_same_articles_by_any_path(
    library: Library, embedder: WordEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    write(folder, "rain.md", "It rained.")
    write(folder, "sun.txt", "The sun shone.")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)

    first = add(library, embedder, folder)
    again = add(library, embedder, "stories", Path("stories/rain.md"), "./stories/../stories/sun.txt", "link")

    assert len(first.added) == 2
    assert again.unchanged == first.added
    assert (again.added, again.failed) == ((), ())


def test_one_bad_source_stops_no_other(
    library: Library, embedder: WordEmbedder, articles: Articles, tmp_path: Path
) -> None:
    empty = write(tmp_path, "empty.md", "")
    binary = write(tmp_path, "picture.txt", bytes(range(256)) * 40)
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    good = write(tmp_path, "rain.md", "It rained.")
    (tmp_path / "nothing").mkdir()
    sources = [
        *(tmp_path / "gone.md", empty, binary, large, tmp_path / "nothing", tmp_path / ("x" * 300)),
        *("https://news.example/story", "http://news.example/", replace(articles[0], text=" "), good, articles[1]),
    ]

    report = add(library, embedder, *sources)

    assert report.added == (good.resolve().as_uri(), "jill")
    # A source's name isn't said twice.
    assert {failure.source: failure.reason.replace(",", ":").split(":")[0] for failure in report.failed} == {
        str(tmp_path / "gone.md"): "no such file or folder",
        str(empty): "empty",
        str(binary): "not text",
        str(large): "too large",
        str(tmp_path / "nothing"): "no articles in this folder",
        str(tmp_path / ("x" * 300)): "can't be read",
        "https://news.example/story": "can't be fetched",
        "http://news.example/": "can't be fetched",
        "article 'fox'": "empty",
    }
    assert all("\n" not in failure.reason for failure in report.failed)
    assert stored_ids(library) == list(report.added)


def test_only_bad_sources_make_no_library(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    report = add(library, embedder, tmp_path / "gone.md")

    assert len(report.failed) == 1
    assert not library.folder.exists()


def test_a_file_that_changes_is_updated_in_place(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    path = write(tmp_path, "weather.md", "It rained for days.")
    add(library, embedder, path)

    write(tmp_path, "weather.md", "It snowed.")
    report = add(library, embedder, path)

    assert report.updated == (path.resolve().as_uri(),)
    assert find_ids(library, "rained") == set()
    assert find_ids(library, "snowed") == set(report.updated)


@pytest.mark.skipif(os.name == "nt", reason="such a name can't be written there")
def test_a_file_with_a_strange_name_is_an_article(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    path = write(tmp_path, os.fsdecode(b"caf\xe9 \n%2F?#.txt"), "It rained.")

    report = add(library, embedder, path)

    assert report.failed == ()
    assert stored_ids(library) == list(report.added) == [path.resolve().as_uri()]


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "no id"),
        ({"id": " \n"}, "no id"),
        ({"text": ""}, "empty"),
        ({"text": " \n\u00a0"}, "empty"),
        ({"text": "a\0b"}, "NUL"),
        ({"title": "a\0b"}, "NUL"),
        ({"id": "a\0b"}, "NUL"),
        ({"text": "a\ud800b"}, "surrogate"),
        ({"outlet": "\udfff"}, "surrogate"),
        ({"author": "\udc80"}, "surrogate"),
        ({"url": "http://\udc80"}, "surrogate"),
        ({"published": datetime(2025, 3, 15)}, "no time zone"),
        ({"text": "x" * (MAX_TEXT_CHARACTERS + 1)}, "too large"),
    ],
)
def test_an_article_that_can_not_be_stored_as_it_is_is_refused(
    library: Library, embedder: WordEmbedder, articles: Articles, change: dict[str, object], reason: str
) -> None:
    article = replace(articles[0], **change)  # type: ignore[arg-type]

    with pytest.raises(ArticleError, match=reason) as refusal:
        check_article(article)
    report = add(library, embedder, article)

    assert "\n" not in str(refusal.value)
    assert reason in report.failed[0].reason
    assert stored_ids(library) == []


@pytest.mark.parametrize(
    "text",
    [
        "<|endoftext|> It rained. <|endoftext|>",
        "\ufeffIt\x1b[2J rained.\r\n\x07",
        "🦊 e\u0301 \U0010ffff \uffff",
        "[CLS] [SEP] [UNK]",
        "{braces} %s $dollar",
        "x" * 20_000,
        ".",
    ],
)
def test_any_other_text_is_stored_exactly(library: Library, embedder: WordEmbedder, text: str) -> None:
    article = Article("any", "", text)

    assert add(library, embedder, article).added == ("any",)

    with library.snapshot() as snapshot:
        assert snapshot.article("any") == article
        assert "".join(passage.text for passage in snapshot.passages("any")) == text


# What stops it -------------------------------------------------------------------------------------------------------


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

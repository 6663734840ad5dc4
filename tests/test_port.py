"""What is true of every library, wherever it is kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from chroma_runs import ChromaRun, make_name, open_shared
from fakes import WordEmbedder
from libraries import add, embed, make_article, make_vectors, remove

from assistant.errors import LibraryError, LibraryMismatchError
from assistant.exporting import export_library, import_library
from assistant.ingest import add_sources
from assistant.library import Library as SQLiteLibrary
from assistant.port import Library
from assistant.preparing import embed_articles
from assistant.schema import PassageFilter, hash_article
from assistant.sources import Item, KnownSource
from assistant.types import Article, Origin

LONDON = timezone(timedelta(hours=1))


@pytest.fixture
def library(any_library: Library) -> Library:
    return any_library


def test_an_article_comes_back_as_it_was_given(library: Library) -> None:
    article = Article(
        "https://courier.example/1?a=ä",
        "A “title”\twith 新しい",
        "  First. \n\n\u2028Second\ttab.\r\nÅngström 😀 end  ",
        outlet="Courier",
        author="A. Writer",
        published=datetime(2025, 3, 15, 0, 30, 0, 1, tzinfo=LONDON),
        url="https://courier.example/1",
        updated=datetime(2025, 3, 16, tzinfo=UTC),
        section="News",
        language="en",
        origins=(Origin("title", "page"),),
    )

    add_sources(article, library=library, embedder=WordEmbedder(max_tokens=12))

    with library.snapshot() as snapshot:
        assert snapshot.article(article.id) == article
        assert snapshot.articles() == (article.ref,)
        assert snapshot.hash(article.id) == hash_article(article)
        passages = snapshot.passages(article.id)
        assert "".join(passage.text for passage in passages) == article.text
        assert all(article.text[each.start : each.end] == each.text for each in passages)
        assert snapshot.revisions(article.id)[-1].article == article


def test_an_empty_library_has_nothing(library: Library) -> None:
    with library.snapshot() as snapshot:
        assert snapshot.articles() == snapshot.outlets() == ()
        assert snapshot.article("a") is snapshot.hash("a") is snapshot.newest_day() is None
        assert snapshot.passage_count == 0
        assert snapshot.nearest(make_vectors(1)[0], limit=3) == []
        assert not snapshot.has_articles(PassageFilter())
    assert not library.exists


def test_half_of_a_surrogate_pair_is_in_no_library(library: Library) -> None:
    add(library, make_article("a", 1))

    with pytest.raises(LibraryError, match="half of a surrogate pair"), library.snapshot() as snapshot:
        snapshot.article("\ud800")


def test_what_is_replaced_is_found_no_more(library: Library) -> None:
    add(library, make_article("a", 5))
    shorter = make_article("a", 2)
    add(library, shorter, seed=7)

    with library.snapshot() as snapshot:
        assert snapshot.article("a") == shorter
        ids = [id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=10)]
        assert sorted(each.passage.start for each in snapshot.load(ids)) == [0, 20]
        assert snapshot.passage_count == 2


def test_what_an_article_was_is_kept_and_never_answers(library: Library) -> None:
    versions = [replace(make_article("a", count), title=f"Version {count}") for count in (5, 1, 3)]
    for number, version in enumerate(versions):
        add(library, version, seed=number)
    add(library, versions[-1], seed=9)  # the same article, embedded anew

    with library.snapshot() as snapshot:
        past = snapshot.revisions("a")
        ids = [id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=10)]
        assert sorted(each.passage.start for each in snapshot.load(ids)) == [0, 20, 40]
        assert [each.article for each in past] == versions
        assert [each.until for each in past[:-1]] == [each.since for each in past[1:]]
        assert past[-1].until is None
    remove(library, "a")
    add(library, versions[0])
    with library.snapshot() as snapshot:
        assert [each.article for each in snapshot.revisions("a")] == versions[:1]
        assert snapshot.revisions("b") == ()


def test_sources_and_what_they_held_are_remembered(library: Library) -> None:
    folder = KnownSource("file:///stories", outlet="Vale Observer", published=datetime(2025, 3, 1, tzinfo=UTC))
    page = KnownSource("https://vale.example/1", allows_private=True)
    rain = Item("file:///stories/rain.md", ("rain",), 5, size=3, mtime_ns=4, sha256="abc")
    wind = Item(page.name, ("wind",), 7, etag='"x"', last_modified="Sat, 01 Mar 2025 00:00:00 GMT", gone_ids=("hail",))
    with library.writing():
        library.add([embed(make_article(id, 1)) for id in ("rain", "wind", "hail")], [(folder, rain), (page, wind)])

    with library.snapshot() as snapshot:
        assert snapshot.sources() == [folder, page]
        assert snapshot.items([rain.name, "https://vale.example/2"]) == {rain.name: rain}
        assert snapshot.items_of(page.name) == {wind.name: wind}
        assert sorted(snapshot.held()) == [(folder.name, rain.name, "rain"), (page.name, wind.name, "wind")]

    # What is replaced has to be read again, and what an item holds no more is forgotten.
    again = replace(wind, article_ids=(), gone_ids=())
    with library.writing():
        library.add([embed(make_article("rain", 2))], [(replace(page, allows_private=False), again)])
    with library.snapshot() as snapshot:
        assert snapshot.sources() == [folder, replace(page, allows_private=False)]
        assert snapshot.items([rain.name, wind.name]) == {rain.name: Item(rain.name, ("rain",), 5), wind.name: again}

    with library.writing():
        library.forget_source(page.name)
    with library.snapshot() as snapshot:
        assert snapshot.sources() == [folder]
        assert snapshot.items_of(page.name) == {}
        assert snapshot.article("wind") is not None


def test_what_was_removed_by_hand_is_known_until_it_is_given_again(library: Library) -> None:
    page = KnownSource("https://vale.example/1")
    item = Item(page.name, ("rain",), 5, etag='"x"')
    with library.writing():
        library.add([embed(make_article(id, 1)) for id in ("rain", "wind")], [(page, item)])
        library.remove("rain")
        library.remove("wind", by_hand=False)

    with library.snapshot() as snapshot:
        assert snapshot.was_removed("rain")
        assert not snapshot.was_removed("wind")
        assert snapshot.sources() == []
        assert snapshot.items([page.name]) == {}
    add(library, make_article("rain", 1))
    with library.snapshot() as snapshot:
        assert not snapshot.was_removed("rain")
        assert snapshot.sources() == []


def test_what_is_removed_is_gone(library: Library) -> None:
    add(library, make_article("a", 5), make_article("b", 1))

    remove(library, "a")

    with library.snapshot() as snapshot:
        assert [ref.id for ref in snapshot.articles()] == ["b"]
        assert snapshot.article("a") is None
        assert snapshot.passages("a") == ()
        assert snapshot.revisions("a") == ()
        assert snapshot.passage_count == 1
        assert snapshot.has_forgotten
    with library.writing():
        assert not library.remove("a")


def test_neighbours_are_those_of_numpy(library: Library) -> None:
    articles = [make_article(name, 12) for name in "abc"]
    add(library, *articles)
    vectors = np.concatenate([make_vectors(12, seed=seed) for seed in range(3)])
    query = make_vectors(1, seed=99)[0]

    with library.snapshot() as snapshot:
        found = snapshot.nearest(query, limit=5)
        texts = [each.passage.text for each in snapshot.load([id for id, _ in found])]

    assert np.allclose([cosine for _, cosine in found], np.sort(vectors @ query)[::-1][:5], atol=1e-5)
    order = np.argsort(-(vectors @ query))[:5]
    assert texts == ["abc"[row // 12] + f" {row % 12}".ljust(19) for row in order]


def test_loaded_passages_have_what_ranking_asks(library: Library, articles: tuple[Article, ...]) -> None:
    embedder = WordEmbedder()
    add_sources(articles, library=library, embedder=embedder)
    (_, (expected,)) = embed_articles([articles[0]], embedder)[0]

    with library.snapshot() as snapshot:
        near = snapshot.nearest(expected.vector, limit=1)
        (stored,) = snapshot.load([id for id, _ in near])

    assert stored.passage == expected.passage
    assert stored.article == articles[0].ref
    assert stored.ordinal == 0
    assert np.allclose(stored.sentence_vectors, expected.sentence_vectors, atol=0.01)
    assert stored.stem_counts.sum() == len(stored.stems)
    assert len(stored.stem_counts) == len(stored.passage.sentences) == 2


DAY = date(2025, 3, 15)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (PassageFilter(outlet="HILL herald"), {"late"}),
        (PassageFilter(outlet="Hill"), set()),
        (PassageFilter(since=DAY), {"early", "late"}),
        (PassageFilter(until=DAY), {"before"}),
        (PassageFilter(since=DAY, until=date(2025, 3, 16)), {"early"}),
        (PassageFilter(since=datetime(2025, 3, 15, tzinfo=UTC)), {"late"}),
        (PassageFilter(until=datetime(2025, 3, 15, tzinfo=UTC)), {"before", "early"}),
        (PassageFilter(outlet="Courier", until=DAY), {"before"}),
        (PassageFilter(outlet="Courier", since=DAY, until=date(2025, 3, 17)), {"early"}),
    ],
)
def test_a_filter_lets_through_the_same_everywhere(library: Library, filter: PassageFilter, expected: set[str]) -> None:
    text = "The fox slept."
    given = [
        Article("before", "t", text, outlet="Courier", published=datetime(1969, 7, 20, tzinfo=UTC)),
        # In its own zone it is of the 15th, and in UTC of the 14th.
        Article("early", "t", text, outlet="Courier", published=datetime(2025, 3, 15, 0, 30, tzinfo=LONDON)),
        Article("late", "t", text, outlet="Hill Herald", published=datetime(2025, 3, 17, 12, tzinfo=UTC)),
        Article("undated", "t", text),
    ]
    add_sources(given, library=library, embedder=WordEmbedder(dimension=8))

    with library.snapshot() as snapshot:
        near = snapshot.nearest(make_vectors(1)[0], limit=10, filter=filter)
        matched = snapshot.match(["fox"], limit=10, filter=filter)
        assert {each.article.id for each in snapshot.load([id for id, _ in near])} == expected
        assert {each.article.id for each in snapshot.load([id for id, _ in matched])} == expected
        assert snapshot.has_articles(filter) == bool(expected)


def test_the_newest_day_and_the_outlets(library: Library) -> None:
    days = [datetime(2025, 3, 15, 0, 30, tzinfo=LONDON), datetime(1952, 1, 2, tzinfo=UTC), None]
    given = [
        Article(str(n), "t", "The fox slept.", outlet=outlet, published=day)
        for n, (day, outlet) in enumerate(zip(days, ["Post", None, "Courier"], strict=True))
    ]
    add_sources(given, library=library, embedder=WordEmbedder(dimension=8))

    with library.snapshot() as snapshot:
        assert snapshot.newest_day() == date(2025, 3, 15)
        assert snapshot.newest_day(before=DAY) == date(1952, 1, 2)
        assert snapshot.newest_day(before=date(1952, 1, 2)) is None
        assert snapshot.outlets() == ("Courier", "Post")


def test_vectors_of_another_length_are_refused(library: Library) -> None:
    add(library, make_article("a", 2))

    with library.snapshot() as snapshot, pytest.raises(LibraryMismatchError, match="8 numbers"):
        snapshot.nearest(np.ones(9, np.float32) / 3, limit=1)
    with library.writing(), pytest.raises(LibraryMismatchError):
        library.add(embed_articles([make_article("b", 1)], WordEmbedder(dimension=9)))


def test_vectors_of_an_article_that_said_the_same_are_found(library: Library) -> None:
    article = make_article("a", 3)
    add(library, article)

    with library.snapshot() as snapshot:
        (_, packed), *_ = list(snapshot.packed_articles())
        assert snapshot.find_vectors(article) == packed
        assert snapshot.find_vectors(make_article("a", 2)) == []
        assert snapshot.find_vectors(make_article("b", 3)) == []


def test_a_library_moves_between_machine_and_server_and_back(tmp_path: Path, chroma: ChromaRun) -> None:
    local, back = (SQLiteLibrary(tmp_path / name, embedding_model="words") for name in ("one", "two"))
    shared = open_shared(tmp_path / "home", chroma.url, name=make_name())
    with local.writing():
        local.add([embed(make_article(name, number), seed=number) for number, name in enumerate("acb", start=1)])
        local.publish()

    export_library(tmp_path / "out", library=local)
    report = import_library(tmp_path / "out", library=shared)
    again = import_library(tmp_path / "out", library=shared)
    export_library(tmp_path / "back", library=shared)
    import_library(tmp_path / "back", library=back)

    assert sorted(report.added) == ["a", "b", "c"]
    assert sorted(again.unchanged) == ["a", "b", "c"]
    assert local.content_hash() == shared.content_hash() == back.content_hash()
    assert (tmp_path / "out").read_bytes() == (tmp_path / "back").read_bytes()
    for library in (local, shared, back):
        library.close()

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import (
    PASSAGE_CHARACTERS,
    Articles,
    add,
    all_vectors,
    assert_nearest_is_exact,
    embed,
    is_chroma_used,
    make_article,
    make_vectors,
    opened,
    passage_articles,
)

from assistant.errors import LibraryError
from assistant.library import Library
from assistant.schema import PassageFilter, pack_article_vectors
from assistant.types import Article


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, articles: Articles) -> Iterator[Library]:
    """A library of the three articles, only to be read."""
    with opened(tmp_path_factory.mktemp("three") / "index") as library:
        add(library, *articles, publish=False)
        yield library


def test_articles_come_back_as_they_were_added(three: Library, articles: Articles) -> None:
    with three.snapshot() as snapshot:
        assert snapshot.articles() == tuple(article.ref for article in articles)
        assert [snapshot.article(article.id) for article in articles] == list(articles)
        assert snapshot.article("cat") is None


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=90))
@settings(max_examples=30)
def test_passages_tile_the_text_and_offsets_are_characters(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    article = Article("any", "Any", text)
    with opened(tmp_path_factory.getbasetemp() / "any-text") as library:
        add(library, article, publish=False)

        with library.snapshot() as snapshot:
            passages = snapshot.passages("any")
            assert snapshot.article("any") == article
            assert [stored.passage for stored in snapshot.load(sorted(snapshot.passage_ids()))] == list(passages)
    assert passages == tuple(item.passage for item in embed(article)[1])
    assert "".join(passage.text for passage in passages) == text
    assert all(earlier.end == later.start for earlier, later in pairwise(passages))


def test_vectors_come_back_in_the_order_that_is_asked_for(three: Library, articles: Articles) -> None:
    vectors = [item.vector for number, article in enumerate(articles) for item in embed(article, seed=number)[1]]

    with three.snapshot() as snapshot:
        ids = sorted(snapshot.passage_ids(), reverse=True)
        loaded = snapshot.load([*ids, 10_000])
        stored_ids, stored_vectors = all_vectors(snapshot)

    assert [stored.id for stored in loaded] == ids
    assert stored_ids == ids[::-1]
    assert np.array_equal(stored_vectors, np.array(vectors))
    for stored, vector in zip(loaded, reversed(vectors), strict=True):
        assert (stored.sentence_vectors @ vector / np.linalg.norm(stored.sentence_vectors, axis=1) > 0.999).all()
        assert stored.article in {article.ref for article in articles}
        assert stored.passage.start == stored.ordinal * PASSAGE_CHARACTERS


@pytest.mark.parametrize(
    "term",
    ["brown", "BROWN", "jumping", "clears", "dog", "forest", "couriers", "march", "2025-03-15", "saturday", "15 March"],
)
def test_full_text_finds_text_title_outlet_and_date(three: Library, term: str) -> None:
    with three.snapshot() as snapshot:
        found = snapshot.load([id for id, _ in snapshot.match([term], limit=100)])

    assert found
    assert found[0].article.id == "fox"


def test_accents_make_no_difference(library: Library) -> None:
    add(library, Article("a", "Café", "São Paulo"))

    with library.snapshot() as snapshot:
        assert len(snapshot.match(["cafe"], limit=9)) == len(snapshot.match(["sao paulo"], limit=9)) == 1


def test_full_text_is_best_first_and_limited(library: Library) -> None:
    add(library, Article("a", "A", "rain"), Article("b", "B", "rain rain rain rain"), Article("c", "C", "sun"))

    with library.snapshot() as snapshot:
        found = snapshot.match(["rain", "sun"], limit=100)
        assert [stored.article.id for stored in snapshot.load([id for id, _ in found])] == ["c", "b", "a"]
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert snapshot.match(["rain", "sun"], limit=2) == found[:2]
        assert snapshot.document_frequencies(["rain", "raining", "sun", "snow"]) == {
            "rain": 2,
            "raining": 2,
            "sun": 1,
            "snow": 0,
        }


def test_full_text_keeps_to_a_filter(three: Library) -> None:
    with three.snapshot() as snapshot:
        found = snapshot.match(["the", "mary"], limit=100, filter=PassageFilter(outlet="hill herald"))

        assert {stored.article.id for stored in snapshot.load([id for id, _ in found])} == {"jill"}


@pytest.mark.parametrize(
    "term",
    [
        *("", " ", '"', '""', "'", "fox OR", "NOT fox", "fox AND", "NEAR(", "(fox", "fo*", "title:fox", "^fox", "-fox"),
        *("{a b}:c", "\0", "f\0x", "fox;DROP TABLE articles", "\ud800", "\udcff fox", "?!", "🦊", "\n", "x" * 100_000),
    ],
    ids=lambda term: ascii(term[:20]),
)
def test_search_syntax_is_only_text(three: Library, term: str) -> None:
    with three.snapshot() as snapshot:
        found = {stored.article.id for stored in snapshot.load([id for id, _ in snapshot.match([term], limit=100)])}
        with_another = snapshot.match([term, "lamb"], limit=100)
        assert snapshot.document_frequencies([term])[term] == len(snapshot.match([term], limit=100))

    assert found <= {"fox"}
    assert len(with_another) >= 1


def test_no_terms_and_many_terms_do_no_harm(three: Library) -> None:
    with three.snapshot() as snapshot:
        assert snapshot.match([], limit=10) == []
        assert snapshot.match([f"word{n}" for n in range(20_000)] + ["lamb"], limit=10) == [
            (id, pytest.approx(score, abs=1e-3)) for id, score in snapshot.match(["lamb"], limit=10)
        ]


@given(terms=st.lists(st.text(st.characters()), max_size=5))
def test_any_terms_may_be_searched_for(three: Library, terms: list[str]) -> None:
    with three.snapshot() as snapshot:
        found = snapshot.match(terms, limit=100)

        assert {id for id, _ in found} <= snapshot.passage_ids()


def test_nearest_is_exact_with_and_without_chroma(library: Library) -> None:
    add(library, make_article("a", 300), publish=False)
    assert not is_chroma_used(library)
    assert_nearest_is_exact(library)

    add(library)

    assert is_chroma_used(library)
    assert_nearest_is_exact(library)


def test_nearest_with_a_filter_is_exact_over_what_is_left(library: Library) -> None:
    add(library, make_article("a", 200), make_article("b", 20), seed=1)
    query = make_vectors(1, seed=99)[0]

    with library.snapshot() as snapshot:
        found = snapshot.nearest(query, limit=50, filter=PassageFilter(outlet="b"))
        loaded = snapshot.load([id for id, _ in found])
        nothing = snapshot.nearest(query, limit=50, filter=PassageFilter(outlet="c"))

    assert [stored.article.id for stored in loaded] == ["b"] * 20
    assert np.allclose([cosine for _, cosine in found], np.sort(make_vectors(20, seed=2) @ query)[::-1], atol=1e-6)
    assert nothing == []


@pytest.mark.parametrize("outlet", ["many", "few"])
@pytest.mark.parametrize("is_published", [True, False])
def test_any_filter_finds_the_best_of_what_it_lets_through(library: Library, outlet: str, is_published: bool) -> None:
    # 40 articles of many, 4 of few: the one is searched by Chroma, the other is read.
    numbers = range(44)
    articles = [
        replace(make_article(f"a{number}", 6), outlet="few" if number % 11 == 0 else "many") for number in numbers
    ]
    add(library, *articles[:-2], publish=is_published)
    add(library, *articles[-2:], seed=100, publish=False)
    query = make_vectors(1, seed=99)[0]

    with library.snapshot() as snapshot:
        through = [id for id, article in passage_articles(snapshot) if article.outlet == outlet]
        ids, vectors = all_vectors(snapshot)
        best = sorted(through, key=lambda id: -float(vectors[ids.index(id)] @ query))
        found = snapshot.nearest(query, limit=20, filter=PassageFilter(outlet=outlet))
        words = snapshot.match(["title", "3"], limit=1000)
        matched = snapshot.match(["title", "3"], limit=7, filter=PassageFilter(outlet=outlet))

    assert [id for id, _ in found] == best[:20]
    assert matched == [(id, score) for id, score in words if id in through][:7]


def test_a_filter_on_everything_of_a_kind_is_no_slower_path_to_fewer(library: Library) -> None:
    """A filter whose articles are the ones furthest away: what Chroma finds first is none of them."""
    near, far = make_article("near", 100), make_article("far", 40)
    query = make_vectors(1)[0]
    close, other = make_vectors(100, seed=5) * 0.01 + query, make_vectors(40, seed=6) * 0.1 - query
    for article, vectors in ((near, close), (far, other)):
        rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        embedded = [
            replace(item, vector=row.astype(np.float32)) for item, row in zip(embed(article)[1], rows, strict=True)
        ]
        with library.writing():
            library.add([(article, embedded)])
            library.publish()
    assert is_chroma_used(library)

    with library.snapshot() as snapshot:
        found = snapshot.nearest(query, limit=30, filter=PassageFilter(outlet="far"))
        loaded = snapshot.load([id for id, _ in found])

    assert [stored.article.id for stored in loaded] == ["far"] * 30


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM article_vectors WHERE article = 2",
        "DELETE FROM article_vectors",
        "UPDATE article_vectors SET scales = CAST(x'0000C07F' || substr(scales, 5) AS BLOB) WHERE article = 2",
        "UPDATE article_vectors SET scales = CAST(x'0000807F' || substr(scales, 5) AS BLOB) WHERE article = 2",
        "UPDATE article_vectors SET vectors = substr(vectors, 9) WHERE article = 2",
        "UPDATE article_vectors SET scales = substr(scales, 5), vectors = substr(vectors, 9) WHERE article = 2",
        "UPDATE article_vectors SET scales = NULL || 'x', vectors = 'text' WHERE article = 2",
    ],
)
@pytest.mark.filterwarnings("error")
def test_damage_to_the_vectors_that_screen_costs_only_time(library: Library, damage: str) -> None:
    add(library, *(make_article(f"a{number}", 30) for number in range(4)), publish=False)
    query, wanted = make_vectors(1, seed=99)[0], PassageFilter(outlet="a1")
    with library.snapshot() as snapshot:
        expected = [*snapshot.nearest(query, limit=10, filter=wanted), *snapshot.nearest(query, limit=10)]
    with library.transaction() as connection:
        connection.execute("DROP TABLE article_vectors")
        connection.execute(
            "CREATE TABLE article_vectors"
            " (first_passage INTEGER PRIMARY KEY, article INTEGER, scales BLOB, vectors BLOB)"
        )
        for article in range(1, 5):
            pack_article_vectors(connection, article)
        connection.execute(damage)

    with library.snapshot() as snapshot:
        found = [*snapshot.nearest(query, limit=10, filter=wanted), *snapshot.nearest(query, limit=10)]
    assert [id for id, _ in found] == [id for id, _ in expected]
    assert np.allclose([cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6)


def test_passages_that_chroma_does_not_know_yet_are_found(library: Library) -> None:
    add(library, make_article("a", 200))

    add(library, make_article("b", 30), seed=7, publish=False)

    assert is_chroma_used(library)
    with library.snapshot() as snapshot:
        assert not snapshot.is_published
    assert_nearest_is_exact(library)
    with library.snapshot() as snapshot:
        found = snapshot.nearest(make_vectors(30, seed=7)[4], limit=1)
        assert snapshot.load([id for id, _ in found])[0].article.id == "b"


def test_passages_that_are_gone_drop_out_and_cost_no_others_their_place(library: Library) -> None:
    add(library, make_article("a", 150), make_article("b", 50))

    with library.writing():
        library.remove("a")
    assert is_chroma_used(library)

    assert_nearest_is_exact(library)
    assert_nearest_is_exact(library, limit=100)


def test_an_id_with_half_of_a_surrogate_pair_is_an_error_of_ours(three: Library, articles: Articles) -> None:
    with three.snapshot() as snapshot:
        assert snapshot.article("fox") == articles[0]
    with pytest.raises(LibraryError, match="surrogate"), three.snapshot() as snapshot:
        snapshot.article("\udcff")

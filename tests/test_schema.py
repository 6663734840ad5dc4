import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from earlier_versions import to_version_1, to_version_2, to_version_3
from hypothesis import given
from hypothesis import strategies as st

from assistant.schema import (
    APPLICATION_ID,
    ARTICLE_COLUMNS,
    ARTICLE_TABLES,
    REF_COLUMNS,
    SCHEMA_VERSION,
    EmbeddedPassage,
    PassageFilter,
    create_tables,
    delete_article,
    has_article_vectors,
    hash_article,
    insert_article,
    keep_revision,
    migrate_tables,
    pack_article_vectors,
    replace_passages,
    to_article,
    to_condition,
    to_ref,
    to_revision,
    unpack_spans,
    unpack_vectors,
)
from assistant.types import Article, Origin, Passage, Revision, Span
from assistant.vectors import FloatArray

FOX = Article(
    id="fox",
    title="Fox clears dog",
    text="The quick brown fox jumps. The dog sleeps.",
    outlet="Forest Courier",
    author="Rey Nard",
    published=datetime(2025, 3, 15, 23, 30, tzinfo=timezone(timedelta(hours=-5))),
    url="https://forest-courier.example/fox",
)
TABLES = ("articles", "passages", "passage_vectors", "article_vectors", "sentence_vectors")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    create_tables(connection)
    yield connection
    connection.close()


def unit(rows: FloatArray) -> FloatArray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def embed(article: Article) -> EmbeddedPassage:
    end = len(article.text)
    vectors = unit(np.random.default_rng(0).normal(size=(2, 8)))
    spans = (Span(0, end // 2), Span(end // 2, end))
    return EmbeddedPassage(Passage(article.id, 0, end, article.text, spans), vectors[0], vectors)


def count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_the_file_says_whose_it_is(connection: sqlite3.Connection) -> None:
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.parametrize(
    "article",
    [FOX, Article("a", "", "x"), replace(FOX, published=datetime(1, 1, 1, tzinfo=UTC)), replace(FOX, text="🦊" * 90)],
)
def test_what_is_inserted_is_read_again(connection: sqlite3.Connection, article: Article) -> None:
    insert_article(connection, article, [embed(article)])

    row = connection.execute(f"SELECT {REF_COLUMNS}, text, hash FROM articles").fetchone()

    assert to_ref(row) == article.ref
    assert row[-2:] == (article.text, hash_article(article))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "dog"},
        {"title": "Dog"},
        {"text": "The quick brown fox jumps. The dog sleep."},
        {"outlet": None},
        {"author": "Rey"},
        {"published": None},
        {"published": datetime(2025, 3, 16, 4, 30, tzinfo=UTC)},
        {"url": "https://forest-courier.example/"},
        {"updated": datetime(2025, 3, 16, tzinfo=UTC)},
        {"section": "Animals"},
        {"language": "en"},
        {"origins": (Origin("title", "JSON-LD"),)},
        {"outlet": "Rey Nard", "author": "Forest Courier"},
    ],
)
def test_a_change_of_anything_changes_the_hash(change: dict[str, object]) -> None:
    assert hash_article(replace(FOX, **change)) != hash_article(FOX)  # type: ignore[arg-type]
    assert hash_article(replace(FOX)) == hash_article(FOX)


@given(TEXTS, TEXTS)
def test_deleting_an_article_leaves_nothing_of_it(title: str, text: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    create_tables(connection)
    other = replace(FOX, id="other", title="Rain", text="It rained.", outlet=None, published=None)
    article = replace(FOX, title=title, text=text)
    insert_article(connection, other, [embed(other)])
    words = connection.execute("SELECT count(*) FROM passage_words_idx").fetchone()
    insert_article(connection, article, [embed(article)])

    assert delete_article(connection, "fox")
    assert not delete_article(connection, "fox")

    assert [count(connection, table) for table in TABLES] == [1] * len(TABLES)
    connection.execute("INSERT INTO passage_words (passage_words) VALUES ('integrity-check')")
    connection.execute("INSERT INTO passage_words (passage_words) VALUES ('optimize')")
    assert connection.execute("SELECT count(*) FROM passage_words_idx").fetchone() == words
    assert (
        connection.execute("SELECT rowid FROM passage_words WHERE passage_words MATCH 'fox OR courier'").fetchall()
        == []
    )
    assert connection.execute("SELECT rowid FROM passage_words WHERE passage_words MATCH 'rained'").fetchall() == [(1,)]
    connection.close()


def test_an_id_of_a_passage_is_never_used_again(connection: sqlite3.Connection) -> None:
    insert_article(connection, FOX, [embed(FOX)])
    delete_article(connection, "fox")

    insert_article(connection, FOX, [embed(FOX)])

    assert connection.execute("SELECT id FROM passages").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        (PassageFilter(), True),
        (PassageFilter(outlet="FOREST courier"), True),
        (PassageFilter(outlet="Forest"), False),
        (PassageFilter(outlet="' OR 1=1 --"), False),
        (PassageFilter(since=FOX.published), True),
        (PassageFilter(since=datetime(2025, 3, 16, 4, 30, tzinfo=UTC)), True),
        (PassageFilter(since=datetime(2025, 3, 16, 4, 31, tzinfo=UTC)), False),
        (PassageFilter(until=FOX.published), False),
        (PassageFilter(until=datetime(2025, 3, 16, 4, 31, tzinfo=UTC)), True),
        (PassageFilter("Forest Courier", datetime(2025, 3, 16, tzinfo=UTC), datetime(2025, 3, 17, tzinfo=UTC)), True),
        # Days are those of the article's zone, in which it is the 15th, and in UTC the 16th.
        (PassageFilter(since=date(2025, 3, 15), until=date(2025, 3, 16)), True),
        (PassageFilter("forest courier", since=date(2025, 3, 16)), False),
        (PassageFilter(until=date(2025, 3, 15)), False),
        (PassageFilter("Hill Herald", datetime(2025, 3, 16, tzinfo=UTC), datetime(2025, 3, 17, tzinfo=UTC)), False),
    ],
)
def test_a_filter_selects_by_outlet_and_time(
    connection: sqlite3.Connection, wanted: PassageFilter, is_found: bool
) -> None:
    insert_article(connection, FOX, [embed(FOX)])
    undated = replace(FOX, id="undated", outlet=None, published=None)
    insert_article(connection, undated, [embed(undated)])

    condition, parameters = to_condition(wanted)
    ids = {row[0] for row in connection.execute(f"SELECT id FROM articles a WHERE {condition}", parameters)}

    assert (1 in ids) == is_found
    assert (2 in ids) == (wanted == PassageFilter())


def test_a_filter_reads_no_rows(connection: sqlite3.Connection) -> None:
    for wanted in (
        PassageFilter("Forest Courier", date(2025, 3, 15), date(2025, 3, 16)),
        PassageFilter(since=date(2025, 3, 15), until=datetime(2025, 3, 16, tzinfo=UTC)),
        PassageFilter(since=datetime(2025, 3, 15, tzinfo=UTC)),
    ):
        condition, parameters = to_condition(wanted)
        plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT id FROM articles a WHERE {condition}", parameters)
        assert [detail for *_, detail in plan if "COVERING INDEX" not in detail] == []


def test_vectors_come_back_as_they_were(connection: sqlite3.Connection) -> None:
    embedded = embed(FOX)
    insert_article(connection, FOX, [embedded])

    vector = connection.execute("SELECT vector FROM passage_vectors").fetchone()[0]
    scales, packed = connection.execute("SELECT scales, vectors FROM sentence_vectors").fetchone()
    spans = connection.execute("SELECT sentences FROM passages").fetchone()[0]

    assert np.array_equal(np.frombuffer(vector, np.float32), embedded.vector)
    assert unpack_vectors([(scales, packed)])[0].shape == embedded.sentence_vectors.shape
    assert unpack_spans([spans, b"", spans]) == [embedded.passage.sentences, (), embedded.passage.sentences]


def test_a_span_without_an_end_shifts_no_others() -> None:
    with pytest.raises(ValueError, match="without an end"):
        unpack_spans([np.array([0, 4, 9], np.uint32).tobytes(), np.array([0, 4, 9], np.uint32).tobytes()])


# Versions -------------------------------------------------------------------------------------------------------------


def test_the_hash_of_an_article_is_what_it_was_before_more_was_known_of_any() -> None:
    assert hash_article(FOX) == "9f2784ba05234a9e1ac57aa5cca329f33d742842414de2821de05a83ceadbe03"


@pytest.mark.parametrize(("version", "to_version"), [(1, to_version_1), (2, to_version_2)])
def test_copies_are_found_among_articles_of_an_earlier_version(
    connection: sqlite3.Connection, version: int, to_version: Callable[[sqlite3.Connection], None]
) -> None:
    for article in (FOX, replace(FOX, id="copy"), replace(FOX, id="other", text="It rained on the hill.")):
        insert_article(connection, article, [embed(article)])
    found = connection.execute("SELECT * FROM copies").fetchall()
    to_version(connection)

    connection.execute("BEGIN")
    migrate_tables(connection, version)
    connection.execute("COMMIT")

    assert connection.execute("SELECT * FROM copies").fetchall() == found
    assert len({story for *_, story in found}) == 2
    row = connection.execute(f"SELECT {ARTICLE_COLUMNS} FROM {ARTICLE_TABLES} WHERE article_id = 'fox'").fetchone()
    assert to_article(row) == FOX


def test_all_that_is_known_of_an_article_is_read_again(connection: sqlite3.Connection) -> None:
    article = replace(
        FOX,
        updated=datetime(2025, 3, 16, 8, tzinfo=timezone(timedelta(hours=2))),
        section="Animals",
        language="en",
        origins=(Origin("title", "JSON-LD"), Origin("published", "header")),
    )
    insert_article(connection, article, [embed(article)])

    row = connection.execute(f"SELECT {ARTICLE_COLUMNS} FROM {ARTICLE_TABLES}").fetchone()

    assert to_article(row) == article
    assert keep_revision(connection, article, now=5.0) is None  # it is as it was, and nobody noted since when
    assert keep_revision(connection, FOX, now=6.0) == 6.0
    (revision,) = connection.execute("SELECT since_seconds, until_seconds, hash, content FROM revisions").fetchall()
    assert to_revision(revision) == Revision(article, None, datetime.fromtimestamp(6, UTC))
    with pytest.raises(ValueError, match="hash"):
        to_revision((*revision[:2], "other", revision[3]))


@pytest.mark.parametrize(("version", "to_version"), [(1, to_version_1), (2, to_version_2), (3, to_version_3)])
def test_a_library_of_an_earlier_version_becomes_one_of_this_version(
    connection: sqlite3.Connection, version: int, to_version: Callable[[sqlite3.Connection], None]
) -> None:
    empty = replace(FOX, id="empty")
    insert_article(connection, FOX, [embed(FOX), embed(FOX)])
    insert_article(connection, empty, [])
    laid_out = layout(connection)
    vectors = connection.execute("SELECT * FROM article_vectors").fetchall()
    to_version(connection)
    assert layout(connection) != laid_out

    migrate_tables(connection, version)

    assert layout(connection) == laid_out
    assert connection.execute("SELECT * FROM article_vectors").fetchall() == vectors
    assert [row[:2] for row in vectors] == [(1, 1)]
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.parametrize("damage", ["substr(vector, 1, 20)", "substr(vector, 1, 31)", "'text'"])
def test_damaged_vectors_of_one_article_keep_no_library_from_this_version(
    connection: sqlite3.Connection, damage: str
) -> None:
    insert_article(connection, FOX, [embed(FOX), embed(FOX)])
    insert_article(connection, replace(FOX, id="other"), [embed(FOX)])
    to_version_1(connection)
    connection.execute(f"UPDATE passage_vectors SET vector = {damage} WHERE passage = 1")

    migrate_tables(connection, 1)

    assert connection.execute("SELECT article FROM article_vectors").fetchall() == [(2,)]


def test_a_library_of_this_version_is_left_as_it_is(connection: sqlite3.Connection) -> None:
    insert_article(connection, FOX, [embed(FOX)])
    content = list(connection.iterdump())

    migrate_tables(connection, SCHEMA_VERSION)

    assert list(connection.iterdump()) == content


def layout(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_the_vectors_of_an_article_are_as_those_of_its_passages(connection: sqlite3.Connection) -> None:
    insert_article(connection, FOX, [embed(FOX), embed(FOX)])
    replace_passages(connection, FOX, [embed(FOX)] * 3)
    assert connection.execute("SELECT first_passage, article, length(scales) FROM article_vectors").fetchall() == [
        (3, 1, 12)
    ]
    assert has_article_vectors(connection, 1)

    connection.execute("UPDATE article_vectors SET vectors = zeroblob(length(vectors))")
    assert not has_article_vectors(connection, 1)
    pack_article_vectors(connection, 1)
    assert has_article_vectors(connection, 1)

    delete_article(connection, FOX.id)
    assert count(connection, "article_vectors") == 0


@pytest.mark.parametrize("spread", [0.01, 1, 3])
def test_sentence_vectors_come_back_nearly_as_they_were(spread: float) -> None:
    random = np.random.default_rng(0)
    vectors = unit(random.normal(size=(3, 384)) * random.lognormal(sigma=spread / 3, size=(3, 384)))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    article = replace(FOX, text="x")
    passage = Passage("fox", 0, 1, "x", (Span(0, 1),) * 3)

    insert_article(connection, article, [EmbeddedPassage(passage, vectors[0], vectors)])
    (restored,) = unpack_vectors(connection.execute("SELECT scales, vectors FROM sentence_vectors").fetchall())
    connection.close()

    assert restored.dtype == np.float32
    cosines = (restored * vectors).sum(axis=1) / np.linalg.norm(restored, axis=1)
    assert (cosines > 0.999).all()
    assert np.allclose(np.linalg.norm(restored, axis=1), 1, atol=0.01)


def test_vectors_of_passages_with_and_without_sentences_are_told_apart() -> None:
    rows = np.eye(4, dtype=np.float32)
    packed = [_pack(rows[:1]), _pack(rows[:0]), _pack(rows[1:])]

    first, second, third = unpack_vectors(packed)

    assert np.allclose(first, rows[:1])
    assert len(second) == 0
    assert np.allclose(third, rows[1:])
    assert [len(vectors) for vectors in unpack_vectors([_pack(rows[:0])])] == [0]


def _pack(vectors: np.ndarray) -> tuple[bytes, bytes]:
    scales = np.full(len(vectors), 1 / 127, np.float32)
    return scales.tobytes(), (vectors * 127).astype(np.int8).tobytes()

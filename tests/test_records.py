from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import embed, make_article

from assistant.chroma_server import (
    MAX_DOCUMENT_BYTES,
    MAX_ID_BYTES,
    MAX_KEY_BYTES,
    MAX_KEYS,
    MAX_VALUE_BYTES,
    FoundRecord,
    Record,
)
from assistant.errors import ArticleError
from assistant.passages import MAX_SENTENCES
from assistant.records import (
    StoredRevision,
    make_key,
    make_revision,
    number_passage,
    refuse_dimension,
    refuse_unstorable,
    to_article_record,
    to_leftover,
    to_leftover_records,
    to_packed_passage,
    to_passage_records,
    to_stored_article,
)
from assistant.schema import EmbeddedPassage, pack_passage
from assistant.types import Article, Passage, Span

DIMENSION = 3_072


def find(record: Record) -> FoundRecord:
    return FoundRecord(record.id, record.metadata, record.document or "", record.vector)


def assert_within_limits(record: Record) -> None:
    assert len(record.id.encode()) <= MAX_ID_BYTES
    assert len((record.document or "").encode()) <= MAX_DOCUMENT_BYTES
    assert len(record.metadata) <= MAX_KEYS
    assert all(len(name.encode()) <= MAX_KEY_BYTES for name in record.metadata)
    assert all(len(value.encode()) <= MAX_VALUE_BYTES for value in record.metadata.values() if isinstance(value, str))


def test_the_longest_passage_with_the_longest_vectors_is_within_the_limits() -> None:
    text = "😀" * (MAX_DOCUMENT_BYTES // 4)
    size = len(text) // MAX_SENTENCES
    spans = tuple(Span(n * size, (n + 1) * size) for n in range(MAX_SENTENCES))
    vectors = np.random.default_rng(0).normal(size=(MAX_SENTENCES, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    packed = pack_passage(EmbeddedPassage(Passage("a", 0, len(text), text, spans), vectors[0], vectors))
    article = Article("a", "t", text, published=datetime(2025, 3, 15, tzinfo=UTC))

    refuse_unstorable(article, [packed.passage])
    refuse_dimension(MAX_SENTENCES, DIMENSION)
    (record,) = to_passage_records(article, [packed], key=make_key("a"), revision=make_revision())

    assert_within_limits(record)
    assert to_packed_passage(find(record), "a") == packed


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=300))
def test_an_article_comes_back_and_another_text_does_not(text: str) -> None:
    article = Article(text[:50], text[:80], text, outlet=text[-30:], author=text[:20], url=text[-40:])
    record = to_article_record(article, StoredRevision(make_key(article.id), make_revision(), 1), since=7)
    stored = to_stored_article(find(record))

    assert_within_limits(record)
    assert stored.with_text(text) == article
    assert stored.ref == article.ref
    with pytest.raises(ValueError, match="another text"):
        stored.with_text(text + " ")


def test_leftovers_come_back() -> None:
    revisions = [StoredRevision(make_key(str(n)), make_revision(), 10**6) for n in range(250)]

    records = to_leftover_records(revisions, written=1_700_000_000)
    found = [to_leftover(find(record)) for record in records]

    for record in records:
        assert_within_limits(record)
    assert [revision for leftover in found for revision in leftover.revisions] == revisions
    assert {leftover.written for leftover in found} == {1_700_000_000}
    assert len({leftover.id for leftover in found}) == 3


@pytest.mark.parametrize(
    "article",
    [
        Article("a" * 9_000, "t", "text"),
        Article("a", "t" * 9_000, "text"),
        Article("a", "新" * 3_000, "text"),
        Article("a", "t", "text" + " " * MAX_DOCUMENT_BYTES),
    ],
)
def test_what_no_record_holds_is_refused(article: Article) -> None:
    with pytest.raises(ArticleError, match="bytes that a shared library can hold"):
        refuse_unstorable(article, [Passage("a", 0, len(article.text), article.text)])


def test_vectors_that_are_too_long_are_refused() -> None:
    with pytest.raises(ArticleError, match="--embedding-model"):
        refuse_dimension(MAX_SENTENCES, 2 * DIMENSION)


def test_a_record_that_is_damaged_is_not_read() -> None:
    _, (item, *_) = embed(make_article("a", 2))
    (record,) = to_passage_records(make_article("a", 2), [pack_passage(item)], key=make_key("a"), revision="r")
    found = find(record)

    for content in ("", "AAAA", "no base64", str(found.metadata["s0"])[:20]):
        with pytest.raises(ValueError, match=r".+"):
            to_packed_passage(FoundRecord(found.id, {**found.metadata, "s0": content}, found.document), "a")
    with pytest.raises(ValueError, match="another length"):
        to_packed_passage(FoundRecord(found.id, found.metadata, found.document + "!"), "a")
    with pytest.raises(KeyError):
        to_stored_article(found)


def test_a_passage_has_one_number_in_every_revision_and_articles_have_others() -> None:
    one, other = make_key("a"), make_key("b")

    assert number_passage(f"{one}:r1:3") == number_passage(f"{one}:r2:3")
    assert len({number_passage(f"{key}:r:{n}") for key in (one, other) for n in range(3)}) == 6

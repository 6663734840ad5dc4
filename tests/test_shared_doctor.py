from dataclasses import replace

import numpy as np
import pytest
from chroma_runs import ChromaRun, make_name, open_shared
from fakes import WordEmbedder
from libraries import embed, make_article

from assistant.chroma_server import Record
from assistant.errors import LibraryError
from assistant.ingest import add_sources
from assistant.records import StoredRevision, make_key, to_leftover_records, to_passage_records
from assistant.schema import pack_passage
from assistant.shared import SharedLibrary
from assistant.shared_doctor import examine_shared, repair_shared
from assistant.types import Article

EMBEDDER = WordEmbedder(dimension=8)


@pytest.fixture
def library(shared_library: SharedLibrary, articles: tuple[Article, ...]) -> SharedLibrary:
    add_sources(articles, library=shared_library, embedder=EMBEDDER)
    return shared_library


def change(library: SharedLibrary, article_id: str, **changes: object) -> None:
    """Change the record of the first passage of an article."""
    records, passages = library.find_collections() or ()
    (article,) = library.read_articles(records, [make_key(article_id)]).values()
    (found,) = passages.get(article.passage_ids[:1], include=("metadatas", "documents", "embeddings"))
    record = Record(found.id, found.vector, found.metadata, found.document)
    passages.write([replace(record, **changes)])


def test_what_is_well_is_said_to_be(library: SharedLibrary) -> None:
    diagnosis = examine_shared(library)

    assert diagnosis.is_healthy
    assert (diagnosis.articles, diagnosis.findings) == (3, ())


def test_nothing_is_not_examined(shared_library: SharedLibrary) -> None:
    with pytest.raises(LibraryError, match="no library there"):
        examine_shared(shared_library)


def test_a_damaged_vector_is_embedded_again(library: SharedLibrary) -> None:
    before = library.content_hash()
    change(library, "fox", vector=np.full(8, 0.5, np.float32))

    (finding,) = examine_shared(library).findings
    repaired = repair_shared(library, embedder=EMBEDDER)

    assert (finding.kind, finding.article_id) == ("passages", "fox")
    assert repaired.mended == (finding,)
    assert repaired.is_healthy
    assert library.content_hash() == before


def test_a_text_that_is_not_what_was_stored_cannot_be_mended(library: SharedLibrary) -> None:
    change(library, "fox", document="forged")

    repaired = repair_shared(library, embedder=EMBEDDER)

    assert [(each.kind, each.article_id, each.is_repairable) for each in repaired.findings] == [
        ("article", "fox", False)
    ]


def test_passages_that_nothing_names_are_deleted(library: SharedLibrary) -> None:
    article, embedded = embed(make_article("stray", 3))
    _, passages = library.find_collections() or ()
    packed = [pack_passage(each) for each in embedded]
    passages.write(to_passage_records(article, packed, key=make_key("stray"), revision="r"))

    (finding,) = examine_shared(library).findings
    repaired = repair_shared(library, embedder=EMBEDDER)

    assert "3 passages belong to no article" in finding.what
    assert repaired.is_healthy
    assert repaired.mended == (finding,)


def test_what_waits_to_be_swept_is_no_damage(library: SharedLibrary) -> None:
    records, passages = library.find_collections() or ()
    article, embedded = embed(make_article("late", 2))
    key = make_key("late")
    records.write(to_leftover_records([StoredRevision(key, "r", 2)], written=0))
    packed = [pack_passage(each) for each in embedded]
    passages.write(to_passage_records(article, packed, key=key, revision="r"))

    diagnosis = examine_shared(library)

    assert diagnosis.is_healthy
    assert diagnosis.findings[0].is_unfinished
    assert repair_shared(library, embedder=EMBEDDER).findings == ()


def test_a_name_with_nothing_under_it_is_another_library(library: SharedLibrary, chroma: ChromaRun) -> None:
    other = open_shared(library.folder, chroma.url, name=make_name())

    assert not other.exists
    other.close()

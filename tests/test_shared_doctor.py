from dataclasses import replace

import numpy as np
import pytest
from chroma_runs import ChromaRun, make_name, open_shared
from fakes import WordEmbedder
from libraries import embed, make_article

from assistant.chroma_server import Record
from assistant.errors import LibraryError
from assistant.ingest import add_sources
from assistant.records import StoredRevision, make_key, place_record, to_leftover_records, to_passage_records
from assistant.revision_records import to_former_records
from assistant.schema import pack_passage
from assistant.shared import SharedLibrary
from assistant.shared_doctor import examine_shared, repair_shared
from assistant.source_records import key_item
from assistant.sources import Item, KnownSource
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


def test_past_of_nobody_and_sources_that_cannot_be_read_are_deleted(library: SharedLibrary) -> None:
    item = Item("https://courier.example/feed", ("fox",), 5, etag='"x"')
    changed = replace(make_article("fox", 2), title="Fox clears two dogs")
    with library.writing():
        library.add([embed(changed)], [(KnownSource(item.name), item)])
    records, _ = library.find_collections() or ()
    (fox,) = library.read_articles(records, [make_key("fox")]).values()
    records.write(to_former_records(fox, changed, revision="stray", until=5))
    assert examine_shared(library).findings[0].what == "earlier versions of no article are left over in 1 record"
    (found,) = records.get([key_item(item.name, "")])
    records.write([Record(found.id, place_record(found.id), {**found.metadata, "v0": "AAAA"})])

    repaired = repair_shared(library, embedder=EMBEDDER)

    assert repaired.is_healthy
    with library.snapshot() as snapshot:
        assert [each.article.title for each in snapshot.revisions("fox")] == ["Fox clears dog", "Fox clears two dogs"]
        assert snapshot.sources() == [KnownSource(item.name)]
        assert snapshot.items_of(item.name) == {}


def test_a_past_that_is_not_what_was_stored_is_said(library: SharedLibrary) -> None:
    with library.writing():
        library.add([embed(make_article("fox", 2))])
    records, _ = library.find_collections() or ()
    (fox,) = library.read_articles(records, [make_key("fox")]).values()
    records.write(to_former_records(fox, make_article("fox", 3), revision=fox.former[0][0], until=5))

    (finding,) = [each for each in examine_shared(library).findings if not each.is_unfinished]

    assert (finding.kind, finding.article_id) == ("article", "fox")
    assert "an earlier version" in finding.what


def test_a_name_with_nothing_under_it_is_another_library(library: SharedLibrary, chroma: ChromaRun) -> None:
    other = open_shared(library.folder, chroma.url, name=make_name())

    assert not other.exists
    other.close()

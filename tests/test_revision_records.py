from dataclasses import replace
from datetime import UTC, datetime

import pytest
from chroma_runs import ChromaRun, make_name
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import add, make_article

from assistant.chroma_server import MAX_DOCUMENT_BYTES, ChromaServer
from assistant.errors import LibraryDamagedError
from assistant.records import StoredRevision, make_key, to_article_record, to_stored_article
from assistant.revision_records import cut_text, read_former, to_former_records
from assistant.shared import SharedLibrary
from assistant.types import Article, Revision


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50).map(lambda text: text * 500))
def test_the_pieces_of_a_text_are_the_text_and_each_fits_a_record(text: str) -> None:
    pieces = list(cut_text(text))

    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= MAX_DOCUMENT_BYTES for piece in pieces)


def test_a_long_version_is_kept_in_several_records(chroma: ChromaRun) -> None:
    article = Article(
        "a", "Ältere", "Ein Satz über 😀. " * 2_000, outlet="Bote", published=datetime(2025, 3, 1, tzinfo=UTC)
    )
    server = ChromaServer(chroma.url)
    records = server.make_collection(make_name(), metadata={"of": "a test"}, ef_search=100)
    first = StoredRevision(make_key("a"), "one", 3)
    records.write([to_article_record(article, first, since=1_000)])
    (stored,) = map(to_stored_article, records.get([first.key]))
    written = to_former_records(stored, article, revision="two", until=2_000)
    records.write(written)

    assert len(written) == 3
    assert read_former(stored, records) == []  # nothing lists it yet
    listed = replace(stored, former=(("lost", 2), ("two", len(written))))
    since, until = (datetime.fromtimestamp(seconds, UTC) for seconds in (1_000, 2_000))
    assert read_former(listed, records) == [Revision(article, since, until)]
    records.delete([written[1].id])
    with pytest.raises(ValueError, match="missing"):
        read_former(listed, records)
    server.close()


def test_a_version_that_is_not_what_was_stored_is_not_shown(shared_library: SharedLibrary) -> None:
    add(shared_library, make_article("a", 1))
    add(shared_library, make_article("a", 2))
    records, _ = shared_library.find_collections() or ()
    (stored,) = shared_library.read_articles(records, [make_key("a")]).values()
    forged = to_former_records(stored, make_article("a", 3), revision=stored.former[0][0], until=5)
    records.write(forged)

    with shared_library.snapshot() as snapshot, pytest.raises(LibraryDamagedError, match="index --remove"):
        snapshot.revisions("a")

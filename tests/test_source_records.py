from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from chroma_runs import ChromaRun, make_name, open_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import embed, make_article

from assistant.chroma_server import MAX_ID_BYTES, MAX_KEYS, MAX_VALUE_BYTES, FoundRecord, Record
from assistant.errors import LibraryError
from assistant.source_records import (
    MACHINE_FILE,
    find_machine,
    key_item,
    name_machine,
    to_item_record,
    to_source_record,
    to_stored_item,
    to_stored_source,
)
from assistant.sources import Item, KnownSource

FOLDER = KnownSource("file:///stories", outlet="Vale Observer", published=datetime(2025, 3, 1, tzinfo=UTC))
RAIN = Item("file:///stories/rain.md", ("rain",), 5, sha256="abc")
NAMES = st.text(max_size=20)


def reread(record: Record) -> FoundRecord:
    return FoundRecord(record.id, record.metadata)


def make_hashes(count: int) -> list[str]:
    """Make hashes, which no packing makes shorter."""
    content = np.random.default_rng(0).bytes(8 * count).hex()
    return [content[start : start + 16] for start in range(0, len(content), 16)]


@settings(max_examples=25)
@given(NAMES, st.none() | NAMES, st.booleans())
def test_a_source_comes_back_as_it_was(name: str, outlet: str | None, allows_private: bool) -> None:
    source = KnownSource(name, outlet, FOLDER.published, allows_private)

    stored = to_stored_source(reread(to_source_record(source, machine="m", first_ns=7)))

    assert (stored.source, stored.machine, stored.first_ns) == (source, "m", 7)


@settings(max_examples=25)
@given(st.lists(NAMES, unique=True), st.lists(NAMES), st.none() | st.integers(0, 2**63 - 1), st.none() | NAMES)
def test_an_item_comes_back_as_it_was(held: list[str], gone: list[str], size: int | None, etag: str | None) -> None:
    item = Item("https://vale.example/1", tuple(held), 5, size=size, etag=etag, gone_ids=tuple(gone))
    hashes = {id: f"{number:064x}" for number, id in enumerate([*held, *gone])}

    record = to_item_record(FOLDER, item, machine="m", hashes=hashes)
    assert record is not None
    stored = to_stored_item(reread(record))

    assert stored.item == stored.known(hashes) == item
    if held:
        assert stored.known({**hashes, held[0]: None}) is None
        changed = stored.known({**hashes, held[0]: "f" * 64})
        assert changed == Item(item.name, item.article_ids, 5, gone_ids=item.gone_ids)


def test_records_are_within_the_limits_and_too_many_articles_are_not_remembered() -> None:
    ids = [f"https://vale.example/articles/{number}" for number in range(30_000)]
    hashes = dict(zip(ids, make_hashes(30_000), strict=True))

    most = to_item_record(FOLDER, Item("i" * 9_000, tuple(ids[:5_000]), 5), machine="m", hashes=hashes)

    assert most is not None
    assert len(most.id) <= MAX_ID_BYTES
    assert len(most.metadata) <= MAX_KEYS
    assert all(len(str(value)) <= MAX_VALUE_BYTES for value in most.metadata.values())
    assert to_item_record(FOLDER, Item("i", tuple(ids), 5), machine="m", hashes=hashes) is None


def test_a_record_that_unpacks_to_something_else_is_refused() -> None:
    record = to_source_record(FOLDER, machine="m", first_ns=7)

    for changes in ({"kind": "item"}, {"v0": "AAAA"}, {"chunks": 2}):
        with pytest.raises((ValueError, TypeError, KeyError)):
            to_stored_source(FoundRecord(record.id, {**record.metadata, **changes}))


def test_a_machine_has_one_name(tmp_path: Path) -> None:
    assert find_machine(tmp_path) == ""
    first, other = name_machine(tmp_path / "one"), name_machine(tmp_path / "two")
    assert name_machine(tmp_path / "one") == find_machine(tmp_path / "one") == first != other

    (tmp_path / "file").touch()
    with pytest.raises(LibraryError, match="XDG_DATA_HOME"):
        name_machine(tmp_path / "file")


def test_files_are_sources_of_their_machine_and_addresses_of_all(tmp_path: Path, chroma: ChromaRun) -> None:
    name = make_name()
    here, there = (open_shared(tmp_path / place, chroma.url, name=name) for place in ("here", "there"))
    page = KnownSource("https://vale.example/feed")
    story = Item("https://vale.example/1", ("wind",), 5, etag='"x"')
    with here.writing():
        here.add([embed(make_article(id, 1)) for id in ("rain", "wind")], [(FOLDER, RAIN), (page, story)])
    with there.writing():
        there.add([], [(FOLDER, RAIN)])

    with here.snapshot() as one, there.snapshot() as other:
        assert one.sources() == [FOLDER, page]
        assert other.sources() == [page, FOLDER]
        assert other.items([RAIN.name, story.name]) == {RAIN.name: RAIN, story.name: story}
        # What another machine holds isn't gone because this one doesn't.
        assert len({source for source, _, id in other.held() if id == "rain"}) == 2
    with there.writing():
        there.forget_source(FOLDER.name)
    with here.snapshot() as one:
        assert one.items_of(FOLDER.name) == {RAIN.name: RAIN}
    assert (tmp_path / "there" / MACHINE_FILE).is_file()
    for library in (here, there):
        library.close()


def test_what_is_too_much_to_remember_takes_the_place_of_what_was(tmp_path: Path, chroma: ChromaRun) -> None:
    library = open_shared(tmp_path, chroma.url, name=make_name())
    with library.writing():
        library.add([embed(make_article("rain", 1))], [(FOLDER, RAIN)])
    many = Item(RAIN.name, ("rain",), 5, gone_ids=tuple(make_hashes(40_000)))

    with library.writing():
        library.add([], [(FOLDER, many)])

    with library.snapshot() as snapshot:
        assert snapshot.items([RAIN.name]) == {}
        assert snapshot.sources() == [FOLDER]
    records, _ = library.find_collections() or ()
    assert records.get([key_item(RAIN.name, find_machine(tmp_path))]) == []
    library.close()

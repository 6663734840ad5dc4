import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assistant.schema import create_tables
from assistant.sources import (
    Item,
    KnownSource,
    forget_items,
    forget_removals,
    list_held,
    list_items,
    list_items_of,
    list_sources,
    note_removal,
    outdate_items,
    record_item,
    record_source,
    was_removed,
)

FOLDER = KnownSource("file:///stories", outlet="Vale Observer", published=datetime(2025, 3, 1, tzinfo=UTC))
FEED = KnownSource("https://vale.example/feed", allows_private=True)
RAIN = Item("file:///stories/rain.md", ("rain",), 5, size=3, mtime_ns=4, sha256="abc", gone_ids=("hail",))
PAGE = Item("https://vale.example/1", ("one", "two"), 7, etag='"x"', last_modified="Sat, 01 Mar 2025 00:00:00 GMT")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        create_tables(connection)
        for source, item in ((FOLDER, RAIN), (FEED, PAGE)):
            record_source(connection, source)
            record_item(connection, source, item)
        yield connection


def test_sources_and_what_they_held_are_remembered(connection: sqlite3.Connection) -> None:
    assert list_sources(connection) == [FOLDER, FEED]
    assert list_items_of(connection, FOLDER.name) == {RAIN.name: RAIN}
    assert list_items(connection, [PAGE.name, "https://vale.example/2"]) == {PAGE.name: PAGE}
    assert sorted(list_held(connection)) == [
        (FOLDER.name, RAIN.name, "rain"),
        (FEED.name, PAGE.name, "one"),
        (FEED.name, PAGE.name, "two"),
    ]


def test_what_is_recorded_again_takes_the_place_of_what_was(connection: sqlite3.Connection) -> None:
    record_source(connection, replace(FOLDER, outlet=None))
    record_item(connection, FEED, replace(RAIN, article_ids=("snow",), gone_ids=()))

    assert list_sources(connection) == [replace(FOLDER, outlet=None), FEED]
    assert list_items_of(connection, FOLDER.name) == {}
    assert list_items_of(connection, FEED.name)[RAIN.name].article_ids == ("snow",)
    assert connection.execute("SELECT count(*) FROM item_articles").fetchone() == (3,)


def test_an_outdated_item_is_known_and_looks_like_none(connection: sqlite3.Connection) -> None:
    outdate_items(connection, "rain")
    outdate_items(connection, "nothing")

    assert list_items_of(connection, FOLDER.name) == {RAIN.name: replace(RAIN, size=None, mtime_ns=None, sha256=None)}
    assert list_items_of(connection, FEED.name) == {PAGE.name: PAGE}


def test_items_are_forgotten_with_an_article_and_sources_that_are_such_an_item_too(
    connection: sqlite3.Connection,
) -> None:
    alone = KnownSource(PAGE.name)
    record_source(connection, alone)
    record_item(connection, alone, PAGE)

    forget_items(connection, "two")
    forget_items(connection, "hail")

    assert list_sources(connection) == [FOLDER, FEED]
    assert list_held(connection) == []


def test_a_removal_is_known_by_no_more_than_a_hash(connection: sqlite3.Connection) -> None:
    note_removal(connection, "rain")
    note_removal(connection, "rain")

    assert was_removed(connection, "rain")
    assert not was_removed(connection, "snow")
    assert "rain" not in str(connection.execute("SELECT * FROM removals").fetchall())
    forget_removals(connection, ["rain", "snow"])
    assert not was_removed(connection, "rain")

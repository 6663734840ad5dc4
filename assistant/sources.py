"""Remembers where articles came from: the sources, what each of them held, and what was removed from them by hand.

Everything here is rows of the library's tables; what a source is and how it is looked at is `looking`'s business.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A file, a folder or an address that was given once, by its whole name, and what was said of all its articles."""

    name: str
    outlet: str | None = None
    published: datetime | None = None
    allows_private: bool = False  # addresses that aren't public


@dataclass(frozen=True, slots=True)
class Item:
    """A file or page that a source held, what tells whether it has changed, and the ids of the articles in it.

    `looked_ns` is when it was read, in nanoseconds of Unix time; `gone_ids` are articles that it held before. An ETag
    and a Last-Modified are those of `validated_url`, to which a page's address may redirect. A page that a list names
    and that wasn't there has neither articles nor a size; `mtime_ns` is since when it isn't, 0 where that is for good.
    """

    name: str
    article_ids: tuple[str, ...]
    looked_ns: int
    size: int | None = None
    mtime_ns: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    validated_url: str | None = None
    sha256: str | None = None
    gone_ids: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether it is a page that wasn't there."""
        return self.mtime_ns is not None and self.size is None


def list_sources(connection: sqlite3.Connection) -> list[KnownSource]:
    """List the sources in the order in which they were first given."""
    rows = connection.execute("SELECT name, outlet, published, allows_private FROM sources ORDER BY id")
    return [
        KnownSource(name, outlet, datetime.fromisoformat(published) if published else None, bool(allows_private))
        for name, outlet, published, allows_private in rows
    ]


def list_items(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, Item]:
    """List what is remembered of the items of these names, by name."""
    return _list_items(connection, "i.name IN (SELECT value FROM json_each(?))", json.dumps(list(names)))


def list_items_of(connection: sqlite3.Connection, source: str) -> dict[str, Item]:
    """List what a source held when it was looked at last, by name."""
    return _list_items(connection, "i.source = (SELECT id FROM sources WHERE name = ?)", source)


def _list_items(connection: sqlite3.Connection, condition: str, value: str) -> dict[str, Item]:
    ids: dict[int, tuple[list[str], list[str]]] = {}
    for item, article_id, is_gone in connection.execute(
        f"SELECT a.item, a.article_id, a.is_gone FROM items i JOIN item_articles a ON a.item = i.id WHERE {condition}",  # noqa: S608
        (value,),
    ):
        ids.setdefault(item, ([], []))[bool(is_gone)].append(article_id)
    items = {}
    for id, name, looked_ns, size, mtime_ns, etag, last_modified, url, sha256 in connection.execute(
        "SELECT id, name, looked_ns, size, mtime_ns, etag, last_modified, validated_url, sha256"  # noqa: S608
        f" FROM items i WHERE {condition}",
        (value,),
    ):
        held, gone = ids.get(id, ([], []))
        items[name] = Item(name, tuple(held), looked_ns, size, mtime_ns, etag, last_modified, url, sha256, tuple(gone))
    return items


def list_held(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """List which source held which article in which item, as (source, item, article id)."""
    return connection.execute(
        "SELECT s.name, i.name, a.article_id FROM sources s JOIN items i ON i.source = s.id"
        " JOIN item_articles a ON a.item = i.id WHERE NOT a.is_gone"
    ).fetchall()


def record_source(connection: sqlite3.Connection, source: KnownSource) -> None:
    """Remember a source, with what is said of its articles now."""
    published = source.published.isoformat() if source.published else None
    connection.execute(
        "INSERT INTO sources (name, outlet, published, allows_private) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET outlet = excluded.outlet, published = excluded.published, allows_private = excluded.allows_private",
        (source.name, source.outlet, published, source.allows_private),
    )


def record_item(connection: sqlite3.Connection, source: KnownSource, item: Item) -> None:
    """Remember what a source, which is recorded, held, in the place of what any held under that name before."""
    (row,) = connection.execute("SELECT id FROM sources WHERE name = ?", (source.name,)).fetchone()
    connection.execute("DELETE FROM items WHERE name = ?", (item.name,))
    id = connection.execute(
        "INSERT INTO items (source, name, size, mtime_ns, etag, last_modified, validated_url, sha256, looked_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row,
            item.name,
            item.size,
            item.mtime_ns,
            item.etag,
            item.last_modified,
            item.validated_url,
            item.sha256,
            item.looked_ns,
        ),
    ).lastrowid
    held = {**dict.fromkeys(item.gone_ids, True), **dict.fromkeys(item.article_ids, False)}
    connection.executemany(
        "INSERT INTO item_articles VALUES (?, ?, ?)",
        [(id, article_id, is_gone) for article_id, is_gone in held.items()],
    )


def outdate_items(connection: sqlite3.Connection, article_id: str) -> None:
    """Forget how items looked that an article came from, which isn't any more what they hold: they are read again."""
    connection.execute(
        "UPDATE items SET size = NULL, mtime_ns = NULL, etag = NULL, last_modified = NULL, validated_url = NULL,"
        " sha256 = NULL"
        " WHERE id IN (SELECT item FROM item_articles WHERE article_id = ?)",
        (article_id,),
    )


def forget_items(connection: sqlite3.Connection, article_id: str) -> None:
    """Forget all items that held an article, and a source that is such an item."""
    held = "SELECT item FROM item_articles WHERE article_id = ?"
    connection.execute(
        "DELETE FROM sources WHERE id IN (SELECT i.source FROM items i JOIN sources s ON s.id = i.source"  # noqa: S608
        f" WHERE i.name = s.name AND i.id IN ({held}))",
        (article_id,),
    )
    connection.execute(f"DELETE FROM items WHERE id IN ({held})", (article_id,))  # noqa: S608


def forget_source(connection: sqlite3.Connection, name: str) -> None:
    """Forget a source and what it held; its articles stay."""
    connection.execute("DELETE FROM sources WHERE name = ?", (name,))


def note_removal(connection: sqlite3.Connection, article_id: str) -> None:
    """Remember that an article was removed by hand, by no more than the hash of its id."""
    connection.execute("INSERT OR IGNORE INTO removals VALUES (?)", (_digest(article_id),))


def forget_removals(connection: sqlite3.Connection, article_ids: Iterable[str]) -> None:
    """Forget that articles were removed, for they were given again."""
    connection.executemany("DELETE FROM removals WHERE digest = ?", [(_digest(id),) for id in article_ids])


def was_removed(connection: sqlite3.Connection, article_id: str) -> bool:
    """Whether an article was removed by hand, and not given again since."""
    return bool(connection.execute("SELECT 1 FROM removals WHERE digest = ?", (_digest(article_id),)).fetchone())


def _digest(article_id: str) -> str:
    return hashlib.sha256(article_id.encode()).hexdigest()

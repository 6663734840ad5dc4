"""Libraries as earlier versions of the assistant laid them out, made of those of this version."""

import sqlite3


def to_version_3(connection: sqlite3.Connection) -> None:
    """Take away what version 4 brought: filters by the day of an article's own time zone."""
    connection.executescript("""
        DROP INDEX articles_by_outlet;
        DROP INDEX articles_by_day;
        DROP INDEX articles_by_time;
        CREATE INDEX articles_by_outlet ON articles (outlet COLLATE NOCASE, published_seconds);
        CREATE INDEX articles_by_time ON articles (published_seconds, outlet COLLATE NOCASE);
        PRAGMA user_version = 3;
    """)


def to_version_2(connection: sqlite3.Connection) -> None:
    """Take away what version 3 brought: what else is known of articles, their copies, their history, and sources."""
    to_version_3(connection)
    connection.executescript("""
        DROP TABLE article_details;
        DROP TABLE copies;
        DROP TABLE copy_bands;
        DROP TABLE revisions;
        DROP TABLE item_articles;
        DROP TABLE items;
        DROP TABLE sources;
        DROP TABLE removals;
        PRAGMA user_version = 2;
    """)


def to_version_1(connection: sqlite3.Connection) -> None:
    """Take away what version 2 brought: the vectors by article, and the filters' wider indexes."""
    to_version_2(connection)
    connection.executescript("""
        DROP TABLE article_vectors;
        DROP INDEX articles_by_outlet;
        DROP INDEX articles_by_time;
        CREATE INDEX articles_by_outlet ON articles (outlet COLLATE NOCASE);
        CREATE INDEX articles_by_time ON articles (published_seconds);
        PRAGMA user_version = 1;
    """)

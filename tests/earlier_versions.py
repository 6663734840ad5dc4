"""Libraries as earlier versions of the assistant laid them out, made of those of this version."""

import sqlite3


def to_version_1(connection: sqlite3.Connection) -> None:
    """Take away what version 2 brought: the vectors by article, and the filters' wider indexes."""
    connection.executescript("""
        DROP TABLE article_vectors;
        DROP INDEX articles_by_outlet;
        DROP INDEX articles_by_time;
        CREATE INDEX articles_by_outlet ON articles (outlet COLLATE NOCASE);
        CREATE INDEX articles_by_time ON articles (published_seconds);
        PRAGMA user_version = 1;
    """)

"""Keeps what a language model replied, so that the same question of the same evidence needn't be paid for twice.

A reply is known by the model and all that was said to it: the question, the evidence and the prompts. What is kept is
only what the model wrote; its sentences are checked against the articles every time. The file lies in the index folder
and is deleted whole whenever an article is removed or replaced (`library.Library.publish`), for a reply may repeat its
words. Where it can't be written or read, or isn't as it is made here, there is no cache, which is no error.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

REPLIES_FILE = "replies.sqlite3"
MAX_REPLIES = 2_000
MAX_BYTES = 100_000_000  # of the file; a larger one is not of our making
BUSY_SECONDS = 0.2  # a cache is worth no wait

_TABLE = (
    "CREATE TABLE replies (key TEXT PRIMARY KEY, text TEXT NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER)"
)
# What a file that is no cache of ours fails with, also when its bytes are anything.
_FAILURES = (sqlite3.Error, OSError, ValueError)


class Reply(NamedTuple):
    """What was replied, whole, and the tokens that it took then."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ReplyCache:
    """The replies that are kept in one folder; use it from any thread."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / REPLIES_FILE

    def get(self, key: str) -> Reply | None:
        """Get a reply, or None where there is none."""
        with suppress(*_FAILURES):
            if self._file.is_file():
                with self._open() as connection:
                    row = connection.execute(
                        "SELECT text, prompt_tokens, completion_tokens FROM replies WHERE key = ?", (key,)
                    ).fetchone()
                if row and isinstance(row[0], str) and all(isinstance(count, int | None) for count in row[1:]):
                    return Reply(*row)
        return None

    def put(self, key: str, reply: Reply, *, is_current: Callable[[], bool]) -> None:
        """Keep a reply, and forget all again unless what it was made of `is_current` still.

        Subtle: it is asked after the reply was written, while whoever removes an article clears this after that. So
        either this sees that the article is gone, or the other deletes what was written here.
        """
        with suppress(*_FAILURES), self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", (key, *reply))
            connection.execute(
                "DELETE FROM replies WHERE rowid <= (SELECT max(rowid) FROM replies) - ?", (MAX_REPLIES,)
            )
        if not is_current():
            with suppress(OSError):
                self.clear()

    def clear(self) -> None:
        """Delete all that is kept, if anything is."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            file = self._file.with_name(self._file.name + suffix)
            if file.is_file() or file.is_symlink():
                file.unlink(missing_ok=True)

    def while_current(self, is_current: Callable[[], bool]) -> "CurrentReplies":
        """Give the replies that are kept only as long as what they are made of is current."""
        return CurrentReplies(self, is_current)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A link in an index from others may lead to anything.
        if self._file.is_symlink() or (self._file.exists() and self._file.stat().st_size > MAX_BYTES):
            raise OSError
        with closing(sqlite3.connect(self._file, timeout=BUSY_SECONDS)) as connection, connection:
            made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
            if not connection.execute(made).fetchall():
                connection.execute(_TABLE)
            # A view or a trigger of somebody else's could compute for ever.
            if connection.execute(made).fetchall() != [(_TABLE,)]:
                raise sqlite3.DatabaseError("not made here")
            yield connection


class CurrentReplies(NamedTuple):
    """The replies of one cache, for one answer."""

    cache: ReplyCache
    is_current: Callable[[], bool]

    def get(self, key: str) -> Reply | None:
        """Get a reply, or None where there is none."""
        return self.cache.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply, if what it was made of is current still."""
        self.cache.put(key, reply, is_current=self.is_current)

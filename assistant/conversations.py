"""Keeps conversations: every question with its answer, in a SQLite file of their own in the index folder.

The file is made when something is first kept, and whatever happens to it costs the library nothing. Each turn is a
transaction that is on the disk when `keep` returns. What an answer says of an article is forgotten when the article is
removed for good (`library.Library.publish`): the answers that cite it or were found beside it, and what a language
model answered after those in the same conversation, for it may have been shown them. The user's own questions stay.
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assistant.answers import answer_to_json, parse_json, read_answer
from assistant.errors import (
    AnswerError,
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    LibraryMismatchError,
    SettingsError,
)
from assistant.settings import QUOTES
from assistant.types import Answer, Conversation, ConversationRef, Turn
from assistant.vectors import sync

CONVERSATIONS_FILE = "conversations.sqlite3"
APPLICATION_ID = 0x4E415443  # "NATC", in SQLite's header of the file
FORMAT_VERSION = 1
BUSY_SECONDS = 10.0  # how long to wait for another process; each holds the file for milliseconds

_TABLES = (
    # How often something of it was forgotten, for who remembers an earlier state of it.
    "CREATE TABLE conversations (id TEXT PRIMARY KEY, started TEXT NOT NULL, forgettings INTEGER NOT NULL)",
    "CREATE TABLE turns (id INTEGER PRIMARY KEY, conversation TEXT NOT NULL, number INTEGER NOT NULL,"
    " asked TEXT NOT NULL, question TEXT NOT NULL, answer TEXT, UNIQUE (conversation, number))",
    "CREATE TABLE mentions (article TEXT NOT NULL, turn INTEGER NOT NULL, PRIMARY KEY (article, turn)) WITHOUT ROWID",
    "CREATE INDEX mentions_by_turn ON mentions (turn)",
    # A row where something was deleted whose bytes may still be in the file.
    "CREATE TABLE unerased (turn INTEGER)",
)
_ID = re.compile(r"\d{4}-\d\d-\d\d-[2-9a-z]{4}")
_ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # that can't be taken for each other
# What SQLite says in a read-only folder or on a full disk.
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)

FindMissing = Callable[[Sequence[str]], Sequence[str]]
Listed = list[ConversationRef]


def _find_none(_: Sequence[str]) -> Sequence[str]:
    return ()


class Conversations:
    """The conversations that are kept in one folder; use it from any thread and any number of processes at once.

    `find_missing` tells which of some articles the library doesn't have. All methods raise LibraryError where the file
    can't be used, LibraryDamagedError where it isn't what was written here, and LibraryMismatchError where a newer
    version made it; reading never makes it.
    """

    def __init__(self, folder: Path, *, find_missing: FindMissing = _find_none) -> None:
        self._file = folder / CONVERSATIONS_FILE
        self._find_missing = find_missing
        self._known: dict[str, int] = {}  # how often each had forgotten something when it was read or begun here

    def start(self) -> str:
        """Begin a conversation and give its id; nothing is written before its first turn is kept."""
        with self._reading() as connection:
            while True:
                letters = "".join(secrets.choice(_ID_LETTERS) for _ in range(4))
                id = f"{datetime.now(UTC):%Y-%m-%d}-{letters}"
                if not connection.execute("SELECT 1 FROM conversations WHERE id = ?", (id,)).fetchone():
                    self._known[id] = 0
                    return id

    def keep(self, id: str, answer: Answer, asked: datetime | None = None) -> None:
        """Keep an answer and its question as the next turn; it is on the disk when this returns.

        `asked` is when that was, without it as long ago as the answer took. Raises SettingsError for what is no id.
        """
        if not _ID.fullmatch(id):
            raise SettingsError(f"{id!r} is no id of a conversation, such as 2026-11-22-k3f9")
        asked = asked or datetime.now(UTC) - timedelta(seconds=answer.seconds)
        when = asked.astimezone(UTC).isoformat()
        mentioned = _list_articles(answer)
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO conversations VALUES (?, ?, 0)", (id, when))
            (forgettings,) = connection.execute("SELECT forgettings FROM conversations WHERE id = ?", (id,)).fetchone()
            (number,) = connection.execute(
                "SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?", (id,)
            ).fetchone()
            # Subtle: whoever hasn't read the conversation since something in it was forgotten has that in memory yet,
            # and may have shown it to a language model.
            has_forgotten = self._known.setdefault(id, forgettings) != forgettings
            is_forgotten = has_forgotten and answer.model != QUOTES
            turn = connection.execute(
                "INSERT INTO turns (conversation, number, asked, question, answer) VALUES (?, ?, ?, ?, ?)",
                (id, number, when, *_pack(answer.question, None if is_forgotten else answer)),
            ).lastrowid
            if not is_forgotten:
                connection.executemany("INSERT INTO mentions VALUES (?, ?)", [(each, turn) for each in mentioned])
            is_erased = not connection.execute("SELECT 1 FROM unerased LIMIT 1").fetchone()
        # Subtle: asked after the turn was written, while whoever removes an article has its answers forgotten after it
        # was removed. So either this sees that it is gone, or the other finds what was written here.
        if missing := self._find_missing(mentioned):
            self.forget(*missing)
        elif not is_erased:
            with suppress(LibraryLockedError):
                self._erase()

    def get(self, id: str) -> Conversation:
        """Get a conversation. Raises SettingsError where there is none of that id."""
        if not _ID.fullmatch(id):
            raise _no_conversation(id)
        with self._reading() as connection:
            row = connection.execute("SELECT started, forgettings FROM conversations WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise _no_conversation(id)
            turns = connection.execute(
                "SELECT number, asked, question, answer FROM turns WHERE conversation = ? ORDER BY number", (id,)
            )
            conversation = Conversation(id, datetime.fromisoformat(row[0]), tuple(_read_turn(*turn) for turn in turns))
        self._known[id] = row[1]
        return conversation

    def is_current(self, id: str) -> bool:
        """Whether a conversation is there, and nothing of it was forgotten since it was read or begun here."""
        with self._reading() as connection:
            row = connection.execute("SELECT forgettings FROM conversations WHERE id = ?", (id,)).fetchone()
        return row is not None and self._known.get(id) == row[0]

    def last(self) -> str | None:
        """Find the id of the conversation that was gone on with last; None where none is kept."""
        with self._reading() as connection:
            row = connection.execute("SELECT conversation FROM turns ORDER BY id DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def list(self, search: str | None = None, limit: int = 50) -> Listed:
        """List conversations, the one that was gone on with last first; those that have all words of a `search`.

        A word is looked for in the questions and the answers, in parts of words too, whatever its case.
        """
        words = (search or "").casefold().split()
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT c.id, c.started, t.asked, (SELECT f.question FROM turns f WHERE f.conversation = c.id"
                " ORDER BY f.number LIMIT 1), t.turns FROM conversations c JOIN (SELECT conversation, asked,"
                " max(id) AS last, count(*) AS turns FROM turns GROUP BY conversation) t ON t.conversation = c.id"
                " ORDER BY t.last DESC"
            )
            found: Listed = []
            for id, started, last, question, turns in rows:
                if len(found) == limit:
                    break
                if not words or _has_words(connection, id, words):
                    times = datetime.fromisoformat(started), datetime.fromisoformat(last)
                    found.append(ConversationRef(id, *times, _unpack_text(question), turns))
        return found

    def forget(self, article_id: str, *others: str) -> None:
        """Forget all that was answered from articles, and leave no byte of it in the file.

        Raises LibraryLockedError where somebody who reads it holds bytes yet: they go with what is forgotten or kept
        next.
        """
        if not self._has_content():
            return
        with self._writing() as connection:
            mentioning: dict[str, set[int]] = {}
            for article in (article_id, *others):
                for conversation, number in connection.execute(
                    "SELECT t.conversation, t.number FROM mentions m JOIN turns t ON t.id = m.turn WHERE m.article = ?",
                    (article,),
                ):
                    mentioning.setdefault(conversation, set()).add(number)
            for conversation, numbers in mentioning.items():
                answered = connection.execute(
                    "SELECT id, number, json_extract(answer, '$.model') FROM turns"
                    " WHERE conversation = ? AND answer IS NOT NULL",
                    (conversation,),
                ).fetchall()
                for turn, number, model in answered:
                    if number in numbers or (number > min(numbers) and model != QUOTES):
                        connection.execute("UPDATE turns SET answer = NULL WHERE id = ?", (turn,))
                        connection.execute("DELETE FROM mentions WHERE turn = ?", (turn,))
                        connection.execute("INSERT INTO unerased VALUES (?)", (turn,))
                connection.execute(
                    "UPDATE conversations SET forgettings = forgettings + 1 WHERE id = ?", (conversation,)
                )
        self._erase()

    def remove(self, id: str) -> None:
        """Remove a conversation, and leave no byte of it in the file. Raises SettingsError where there is none."""
        with self._reading() as connection:
            if (
                not _ID.fullmatch(id)
                or not connection.execute("SELECT 1 FROM conversations WHERE id = ?", (id,)).fetchone()
            ):
                raise _no_conversation(id)
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM mentions WHERE turn IN (SELECT id FROM turns WHERE conversation = ?)", (id,)
            )
            connection.execute("INSERT INTO unerased SELECT id FROM turns WHERE conversation = ?", (id,))
            connection.execute("DELETE FROM turns WHERE conversation = ?", (id,))
            connection.execute("DELETE FROM conversations WHERE id = ?", (id,))
        self._erase()

    def examine(self) -> None:
        """Read all that is kept. Raises LibraryError where that can't be, as whoever needs it next would."""
        with self._reading() as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(" ".join(said.split()))
            for id, started in connection.execute("SELECT id, started FROM conversations"):
                datetime.fromisoformat(started)
                for turn in connection.execute(
                    "SELECT number, asked, question, answer FROM turns WHERE conversation = ?", (id,)
                ):
                    _read_turn(*turn)

    def _erase(self) -> None:
        """Rewrite the file with no more than what is in it, if something was deleted since the last time.

        SQLite leaves copies of what was deleted behind when it moves rows, and in its log of writes.
        """
        with self._explaining(), closing(self._connect("rw", is_ours=True)) as connection:
            if not connection.execute("SELECT 1 FROM unerased LIMIT 1").fetchone():
                return
            connection.execute("VACUUM")
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise LibraryLockedError(
                    f"{self._file}: forgotten, but somebody who reads it still holds the bytes; give the same command"
                    " again in a moment, to erase those"
                )
            connection.execute("DELETE FROM unerased")

    # The file

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that sees one state, an empty one in memory where nothing is kept."""
        with self._explaining():
            if self._has_content():
                connection = self._connect_to_read()
            else:
                connection = sqlite3.connect(":memory:", isolation_level=None)
                _create(connection)
            with closing(connection):
                connection.execute("BEGIN")
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a transaction, to a file that is made where there is none."""
        with self._explaining():
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc", is_ours=False)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                is_new = _is_empty(connection)
                if is_new:
                    _create(connection)
                else:
                    self._refuse_others(connection)
                yield connection
                connection.execute("COMMIT")
                if is_new:
                    sync(self._file.parent)
                    # Readers needn't wait for a writer then. Whoever is in the way keeps it from changing, this once.
                    with suppress(sqlite3.OperationalError):
                        connection.execute("PRAGMA journal_mode = WAL")

    def _connect_to_read(self) -> sqlite3.Connection:
        try:
            return self._connect("rw", is_ours=True)
        except sqlite3.OperationalError as error:
            # In a folder where SQLite can make no files beside it, all that is in the file itself can be read.
            if _kind(error) not in _UNWRITABLE or _has_content(self._file.with_name(f"{CONVERSATIONS_FILE}-wal")):
                raise
            return self._connect("ro&immutable=1", is_ours=True)

    def _connect(self, mode: str, *, is_ours: bool) -> sqlite3.Connection:
        if self._file.is_symlink():
            raise self._explain_unusable("it is a link out of the index, which is not followed")
        address = f"{self._file.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            if is_ours:
                self._refuse_others(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_others(self, connection: sqlite3.Connection) -> None:
        """Refuse a file that isn't ours, of another version, or with anything in it that isn't made here."""
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise LibraryDamagedError(f"{self._file}: not conversations of this program; {_REMEDY}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > FORMAT_VERSION:
            raise LibraryMismatchError(
                f"{self._file}: made by a newer version of the assistant (format {version}, this one reads"
                f" {FORMAT_VERSION}); upgrade the assistant, or move the file away"
            )
        # A view or a trigger of somebody else's could compute for ever.
        made = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        if sorted(made) != sorted((table,) for table in _TABLES):
            raise sqlite3.DatabaseError("its tables aren't those that are made here")

    def _has_content(self) -> bool:
        return _has_content(self._file)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Make a LibraryError of what the file fails with."""
        try:
            yield
        except sqlite3.Error as error:
            reason = str(error)
            if _kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise LibraryLockedError(
                    f"{self._file}: another program has locked it; close that or try again"
                ) from error
            if _kind(error) in _UNWRITABLE:
                raise self._explain_unusable(reason) from error
            raise LibraryDamagedError(f"{self._file}: damaged ({reason}); {_REMEDY}") from error
        except (AnswerError, ValueError, TypeError) as error:
            raise LibraryDamagedError(f"{self._file}: damaged (a row holds garbage); {_REMEDY}") from error
        except OSError as error:
            raise self._explain_unusable(error.strerror or str(error)) from error

    def _explain_unusable(self, reason: str) -> LibraryError:
        return LibraryError(
            f"{self._file}: can't be used ({reason}), so no conversation is kept; the articles are untouched"
        )


_REMEDY = "delete that file, and conversations begin anew: the articles are untouched"


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nobody has put anything in a database yet; a file that was begun and left is one without a byte."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return not application and not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()


def _create(connection: sqlite3.Connection) -> None:
    for table in _TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def _list_articles(answer: Answer) -> list[str]:
    """List the ids of all articles that an answer may hold a word of, were it only the title.

    What a language model wrote may be of any that it was shown, also of those that it didn't answer from in the end.
    """
    cited = [citation.article.id for citation in answer.citations]
    copies = [copy.id for citation in answer.citations for copy in citation.also_in]
    found = [retrieved.article.id for retrieved in answer.retrieved]
    shown = [hash.article_id for hash in answer.hashes]
    return list(dict.fromkeys([*cited, *copies, *found, *shown]))


def _pack(question: str, answer: Answer | None) -> tuple[str, str | None]:
    """Write both as JSON in ASCII: a language model may write half of a surrogate pair, which SQLite doesn't take."""
    return json.dumps(question), None if answer is None else json.dumps(answer_to_json(answer))


def _unpack_text(packed: str) -> str:
    text = json.loads(packed)
    if not isinstance(text, str):
        raise TypeError("a question that is no text")
    return text


def _read_turn(number: int, asked: str, question: str, answer: str | None) -> Turn:
    read = None if answer is None else read_answer(parse_json(answer, "the answer"))
    return Turn(number, datetime.fromisoformat(asked), _unpack_text(question), read)


def _has_words(connection: sqlite3.Connection, id: str, words: Sequence[str]) -> bool:
    """Whether all of some words, in lower case, are in the questions and answers of a conversation."""
    said = []
    for question, answer in connection.execute(
        "SELECT question, json_extract(answer, '$.answer') FROM turns WHERE conversation = ?", (id,)
    ):
        said += [_unpack_text(question), answer or ""]
    text = "\n".join(said).casefold()
    return all(word in text for word in words)


def _no_conversation(id: str) -> SettingsError:
    return SettingsError(f"no conversation has the id {id!r}; `assistant history` lists them")


def _kind(error: sqlite3.Error) -> int:
    """Say what kind of error SQLite reports, without its finer points; 0 for one of Python's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False

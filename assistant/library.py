"""The library: articles, passages and vectors in one SQLite file, the truth that Chroma's generations are made from.

A write is one transaction that holds whole articles. A read is a snapshot: whatever is asked of it, it sees one state
of the library, the one that was committed last before it began.
"""

import errno
import json
import os
import queue
import re
import secrets
import shutil
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

import filelock

from assistant.conversations import Conversations
from assistant.errors import LibraryDamagedError, LibraryError, LibraryLockedError, LibraryMismatchError
from assistant.replies import ReplyCache
from assistant.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    EmbeddedPassage,
    PackedPassage,
    create_tables,
    delete_article,
    delete_revisions,
    find_foreign,
    insert_article,
    keep_revision,
    migrate_tables,
)
from assistant.settings import LIBRARY_FILE
from assistant.snapshot import Published, Snapshot, trusting_rows
from assistant.sources import (
    Item,
    KnownSource,
    forget_items,
    forget_removals,
    forget_source,
    note_removal,
    outdate_items,
    record_item,
    record_source,
)
from assistant.types import Article, Passage
from assistant.vectors import (
    DATABASE_FILE,
    Generation,
    SegmentFile,
    build_generation,
    is_intact,
    sync,
)

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

LOCK_FILE = "writer.lock"
HOLDER_FILE = "writer.holder"
CHROMA_FOLDER = "chroma"
LOCK_SECONDS = 1.0
BUSY_SECONDS = 2.0  # how long to wait for another program that has locked the library's own file
# What SQLite says in a read-only folder or on a full disk, where it can't make the files beside the library.
UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
# Of one text or blob that is read: an article of 10 million characters, as JSON with each of them escaped, and more.
MAX_VALUE_BYTES = 200_000_000
VERSION_OFFSET = 60  # of the version in SQLite's header of the file

MIGRATION_SECONDS = 5.0  # and for one that brings it to this version
ERASE_SECONDS = 2.0  # how long erasing waits for readers

MAX_COUNTS = 100_000  # terms whose count is kept, some 10 MB

_FileIdentity = tuple[int, int]
_FileState = tuple[tuple[int, int], ...]
# Of the folders in chroma/ these are ours: somebody may keep others there, for Chroma itself calls its folder so.
GENERATION_NAME = re.compile(r"\d{8}-[0-9a-f]{8}")


class Library:
    """An index folder: the SQLite file, the Chroma generations and the lock of the one writer.

    Opening never writes, and a folder without a library is empty until something is added. Raises LibraryError,
    LibraryMismatchError or LibraryDamagedError where it can't be used. Its methods may be called from any thread.
    """

    def __init__(self, folder: Path, *, embedding_model: str, wait: float = LOCK_SECONDS) -> None:
        self._folder = folder
        self._embedding_model = embedding_model
        self._wait = wait  # seconds for another writer to finish
        self._path = folder / LIBRARY_FILE
        self._log = folder / f"{LIBRARY_FILE}-wal"
        self._copy: tuple[_FileState, tempfile.TemporaryDirectory[str]] | None = None
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._idle: queue.SimpleQueue[tuple[_FileIdentity, sqlite3.Connection]] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._counts: tuple[str, dict[str, int]] = ("", {})
        self._opened: tuple[Published, Generation | None] | None = None
        self._is_closed = False

    @property
    def folder(self) -> Path:
        """The index folder."""
        return self._folder

    @property
    def place(self) -> str:
        """Where the library is, for a message."""
        return str(self.folder)

    @property
    def embedding_model(self) -> str:
        """The identity of the embedding model that made its vectors."""
        return self._embedding_model

    @property
    def exists(self) -> bool:
        """Whether anything was ever added here."""
        return self._path.is_file()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open the state that was committed last."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            published = self._find_published(connection)
            yield Snapshot(connection, published, self._open_generation, self._find_counts(connection))

    def patient(self) -> nullcontext[None]:
        """Do nothing: no other machine is waited for."""
        return nullcontext()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer, and make the folder and the library where there is none.

        Raises LibraryLockedError, naming the process that writes, when that is another one.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._refuse_links()
            lock = filelock.FileLock(self.folder / LOCK_FILE, timeout=self._wait)
            with lock:
                holder = self.folder / HOLDER_FILE
                holder.write_text(f"process {os.getpid()}", encoding="utf-8")
                try:
                    if not self.exists:
                        self._refuse_remains()
                        self._create()
                    yield
                finally:
                    holder.unlink(missing_ok=True)
        except filelock.Timeout:
            raise LibraryLockedError(
                f"{self.folder}: {self._find_holder()} is writing; try again later, or --wait SECONDS"
            ) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise self._explain_full(error.strerror or str(error)) from error
            raise LibraryError(
                f"{self.folder}: can't be written ({error.strerror or error}); choose another folder with --index"
            ) from error

    def check(self, article: Article, passages: Sequence[Passage]) -> None:
        """Refuse an article that can't be stored: there is none, of those that could be read."""

    def content_hash(self) -> str:
        """Hash all that the library knows: equal libraries have equal hashes, in whatever order they were filled."""
        with self.snapshot() as snapshot:
            return snapshot.content_hash()

    def add(
        self,
        articles: Iterable[tuple[Article, Sequence[EmbeddedPassage | PackedPassage]]],
        items: Iterable[tuple[KnownSource, Item]] = (),
    ) -> None:
        """Store articles in one transaction, each in the place of the one of its id. Call within `writing`.

        What was there before is kept as a revision, which only `Snapshot.revisions` shows. `items` are what sources
        were found to hold, with these articles or those that are there, and are remembered with the sources. When this
        returns all is on the disk; when it raises, nothing of it is in the library.
        """
        now = time.time()
        items = list(items)
        with self._transaction() as connection:
            # It was checked when the file was opened, but for a library without articles: that is anybody's.
            connection.execute(
                "UPDATE properties SET value = ? WHERE name = 'embedding_model'", (self._embedding_model,)
            )
            for article, embedded in articles:
                self._refuse_dimension(connection, embedded)
                known_since = keep_revision(connection, article, now=now)
                if delete_article(connection, article.id):
                    connection.execute(_OUTDATE_REPLIES)
                    outdate_items(connection, article.id)
                insert_article(connection, article, embedded, known_since=known_since)
                forget_removals(connection, [article.id])
            for source in dict.fromkeys(source for source, _ in items):
                record_source(connection, source)
            for source, item in items:
                record_item(connection, source, item)

    def remove(self, article_id: str, *, by_hand: bool = True) -> bool:
        """Remove an article, and all that it ever was; False where there is none of that id. Call within `writing`.

        Nothing finds it when this returns. Its bytes are gone from all files when `publish` is done. One that is
        removed by hand stays away though a source still has it, until it is given again.
        """
        with self._transaction() as connection:
            if not delete_article(connection, article_id):
                return False
            delete_revisions(connection, article_id)
            forget_items(connection, article_id)
            if by_hand:
                note_removal(connection, article_id)
            # Until a generation has been built from nothing, Chroma's files hold the vectors of what was removed; and
            # until the library's own file has been rewritten, its free pages, words and write-ahead log hold the rest.
            connection.execute("INSERT OR REPLACE INTO properties VALUES ('forgotten', '1'), ('unerased', '1')")
            connection.execute(_OUTDATE_REPLIES)
            answered = json.dumps([*_read_unforgotten(connection), article_id])
            connection.execute("INSERT OR REPLACE INTO properties VALUES ('unforgotten', ?)", (answered,))
        return True

    def forget_source(self, name: str) -> None:
        """Forget a source, so that no update looks at it again; its articles stay. Call within `writing`."""
        with self._transaction() as connection:
            forget_source(connection, name)

    def publish(self, *, anew: bool = False) -> None:
        """Bring Chroma up to the library with the next generation, if it needs one. Call within `writing`.

        `anew` builds it from nothing in any case, and leaves nothing of those before. Until that is done questions are
        answered by exact search, so it may be interrupted at any point. What was removed is erased from every file, but
        for what a reader still has open: the next call goes on with that, while not `Snapshot.has_forgotten`.
        """
        self._forget_replies()
        self._forget_answers()
        self._erase()
        self._build_next(anew=anew)

    def _build_next(self, *, anew: bool) -> None:
        root = self.folder / CHROMA_FOLDER
        with self.snapshot() as snapshot:
            if snapshot.is_published and not anew:
                return
            before = snapshot.published
            forget = anew or not snapshot.has_chroma_forgotten
            is_usable = before is not None and not forget and is_intact(before.folder, before.segments)
            base = before.folder if before and is_usable else None
            number = before.number + 1 if before else 1
            # A name that was never used: Chroma takes a folder that it has open for the one that comes after it there.
            folder = root / f"{number:08d}-{secrets.token_hex(4)}"
            folder.parent.mkdir(exist_ok=True)
            try:
                segments = _build(folder, snapshot, base=base, after=before.last_passage if before and base else 0)
            except (LibraryError, OSError) as error:
                if base is None:
                    raise self._explain_unpublished(folder, error) from error
                try:
                    segments = _build(folder, snapshot, base=None, after=0)  # for the base may be what is damaged
                except (LibraryError, OSError) as again:
                    raise self._explain_unpublished(folder, again) from again
            count = snapshot.passage_count
            last = snapshot.last_passage
        with self._transaction() as connection:
            connection.execute("DELETE FROM generations")
            connection.execute(
                "INSERT INTO generations VALUES (?, ?, ?, ?, ?)",
                (number, folder.name, last, count, json.dumps([asdict(file) for file in segments])),
            )
        keep = {folder} if forget or not before else {folder, before.folder}  # readers may have that open
        for other in root.iterdir():
            if other not in keep and GENERATION_NAME.fullmatch(other.name):
                _delete(other)
        if forget and not any(other not in keep and GENERATION_NAME.fullmatch(other.name) for other in root.iterdir()):
            with self._transaction() as connection:
                connection.execute("DELETE FROM properties WHERE name = 'forgotten'")

    def _forget_replies(self) -> None:
        """Delete what a language model said of articles, if one of them was removed or replaced since the last time."""
        with self._connection() as connection:
            if connection.execute("SELECT count(*) FROM properties WHERE name = 'outdated_replies'").fetchone()[0]:
                ReplyCache(self.folder).clear()
                connection.execute("DELETE FROM properties WHERE name = 'outdated_replies'")

    def _forget_answers(self) -> None:
        """Forget what was answered from articles that were removed, and then that they were."""
        with self._connection() as connection:
            removed = _read_unforgotten(connection)
        if not removed:
            return
        try:
            Conversations(self.folder).forget(*removed)
        except LibraryError:
            return  # no reason to leave Chroma behind; `has_forgotten` tells of it, and the next call goes on with it
        with self._transaction() as connection:
            connection.execute("DELETE FROM properties WHERE name = 'unforgotten'")
            connection.execute("INSERT OR REPLACE INTO properties VALUES ('unerased', '1')")  # the ids themselves

    def _erase(self) -> None:
        """Rewrite the library's file with no more than what is in it, if something was removed since the last time.

        SQLite leaves what was deleted in free pages, in the gaps of full ones and in the write-ahead log, and FTS5
        keeps the words of a deleted passage until it merges.
        """
        with self._connection() as connection:
            if not connection.execute(_UNERASED).fetchone()[0]:
                return
            connection.execute("INSERT INTO passage_words (passage_words) VALUES ('optimize')")
            connection.execute("VACUUM")
            # A reader of an earlier state needs the log and the old pages: if that takes long it is left for later.
            before = connection.execute("PRAGMA busy_timeout").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout = {round(ERASE_SECONDS * 1000)}")
            is_blocked = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout = {before}")
            if not is_blocked:
                connection.execute("DELETE FROM properties WHERE name = 'unerased'")

    def close(self) -> None:
        """Close the library for good; closing twice is fine."""
        with self._guard:
            self._is_closed = True
            if self._opened and self._opened[1]:
                self._opened[1].close()
            self._opened = None
            if self._copy:
                self._copy[1].cleanup()
            self._copy = None
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait()[1].close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to who has to look at rows as they are; what it fails with becomes a LibraryError."""
        with self._connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to who has to mend rows, in one transaction. Call within `writing`."""
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def _connection(self, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend a connection; what it fails with becomes a LibraryError."""
        self._leave_parent()
        if self._is_closed:
            raise LibraryError("the assistant is closed; open it again")
        try:
            identity = self._identify()
            state = None
            connection = self._take_idle(identity)
            if connection is None:
                try:
                    connection = self._connect(identity)
                except sqlite3.OperationalError as error:
                    if writes or identity is None or _kind(error) not in UNWRITABLE:
                        raise
                    state, connection = self._connect_beside_nothing()
            try:
                yield connection
            finally:
                connection.rollback()
                # Not one of an empty library in memory, though there may be a file by now.
                if self._is_closed or identity is None or state is not None:
                    connection.close()
                else:
                    self._idle.put((identity, connection))
                if state is not None and state != self._find_state():
                    raise LibraryError(f"{self._path}: was written to while it was read; ask again")
        except sqlite3.Error as error:
            raise self._explain(error) from error
        except UnicodeEncodeError:
            raise LibraryError("half of a surrogate pair is in no library; ask without it") from None

    def _leave_parent(self) -> None:
        """After a fork, leave alone what the parent has open: a child can use neither its SQLite nor its Chroma."""
        if self._process != os.getpid():
            # Kept, for even closing them would be to use them.
            self._inherited.append((self._idle, self._opened, self._copy))
            self._idle, self._guard, self._opened, self._copy = queue.SimpleQueue(), threading.Lock(), None, None
            self._process = os.getpid()

    def _identify(self) -> _FileIdentity | None:
        """Tell this file from another one that takes its place, as when the index is deleted and made anew."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None

    def _take_idle(self, identity: _FileIdentity | None) -> sqlite3.Connection | None:
        """Take a connection to this very file that nobody uses, and close those to what was here before it."""
        with suppress(queue.Empty):
            while True:
                opened, connection = self._idle.get_nowait()
                if opened == identity:
                    return connection
                connection.close()
        return None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection(writes=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _read_version(connection) != SCHEMA_VERSION:  # for this connection may be older than the file's state
                raise LibraryMismatchError(
                    f"{self._path}: another version of the assistant has taken it over; start this one again"
                )
            connection.execute("UPDATE properties SET value = random() WHERE name = 'revision'")
            yield connection
            connection.execute("COMMIT")

    def _connect(self, identity: _FileIdentity | None) -> sqlite3.Connection:
        self._refuse_links()
        self._refuse_remains()
        if identity is None:
            # An empty library, so that a question about nothing goes the way of every other one.
            connection = sqlite3.connect(":memory:", isolation_level=None)
            create_tables(connection)
            return connection
        # A mode, to say that no file is to be made where there is none.
        return self._connect_to(self._path, "mode=rw")

    def _connect_beside_nothing(self) -> tuple[_FileState, sqlite3.Connection]:
        """Open the library where SQLite can make no files beside it, and say in which state.

        That is the file itself where all is in it, and else a copy: after the death of a writer, and of an earlier
        version, which has to be brought to this one.
        """
        state = self._find_state()
        if len(state) == 1 and not self._is_old():
            return state, self._connect_to(self._path, "mode=ro&immutable=1")
        with self._guard:
            if self._copy is None or self._copy[0] != state:
                folder = tempfile.TemporaryDirectory(prefix="assistant-", ignore_cleanup_errors=True)
                try:
                    for path in (self._path, self._log)[: len(state)]:
                        shutil.copyfile(path, Path(folder.name) / path.name)
                except OSError as error:
                    folder.cleanup()
                    raise LibraryError(
                        f"{self._path}: can't be read without room to write, there or in {tempfile.gettempdir()}"
                        f" ({error.strerror or error}); {_describe_room(Path(tempfile.gettempdir()))}; make room"
                    ) from error
                if self._copy:
                    self._copy[1].cleanup()
                self._copy = (state, folder)
            return state, self._connect_to(Path(self._copy[1].name) / self._path.name, "mode=rw")

    def _is_old(self) -> bool:
        """Whether the library's file is of an earlier version, which SQLite notes at a fixed place in it."""
        with self._path.open("rb") as file:
            file.seek(VERSION_OFFSET)
            return int.from_bytes(file.read(4), "big") < SCHEMA_VERSION

    def _find_state(self) -> _FileState:
        """Say when the library was written to, and how large it is: the file, and the log of writes if there is one."""
        statuses = [path.stat() for path in (self._path, self._log) if _has_content(path)]
        return tuple((status.st_mtime_ns, status.st_size) for status in statuses)

    def _connect_to(self, path: Path, mode: str) -> sqlite3.Connection:
        address = f"{path.resolve().as_uri()}?{mode}"
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        try:
            if self._refuse_others(connection) < SCHEMA_VERSION:
                _migrate(connection, self._path)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # for the old text of what was replaced; it costs nothing
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Make an empty library beside its place and move it there, so that no one sees it half made."""
        unfinished = self._path.with_name(f"{LIBRARY_FILE}.new")
        unfinished.unlink(missing_ok=True)
        try:
            connection = sqlite3.connect(unfinished, isolation_level=None)
            try:
                create_tables(connection)
                connection.execute("INSERT INTO properties VALUES ('embedding_model', ?)", (self._embedding_model,))
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
        except sqlite3.Error as error:
            unfinished.unlink(missing_ok=True)
            raise self._explain(error) from error
        unfinished.replace(self._path)
        for folder in (self.folder, self.folder.parent):
            sync(folder)

    def _refuse_remains(self) -> None:
        """Refuse what is no index folder, and one whose library is gone, or empty, though it holds what came of it."""
        if (self.folder.exists() and not self.folder.is_dir()) or self._path.is_dir():
            raise LibraryError(f"{self.folder}: no index folder; choose another one with --index")
        if _has_content(self._path):
            return
        has_remains = _has_content(self._log) or any((self.folder / CHROMA_FOLDER).glob(f"*/{DATABASE_FILE}"))
        # Asked again, for a writer may have made all of this meanwhile.
        if has_remains and not _has_content(self._path):
            raise LibraryDamagedError(
                f"{self._path}: {'empty' if self._path.exists() else 'missing'}, though the folder holds what was made"
                f" from it; restore it from a copy, or remove {self.folder} and index the articles again"
            )

    def _refuse_links(self) -> None:
        """Refuse links in an index that may be from others: what they lead to is not ours to read or to write."""
        for name in (LIBRARY_FILE, LOCK_FILE, HOLDER_FILE, CHROMA_FOLDER):
            if (self.folder / name).is_symlink():
                raise LibraryError(
                    f"{self.folder / name}: a link out of the index, which is not followed; move what it leads to here,"
                    " or choose another folder with --index"
                )

    def _refuse_others(self, connection: sqlite3.Connection) -> int:
        """Refuse a file that is not ours, of a newer version, or made by another embedding model; say which version."""
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise LibraryDamagedError(
                f"{self._path}: not a library of this program; move it away, or choose another folder with --index"
            )
        version = _read_version(connection)
        if version > SCHEMA_VERSION:
            raise LibraryMismatchError(
                f"{self._path}: made by a newer version of the assistant (format {version}, this one reads"
                f" {SCHEMA_VERSION}); upgrade the assistant, or choose another folder with --index"
            )
        if version < 1:
            raise LibraryDamagedError(
                f"{self._path}: of a format that no version of the assistant made (format {version}); restore it from"
                " a copy, or index the articles into another folder with --index"
            )
        if (foreign := find_foreign(connection, version)) is not None:
            raise LibraryDamagedError(
                f"{self._path}: holds {foreign}, which no version of the assistant made; restore it from a copy, or"
                " index the articles into another folder with --index"
            )
        made_by = connection.execute("SELECT value FROM properties WHERE name = 'embedding_model'").fetchone()
        if made_by is None:
            raise sqlite3.DatabaseError("it doesn't say which embedding model made it")
        if made_by[0] != self._embedding_model and connection.execute("SELECT 1 FROM articles LIMIT 1").fetchone():
            raise LibraryMismatchError(
                f"{self._path}: made with the embedding model {made_by[0]}, not {self._embedding_model}; choose the one"
                " that made it with --embedding-model (and OPENAI_BASE_URL), or index the articles into another folder"
                " with --index"
            )
        return version

    def _refuse_dimension(
        self, connection: sqlite3.Connection, embedded: Sequence[EmbeddedPassage | PackedPassage]
    ) -> None:
        """Refuse vectors of another length than those that are there: their model is another one, whatever its name."""
        row = connection.execute("SELECT length(vector) FROM passage_vectors LIMIT 1").fetchone()
        lengths = {len(bytes(passage.vector)) for passage in embedded} | ({row[0]} if row else set())
        if len(lengths) > 1:
            raise LibraryMismatchError(
                f"{self._path}: its vectors have {row[0] // 4 if row else 'other'} numbers, and {self._embedding_model}"
                " answers with others; it is not the model that made the index: index the articles into another folder"
                " with --index"
            )

    def _find_counts(self, connection: sqlite3.Connection) -> dict[str, int]:
        """Find what was counted in this state before; every write begins a new one."""
        row = connection.execute("SELECT value FROM properties WHERE name = 'revision'").fetchone()
        if row is None:
            raise sqlite3.DatabaseError("it has no revision")
        counts = self._counts
        if counts[0] != row[0] or len(counts[1]) > MAX_COUNTS:
            counts = self._counts = (row[0], {})
        return counts[1]

    @trusting_rows()
    def _find_published(self, connection: sqlite3.Connection) -> Published | None:
        row = connection.execute(
            "SELECT id, folder, last_passage, passage_count, segments FROM generations ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        number, folder, last_passage, passage_count, segments = row
        if not GENERATION_NAME.fullmatch(folder):  # a path, in a library from others, to what isn't the index's
            return None
        recorded = tuple(SegmentFile(**file) for file in json.loads(segments))
        return Published(number, self.folder / CHROMA_FOLDER / folder, last_passage, passage_count, recorded)

    def _open_generation(self, published: Published) -> Generation | None:
        """Open a generation once for all snapshots that use it; None where it can't be used, or is an older one."""
        with self._guard:
            # Numbers begin again where the index was deleted and made anew; the names of folders don't.
            if self._opened is None or (self._opened[0] != published and self._opened[0].number <= published.number):
                # A snapshot of another thread that still asks the one before goes on by exact search.
                if self._opened and self._opened[1]:
                    self._opened[1].close()
                self._opened = (published, Generation.open(published.folder, published.segments))
            opened, generation = self._opened
            return generation if opened == published else None

    def _find_holder(self) -> str:
        try:
            return (self.folder / HOLDER_FILE).read_text(encoding="utf-8") or "another process"
        except OSError:
            return "another process"

    def _find_locker(self) -> str:
        """Name the program that holds SQLite's lock to write, where the system says."""
        try:
            file = self._path.with_name(f"{LIBRARY_FILE}-shm").stat().st_ino
            locks = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
        except (OSError, ValueError):
            return "another program"
        for fields in locks:  # 1: POSIX  ADVISORY  WRITE 24654 fe:00:2287873 120 120
            if fields[1:4:2] == ["POSIX", "WRITE"] and fields[5].endswith(f":{file}"):
                return f"process {fields[4]}"
        return "another program"

    def _explain_full(self, reason: str) -> LibraryError:
        return LibraryError(
            f"{self.folder}: can't be written ({reason}); {_describe_room(self.folder)}; nothing that was stored is"
            " lost: make room and run the same command again"
        )

    def _explain_unpublished(self, folder: Path, error: Exception) -> LibraryError:
        """Clear away a build that failed, for the room it takes, and say that nothing but speed is lost."""
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        room = _describe_room(self.folder)  # before there is more of it
        shutil.rmtree(folder, ignore_errors=True)
        return LibraryError(
            f"{self.folder}: the articles are stored and can be asked about, but Chroma's index of them can't be built"
            f" ({reason}); {room}; make room and run the same command again"
        )

    def _explain(self, error: sqlite3.Error) -> LibraryError:
        reason = str(error)
        if _kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LibraryLockedError(f"{self._path}: {self._find_locker()} has locked it; close that or try again")
        if _kind(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return self._explain_full(reason)
        if "not decode to UTF-8" in reason:
            reason = "it holds text that is none"
        elif isinstance(error, sqlite3.OperationalError) and "no such table" not in reason:
            return LibraryError(f"{self._path}: can't be used ({reason}); choose another folder with --index")
        return LibraryDamagedError(
            f"{self._path}: damaged ({reason}); restore it from a copy, or index the articles into another folder"
        )


def _read_unforgotten(connection: sqlite3.Connection) -> list[str]:
    """List the articles that were removed and may still be quoted in answers that are kept."""
    row = connection.execute("SELECT value FROM properties WHERE name = 'unforgotten'").fetchone()
    return [str(id) for id in json.loads(row[0])] if row else []


def _read_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a library of an earlier version to this one; who opens it first does it, in one transaction."""
    connection.execute(f"PRAGMA busy_timeout = {round(MIGRATION_SECONDS * 1000)}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if _kind(error) == sqlite3.SQLITE_BUSY:
            raise LibraryLockedError(
                f"{path}: another process is bringing it to this version of the assistant; try again in a moment"
            ) from None
        raise
    migrate_tables(connection, _read_version(connection))
    connection.execute("COMMIT")
    connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")


def _build(folder: Path, snapshot: Snapshot, *, base: Path | None, after: int) -> tuple[SegmentFile, ...]:
    shutil.rmtree(folder, ignore_errors=True)  # of a build that failed
    return build_generation(folder, base=base, keep=snapshot.passage_ids(), add=snapshot.vectors(after))


def _delete(path: Path) -> None:
    """Delete a folder or a file, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _kind(error: sqlite3.Error) -> int:
    """Say what kind of error SQLite reports, without its finer points; 0 for one of Python's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _describe_room(folder: Path) -> str:
    limited = ""
    if resource is not None:
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        limited = f", and no file may have more than {limit:,}" if limit != resource.RLIM_INFINITY else ""
    return f"{shutil.disk_usage(folder).free:,} bytes are free there{limited}"


_OUTDATE_REPLIES = "INSERT OR REPLACE INTO properties VALUES ('outdated_replies', '1')"
_UNERASED = "SELECT count(*) FROM properties WHERE name = 'unerased'"

"""How the library's SQLite file is laid out: its tables, and articles, passages and vectors as their rows."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from assistant.copies import HASHES, Signature, cut_bands, group_copies, is_copy, sign
from assistant.terms import find_words, number_word
from assistant.types import Article, ArticleRef, Origin, Passage, Revision, Span
from assistant.vectors import FloatArray

SCHEMA_VERSION = 4
PAGE_BYTES = 16_384  # ten passage vectors fill one; smaller pages leave a quarter of themselves empty
APPLICATION_ID = 0x4E415353  # "NASS", in the header of the file: tells ours from another SQLite database

# Indexes that answer which articles a filter lets through without a look at their rows, which are long.
_FILTER_INDEXES = """
CREATE INDEX articles_by_outlet ON articles (outlet COLLATE NOCASE, published, published_seconds);
CREATE INDEX articles_by_day ON articles (published, outlet COLLATE NOCASE, published_seconds);
CREATE INDEX articles_by_time ON articles (published_seconds, published, outlet COLLATE NOCASE);
"""
# The passages' vectors once more, a byte a number and all of an article in one row: what a search without Chroma has to
# read is a row an article and a quarter of the bytes, and only the best of it is read in full.
_ARTICLE_VECTORS = """
CREATE TABLE article_vectors (
    first_passage INTEGER PRIMARY KEY,
    article INTEGER NOT NULL UNIQUE REFERENCES articles (id) ON DELETE CASCADE,
    scales BLOB NOT NULL, vectors BLOB NOT NULL
);
"""
# What else is known of an article, apart from its row: columns behind a long text are slow to read.
_DETAILS = """
CREATE TABLE article_details (
    article INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    updated TEXT, section TEXT, language TEXT, origins TEXT NOT NULL,
    known_seconds REAL -- since when it has been as it is, where we know that
);
"""
# Articles of one `story` are copies of each other. The bands have no key to the articles: SQLite would look through all
# of them for each article that goes.
_COPIES = """
CREATE TABLE copies (
    article INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    signature BLOB NOT NULL, story INTEGER NOT NULL
);
CREATE INDEX copies_by_story ON copies (story);
CREATE TABLE copy_bands (band INTEGER NOT NULL, article INTEGER NOT NULL, PRIMARY KEY (band, article)) WITHOUT ROWID;
"""
# What an article was before it changed. Nothing is ever found in here, it is only shown.
_REVISIONS = """
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id TEXT NOT NULL, since_seconds REAL, until_seconds REAL NOT NULL,
    hash TEXT NOT NULL, content TEXT NOT NULL
);
CREATE INDEX revisions_by_article ON revisions (article_id);
"""
# Where articles came from, to look there again: sources as they were given, and what each of them held. `removals` are
# the hashes of the ids of articles that were removed by hand, which stay away though their source still has them.
_SOURCES = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    outlet TEXT, published TEXT, allows_private INTEGER NOT NULL
);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE,
    size INTEGER, mtime_ns INTEGER, etag TEXT, last_modified TEXT, validated_url TEXT, sha256 TEXT,
    looked_ns INTEGER NOT NULL
);
CREATE INDEX items_by_source ON items (source);
CREATE TABLE item_articles (
    item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    article_id TEXT NOT NULL, is_gone INTEGER NOT NULL,
    PRIMARY KEY (item, article_id)
) WITHOUT ROWID;
CREATE INDEX items_by_article ON item_articles (article_id);
CREATE TABLE removals (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""

TABLES = f"""
CREATE TABLE properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL, outlet TEXT, author TEXT, published TEXT, published_seconds REAL, url TEXT,
    hash TEXT NOT NULL,
    text TEXT NOT NULL
);
{_FILTER_INDEXES}
-- Ids are never used twice, so what Chroma knows of a removed passage can't be taken for another one. Those of an
-- article follow each other.
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    sentences BLOB NOT NULL,
    -- The stems of its words as 32-bit numbers, and how many of them are in each sentence: what ranking counts.
    stems BLOB NOT NULL, stem_counts BLOB NOT NULL,
    UNIQUE (article, ordinal)
);
CREATE TABLE passage_vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages (id) ON DELETE CASCADE, vector BLOB NOT NULL
);
{_ARTICLE_VECTORS}
CREATE TABLE sentence_vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages (id) ON DELETE CASCADE, scales BLOB NOT NULL, vectors BLOB NOT NULL
);
-- Contentless: the words are found here, the text is cut from its article.
CREATE VIRTUAL TABLE passage_words USING fts5 (
    text, title, outlet, date, content='', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder TEXT NOT NULL, last_passage INTEGER NOT NULL, passage_count INTEGER NOT NULL, segments TEXT NOT NULL
);
{_DETAILS}
{_COPIES}
{_REVISIONS}
{_SOURCES}
"""

_REPLACED_INDEXES = ("articles_by_outlet", "articles_by_time")  # which earlier versions made otherwise
_WORD_TABLES = tuple(f"passage_words_{name}" for name in ("data", "idx", "content", "docsize", "config"))  # of FTS5

REF_COLUMNS = "article_id, title, outlet, author, published, url"
# Of an article `a` with all that is known of it, from ARTICLE_TABLES.
ARTICLE_COLUMNS = f"{REF_COLUMNS}, a.text, d.updated, d.section, d.language, d.origins"
ARTICLE_TABLES = "articles a LEFT JOIN article_details d ON d.article = a.id"
INSERT_WORDS = "INSERT INTO passage_words (rowid, text, title, outlet, date) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class EmbeddedPassage:
    """A passage on its way into the library, with its unit vector (d,) and one for each of its sentences (n, d)."""

    passage: Passage
    vector: FloatArray
    sentence_vectors: FloatArray


@dataclass(frozen=True, slots=True)
class PackedPassage:
    """A passage with its vectors byte for byte as its rows hold them, so that copying it changes nothing.

    `vector` is float32 (d,), `scales` float32 (n,) and `sentence_vectors` int8 (n, d), a row for each sentence.
    """

    passage: Passage
    vector: bytes
    scales: bytes
    sentence_vectors: bytes


@dataclass(frozen=True, slots=True)
class PassageFilter:
    """Which articles are asked: of an outlet (in any case), published at or after `since` and before `until`.

    Where these are days, they are those of each article's own time zone.
    """

    outlet: str | None = None
    since: datetime | date | None = None
    until: datetime | date | None = None


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay out an empty library."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.executescript(TABLES)
    # Another one with every write, so that two states of the same revision are the same state.
    connection.execute("INSERT INTO properties VALUES ('revision', random())")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def migrate_tables(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables of an earlier version, which is at least 1, to this one. Call within a transaction."""
    if version < 4:
        connection.execute("DROP INDEX articles_by_outlet")
        connection.execute("DROP INDEX articles_by_time")
        for statement in _split_statements(_FILTER_INDEXES):
            connection.execute(statement)
    if version < 2:
        connection.execute(_ARTICLE_VECTORS)
        for (article,) in connection.execute("SELECT id FROM articles").fetchall():
            with suppress(ValueError, TypeError):  # of vectors that are damaged, which is for doctor to mend
                pack_article_vectors(connection, article)
    if version < 3:
        for statement in _split_statements(f"{_DETAILS}{_COPIES}{_REVISIONS}{_SOURCES}"):
            connection.execute(statement)
        connection.execute("INSERT INTO article_details (article, origins) SELECT id, '[]' FROM articles")
        rebuild_copies(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def find_foreign(connection: sqlite3.Connection, version: int) -> str | None:
    """Name what a database of some version holds that none of ours made; None where that is nothing.

    A trigger, a view, a table of another kind or an expression in one would run what somebody else wrote.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    for kind, name, sql in connection.execute("SELECT type, CAST(name AS TEXT), CAST(sql AS TEXT) FROM sqlite_master"):
        is_named_so = str(name).startswith("sqlite_") or name in _WORD_TABLES
        is_of_sqlite = kind == "table" and is_named_so and str(sql).startswith("CREATE TABLE")
        is_key = kind == "index" and sql is None
        is_earlier = version < SCHEMA_VERSION and kind == "index" and name in _REPLACED_INDEXES
        if not (is_of_sqlite or is_key or is_earlier or sql in _list_made()):
            return f"the {kind} {str(name)[:100]!r}"
    return None


@cache
def _list_made() -> frozenset[str]:
    """List what SQLite notes of the tables and indexes that are made here."""
    with closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection)
        return frozenset(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))


def _split_statements(script: str) -> list[str]:
    """Split a script, for running it whole would end the transaction."""
    return [statement for statement in script.split(";") if statement.strip()]


def pack_article_vectors(connection: sqlite3.Connection, article: int) -> None:
    """Write the row of an article's vectors anew of its passages'; ValueError or TypeError where those are damaged."""
    connection.execute("DELETE FROM article_vectors WHERE article = ?", (article,))
    row = _make_article_vectors(connection, article)
    if row:
        connection.execute("INSERT OR REPLACE INTO article_vectors VALUES (?, ?, ?, ?)", row)


def has_article_vectors(connection: sqlite3.Connection, article: int) -> bool:
    """Whether the row of an article's vectors is as those of its passages make it."""
    stored = connection.execute("SELECT * FROM article_vectors WHERE article = ?", (article,)).fetchone()
    return bool(stored == _make_article_vectors(connection, article))


def _make_article_vectors(connection: sqlite3.Connection, article: int) -> tuple[int, int, bytes, bytes] | None:
    rows = connection.execute(
        "SELECT p.id, v.vector FROM passages p JOIN passage_vectors v ON v.passage = p.id WHERE p.article = ?"
        " ORDER BY p.ordinal",
        (article,),
    ).fetchall()
    if not rows:
        return None
    with np.errstate(invalid="ignore"):  # a number that is none makes a scale that is none, which a search refuses
        return (rows[0][0], article, *_pack_vectors(_stack([vector for _, vector in rows])))


def hash_article(article: Article) -> str:
    """Hash everything of an article that is stored, so that a change of any of it is noticed."""
    fields = (
        article.id,
        article.title,
        article.text,
        article.outlet,
        article.author,
        _write_time(article.published),
        article.url,
    )
    details = (_write_time(article.updated), article.section, article.language, article.origins)
    # Where none of these is known the hash is that of an article of an earlier version, which hadn't got them.
    return hashlib.sha256(json.dumps(fields + details if any(details) else fields).encode()).hexdigest()


def insert_article(
    connection: sqlite3.Connection,
    article: Article,
    embedded: Sequence[EmbeddedPassage | PackedPassage],
    *,
    known_since: float | None = None,
) -> None:
    """Insert an article with its passages, words and vectors, known as it is since so many seconds of Unix time."""
    published = article.published
    row = connection.execute(
        "INSERT INTO articles (article_id, title, outlet, author, published, published_seconds, url, hash, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            article.id,
            article.title,
            article.outlet,
            article.author,
            _write_time(published),
            published.timestamp() if published else None,
            article.url,
            hash_article(article),
            article.text,
        ),
    ).lastrowid
    connection.execute(
        "INSERT INTO article_details VALUES (?, ?, ?, ?, ?, ?)",
        (
            row,
            _write_time(article.updated),
            article.section,
            article.language,
            json.dumps(article.origins),
            known_since,
        ),
    )
    _insert_passages(connection, row, article, embedded)
    _join_copies(connection, int(row or 0), article.text)


def replace_passages(connection: sqlite3.Connection, article: Article, embedded: Sequence[EmbeddedPassage]) -> None:
    """Put other passages in the place of those of an article, which stays as it is.

    The words of the former ones stay behind in the full-text index, for they may be damaged too: call `rebuild_words`.
    """
    (row,) = connection.execute("SELECT id FROM articles WHERE article_id = ?", (article.id,)).fetchone()
    connection.execute("DELETE FROM passages WHERE article = ?", (row,))
    connection.execute("DELETE FROM article_vectors WHERE article = ?", (row,))
    _insert_passages(connection, row, article, embedded)


def rebuild_words(connection: sqlite3.Connection) -> None:
    """Make the full-text index anew of the articles."""
    connection.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')")
    articles = connection.execute(f"SELECT {REF_COLUMNS}, text, id FROM articles ORDER BY id")  # noqa: S608
    for *columns, text, row in articles:
        rows = connection.execute('SELECT id, start, "end" FROM passages WHERE article = ?', (row,)).fetchall()
        words = _words_of_row(columns)
        connection.executemany(INSERT_WORDS, [(id, text[start:end], *words) for id, start, end in rows])


def find_misplaced_words(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """List those of some passages whose words are not in the full-text index as they follow each other."""
    reference = sqlite3.connect(":memory:")  # which knows what of a text are words
    try:
        create_tables(reference)
        misplaced = []
        for id in ids:
            *columns, start, end, text = connection.execute(
                f'SELECT {REF_COLUMNS}, p.start, p."end", a.text FROM passages p JOIN articles a ON a.id = p.article'  # noqa: S608
                " WHERE p.id = ?",
                (id,),
            ).fetchone()
            words = (text[start:end], *describe_words(to_ref(columns)))
            reference.execute(INSERT_WORDS, (id, *words))
            for column, value in zip(("text", "title", "outlet", "date"), words, strict=True):
                phrase = value.replace('"', '""')
                query = (f'{column} : "{phrase}"', id)
                sql = "SELECT count(*) FROM passage_words WHERE passage_words MATCH ? AND rowid = ?"
                if reference.execute(sql, query).fetchone() != connection.execute(sql, query).fetchone():
                    misplaced.append(id)
                    break
        return misplaced
    finally:
        reference.close()


def _insert_passages(
    connection: sqlite3.Connection,
    row: int | None,
    article: Article,
    embedded: Sequence[EmbeddedPassage | PackedPassage],
) -> None:
    packed_passages = [item if isinstance(item, PackedPassage) else pack_passage(item) for item in embedded]
    id = None
    for ordinal, packed in enumerate(packed_passages):
        passage = packed.passage
        id = connection.execute(
            'INSERT INTO passages (article, ordinal, start, "end", sentences, stems, stem_counts)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row, ordinal, passage.start, passage.end, _pack_spans(passage.sentences), *pack_stems(passage)),
        ).lastrowid
        connection.execute("INSERT INTO passage_vectors VALUES (?, ?)", (id, packed.vector))
        connection.execute(
            "INSERT INTO sentence_vectors VALUES (?, ?, ?)", (id, packed.scales, packed.sentence_vectors)
        )
        connection.execute(INSERT_WORDS, (id, passage.text, *describe_words(article.ref)))
    if id is not None:
        scales, vectors = _pack_vectors(_stack([packed.vector for packed in packed_passages]))
        first = id - len(packed_passages) + 1
        # Or replace, for a damaged row may have its place, which mustn't keep an article out.
        connection.execute("INSERT OR REPLACE INTO article_vectors VALUES (?, ?, ?, ?)", (first, row, scales, vectors))


def delete_article(connection: sqlite3.Connection, article_id: str) -> bool:
    """Delete an article with everything that was made from it; False where there is none of that id."""
    found = connection.execute(
        f"SELECT {REF_COLUMNS}, id FROM articles WHERE article_id = ?",  # noqa: S608
        (article_id,),
    ).fetchone()
    if found is None:
        return False
    # A contentless index has to be told what it forgets.
    (stored,) = connection.execute("SELECT CAST(text AS BLOB) FROM articles WHERE id = ?", (found[-1],)).fetchone()
    text = stored.decode(errors="replace")  # for what is damaged can be removed too
    rows = connection.execute('SELECT id, start, "end" FROM passages WHERE article = ?', (found[-1],)).fetchall()
    connection.executemany(
        "INSERT INTO passage_words (passage_words, rowid, text, title, outlet, date) VALUES ('delete', ?, ?, ?, ?, ?)",
        [(id, text[start:end], *_words_of_row(found)) for id, start, end in rows],
    )
    _leave_copies(connection, found[-1])
    connection.execute("DELETE FROM articles WHERE id = ?", (found[-1],))
    return True


# Copies


def _join_copies(connection: sqlite3.Connection, article: int, text: str) -> None:
    """Put an article into the group of its copies; where it is a copy of two groups' articles they become one."""
    signature = sign(text)
    bands = cut_bands(signature)
    others = connection.execute(
        "SELECT article, signature, story FROM copies WHERE article IN"
        " (SELECT b.article FROM json_each(?) j JOIN copy_bands b ON b.band = j.value)",
        (json.dumps(bands),),
    ).fetchall()
    stories = {story for _, other, story in others if is_copy(signature, _read_signature(other))}
    connection.executemany("UPDATE copies SET story = ? WHERE story = ?", [(article, story) for story in stories])
    connection.execute("INSERT INTO copies VALUES (?, ?, ?)", (article, signature.tobytes(), article))
    connection.executemany("INSERT OR REPLACE INTO copy_bands VALUES (?, ?)", [(band, article) for band in bands])


def _leave_copies(connection: sqlite3.Connection, article: int) -> None:
    """Take an article out of its group, which may have hung together by it alone."""
    row = connection.execute("SELECT signature, story FROM copies WHERE article = ?", (article,)).fetchone()
    if row is None:
        return
    bands = [(band, article) for band in cut_bands(_read_signature(row[0]))]
    connection.executemany("DELETE FROM copy_bands WHERE band = ? AND article = ?", bands)
    connection.execute("DELETE FROM copies WHERE article = ?", (article,))
    left = connection.execute("SELECT article, signature FROM copies WHERE story = ?", (row[1],)).fetchall()
    for group in group_copies({id: _read_signature(signature) for id, signature in left}):
        connection.executemany("UPDATE copies SET story = ? WHERE article = ?", [(max(group), id) for id in group])


def rebuild_copies(connection: sqlite3.Connection) -> None:
    """Make the groups of copies anew of the articles' texts."""
    connection.execute("DELETE FROM copies")
    connection.execute("DELETE FROM copy_bands")
    for (id,) in connection.execute("SELECT id FROM articles ORDER BY id").fetchall():
        (text,) = connection.execute("SELECT CAST(text AS BLOB) FROM articles WHERE id = ?", (id,)).fetchone()
        _join_copies(connection, id, text.decode(errors="replace"))  # for what is damaged is doctor's to mend


def has_copies(connection: sqlite3.Connection, article: int, text: str) -> bool:
    """Whether the signature of an article is that of its text, and its copies can be found by it."""
    row = connection.execute("SELECT signature FROM copies WHERE article = ?", (article,)).fetchone()
    signature = sign(text)
    bands = {
        band
        for (band,) in connection.execute(
            "SELECT b.band FROM json_each(?) j JOIN copy_bands b ON b.band = j.value AND b.article = ?",
            (json.dumps(cut_bands(signature)), article),
        )
    }
    return bool(row and row[0] == signature.tobytes() and bands == set(cut_bands(signature)))


def _read_signature(packed: bytes) -> Signature:
    """Read a signature; one that is damaged, which is for doctor to mend, is like no other."""
    is_whole = isinstance(packed, bytes) and len(packed) == HASHES * 4
    return np.frombuffer(packed if is_whole else b"", np.uint32)


# Earlier versions


def keep_revision(connection: sqlite3.Connection, article: Article, *, now: float) -> float | None:
    """Keep what is stored under the id of an article that takes its place now, in seconds of Unix time, if it differs.

    Returns since when the article has been known as it is, None where that wasn't noted. What is damaged isn't kept.
    """
    try:
        row = connection.execute(
            f"SELECT {ARTICLE_COLUMNS}, d.known_seconds, a.hash FROM {ARTICLE_TABLES} WHERE a.article_id = ?",  # noqa: S608
            (article.id,),
        ).fetchone()
        if row is None:
            return now
        *content, since, hash = row
        if hash == hash_article(article):
            return None if since is None else float(since)
        to_revision((since, now, hash, json.dumps(content)))
    except (ValueError, TypeError, sqlite3.OperationalError):  # the last for text that isn't UTF-8 any more
        return now
    connection.execute(
        "INSERT INTO revisions (article_id, since_seconds, until_seconds, hash, content) VALUES (?, ?, ?, ?, ?)",
        (article.id, since, now, hash, json.dumps(content)),
    )
    return now


def delete_revisions(connection: sqlite3.Connection, article_id: str) -> None:
    """Delete all that is kept of what an article was."""
    connection.execute("DELETE FROM revisions WHERE article_id = ?", (article_id,))


def to_revision(row: Sequence[object]) -> Revision:
    """Make a Revision of since_seconds, until_seconds, hash and content; ValueError where it isn't what was stored."""
    since, until, hash, content = row
    article = to_article(json.loads(str(content)))
    if hash_article(article) != hash:
        raise ValueError("another hash")
    return Revision(article, _read_seconds(since), _read_seconds(until))


def _read_seconds(seconds: object) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(float(str(seconds)), UTC)


def to_ref(row: Sequence[object]) -> ArticleRef:
    """Make an ArticleRef of the REF_COLUMNS at the start of a row."""
    id, title, outlet, author, published, url = row[:6]
    time = datetime.fromisoformat(str(published)) if published else None
    return ArticleRef(id, title, outlet, author, time, url)  # type: ignore[arg-type]  # the columns' types


def to_article(row: Sequence[object]) -> Article:
    """Make an Article of the ARTICLE_COLUMNS at the start of a row; ValueError or TypeError where that can't be."""
    ref, text = to_ref(row), row[6]
    updated, section, language, origins = row[7:11]
    return Article(
        ref.id,
        ref.title,
        str(text),
        ref.outlet,
        ref.author,
        ref.published,
        ref.url,
        updated=datetime.fromisoformat(str(updated)) if updated else None,
        section=section,  # type: ignore[arg-type]  # the columns' types
        language=language,  # type: ignore[arg-type]
        origins=_read_origins(origins),
    )


def to_row(article: Article) -> tuple[Any, ...]:
    """Make the row of ARTICLE_COLUMNS that `to_article` makes the article of, as JSON can hold it."""
    return (
        article.id,
        article.title,
        article.outlet,
        article.author,
        _write_time(article.published),
        article.url,
        article.text,
        _write_time(article.updated),
        article.section,
        article.language,
        article.origins,
    )


def _read_origins(origins: Any) -> tuple[Origin, ...]:
    listed = json.loads(origins) if isinstance(origins, str) else origins
    return tuple(Origin(str(field), str(place)) for field, place in listed)


def to_condition(filter: PassageFilter) -> tuple[str, list[object]]:
    """Make the SQL, and its parameters, that says of an article `a` whether a filter lets it through."""
    conditions: list[tuple[str, object]] = []
    if filter.outlet is not None:
        conditions.append(("a.outlet = ? COLLATE NOCASE", filter.outlet))
    if filter.since is not None:
        conditions.append(_compare(">=", filter.since))
    if filter.until is not None:
        conditions.append(_compare("<", filter.until))
    sql = " AND ".join(condition for condition, _ in conditions)
    return sql or "true", [value for _, value in conditions]


def _compare(operator: str, moment: datetime | date) -> tuple[str, object]:
    if isinstance(moment, datetime):
        return f"a.published_seconds {operator} ?", moment.timestamp()
    # What is stored begins with the day in the article's own zone, so that the order of texts is that of days.
    return f"a.published {operator} ?", moment.isoformat()


def unpack_spans(packed: Sequence[bytes]) -> list[tuple[Span, ...]]:
    """Read the spans that each of some passages' rows holds; all at once, for speed. ValueError where a row is cut."""
    if any(len(part) % 8 for part in packed):
        raise ValueError("a span without an end")
    numbers = np.frombuffer(b"".join(packed), np.uint32).tolist()
    spans = list(map(Span, numbers[::2], numbers[1::2]))
    ends = np.cumsum([len(part) // 8 for part in packed]).tolist()
    return [tuple(spans[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def unpack_vectors(packed: Sequence[tuple[bytes, bytes]]) -> list[FloatArray]:
    """Read the vectors (n, d) of the sentences of passages, each packed as scales and rows; all at once, for speed."""
    scales = np.frombuffer(b"".join(scales for scales, _ in packed), np.float32)
    if not len(scales):
        return [np.zeros((0, 0), np.float32) for _ in packed]
    rows = np.frombuffer(b"".join(rows for _, rows in packed), np.int8).reshape(len(scales), -1)
    vectors = rows * scales[:, None]
    ends = np.cumsum([len(scales) // 4 for scales, _ in packed]).tolist()
    return [vectors[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _write_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def pack_stems(passage: Passage) -> tuple[bytes, bytes]:
    """Pack the numbers of the stems, and their count in each sentence; a passage without sentences is one."""
    spans = passage.sentences or (Span(passage.start, passage.end),)
    words = [find_words(passage.text[start - passage.start : end - passage.start]) for start, end in spans]
    stems = np.fromiter(map(number_word, chain.from_iterable(words)), np.uint32)
    return stems.tobytes(), np.array([len(sentence) for sentence in words], np.uint32).tobytes()


def _pack_spans(spans: Sequence[Span]) -> bytes:
    return np.array(spans, np.uint32).tobytes()


def pack_passage(item: EmbeddedPassage) -> PackedPassage:
    """Pack the vectors of a passage as they are stored."""
    scales, sentence_vectors = _pack_vectors(item.sentence_vectors)
    return PackedPassage(item.passage, item.vector.astype(np.float32).tobytes(), scales, sentence_vectors)


def _stack(packed: Sequence[bytes]) -> FloatArray:
    """Stack vectors into rows (n, d). Raises ValueError where they can't be read, or are of different lengths."""
    return np.stack([np.frombuffer(vector, np.float32) for vector in packed])


def _pack_vectors(vectors: FloatArray) -> tuple[bytes, bytes]:
    """Scale each row so that its largest component is 127: a quarter of the space, a cosine that differs by 1e-4."""
    scales = np.abs(vectors).max(axis=1, initial=1e-12).astype(np.float32) / 127
    return scales.tobytes(), np.rint(vectors / scales[:, None]).astype(np.int8).tobytes()


def _words_of_row(columns: Sequence[object]) -> tuple[str, str, str]:
    try:
        return describe_words(to_ref(columns))
    except ValueError:  # its date is damaged, and it can be removed all the same
        return str(columns[1]), str(columns[2] or ""), ""


def describe_words(article: ArticleRef) -> tuple[str, str, str]:
    """Say title, outlet and date as people ask for them: "what did the Courier report on Saturday, 15 March 2025"."""
    time = article.published
    day = f"{time:%A} {time.day} {time:%B %Y %Y-%m-%d}" if time else ""
    return article.title, article.outlet or "", day

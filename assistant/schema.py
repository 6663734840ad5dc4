"""How the library's SQLite file is laid out: its tables, and articles, passages and vectors as their rows."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assistant.terms import find_words, number_word
from assistant.types import Article, ArticleRef, Passage, Span
from assistant.vectors import FloatArray

SCHEMA_VERSION = 2
PAGE_BYTES = 16_384  # ten passage vectors fill one; smaller pages leave a quarter of themselves empty
APPLICATION_ID = 0x4E415353  # "NASS", in the header of the file: tells ours from another SQLite database

# Indexes that answer which articles a filter lets through without a look at their rows, which are long.
_FILTER_INDEXES = """
CREATE INDEX articles_by_outlet ON articles (outlet COLLATE NOCASE, published_seconds);
CREATE INDEX articles_by_time ON articles (published_seconds, outlet COLLATE NOCASE);
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
"""

REF_COLUMNS = "article_id, title, outlet, author, published, url"
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
    """Which articles are asked: of an outlet (in any case), published at or after `since` and before `until`."""

    outlet: str | None = None
    since: datetime | None = None
    until: datetime | None = None


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
    if version < 2:
        connection.execute("DROP INDEX articles_by_outlet")
        connection.execute("DROP INDEX articles_by_time")
        for statement in f"{_FILTER_INDEXES}{_ARTICLE_VECTORS}".split(";"):
            connection.execute(statement)
        for (article,) in connection.execute("SELECT id FROM articles").fetchall():
            with suppress(ValueError, TypeError):  # of vectors that are damaged, which is for doctor to mend
                pack_article_vectors(connection, article)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


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
    published = article.published.isoformat() if article.published else None
    fields = (article.id, article.title, article.text, article.outlet, article.author, published, article.url)
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def insert_article(
    connection: sqlite3.Connection, article: Article, embedded: Sequence[EmbeddedPassage | PackedPassage]
) -> None:
    """Insert an article with its passages, words and vectors."""
    published = article.published
    row = connection.execute(
        "INSERT INTO articles (article_id, title, outlet, author, published, published_seconds, url, hash, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            article.id,
            article.title,
            article.outlet,
            article.author,
            published.isoformat() if published else None,
            published.timestamp() if published else None,
            article.url,
            hash_article(article),
            article.text,
        ),
    ).lastrowid
    _insert_passages(connection, row, article, embedded)


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
            words = (text[start:end], *_words_of(to_ref(columns)))
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
    packed_passages = [item if isinstance(item, PackedPassage) else _pack_passage(item) for item in embedded]
    id = None
    for ordinal, packed in enumerate(packed_passages):
        passage = packed.passage
        id = connection.execute(
            'INSERT INTO passages (article, ordinal, start, "end", sentences, stems, stem_counts)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row, ordinal, passage.start, passage.end, _pack_spans(passage.sentences), *_pack_stems(passage)),
        ).lastrowid
        connection.execute("INSERT INTO passage_vectors VALUES (?, ?)", (id, packed.vector))
        connection.execute(
            "INSERT INTO sentence_vectors VALUES (?, ?, ?)", (id, packed.scales, packed.sentence_vectors)
        )
        connection.execute(INSERT_WORDS, (id, passage.text, *_words_of(article.ref)))
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
    connection.execute("DELETE FROM articles WHERE id = ?", (found[-1],))
    return True


def to_ref(row: Sequence[object]) -> ArticleRef:
    """Make an ArticleRef of the REF_COLUMNS at the start of a row."""
    id, title, outlet, author, published, url = row[:6]
    time = datetime.fromisoformat(str(published)) if published else None
    return ArticleRef(id, title, outlet, author, time, url)  # type: ignore[arg-type]  # the columns' types


def to_condition(filter: PassageFilter) -> tuple[str, list[object]]:
    """Make the SQL, and its parameters, that says of an article `a` whether a filter lets it through."""
    conditions: list[tuple[str, object]] = []
    if filter.outlet is not None:
        conditions.append(("a.outlet = ? COLLATE NOCASE", filter.outlet))
    if filter.since is not None:
        conditions.append(("a.published_seconds >= ?", filter.since.timestamp()))
    if filter.until is not None:
        conditions.append(("a.published_seconds < ?", filter.until.timestamp()))
    sql = " AND ".join(condition for condition, _ in conditions)
    return sql or "true", [value for _, value in conditions]


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


def _pack_stems(passage: Passage) -> tuple[bytes, bytes]:
    """Pack the numbers of the stems, and their count in each sentence; a passage without sentences is one."""
    spans = passage.sentences or (Span(passage.start, passage.end),)
    texts = [passage.text[start - passage.start : end - passage.start] for start, end in spans]
    stems = [[number_word(word) for word in find_words(text)] for text in texts]
    numbers = np.array([number for sentence in stems for number in sentence], np.uint32)
    return numbers.tobytes(), np.array([len(sentence) for sentence in stems], np.uint32).tobytes()


def _pack_spans(spans: Sequence[Span]) -> bytes:
    return np.array(spans, np.uint32).tobytes()


def _pack_passage(item: EmbeddedPassage) -> PackedPassage:
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
        return _words_of(to_ref(columns))
    except ValueError:  # its date is damaged, and it can be removed all the same
        return str(columns[1]), str(columns[2] or ""), ""


def _words_of(article: ArticleRef) -> tuple[str, str, str]:
    """Say title, outlet and date as people ask for them: "what did the Courier report on Saturday, 15 March 2025"."""
    time = article.published
    date = f"{time:%A} {time.day} {time:%B %Y %Y-%m-%d}" if time else ""
    return article.title, article.outlet or "", date

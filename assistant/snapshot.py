"""One state of the library, open for questions: its articles, words and vectors, and what is nearest to a question."""

import hashlib
import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.errors import LibraryMismatchError
from assistant.schema import (
    ARTICLE_COLUMNS,
    ARTICLE_TABLES,
    REF_COLUMNS,
    PackedPassage,
    PassageFilter,
    hash_article,
    to_article,
    to_condition,
    to_ref,
    to_revision,
    unpack_spans,
    unpack_vectors,
)
from assistant.sources import Item, KnownSource, list_held, list_items, list_items_of, list_sources, was_removed
from assistant.types import Article, ArticleRef, Passage, Revision
from assistant.vectors import (
    FloatArray,
    Generation,
    Neighbour,
    ScaledVectors,
    SegmentFile,
    exact_neighbours,
    is_intact,
    screen_neighbours,
)

FLOAT_BYTES = 4
READ_BATCH = 1000  # vectors in one batch out of SQLite, 1.5 MB
READ_BATCH_ARTICLES = 100  # articles whose vectors are: the processor's cache holds them, also as float32

# An ingest ends with the next generation, unless it added few passages to many: those are searched exactly meanwhile.
FEW_PASSAGES = 2_000
MANY_PASSAGES = 20_000

# A filter that lets this share of the articles through, or more, is applied to what a search without it found, and one
# that lets fewer through before an exact one. The search is for more by this factor than are needed on average.
WIDE_SHARE = 0.15
WIDE_FACTOR = 2

MAX_COPIES = 50  # of one article that are read: a story that is in more places is in many
MAX_FREQUENCY = 10_000  # the count of passages from which a term is just frequent

# Full text scores every passage that holds any of its terms, about a microsecond each. Rare terms come first, and the
# common ones that would take it beyond this many are left out of the search, though not of the ranking.
MAX_POSTINGS = 8_000

EVERYTHING = PassageFilter()

StemArray = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the library keeps it: its id there, its place in its article, the vectors (n, d) of its sentences.

    A passage without sentences counts as one, whose vector is its own. `stems` are the numbers of its words' stems in
    order (`terms.number_word`), `stem_counts` how many of them each of its n sentences has. Articles of one `story` are
    copies of each other.
    """

    id: int
    ordinal: int
    passage: Passage
    article: ArticleRef
    sentence_vectors: FloatArray
    stems: StemArray
    stem_counts: StemArray
    story: int


@dataclass(frozen=True, slots=True)
class Published:
    """The row by which a generation is published."""

    number: int
    folder: Path
    last_passage: int
    passage_count: int
    segments: tuple[SegmentFile, ...]


@contextmanager
def trusting_rows() -> Iterator[None]:
    """Take a row that can't be read for damage: SQLite doesn't tell garbage from content."""
    try:
        yield
    except UnicodeEncodeError:  # of what is asked for, not of what is read
        raise
    except (TypeError, ValueError, KeyError) as error:
        raise sqlite3.DatabaseError("a row holds garbage") from error


class Snapshot:
    """One state of the library, open for questions; for one thread, made by `Library.snapshot`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        published: Published | None,
        open_generation: Callable[[Published], Generation | None],
        counts: dict[str, int],
    ) -> None:
        self._connection = connection
        self.published = published
        self._open_generation = open_generation
        self._counts = counts  # of queries that were made of this state before: counting is what takes long

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return self._count("SELECT count(*) FROM passages")

    @property
    def last_passage(self) -> int:
        """The highest id that a passage has; 0 where there is none."""
        return self._value("SELECT coalesce(max(id), 0) FROM passages")

    @property
    def is_published(self) -> bool:
        """Whether Chroma knows all of this state and no more, or so nearly that it needn't be told yet."""
        published = self.published
        if not self.has_chroma_forgotten:
            return False
        if published is None or not is_intact(published.folder, published.segments):
            return self.passage_count == 0
        fresh = self._value("SELECT count(*) FROM passages WHERE id > ?", published.last_passage)
        kept = self._value("SELECT count(*) FROM passages WHERE id <= ?", published.last_passage)
        changed = fresh + published.passage_count - kept
        return changed == 0 or (changed < FEW_PASSAGES and kept > MANY_PASSAGES)

    def open_index(self) -> None:
        """Open Chroma's index now, which takes the first search most of its time."""
        if self.published is not None:
            self._open_generation(self.published)

    @trusting_rows()
    def articles(self) -> tuple[ArticleRef, ...]:
        """List the articles in the order in which they were added."""
        rows = self._connection.execute(f"SELECT {REF_COLUMNS} FROM articles ORDER BY id")  # noqa: S608
        return tuple(to_ref(row) for row in rows)

    @trusting_rows()
    def article(self, article_id: str) -> Article | None:
        """Get an article with its text, or None where there is none of that id."""
        row = self._connection.execute(
            f"SELECT {ARTICLE_COLUMNS} FROM {ARTICLE_TABLES} WHERE a.article_id = ?",  # noqa: S608
            (article_id,),
        ).fetchone()
        return None if row is None else to_article(row)

    @trusting_rows()
    def copies(self, article_id: str) -> tuple[Article, ...]:
        """List the copies of an article: the others of its group, the earliest published first, at most MAX_COPIES."""
        rows = self._connection.execute(
            f"SELECT {ARTICLE_COLUMNS} FROM copies c CROSS JOIN articles a ON a.id = c.article"  # noqa: S608
            " LEFT JOIN article_details d ON d.article = a.id WHERE c.story ="
            " (SELECT c.story FROM articles a JOIN copies c ON c.article = a.id WHERE a.article_id = ?)"
            " AND a.article_id != ? ORDER BY a.published_seconds IS NULL, a.published_seconds, a.article_id LIMIT ?",
            (article_id, article_id, MAX_COPIES),
        )
        return tuple(to_article(row) for row in rows)

    @trusting_rows()
    def revisions(self, article_id: str) -> tuple[Revision, ...]:
        """List what an article was and is, the earliest first and the present last; nothing where there is none."""
        article = self.article(article_id)
        if article is None:
            return ()
        rows = self._connection.execute(
            "SELECT since_seconds, until_seconds, hash, content FROM revisions WHERE article_id = ? ORDER BY id",
            (article_id,),
        )
        (since,) = self._connection.execute(
            f"SELECT d.known_seconds FROM {ARTICLE_TABLES} WHERE a.article_id = ?",  # noqa: S608
            (article_id,),
        ).fetchone()
        present = Revision(article, None if since is None else datetime.fromtimestamp(since, UTC), None)
        return (*(to_revision(row) for row in rows), present)

    @trusting_rows()
    def sources(self) -> list[KnownSource]:
        """List the sources that are known, in the order in which they were first given."""
        return list_sources(self._connection)

    @trusting_rows()
    def items(self, names: Sequence[str]) -> dict[str, Item]:
        """List what is remembered of the items of these names, by name."""
        return list_items(self._connection, names)

    @trusting_rows()
    def items_of(self, source: str) -> dict[str, Item]:
        """List what a source held when it was looked at last, by name."""
        return list_items_of(self._connection, source)

    def held(self) -> list[tuple[str, str, str]]:
        """List which source holds which article in which item, as (source, item, article id)."""
        return list_held(self._connection)

    def was_removed(self, article_id: str) -> bool:
        """Whether an article was removed by hand, and not given again since."""
        return was_removed(self._connection, article_id)

    def outlets(self) -> tuple[str, ...]:
        """List the outlets of the articles, in the order of the alphabet."""
        rows = self._connection.execute("SELECT DISTINCT outlet FROM articles WHERE outlet > '' ORDER BY outlet")
        return tuple(row[0] for row in rows)

    def has_articles(self, filter: PassageFilter) -> bool:
        """Whether a filter lets any article through."""
        condition, parameters = to_condition(filter)
        return bool(self._value(f"SELECT EXISTS (SELECT 1 FROM articles a WHERE {condition})", *parameters))  # noqa: S608

    @trusting_rows()
    def newest_day(self, *, before: datetime | date | None = None) -> date | None:
        """Find the day, in its own zone, of the newest article, of all or of those before; None where none has one."""
        condition, parameters = to_condition(PassageFilter(until=before))
        row = self._connection.execute(
            f"SELECT published FROM articles a WHERE published_seconds IS NOT NULL AND {condition}"  # noqa: S608
            " ORDER BY published_seconds DESC LIMIT 1",
            parameters,
        ).fetchone()
        return datetime.fromisoformat(row[0]).date() if row else None

    def hash(self, article_id: str) -> str | None:
        """Get the hash of an article, or None where there is none of that id."""
        row = self._connection.execute("SELECT hash FROM articles WHERE article_id = ?", (article_id,)).fetchone()
        return row[0] if row else None

    @property
    def has_chroma_forgotten(self) -> bool:
        """Whether no generation holds a vector of an article that was removed."""
        return not self._value(_FORGOTTEN)

    @property
    def has_forgotten(self) -> bool:
        """Whether no file of the index holds anything of an article that was removed."""
        return not self._value(_UNFORGOTTEN)

    @property
    def dimension(self) -> int | None:
        """How many numbers a vector has, or None where there is none."""
        row = self._connection.execute("SELECT length(vector) FROM passage_vectors LIMIT 1").fetchone()
        return row[0] // np.dtype(np.float32).itemsize if row else None

    def content_hash(self) -> str:
        """Hash all that is known: equal for equal articles, passages and vectors, in whatever order they came."""
        return hash_content(self.packed_articles())

    def packed_articles(self) -> Iterator[tuple[Article, list[PackedPassage]]]:
        """Read all articles with their passages and vectors as they are stored, one by one in the order of their ids.

        The order is that of the ids' characters, as Python sorts text.
        """
        for (article_id,) in self._connection.execute("SELECT article_id FROM articles ORDER BY article_id"):
            article = self.article(article_id)
            if article is None:
                raise sqlite3.DatabaseError(f"article {article_id!r} is in its index alone")
            yield article, self._read_packed(article)

    def find_vectors(self, article: Article) -> list[PackedPassage]:
        """Read the stored passages of an article's id with their vectors, where its title and text are stored as here.

        Nothing where they aren't, or where what is stored can't be read.
        """
        try:
            row = self._connection.execute(
                "SELECT 1 FROM articles WHERE article_id = ? AND title = ? AND text = ?",
                (article.id, article.title, article.text),
            ).fetchone()
            return self._read_packed(article) if row else []
        except (ValueError, TypeError):
            return []

    def _read_packed(self, article: Article) -> list[PackedPassage]:
        rows = self._connection.execute(
            'SELECT p.start, p."end", p.sentences, v.vector, s.scales, s.vectors'
            " FROM articles a JOIN passages p ON p.article = a.id"
            " JOIN passage_vectors v ON v.passage = p.id JOIN sentence_vectors s ON s.passage = p.id"
            " WHERE a.article_id = ? ORDER BY p.ordinal",
            (article.id,),
        )
        return [
            PackedPassage(Passage(article.id, start, end, article.text[start:end], *unpack_spans([spans])), *parts)
            for start, end, spans, *parts in rows
        ]

    def passages(self, article_id: str) -> tuple[Passage, ...]:
        """List the passages of an article in their order."""
        article = self.article(article_id)
        if article is None:
            return ()
        rows = self._connection.execute(
            'SELECT p.start, p."end", p.sentences FROM passages p JOIN articles a ON a.id = p.article'
            " WHERE a.article_id = ? ORDER BY p.ordinal",
            (article_id,),
        )
        return tuple(
            Passage(article_id, start, end, article.text[start:end], *unpack_spans([spans]))
            for start, end, spans in rows
        )

    def propose(
        self,
        terms: Sequence[str],
        vector: Callable[[], FloatArray],
        *,
        matched: int,
        nearest: int,
        filter: PassageFilter = EVERYTHING,
    ) -> list[Neighbour]:
        """Find what may bear on a question: passages that hold its terms, and those nearest to its unit vector (d,).

        At most so many of each, in no order. The vector is asked for when the terms have been looked for.
        """
        chosen = choose_search_terms(self.document_frequencies(terms))
        found = self.match(chosen, limit=matched, filter=filter)
        query = vector()
        return found + (self.nearest(query, limit=nearest, filter=filter) if nearest else [])

    def match(self, terms: Sequence[str], *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find the passages that hold any of the terms in text, title, outlet or date, as (id, BM25), best first.

        Higher is better. BM25 is that of Robertson and Zaragoza (2009), with k1 = 1.2 and b = 0.75.
        """
        quoted = " OR ".join(_quote(term) for term in terms)
        if not quoted:
            return []
        if filter == EVERYTHING:
            return self._match(quoted, limit)
        share = self._share(filter)
        if share >= WIDE_SHARE:
            asked = math.ceil(limit / share * WIDE_FACTOR)
            found = self._match(quoted, asked)
            kept = self._keep(found, filter)
            if len(kept) >= limit or len(found) < asked:
                return kept[:limit]
        condition, parameters = to_condition(filter)
        through = f"SELECT p.id FROM articles a JOIN passages p ON p.article = a.id WHERE {condition}"  # noqa: S608
        # Subtle: without the plus SQLite looks every one of those up in the full-text index, which takes seconds.
        return self._match(quoted, limit, f" AND +rowid IN ({through})", parameters)

    def nearest(self, query: FloatArray, *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find the passages nearest to a unit vector (d,) as (id, cosine), nearest first.

        Chroma answers for what it holds, and passages added since are searched exactly. Without a generation that can
        be used, or with a filter that lets few through, the search is exact over everything that is left.
        """
        row = self._connection.execute("SELECT length(vector) FROM passage_vectors LIMIT 1").fetchone()
        if row and row[0] != 4 * len(query):
            raise LibraryMismatchError(
                f"the vectors of the index have {row[0] // 4} numbers, and the embedding model now answers with"
                f" {len(query)}: it is not the model that made the index; index the articles into another folder with"
                " --index"
            )
        share = self._share(filter)
        if share >= WIDE_SHARE:
            asked = limit if filter == EVERYTHING else math.ceil(limit / share * WIDE_FACTOR)
            found = self._nearest_published(query, asked)
            if self.published is not None and found is not None:
                kept = self._keep(found, filter)
                if len(kept) >= limit or len(found) < asked:
                    fresh = self._exact(query, limit, filter, after=self.published.last_passage)
                    return _merge(kept, fresh)[:limit]
        return self._exact(query, limit, filter)

    @trusting_rows()
    def load(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Load passages with their texts and vectors, in the order of their ids; an id that isn't there is left out."""
        wanted = " IN (SELECT value FROM json_each(?))"
        rows = self._connection.execute(
            'SELECT p.id, p.article, p.ordinal, p.start, p."end", p.stems, p.stem_counts, p.sentences,'  # noqa: S608
            " s.scales, s.vectors"
            f" FROM passages p JOIN sentence_vectors s ON s.passage = p.id WHERE p.id{wanted}",
            (json.dumps(ids),),
        ).fetchall()
        # Each article once, however many of its passages there are: its text may be long.
        articles = {
            id: (to_ref(columns), text, story)
            for id, text, story, *columns in self._connection.execute(
                f"SELECT id, text, coalesce(story, -id), {REF_COLUMNS} FROM articles LEFT JOIN copies ON article = id"  # noqa: S608
                f" WHERE id{wanted}",
                (json.dumps(sorted({row[1] for row in rows})),),
            )
        }
        sentences = unpack_spans([row[-3] for row in rows])
        sentence_vectors = unpack_vectors([row[-2:] for row in rows])
        whole = {
            id: np.frombuffer(vector, np.float32)[None]
            for id, vector in self._connection.execute(
                f"SELECT passage, vector FROM passage_vectors WHERE passage{wanted}",  # noqa: S608
                (json.dumps([row[0] for row, spans in zip(rows, sentences, strict=True) if not spans]),),
            )
        }
        stored = {}
        for row, spans, vectors in zip(rows, sentences, sentence_vectors, strict=True):
            id, article, ordinal, start, end, stems, stem_counts, *_ = row
            ref, text, story = articles[article]
            stored[id] = StoredPassage(
                id,
                ordinal,
                Passage(ref.id, start, end, text[start:end], spans),
                ref,
                sentence_vectors=vectors if spans else whole[id],
                stems=np.frombuffer(stems, np.uint32),
                stem_counts=np.frombuffer(stem_counts, np.uint32),
                story=story,
            )
        return [stored[id] for id in ids if id in stored]

    def document_frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """Count the passages that hold each term in text, title, outlet or date, in any inflection.

        A term in more than MAX_FREQUENCY passages is said to be in so many: counting on would say no more about it.
        """
        sql = f"SELECT count(*) FROM (SELECT 1 FROM passage_words WHERE passage_words MATCH ? LIMIT {MAX_FREQUENCY})"  # noqa: S608
        return {term: self._count(sql, _quote(term)) for term in terms}

    def passage_ids(self) -> set[int]:
        """List the ids of all passages."""
        return {row[0] for row in self._connection.execute("SELECT id FROM passages")}

    def vectors(self, after: int) -> Iterator[tuple[list[int], FloatArray]]:
        """Read the vectors of the passages with ids above `after` in batches of ids and rows (n, d)."""
        return self._read_vectors(" WHERE passage > ? ORDER BY passage", [after])

    def _value(self, sql: str, *parameters: object) -> int:
        return int(self._connection.execute(sql, parameters).fetchone()[0])

    def _count(self, sql: str, term: str | None = None) -> int:
        """Count once in each state of the library."""
        key = sql if term is None else term
        if key not in self._counts:
            self._counts[key] = self._value(sql, *([] if term is None else [term]))
        return self._counts[key]

    def _present(self, ids: Sequence[int]) -> set[int]:
        sql = "SELECT id FROM passages WHERE id IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self._connection.execute(sql, (json.dumps(ids),))}

    def _nearest_published(self, query: FloatArray, limit: int) -> list[Neighbour] | None:
        """Find the nearest of the passages that Chroma and this state both hold; None if Chroma can't do it."""
        published = self.published
        generation = self._open_generation(published) if published else None
        if published is None or generation is None:
            return None
        found = generation.nearest(query, limit)
        present = self._present([id for id, _ in found or []])
        if found and len(present) < len(found):
            # Some were removed since: ask again for as many more as that may be.
            kept = self._value("SELECT count(*) FROM passages WHERE id <= ?", published.last_passage)
            limit += published.passage_count - kept
            found = generation.nearest(query, limit)
            present = self._present([id for id, _ in found or []])
        if found is None or len(found) < min(limit, published.passage_count):
            return None
        return [neighbour for neighbour in found if neighbour[0] in present]

    def _share(self, filter: PassageFilter) -> float:
        """Say which share of the articles a filter lets through."""
        if filter == EVERYTHING:
            return 1.0
        condition, parameters = to_condition(filter)
        through = self._value(f"SELECT count(*) FROM articles a WHERE {condition}", *parameters)  # noqa: S608
        return through / max(self._count("SELECT count(*) FROM articles"), 1)

    def _keep(self, found: list[Neighbour], filter: PassageFilter) -> list[Neighbour]:
        """Keep what a filter lets through."""
        if filter == EVERYTHING:
            return found
        condition, parameters = to_condition(filter)
        rows = self._connection.execute(
            "SELECT p.id FROM json_each(?) AS j CROSS JOIN passages p ON p.id = j.value"  # noqa: S608
            f" CROSS JOIN articles a ON a.id = p.article WHERE {condition}",
            (json.dumps([id for id, _ in found]), *parameters),
        )
        kept = {row[0] for row in rows}
        return [neighbour for neighbour in found if neighbour[0] in kept]

    def _match(self, quoted: str, limit: int, where: str = "", parameters: Sequence[object] = ()) -> list[Neighbour]:
        rows = self._connection.execute(
            "SELECT rowid, bm25(passage_words) AS score FROM passage_words"  # noqa: S608
            f" WHERE passage_words MATCH ?{where} ORDER BY score, rowid LIMIT ?",
            (quoted, *parameters, limit),
        )
        return [(id, -score) for id, score in rows]

    @trusting_rows()
    def _exact(self, query: FloatArray, limit: int, filter: PassageFilter, *, after: int = 0) -> list[Neighbour]:
        """Search the passages with ids above `after` exactly: those that can be among the best are read in full.

        Where the vectors that screen are damaged, which doctor notices, all are read in full.
        """
        condition, parameters = to_condition(filter)
        wanted, chosen = " WHERE passage IN (SELECT value FROM json_each(?))", list[object]()
        try:
            chosen = [json.dumps(screen_neighbours(query, self._read_scaled_vectors(filter, after, len(query)), limit))]
        except (ValueError, TypeError):
            through = f"SELECT p.id FROM articles a JOIN passages p ON p.article = a.id WHERE {condition}"  # noqa: S608
            wanted, chosen = f" WHERE passage IN ({through}) AND passage > ?", [*parameters, after]
        nearest: list[Neighbour] = []
        for found, vectors in self._read_vectors(wanted, chosen):
            nearest = _merge(nearest, exact_neighbours(query, found, vectors, limit))[:limit]
        return nearest

    def _read_scaled_vectors(self, filter: PassageFilter, after: int, dimension: int) -> Iterator[ScaledVectors]:
        """Read the vectors that screen, a batch of articles at a time. Raises ValueError where some are damaged."""
        condition, parameters = to_condition(filter)
        # What comes first in a cross join is what SQLite goes through: the few that are new, or what the filter leaves.
        is_few = bool(after) or filter == EVERYTHING
        tables = "article_vectors v CROSS JOIN articles a" if is_few else "articles a CROSS JOIN article_vectors v"
        cursor = self._connection.execute(
            f"SELECT v.first_passage, v.scales, v.vectors FROM {tables} ON a.id = v.article"  # noqa: S608
            f" WHERE v.first_passage > ? AND {condition}",
            (after, *parameters),
        )
        count = 0
        while rows := cursor.fetchmany(READ_BATCH_ARTICLES):
            if any(len(row[2]) * FLOAT_BYTES != len(row[1]) * dimension for row in rows):
                raise ValueError("a row is cut")
            counts = [len(row[1]) // FLOAT_BYTES for row in rows]
            scales = np.frombuffer(b"".join(row[1] for row in rows), np.float32)
            vectors = np.frombuffer(b"".join(row[2] for row in rows), np.int8).reshape(len(scales), -1)
            if not np.isfinite(scales).all():
                raise ValueError("a scale is no number")
            firsts = np.array([row[0] for row in rows], np.int64) - np.cumsum([0, *counts[:-1]])
            count += len(scales)
            yield ScaledVectors(np.repeat(firsts, counts) + np.arange(len(scales)), scales, vectors)
        passages = "passages p CROSS JOIN articles a" if is_few else "articles a CROSS JOIN passages p"
        sql = f"SELECT count(*) FROM {passages} ON a.id = p.article WHERE p.id > ? AND {condition}"  # noqa: S608
        expected = self.passage_count if is_few and not after else self._value(sql, after, *parameters)
        if count != expected:
            raise ValueError("a row is missing")

    def _read_vectors(self, where: str, parameters: Sequence[object]) -> Iterator[tuple[list[int], FloatArray]]:
        sql = f"SELECT passage, vector FROM passage_vectors{where}"  # noqa: S608
        cursor = self._connection.execute(sql, tuple(parameters))
        while rows := cursor.fetchmany(READ_BATCH):
            vectors = np.frombuffer(b"".join(row[1] for row in rows), np.float32)
            yield [row[0] for row in rows], vectors.reshape(len(rows), -1)


def choose_search_terms(frequencies: Mapping[str, int], *, max_postings: int = MAX_POSTINGS) -> list[str]:
    """Choose the terms to search for, the rarest first, while they stand in at most `max_postings` passages in all."""
    chosen: list[str] = []
    postings = 0
    for term, frequency in sorted(frequencies.items(), key=lambda item: item[1]):
        if not frequency:
            continue
        postings += frequency
        if chosen and postings > max_postings:
            break
        chosen.append(term)
    return chosen


def hash_content(articles: Iterable[tuple[Article, Sequence[PackedPassage]]]) -> str:
    """Hash articles, which come in the order of their ids, with their passages and vectors."""
    digest = hashlib.sha256()
    for article, passages in articles:
        digest.update(f"{hash_article(article)} {len(passages)}\n".encode())
        for packed in passages:
            start, end, spans = packed.passage.start, packed.passage.end, packed.passage.sentences
            vectors = (packed.vector, packed.scales, packed.sentence_vectors)
            digest.update(f"{json.dumps([start, end, spans, [len(part) for part in vectors]])}\n".encode())
            for part in vectors:
                digest.update(part)
    return digest.hexdigest()


_FORGOTTEN = "SELECT count(*) FROM properties WHERE name = 'forgotten'"
_UNFORGOTTEN = (
    "SELECT count(*) FROM properties WHERE name IN ('forgotten', 'unerased', 'unforgotten', 'outdated_replies')"
)


def _quote(term: str) -> str:
    """Quote a term for FTS5, whose syntax is then no more than text."""
    storable = term.replace("\0", " ").encode("utf-8", "replace").decode()
    return '"' + storable.replace('"', '""') + '"'


def _merge(one: list[Neighbour], other: list[Neighbour]) -> list[Neighbour]:
    return sorted(one + other, key=lambda neighbour: (-neighbour[1], neighbour[0]))

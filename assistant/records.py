"""How a shared library is laid out in a Chroma server: articles and passages as records, within Chroma Cloud's limits.

An article is one record, which names its current revision; its passages are records that name the revision that they
are of. The text of an article is that of its passages, one after the other, and it has to have the hash that the
article's record says. What may be left over, of a revision that was replaced or of a writer that died, is a record too,
and one names the state of all articles: who knows it needs no article's record again that it has read.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from assistant.chroma_server import (
    MAX_DOCUMENT_BYTES,
    MAX_KEYS,
    MAX_VALUE_BYTES,
    Collection,
    FoundRecord,
    Record,
    Value,
    Where,
)
from assistant.copies import Signature, sign
from assistant.errors import ArticleError
from assistant.schema import PackedPassage, PassageFilter, hash_article, to_article, to_ref, to_row
from assistant.types import Article, ArticleRef, Passage, Span
from assistant.vectors import FloatArray

ARTICLE, LEFTOVER, STATE = "article", "leftover", "state"
REVISIONS_NOTED = 100  # in one record, some 65 bytes each
MAX_FORMER = 400  # earlier versions that an article's record lists, some 15 bytes each
# What an article's or passage's numbers say where its article has no date: before all others.
UNDATED = -(2**53)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CHUNK = MAX_VALUE_BYTES // 4 * 4  # characters of base64 in one value
_MAX_CHUNKS = MAX_KEYS - 3  # for a passage's other keys are o, p and d
_TIME_DIGITS = 8  # hexadecimal, of the seconds of Unix time when a passage was written
_FOLDED = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}  # as SQLite's NOCASE has it


class StoredRevision(NamedTuple):
    """A revision of an article, by the article's key, and how many passages it has.

    `former_count` is of the records that hold what it took the place of.
    """

    key: str
    name: str
    passage_count: int
    former_count: int = 0

    @property
    def passage_ids(self) -> list[str]:
        """The ids of its passages' records, in their order."""
        return list_passage_ids(self.key, self.name, self.passage_count)

    @property
    def former_ids(self) -> list[str]:
        """The ids of the records of what it took the place of."""
        return list_passage_ids(self.key, self.name, self.former_count)


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """What the record of an article says: the article but for its text, its revision and how that is stored.

    `since` is from when it has been known as it is, in seconds of Unix time; `former` are its earlier versions, the
    earliest first: the name of the revision that took the place of each, and how many records hold it.
    """

    key: str
    revision: str
    passage_count: int
    hash: str
    since: int
    signature: Signature
    row: tuple[Any, ...]  # as `schema.to_article` takes it, with no text
    former: tuple[tuple[str, int], ...] = ()

    @property
    def id(self) -> str:
        """The article's id."""
        return str(self.row[0])

    @property
    def ref(self) -> ArticleRef:
        """What tells the article from others."""
        return to_ref(self.row)

    @property
    def current(self) -> StoredRevision:
        """Its current revision."""
        return StoredRevision(self.key, self.revision, self.passage_count)

    @property
    def passage_ids(self) -> list[str]:
        """The ids of its passages' records, in their order."""
        return self.current.passage_ids

    @property
    def former_revisions(self) -> list[StoredRevision]:
        """What holds its earlier versions, and no passages."""
        return [StoredRevision(self.key, name, 0, count) for name, count in self.former]

    def holds(self, record_id: str) -> bool:
        """Whether the id of a passage's record is one of its current revision's."""
        name, _, number = record_id.rpartition(":")
        return name == f"{self.key}:{self.revision}" and number.isdecimal() and int(number) < self.passage_count

    def with_text(self, text: str) -> Article:
        """Make the article. Raises ValueError for a text that isn't its own."""
        article = to_article((*self.row[:6], text, *self.row[7:]))
        if hash_article(article) != self.hash:
            raise ValueError("another text than was stored")
        return article


@dataclass(frozen=True, slots=True)
class Leftover:
    """Revisions that mustn't stay where they aren't current; `written` is when this was noted, by the server."""

    id: str
    revisions: tuple[StoredRevision, ...]
    written: int


def make_key(article_id: str) -> str:
    """Make the key of an article of its id, which may be of any length: half of its SHA-256."""
    return hashlib.sha256(article_id.encode()).hexdigest()[:32]


def make_revision() -> str:
    """Make up the name of a revision, which no other writer can hit upon."""
    return secrets.token_hex(6)


def list_passage_ids(key: str, revision: str, count: int) -> list[str]:
    """List the ids of the records of a revision's passages, or of what it took the place of, in their order."""
    return [f"{key}:{revision}:{number}" for number in range(count)]


def number_passage(record_id: str) -> int:
    """Make a number of the id of a passage's record, the same for each revision: what orders those that are as good."""
    key, _, number = record_id.split(":")
    return (int(key, 16) << 32) + int(number)


# To records


def to_article_record(
    article: Article, revision: StoredRevision, *, since: int, former: Sequence[tuple[str, int]] = ()
) -> Record:
    """Make the record of an article whose passages, of this revision, have been written."""
    row = list(to_row(article))
    row[6] = None
    signature = _encode(sign(article.text).astype("<u4").tobytes())
    return Record(
        revision.key,
        place_record(revision.key),
        {
            "kind": ARTICLE,
            "row": json.dumps(row, ensure_ascii=False),
            "version": json.dumps([revision.name, revision.passage_count, hash_article(article), since, signature]),
            **({"former": " ".join(f"{name}:{count}" for name, count in former)} if former else {}),
            **_to_filtered(article),
        },
    )


def to_leftover_records(revisions: Sequence[StoredRevision], *, written: int) -> list[Record]:
    """Make records that remember revisions until they are swept, or known to be current; a few for very many."""
    records = []
    for start in range(0, len(revisions), REVISIONS_NOTED):
        id = f"{secrets.token_hex(8)}:old"
        noted = json.dumps(revisions[start : start + REVISIONS_NOTED], separators=(",", ":"))
        records.append(Record(id, place_record(id), {"kind": LEFTOVER, "revisions": noted, "written": written}))
    return records


def to_state_record() -> Record:
    """Make the record of a new state of the articles, under a name that no other state has."""
    return Record(STATE, np.array([1, 0], np.float32), {"kind": STATE, "name": secrets.token_hex(8)})


def to_passage_records(article: Article, passages: Sequence[PackedPassage], *, key: str, revision: str) -> list[Record]:
    """Make the records of the passages of a new revision.

    A server takes time for every key, of every record that it gives. So all that nobody filters by is in one. And it
    keeps all values of a key in their order: those that begin with the time come last, where they are written quickly.
    """
    now = f"{int(time.time()):0{_TIME_DIGITS}x}"
    filtered = _to_filtered(article)
    ids = list_passage_ids(key, revision, len(passages))
    records = []
    for id, packed in zip(ids, passages, strict=True):
        passage = packed.passage
        edges = (edge for span in passage.sentences for edge in span)
        layout = np.array([len(passage.sentences), passage.start, passage.end, *edges], "<u4").tobytes()
        content = now + _encode(layout + packed.scales + packed.sentence_vectors)
        chunks = {f"s{start // _CHUNK}": content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)}
        records.append(Record(id, np.frombuffer(packed.vector, np.float32), {**filtered, **chunks}, passage.text))
    return records


def refuse_unstorable(article: Article, passages: Iterable[Passage]) -> None:
    """Refuse an article that no record can hold. Raises ArticleError."""
    row = json.dumps([*to_row(article)[:6], *to_row(article)[7:]], ensure_ascii=False)
    if len(row.encode()) > MAX_VALUE_BYTES - 16:
        raise ArticleError(
            f"article {article.id[:40]!r}: its id, title, address and the like are longer than the"
            f" {MAX_VALUE_BYTES:,} bytes that a shared library can hold; shorten them"
        )
    if any(len(passage.text.encode()) > MAX_DOCUMENT_BYTES for passage in passages):
        raise ArticleError(
            f"article {article.id[:40]!r}: a passage of it, with the space around it, is longer than the"
            f" {MAX_DOCUMENT_BYTES:,} bytes that a shared library can hold; remove blank lines"
        )


def refuse_dimension(sentences: int, dimension: int) -> None:
    """Refuse vectors that are too long for a record. Raises ArticleError."""
    if _TIME_DIGITS + 4 * -(-(12 + sentences * (12 + dimension)) // 3) > _MAX_CHUNKS * _CHUNK:
        raise ArticleError(
            f"a passage of {sentences} sentences with vectors of {dimension:,} numbers is more than a shared library"
            " can hold; choose an embedding model of shorter vectors with --embedding-model"
        )


# From records


def to_stored_article(found: FoundRecord) -> StoredArticle:
    """Read the record of an article. Raises ValueError, TypeError or KeyError where it isn't one."""
    metadata = found.metadata
    row = json.loads(str(metadata["row"]))
    if metadata["kind"] != ARTICLE or make_key(row[0]) != found.id:
        raise ValueError("another article's record")
    revision, passage_count, hash, since, signature = json.loads(str(metadata["version"]))
    return StoredArticle(
        found.id,
        str(revision),
        int(passage_count),
        str(hash),
        int(since),
        np.frombuffer(base64.b64decode(str(signature)), "<u4").astype(np.uint32),
        tuple(row),
        tuple(_read_former(name) for name in str(metadata.get("former", "")).split()),
    )


def read_state(records: Collection) -> str:
    """Read the name of the state that the articles are in; nothing where they were never changed."""
    return "".join(str(found.metadata.get("name")) for found in records.get([STATE]))


def to_leftover(found: FoundRecord) -> Leftover:
    """Read a record that notes leftovers. Raises ValueError, TypeError or KeyError where it isn't one."""
    metadata = found.metadata
    if metadata["kind"] != LEFTOVER:
        raise ValueError("another record")
    noted = json.loads(str(metadata["revisions"]))
    revisions = tuple(StoredRevision(str(key), str(name), *map(int, counts)) for key, name, *counts in noted)
    return Leftover(found.id, revisions, int(metadata["written"]))


def to_packed_passage(found: FoundRecord, article_id: str) -> PackedPassage:
    """Read the record of a passage; without its own vector where that wasn't asked for.

    Raises ValueError, TypeError or KeyError where it isn't one.
    """
    encoded: list[str] = []
    while (chunk := found.metadata.get(f"s{len(encoded)}")) is not None:
        encoded.append(str(chunk))
    content = base64.b64decode("".join(encoded)[_TIME_DIGITS:], validate=True)
    # How many sentences there are, the edges of the passage and of each of them, and their scales, of four bytes each.
    sentences = int.from_bytes(content[:4], "little")
    scales, vectors = 12 + 8 * sentences, 12 + 12 * sentences
    if len(content) < vectors or (sentences and (len(content) - vectors) % sentences):
        raise ValueError("a layout that is cut")
    _, start, end, *edges = np.frombuffer(content[:scales], "<u4").tolist()
    if end - start != len(found.document):
        raise ValueError("a text of another length")
    return PackedPassage(
        Passage(article_id, start, end, found.document, tuple(map(Span, edges[::2], edges[1::2]))),
        vector=b"" if found.vector is None else found.vector.astype("<f4").tobytes(),
        scales=content[scales:vectors],
        sentence_vectors=content[vectors:],
    )


# Filters


def fold_outlet(outlet: str) -> str:
    """Fold the case of an outlet as a filter does, that of ASCII's letters."""
    return outlet.translate(_FOLDED)


def to_where(filter: PassageFilter) -> dict[str, Any] | None:
    """Make the condition that lets through what a filter does, of passages and articles; None for everything."""
    conditions: list[dict[str, Any]] = []
    if filter.outlet is not None:
        conditions.append({"o": fold_outlet(filter.outlet)})
    for operator, moment in (("$gte", filter.since), ("$lt", filter.until)):
        if moment is not None:
            name, number = ("p", count_microseconds(moment)) if isinstance(moment, datetime) else ("d", _number(moment))
            conditions.append({name: {operator: number}})
    if filter.until is not None and filter.since is None:
        conditions.append({"p": {"$gt": UNDATED}})
    return both(*conditions)


def both(*conditions: Where | None) -> dict[str, Any] | None:
    """Make the condition that lets through what all of some conditions do."""
    given = [dict(condition) for condition in conditions if condition]
    return {"$and": given} if len(given) > 1 else given[0] if given else None


def count_microseconds(moment: datetime) -> int:
    """Count the microseconds of Unix time."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _number(day: date) -> int:
    return day.toordinal()


def _to_filtered(article: Article) -> dict[str, Value]:
    published = article.published
    return {
        # An upsert leaves old keys standing, so that all of them are always there; no outlet is called nothing.
        "o": fold_outlet(article.outlet or ""),
        "p": count_microseconds(published) if published else UNDATED,
        "d": published.date().toordinal() if published else UNDATED,
    }


def _read_former(entry: str) -> tuple[str, int]:
    name, _, count = entry.partition(":")
    return name, int(count)


def place_record(key: str) -> FloatArray:
    """Make a unit vector of two numbers, for Chroma keeps no record without a vector: nobody searches for it."""
    angle = int(key[:8], 16) / 2**32 * 2 * np.pi
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()

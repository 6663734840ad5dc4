"""What articles were, as records of a Chroma server: each earlier version by itself, a long text in several records.

A version is written under the name of the revision that takes its place, and it counts from when the article's record
lists that name: so what a writer leaves behind that died, or lost to another one, is nobody's past.
"""

import json
from collections.abc import Iterator, Sequence

from assistant.chroma_server import MAX_DOCUMENT_BYTES, Collection, FoundRecord, Record, Value
from assistant.records import StoredArticle, list_passage_ids, place_record
from assistant.schema import to_revision, to_row
from assistant.types import Article, Revision

FORMER = "former"


def to_former_records(stored: StoredArticle, article: Article, *, revision: str, until: int) -> list[Record]:
    """Make the records of an article that was known until now, in seconds of Unix time, and takes another revision."""
    row = list(to_row(article))
    row[6] = None
    known: dict[str, Value] = {
        "row": json.dumps(row, ensure_ascii=False),
        "hash": stored.hash,
        "since": stored.since,
        "until": until,
    }
    pieces = list(cut_text(article.text))
    ids = list_passage_ids(stored.key, revision, len(pieces))
    vector = place_record(stored.key)
    return [
        Record(id, vector, {"kind": FORMER, **({} if number else known)}, piece)
        for number, (id, piece) in enumerate(zip(ids, pieces, strict=True))
    ]


def read_former(stored: StoredArticle, records: Collection) -> list[Revision]:
    """Read what an article was, the earliest first; what was deleted meanwhile is left out.

    Raises ValueError, TypeError or KeyError for a version that isn't what was stored.
    """
    found: dict[str, FoundRecord] = {}
    ids = [id for each in stored.former for id in list_passage_ids(stored.key, *each)]
    for record in records.get(ids, include=("metadatas", "documents")):
        found[record.id] = record
    revisions = []
    for each in stored.former:
        pieces = [found.get(id) for id in list_passage_ids(stored.key, *each)]
        if pieces and pieces[0] is not None:
            revisions.append(_to_revision(pieces))
    return revisions


def cut_text(text: str) -> Iterator[str]:
    """Cut a text into pieces that a record can hold."""
    encoded = text.encode()
    start = 0
    while start < len(encoded):
        # A character that is cut in two is left to the next piece.
        piece = encoded[start : start + MAX_DOCUMENT_BYTES].decode(errors="ignore")
        start += len(piece.encode())
        yield piece


def _to_revision(pieces: Sequence[FoundRecord | None]) -> Revision:
    text = "".join(_read_piece(piece) for piece in pieces)
    first = pieces[0]
    if first is None or first.metadata["kind"] != FORMER:
        raise ValueError("another record")
    row = json.loads(str(first.metadata["row"]))
    content = json.dumps([*row[:6], text, *row[7:]])
    return to_revision((first.metadata["since"], first.metadata["until"], first.metadata["hash"], content))


def _read_piece(piece: FoundRecord | None) -> str:
    if piece is None:
        raise ValueError("a piece that is missing")
    return piece.document

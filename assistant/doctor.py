"""Looks at every part of an index, says what is wrong with it, and mends what can be made again from what is intact.

Whatever makes Chroma open files happens in a child process, for a damaged file can crash or hang the one that reads it.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assistant.conversations import CONVERSATIONS_FILE, Conversations
from assistant.embedding import Embedder
from assistant.errors import LibraryDamagedError, LibraryError, LibraryMismatchError
from assistant.library import CHROMA_FOLDER, GENERATION_NAME, Library
from assistant.preparing import embed_articles
from assistant.schema import (
    ARTICLE_COLUMNS,
    ARTICLE_TABLES,
    create_tables,
    find_misplaced_words,
    has_article_vectors,
    has_copies,
    hash_article,
    pack_article_vectors,
    rebuild_copies,
    rebuild_words,
    replace_passages,
    to_article,
    to_revision,
)
from assistant.settings import LIBRARY_FILE
from assistant.types import Article, Diagnosis, Finding
from assistant.vectors import (
    FloatArray,
    Neighbour,
    SegmentFile,
    check_database,
    hash_file,
    holds_links,
    is_intact,
    record_segments,
)

Progress = Callable[[int, int], None]

SAMPLE = 50  # passages that are looked up by their words and by their vectors
NEIGHBOURS = 10
# Chroma's search is approximate: among very many vectors even one that is well may miss one in twenty.
APPROXIMATE_FROM = 10_000
MISSES_ALLOWED = SAMPLE // 20
CHILD_SECONDS = 60.0
CHILD_PASSAGES_PER_SECOND = 2_000  # Chroma reads several times as many
NORM_TOLERANCE = 1e-3
COSINE_TOLERANCE = 1e-3
BATCH_ARTICLES = 16  # what is embedded and committed together
ATTEMPTS = 3

RESTORE = "restore the index from a copy, or index the articles into another folder with --index"
UNWRITABLE = "Chroma opens nothing that can't be written, so questions are answered by exact search"
# After an ingest that was interrupted, and while one is at work.
_STOPPED = "`index` was stopped before its end, or is at work: what it has stored is whole and answers"
UNBUILT = f"{_STOPPED}, by exact search, for there is no Chroma index yet"
BEHIND = f"{_STOPPED}; Chroma's index doesn't know all passages, and the others are searched exactly"
REPAIR = "`assistant doctor --repair` mends it"
# What SQLite says of a file whose rows are all there, but not in all of its orders.
_DISORDER = re.compile(r"row \d+ missing from index|wrong # of entries in index")

# The child imports what its parent would, and nothing from the folder that it happens to be in.
_CHILD = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request["path"]
from pathlib import Path
import numpy as np
from assistant.vectors import Generation, SegmentFile
generation = Generation.open(Path(request["folder"]), tuple(SegmentFile(**file) for file in request["segments"]))
if generation is None:
    sys.exit("it can't be opened")
ids = generation.ids()
found = [generation.nearest(np.array(vector, np.float32), request["limit"]) for vector in request["vectors"]]
if ids is None or None in found:
    sys.exit("it can't be searched")
print("\\n" + json.dumps({"ids": ids, "found": found}))
"""


def examine(library: Library, *, progress: Progress | None = None) -> Diagnosis:
    """Look at all of an index; nothing in it is changed. Raises LibraryError where there is none.

    The inner order of the full-text index is left out while another process writes, and where nothing can be written.
    `progress` is told how many of how many articles are done.
    """
    _refuse_nothing(library)
    words: list[Finding] = []
    if library.exists:  # for the writer makes it otherwise
        with suppress(LibraryError), library.writing():
            words = _check_words_inside(library)
    return _examine(library, words, progress)


def repair(library: Library, *, embedder: Embedder, progress: Progress | None = None) -> Diagnosis:
    """Examine an index, mend what can be mended, and examine it again; `mended` says what was.

    Only articles whose passages or vectors are damaged are embedded. Nothing is written into a library whose file is
    damaged. Raises LibraryError where there is no index or it can't be written, ModelError where it can't be embedded.
    """
    _refuse_nothing(library)
    if not library.exists:
        return examine(library)
    with library.writing():
        before = _examine(library, _check_words_inside(library), progress)
        if not before.findings or any(finding.kind == "library" for finding in before.findings):
            return before
        checked = None if any(finding.kind == "chroma" for finding in before.findings) else _find_published(library)
        _mend(library, before.findings, embedder, progress)
        after = _examine(library, _check_words_inside(library), progress, checked=checked)
    remaining = {(finding.kind, finding.article_id) for finding in after.findings}
    mended = (finding for finding in before.findings if (finding.kind, finding.article_id) not in remaining)
    return replace(after, mended=tuple(mended))


def _refuse_nothing(library: Library) -> None:
    if not library.exists and not any((library.folder / CHROMA_FOLDER).glob("*")):
        raise LibraryError(f"{library.folder}: no library there; add articles with `assistant index SOURCE`")


def _examine(
    library: Library, words: Sequence[Finding], progress: Progress | None, *, checked: "_PublishedRow | None" = None
) -> Diagnosis:
    """Examine an index, but for the files of a generation that was just found well."""
    if not library.exists:
        gone = _of_file("it is gone, and Chroma's index, which is left, holds no text", RESTORE)
        return Diagnosis(0, 0, (gone, *_check_conversations(library.folder)))
    findings: list[Finding] = []
    article_count = passage_count = 0
    try:
        with _reading(library) as connection:
            findings += _check_file(connection)
            article_count = _count(connection, "SELECT count(*) FROM articles")
            passage_count = _count(connection, "SELECT count(*) FROM passages")
            articles = list(_check_articles(connection, article_count, progress))
            findings += articles
            findings += _check_revisions(connection)
            damaged = {finding.article_id for finding in articles}
            findings += words or _check_words(connection, damaged)
        findings += _check_chroma(library, checked)
    except (LibraryDamagedError, LibraryMismatchError) as error:
        if not any(finding.kind == "library" for finding in findings):
            what, _, remedy = str(error).removeprefix(f"{library.folder / LIBRARY_FILE}: ").rpartition("; ")
            findings.append(_of_file(what, remedy))
    findings += _check_conversations(library.folder)
    return Diagnosis(article_count, passage_count, tuple(findings))


@contextmanager
def _reading(library: Library) -> Iterator[sqlite3.Connection]:
    """Read one state of the library, also texts in it that are not UTF-8 any more."""
    with library.connection() as connection:
        connection.text_factory = _decode
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.text_factory = str


@contextmanager
def _writing(library: Library) -> Iterator[sqlite3.Connection]:
    with library.transaction() as connection:
        connection.text_factory = _decode
        try:
            yield connection
        finally:
            connection.text_factory = str


def _decode(text: bytes) -> str:
    return text.decode(errors="replace")


def _count(connection: sqlite3.Connection, sql: str, *parameters: object) -> int:
    return int(connection.execute(sql, parameters).fetchone()[0])


# The library's file -------------------------------------------------------------------------------------------------


def _check_file(connection: sqlite3.Connection) -> Iterator[Finding]:
    said = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    if said != ["ok"]:
        if all(_DISORDER.match(line) for line in said):
            yield _of_rows(f"rows are missing from an order ({said[0]})")
        else:
            lines = " ".join(said[0].split())
            yield _of_file(f"damaged ({lines})", RESTORE)
    with closing(sqlite3.connect(":memory:")) as reference:
        create_tables(reference)
        missing = _names(reference) - _names(connection)
    if missing:
        yield _of_file(f"it lacks {', '.join(sorted(missing))}", RESTORE)
    loose = Counter(row[0] for row in connection.execute("PRAGMA foreign_key_check"))
    for table, count in sorted(loose.items()):
        yield _of_rows(f"{count:,} rows of {table} belong to nothing")


def _names(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {row[0] for row in rows}


def _of_file(what: str, remedy: str) -> Finding:
    return Finding("library", LIBRARY_FILE, what, remedy, is_repairable=False)


def _of_rows(what: str, article_id: str | None = None) -> Finding:
    where = LIBRARY_FILE if article_id is None else f"article {article_id}"
    return Finding("rows", where, what, REPAIR, is_repairable=True, article_id=article_id)


# Conversations --------------------------------------------------------------------------------------------------------


def _check_conversations(folder: Path) -> list[Finding]:
    """Look at what was answered and kept, which nothing else is made from; nobody can make it again."""
    try:
        Conversations(folder).examine()
    except (LibraryDamagedError, LibraryMismatchError) as error:
        what, _, remedy = str(error).removeprefix(f"{folder / CONVERSATIONS_FILE}: ").rpartition("; ")
        return [Finding("conversations", CONVERSATIONS_FILE, what, remedy, is_repairable=False)]
    except LibraryError:
        return []  # in use, or no file that can be read here: that says nothing of what it holds
    return []


# Articles and what is made from them ----------------------------------------------------------------------------------


class _PassageRow(NamedTuple):
    ordinal: int
    start: int
    end: int
    sentences: bytes
    stems: bytes
    stem_counts: bytes
    vector: bytes | None
    scales: bytes | None
    sentence_vectors: bytes | None


def _check_articles(connection: sqlite3.Connection, total: int, progress: Progress | None) -> Iterator[Finding]:
    # The library doesn't say how long a vector is: as long as most of them are.
    longest = connection.execute(
        "SELECT length(vector) FROM passage_vectors GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    vector_bytes = longest[0] if longest else 0
    articles = connection.execute(
        f"SELECT {ARTICLE_COLUMNS}, d.article, a.hash, a.published_seconds, a.id FROM {ARTICLE_TABLES} ORDER BY a.id"  # noqa: S608
    )
    for done, (*columns, details, stored_hash, seconds, row) in enumerate(articles, start=1):
        id, text = str(columns[0]), columns[6]
        # Where the row with its details is missing, all of them are, which a repair can know to be right or not.
        article = _read_article(columns if details is not None else [*columns[:7], None, None, None, "[]"])
        if article is None or hash_article(article) != stored_hash:
            yield Finding(
                "article",
                f"article {id}",
                "its text, title or another part of it is not what was stored",
                f"remove it with `assistant index --remove {id}` and index its source again, or restore the index from"
                " a copy",
                is_repairable=False,
                article_id=id,
            )
        else:
            published = article.published
            if seconds != (published.timestamp() if published else None):
                yield _of_rows("its date is stored in two ways that differ", id)
            if details is None:
                yield _of_rows("the row of what else is known of it is missing", id)
            if not has_copies(connection, row, article.text):
                yield _of_rows("what its copies are found by is not what its text makes", id)
            problem = _check_passages(connection, row, text, vector_bytes)
            if problem:
                yield Finding("passages", f"article {id}", problem, REPAIR, is_repairable=True, article_id=id)
            elif not has_article_vectors(connection, row):
                yield _of_rows("its vectors are stored in two ways that differ", id)
        if progress:
            progress(done, total)


def _read_article(columns: Sequence[Any]) -> Article | None:
    try:
        return to_article(columns)
    except (TypeError, ValueError):
        return None


def _check_revisions(connection: sqlite3.Connection) -> Iterator[Finding]:
    damaged = Counter(str(article_id) for article_id, _ in _find_damaged_revisions(connection))
    for article_id, count in sorted(damaged.items()):
        yield _of_rows(f"{count:,} of the earlier versions of {article_id} can't be read any more")


def _find_damaged_revisions(connection: sqlite3.Connection) -> Iterator[tuple[object, int]]:
    """List the article and the row of each revision that isn't what was stored."""
    revisions = connection.execute(
        "SELECT r.id, r.article_id, r.since_seconds, r.until_seconds, r.hash, r.content, a.id FROM revisions r"
        " LEFT JOIN articles a ON a.article_id = r.article_id ORDER BY r.id"
    )
    for id, article_id, *columns, article in revisions:
        try:
            is_well = article is not None and to_revision(columns).article.id == article_id
        except (TypeError, ValueError):
            is_well = False
        if not is_well:
            yield article_id, id


def _check_passages(connection: sqlite3.Connection, row: int, text: str, vector_bytes: int) -> str | None:
    """Say what is wrong with what was made from the text of an article, in a few words."""
    rows = connection.execute(
        'SELECT p.ordinal, p.start, p."end", p.sentences, p.stems, p.stem_counts, v.vector, s.scales, s.vectors'
        " FROM passages p LEFT JOIN passage_vectors v ON v.passage = p.id LEFT JOIN sentence_vectors s"
        " ON s.passage = p.id WHERE p.article = ? ORDER BY p.ordinal",
        (row,),
    )
    try:
        passages = [_PassageRow(*columns) for columns in rows]
        edges = [(passage.start, passage.end) for passage in passages]
        if not passages:
            return "it has no passages" if text.strip() else None
        is_tiled = edges[0][0] == 0 and edges[-1][1] == len(text) and all(a[1] == b[0] for a, b in pairwise(edges))
        is_ordered = [passage.ordinal for passage in passages] == list(range(len(passages)))
        if not (is_tiled and is_ordered and all(start < end for start, end in edges)):
            return "its passages don't tile its text"
        problems = (_check_passage(passage, vector_bytes) for passage in passages)
        return next((problem for problem in problems if problem), None)
    except (TypeError, ValueError):
        return "its passages can't be read"


def _check_passage(passage: _PassageRow, vector_bytes: int) -> str | None:
    spans = np.frombuffer(passage.sentences, np.uint32).astype(np.int64)
    is_inside = len(spans) % 2 == 0 and (not len(spans) or (passage.start <= spans[0] and spans[-1] <= passage.end))
    # Starts and ends in turn, each sentence at least a character long, none beginning before the one before it ends.
    if not is_inside or (np.diff(spans)[::2] <= 0).any() or (np.diff(spans)[1::2] < 0).any():
        return "its sentences are not in their passage"
    counts = np.frombuffer(passage.stem_counts, np.uint32)
    if len(counts) != max(len(spans) // 2, 1) or int(counts.sum()) * 4 != len(passage.stems):
        return "the stems of its words are not those of its sentences"
    if passage.vector is None or len(passage.vector) != vector_bytes:
        return "a vector is missing or of another length than the others"
    norm = np.linalg.norm(np.frombuffer(passage.vector, np.float32).astype(np.float64))
    if not abs(norm - 1) <= NORM_TOLERANCE:  # nor where it is no number
        return "a vector is not of unit length"
    if passage.scales is None or passage.sentence_vectors is None:
        return "the vectors of its sentences are missing"
    scales = np.frombuffer(passage.scales, np.float32)
    if len(scales) != len(spans) // 2 or len(passage.sentence_vectors) * 4 != len(scales) * vector_bytes:
        return "there are not as many vectors as sentences"
    if not (np.isfinite(scales) & (scales > 0)).all():
        return "the vectors of its sentences have no scale"
    return None


# Full text ------------------------------------------------------------------------------------------------------------


def _check_words_inside(library: Library) -> list[Finding]:
    """Let FTS5 check its own order. SQLite counts that as writing, so call this within `writing`."""
    try:
        with library.connection() as connection:
            try:
                connection.execute("INSERT INTO passage_words (passage_words) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as error:
                if _is_corrupt(error):
                    return [_of_words(f"damaged ({error})")]
    except LibraryError:
        pass  # the library itself can't be read, which the other checks say
    return []


def _check_words(connection: sqlite3.Connection, damaged: set[str | None]) -> list[Finding]:
    difference = "SELECT count(*) FROM (SELECT {} EXCEPT SELECT {})"
    try:
        missing = _count(connection, difference.format("id FROM passages", "rowid FROM passage_words"))
        surplus = _count(connection, difference.format("rowid FROM passage_words", "id FROM passages"))
        if missing or surplus:
            return [_of_words(f"it lacks {missing:,} passages and holds {surplus:,} that are none")]
        rows = connection.execute("SELECT p.id, a.article_id FROM passages p JOIN articles a ON a.id = p.article")
        misplaced = find_misplaced_words(connection, _sample([id for id, article in rows if article not in damaged]))
        if misplaced:
            return [_of_words(f"it lacks words of {len(misplaced)} of the passages that were looked up")]
    except sqlite3.DatabaseError as error:
        if not _is_corrupt(error):
            raise
        return [_of_words(f"damaged ({error})")]
    return []


def _is_corrupt(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT


def _of_words(what: str) -> Finding:
    return Finding("words", f"full-text index in {LIBRARY_FILE}", what, REPAIR, is_repairable=True)


def _sample(ids: Sequence[int]) -> list[int]:
    """Draw ids, the same ones each time."""
    if len(ids) <= SAMPLE:
        return list(ids)
    return sorted(np.random.default_rng(0).choice(ids, SAMPLE, replace=False).tolist())


# Chroma ---------------------------------------------------------------------------------------------------------------


class _PublishedRow(NamedTuple):
    """The row that publishes a generation, as it is."""

    number: int
    folder: str
    last_passage: int
    passage_count: int
    segments: str


def _check_chroma(library: Library, checked: _PublishedRow | None) -> list[Finding]:
    findings: list[Finding] = []
    for _ in range(ATTEMPTS):
        with _reading(library) as connection:
            row = _read_published(connection)
            is_checked = row is not None and row == checked
            problem = None if is_checked else _find_problem(connection, row, library.folder / CHROMA_FOLDER)
        where = f"{CHROMA_FOLDER}/{row.folder}" if row and isinstance(row.folder, str) else CHROMA_FOLDER
        is_unfinished = problem == UNBUILT
        if problem is None:
            with library.snapshot() as snapshot:
                if snapshot.has_chroma_forgotten and not snapshot.is_published:
                    problem, is_unfinished = BEHIND, True
                elif not snapshot.has_forgotten:
                    problem = "the index still holds bytes of articles that were removed or replaced"
        findings = []
        if problem:
            is_writable = os.access(library.folder, os.W_OK)
            mend = f"give that command again, or {REPAIR}" if is_unfinished else REPAIR
            remedy = mend if is_writable else "make the folder writable for its speed; the answers are the same"
            findings = [
                Finding("chroma", where, problem, remedy, is_repairable=is_writable, is_unfinished=is_unfinished)
            ]
        # A writer may have published another one meanwhile, and deleted what was looked at.
        if not findings or _find_published(library) == row:
            break
    return findings


def _find_published(library: Library) -> _PublishedRow | None:
    with _reading(library) as connection:
        return _read_published(connection)


def _read_published(connection: sqlite3.Connection) -> _PublishedRow | None:
    row = connection.execute(
        "SELECT id, folder, last_passage, passage_count, segments FROM generations ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return _PublishedRow(*row) if row else None


def _find_problem(connection: sqlite3.Connection, row: _PublishedRow | None, root: Path) -> str | None:
    """Say what is wrong with the published generation, the cheapest check first, in a few words."""
    if row is None:
        has_passages = _count(connection, "SELECT EXISTS (SELECT 1 FROM passages)")
        return UNBUILT if has_passages else None
    try:
        recorded = tuple(SegmentFile(**file) for file in json.loads(row.segments))
        folder = root / row.folder
    except (TypeError, ValueError):
        return "the record of its files can't be read"
    if not GENERATION_NAME.fullmatch(row.folder):
        return "its name is none that is given here"
    problem = _check_files(folder, recorded)
    if problem is None and not os.access(folder, os.W_OK):
        return UNWRITABLE
    return problem or _check_holdings(connection, row, folder, recorded)


def _check_files(folder: Path, recorded: Sequence[SegmentFile]) -> str | None:
    try:
        if holds_links(folder):
            return "it holds links, which are not followed"
        problem = check_database(folder)
        if problem:
            return f"its database is damaged ({problem})"
        present = {file.name: file for file in record_segments(folder)}
        for file in recorded:
            if file.name not in present:
                return f"{file.name} or the end of its segment is gone"
            if present[file.name].size != file.size:
                return f"{file.name} has {present[file.name].size:,} bytes, not {file.size:,}"
            if file.sha256 is not None and hash_file(folder / file.name) != file.sha256:
                return f"{file.name} has other content than when it was written"
            if present[file.name] != file:
                return f"{file.name} was written again"
        if not is_intact(folder, tuple(recorded)):
            return "it has files that are not in its record, or its settings name a program to run"
    except OSError as error:
        return f"its files can't be read ({error.strerror or error})"
    return None


def _check_holdings(
    connection: sqlite3.Connection, row: _PublishedRow, folder: Path, recorded: Sequence[SegmentFile]
) -> str | None:
    """Compare what Chroma says that it holds with the library, through a child process."""
    kept = [id for (id,) in connection.execute("SELECT id FROM passages WHERE id <= ?", (row.last_passage,))]
    vectors = _load_vectors(connection, _sample(kept))
    seconds = CHILD_SECONDS + row.passage_count / CHILD_PASSAGES_PER_SECOND
    answer = _ask_child(folder, recorded, vectors, seconds=seconds)
    if isinstance(answer, str):
        return answer
    held = set(answer["ids"])
    missing = len(set(kept) - held)
    if missing or len(held) != row.passage_count or any(id > row.last_passage for id in held):
        return f"it holds {len(held):,} passages, not the {row.passage_count:,} of its record; {missing:,} are missing"
    misses = 0
    for (id, vector), found in zip(vectors.items(), answer["found"], strict=True):
        cosines = _true_cosines(connection, vector, found)
        if not all(abs(cosines[other] - cosine) <= COSINE_TOLERANCE for other, cosine in found if other in cosines):
            return "it takes passages for nearer or farther than they are"
        # Copies of one text are equally near, and any of them may be found.
        is_found = id in cosines or (bool(found) and min(cosines.values(), default=0) >= 1 - NORM_TOLERANCE)
        misses += not is_found
    if misses > (MISSES_ALLOWED if row.passage_count >= APPROXIMATE_FROM else 0):
        return f"it doesn't find {misses} of {len(vectors)} passages that were looked up"
    return None


def _load_vectors(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, FloatArray]:
    """Load the vectors of passages, but for those that are damaged themselves."""
    rows = connection.execute(
        "SELECT passage, vector FROM passage_vectors WHERE passage IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    vectors = {id: np.frombuffer(vector, np.float32) for id, vector in rows if len(vector) % 4 == 0}
    lengths = Counter(len(vector) for vector in vectors.values()).most_common(1)
    return {
        id: vector
        for id, vector in vectors.items()
        if len(vector) == lengths[0][0] and abs(np.linalg.norm(vector.astype(np.float64)) - 1) <= NORM_TOLERANCE
    }


def _true_cosines(connection: sqlite3.Connection, vector: FloatArray, found: Sequence[Neighbour]) -> dict[int, float]:
    others = _load_vectors(connection, [id for id, _ in found])
    return {id: float(other @ vector) for id, other in others.items() if len(other) == len(vector)}


def _ask_child(
    folder: Path, recorded: Sequence[SegmentFile], vectors: dict[int, FloatArray], *, seconds: float
) -> dict[str, Any] | str:
    """Let a child process open a generation: the ids that it holds and the nearest of vectors, or why it doesn't."""
    request = {
        "path": sys.path,
        "folder": str(folder.resolve()),
        "segments": [asdict(file) for file in recorded],
        "limit": NEIGHBOURS,
        "vectors": [vector.tolist() for vector in vectors.values()],
    }
    try:
        child = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", _CHILD],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except OSError as error:
        return f"no process can be started that looks into it ({error.strerror or error})"
    except subprocess.TimeoutExpired:
        return f"Chroma hangs on it: there was no answer for {seconds:.0f} s"
    if child.returncode < 0:
        return f"Chroma crashes on it ({signal.Signals(-child.returncode).name})"
    try:
        answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (child.stderr.strip() or f"status {child.returncode}").splitlines()[-1]
        return f"Chroma fails on it ({last})"
    return answer


# Mending --------------------------------------------------------------------------------------------------------------


def _mend(library: Library, findings: Sequence[Finding], embedder: Embedder, progress: Progress | None) -> None:
    kinds = {finding.kind for finding in findings}
    damaged = [finding.article_id for finding in findings if finding.kind == "passages" and finding.article_id]
    with _writing(library) as connection:
        if "rows" in kinds:
            _mend_rows(connection)
        if "chroma" in kinds:
            # What can't be read mustn't be in the way of what comes.
            unread = "folder = '', segments = '[]', last_passage = 0, passage_count = 0"
            connection.execute(f"UPDATE generations SET {unread}")  # noqa: S608
        if damaged and "words" in kinds:
            connection.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')")
    for start in range(0, len(damaged), BATCH_ARTICLES):
        with library.snapshot() as snapshot:
            articles = [snapshot.article(id) for id in damaged[start : start + BATCH_ARTICLES]]
        embedded = embed_articles((article for article in articles if article), embedder)
        with _writing(library) as connection:
            for article, passages in embedded:
                replace_passages(connection, article, passages)
        if progress:
            progress(start + len(articles), len(damaged))
    if damaged or kinds & {"rows", "words"}:
        with _writing(library) as connection:
            rebuild_words(connection)
    library.publish(anew="chroma" in kinds)


def _mend_rows(connection: sqlite3.Connection) -> None:
    connection.execute("REINDEX")
    while loose := connection.execute("PRAGMA foreign_key_check").fetchall():
        for table, row, *_ in loose:
            connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (row,))  # noqa: S608
    connection.execute("DELETE FROM article_vectors")  # all, for a row may stand in the place of another article's
    for id, published in connection.execute("SELECT id, published FROM articles").fetchall():
        with suppress(TypeError, ValueError):  # of an article that is damaged itself
            seconds = datetime.fromisoformat(published).timestamp() if published else None
            connection.execute("UPDATE articles SET published_seconds = ? WHERE id = ?", (seconds, id))
        with suppress(ValueError, TypeError):  # of vectors that are damaged themselves
            pack_article_vectors(connection, id)
    connection.execute(
        "INSERT OR IGNORE INTO article_details (article, origins) SELECT id, '[]' FROM articles"  # all else was unset
    )
    for _, id in list(_find_damaged_revisions(connection)):
        connection.execute("DELETE FROM revisions WHERE id = ?", (id,))
    rebuild_copies(connection)

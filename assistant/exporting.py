"""Libraries as one portable file: export writes everything that a library knows, import takes it in without embedding.

The file is JSON lines in UTF-8, with vectors in base64: a header, then every article in the order of the ids, each
followed by its passages, and at the end the counts and the SHA-256 of all bytes before. Equal libraries make equal
files. What articles said before they changed, and where they came from on this machine, stays here. The file isn't
compressed, since vectors hardly shrink: so any program can read it line by line in bounded memory, and no small file
can grow into a large one. What is in an export is never trusted: everything is checked before anything is written, and
nothing in it is ever run.
"""

import base64
import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from assistant.errors import ArticleError, LibraryDamagedError, LibraryError, LibraryMismatchError
from assistant.port import Library
from assistant.preparing import check_article
from assistant.schema import PackedPassage, hash_article, unpack_vectors
from assistant.types import Article, ExportReport, Failure, IngestReport, Origin, Passage, Span
from assistant.vectors import FloatArray

Progress = Callable[[int, int], None]
PackedArticle = tuple[Article, list[PackedPassage]]

FORMAT_VERSION = 2
MAX_HEADER_BYTES = 65_536
MAX_LINE_BYTES = 67_108_864  # of an article of 10 million characters, each of them escaped
MAX_DIMENSION = 65_536
MAX_LANGUAGE_CHARACTERS = 100  # of an article's language: a tag, or its name
BATCH_PASSAGES = 1_000  # what is committed together
UNIT_TOLERANCE = 0.01  # how much the length of a passage's vector may differ from 1
PACKED_TOLERANCE = 0.1  # and that of a sentence's, which was rounded to 8 bits

ARTICLE_FIELDS = ("id", "title", "text", "outlet", "author", "published", "url")
DETAIL_FIELDS = ("updated", "section", "language", "origins")  # since format 2
PASSAGE_FIELDS = ("start", "end", "sentences", "vector", "scales", "sentence_vectors")
_CONTROLS = frozenset(map(chr, (*range(32), *range(127, 160))))  # which a terminal obeys


def export_library(path: Path, *, library: Library, progress: Progress | None = None) -> ExportReport:
    """Write all that a library knows to a file that doesn't exist yet; it is there whole or not at all.

    Sees one state of the library, whatever is written meanwhile. `progress` is told how many of how many articles are
    done. Raises LibraryError where there is nothing to export, the file exists or can't be written.
    """
    if os.path.lexists(path):
        raise LibraryError(f"{path}: exists already; choose another name, or delete it first")
    with library.snapshot() as snapshot:
        total = len(snapshot.articles())
        if not total:
            raise LibraryError(f"{library.place}: no articles yet, so there is nothing to export")
        with _create(path) as file:
            output = _Output(file)
            dimension = snapshot.dimension
            output.write(
                {"news_assistant_export": FORMAT_VERSION, "model": library.embedding_model, "dimension": dimension}
            )
            passage_count = 0
            for done, (article, passages) in enumerate(snapshot.packed_articles(), start=1):
                output.write({"article": _article_to_json(article)})
                for packed in passages:
                    output.write({"passage": _passage_to_json(packed)})
                passage_count += len(passages)
                if progress:
                    progress(done, total)
            digest = output.digest.hexdigest()
            output.write({"articles": total, "passages": passage_count, "sha256": digest})
    return ExportReport(total, passage_count, output.size, digest)


def import_library(
    path: Path, *, library: Library, dimension: int | None = None, progress: Progress | None = None
) -> IngestReport:
    """Take in what a library exported: nothing is embedded, and an article that is there as it is stays as it is.

    The whole file is checked before anything is written. Articles are then committed in batches of whole ones, so
    whatever stops this, the same call goes on from there. One that this library can't hold is a failure in the report,
    and stops no other. `dimension` is that of the embedding model, where it is
    known; `progress` is told how many of how many articles are done. Raises LibraryMismatchError for another embedding
    model's or a newer version's export, LibraryDamagedError for one that was cut off, altered or isn't what an export
    holds, LibraryError for any other file.
    """
    started = time.perf_counter()
    with library.patient(), library.snapshot() as snapshot:
        dimension = snapshot.dimension or dimension
    with _open(path) as file:
        total = sum(1 for _ in _read(file, path, library.embedding_model, dimension))
        added: list[str] = []
        updated: list[str] = []
        unchanged: list[str] = []
        failed: list[Failure] = []
        passage_count = 0
        with library.writing():
            pending: list[PackedArticle] = []
            for done, (article, passages) in enumerate(_read(file, path, library.embedding_model, dimension), start=1):
                with library.snapshot() as snapshot:
                    before = snapshot.hash(article.id)
                if before == hash_article(article):
                    unchanged.append(article.id)
                elif reason := _find_refusal(library, article, passages):
                    failed.append(Failure(str(path), reason))
                else:
                    (added if before is None else updated).append(article.id)
                    pending.append((article, passages))
                    passage_count += len(passages)
                if sum(len(passages) for _, passages in pending) >= BATCH_PASSAGES:
                    library.add(pending)
                    pending = []
                if progress:
                    progress(done, total)
            if pending:
                library.add(pending)
            library.publish()
    return IngestReport(
        added=tuple(added),
        updated=tuple(updated),
        unchanged=tuple(unchanged),
        removed=(),
        failed=tuple(failed),
        passages=passage_count,
        seconds=time.perf_counter() - started,
    )


def _find_refusal(library: Library, article: Article, passages: list[PackedPassage]) -> str:
    """Say why a library can't hold an article; nothing where it can."""
    try:
        library.check(article, [packed.passage for packed in passages])
    except ArticleError as error:
        return str(error)
    return ""


# Writing -------------------------------------------------------------------------------------------------------------


class _Output:
    """A file of JSON lines, hashed and counted as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, value: dict[str, Any]) -> None:
        line = _to_line(value)
        self._file.write(line)
        self.digest.update(line)
        self.size += len(line)


@contextmanager
def _create(path: Path) -> Iterator[IO[bytes]]:
    """Create a file beside its place, and move it there when all of it is on the disk; never over another one."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(unfinished)  # fails, as no rename does, where somebody was faster
        except FileExistsError:
            raise LibraryError(f"{path}: exists already; choose another name, or delete it first") from None
        except OSError:  # a file system without hard links
            unfinished.rename(path)
    except OSError as error:
        raise LibraryError(f"{path}: can't be written ({error.strerror or error}); choose another file") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _to_line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _article_to_json(article: Article) -> dict[str, Any]:
    fields = {name: getattr(article, name) for name in (*ARTICLE_FIELDS, *DETAIL_FIELDS)}
    times = {name: fields[name].isoformat() for name in ("published", "updated") if fields[name]}
    return {**fields, **times}


def _passage_to_json(packed: PackedPassage) -> dict[str, Any]:
    return {
        "start": packed.passage.start,
        "end": packed.passage.end,
        "sentences": packed.passage.sentences,
        "vector": base64.b64encode(packed.vector).decode(),
        "scales": base64.b64encode(packed.scales).decode(),
        "sentence_vectors": base64.b64encode(packed.sentence_vectors).decode(),
    }


# Reading -------------------------------------------------------------------------------------------------------------


class _InvalidError(Exception):
    """What is wrong with a line of an export."""


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        # Not to wait for whoever writes to a pipe.
        if not stat.S_ISREG(path.stat().st_mode):
            raise LibraryError(f"{path}: is no file; give one that `assistant export` wrote")
        file = path.open("rb")
    except OSError as error:
        raise LibraryError(f"{path}: can't be read ({error.strerror or error})") from error
    except ValueError:  # a NUL in the name
        raise LibraryError(f"{str(path)!r} is no name of a file") from None
    with file:
        yield file


def _read(file: IO[bytes], path: Path, embedding_model: str, dimension: int | None) -> Iterator[PackedArticle]:
    """Read the articles of an export from its start, each checked; its end is checked when the last has been read."""
    lines = _Lines(file)
    try:
        file.seek(0)
        lines.read(MAX_HEADER_BYTES)
        version, dimension = _check_header(lines, path, embedding_model, dimension)
        article_fields = ARTICLE_FIELDS if version == 1 else (*ARTICLE_FIELDS, *DETAIL_FIELDS)
        lines.read()
        counts = {"articles": 0, "passages": 0}
        last_id = ""
        while "article" in lines.value:
            article = _to_article(_fields(lines.value, "article", article_fields))
            if article.id <= last_id:
                raise _InvalidError("an article that is there twice or out of order")
            last_id = article.id
            passages: list[PackedPassage] = []
            lines.read()
            while "passage" in lines.value:
                start = passages[-1].passage.end if passages else 0
                fields = _fields(lines.value, "passage", PASSAGE_FIELDS)
                passages.append(_to_passage(fields, article, start=start, dimension=dimension))
                lines.read()
            if not passages or passages[-1].passage.end != len(article.text):
                raise _InvalidError("the last passage isn't the end of its article")
            yield article, passages
            counts = {"articles": counts["articles"] + 1, "passages": counts["passages"] + len(passages)}
        lines.check_end(counts)
    except _InvalidError as error:
        raise LibraryDamagedError(
            f"{path}: cut off, altered or not what an export holds (line {lines.number}: {str(error)[:200]}); export"
            " the library again"
        ) from None
    except OSError as error:
        raise LibraryError(f"{path}: can't be read ({error.strerror or error})") from error


class _Lines:
    """The lines of an export as JSON objects, hashed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()  # of the lines before this one
        self._line = b""
        self.number = 0
        self.value: dict[str, object] = {}

    def read(self, limit: int = MAX_LINE_BYTES) -> None:
        """Read the next line into `value`. Raises _InvalidError where there is none, or none of ours."""
        self._digest.update(self._line)
        self._line = self._file.readline(limit)
        self.number += 1
        if not self._line.endswith(b"\n"):
            raise _InvalidError("a line without an end" if self._line else "the end is missing")
        try:
            value = json.loads(self._line.decode())
        except (ValueError, RecursionError):
            raise _InvalidError("no JSON") from None
        if not isinstance(value, dict):
            raise _InvalidError("no JSON object")
        self.value = value

    def check_end(self, counts: dict[str, int]) -> None:
        """Check that this line is the last one, and the whole file as it was written."""
        if self._line != _to_line({**counts, "sha256": self._digest.hexdigest()}):
            raise _InvalidError("the counts and the hash at the end aren't those of what stands before it")
        if self._file.read(1):
            raise _InvalidError("it goes on after its end")


def _check_header(lines: _Lines, path: Path, embedding_model: str, dimension: int | None) -> tuple[int, int]:
    """Check whose export it is, of which version and model, and return the version and the dimension of its vectors."""
    version = lines.value.get("news_assistant_export")
    if type(version) is not int or version < 1:
        raise LibraryError(f"{path}: is no export of a library; give a file that `assistant export` wrote")
    if version > FORMAT_VERSION:
        raise LibraryMismatchError(
            f"{path}: written by a newer version of the assistant (format {version}, this one reads {FORMAT_VERSION});"
            " upgrade the assistant"
        )
    if lines.value.keys() != {"news_assistant_export", "model", "dimension"}:
        raise _InvalidError("the header is not one of this format")
    made_by, found = lines.value["model"], lines.value["dimension"]
    if made_by != embedding_model:
        raise LibraryMismatchError(
            f"{path}: made with the embedding model {str(made_by)[:200]}, not {embedding_model}; choose that one with"
            " --embedding-model, and an index that it made with --index"
        )
    if type(found) is not int or not 0 < found <= MAX_DIMENSION:
        raise _InvalidError("the header has no dimension")
    if dimension not in (None, found):
        raise LibraryMismatchError(
            f"{path}: has vectors of {found} numbers, and those of {embedding_model} have {dimension}; export again"
            " what that model made"
        )
    return version, found


def _fields(value: dict[str, object], name: str, names: tuple[str, ...]) -> dict[str, object]:
    """Take the fields of the one object that a line holds."""
    fields = value[name]
    if len(value) != 1 or not isinstance(fields, dict) or fields.keys() != set(names):
        raise _InvalidError(f"other fields than those of {name}s")
    return fields


def _to_article(fields: dict[str, object]) -> Article:
    for name in fields.keys() - {"origins"}:
        if not isinstance(fields[name], str) and (fields[name] is not None or name in ("id", "title", "text")):
            raise _InvalidError(f"the {name} is no text")
    texts = cast("dict[str, str | None]", fields)
    if not _CONTROLS.isdisjoint(texts["id"] or ""):
        raise _InvalidError("the id holds a control character")
    if len(texts.get("language") or "") > MAX_LANGUAGE_CHARACTERS:
        raise _InvalidError("the language is no name of one")
    try:
        article = Article(
            texts["id"] or "",
            texts["title"] or "",
            texts["text"] or "",
            outlet=texts["outlet"],
            author=texts["author"],
            published=_to_time(texts["published"]),
            url=texts["url"],
            updated=_to_time(texts.get("updated")),
            section=texts.get("section"),
            language=texts.get("language"),
            origins=_to_origins(fields.get("origins", [])),
        )
        check_article(article)
    except (ArticleError, ValueError) as error:
        raise _InvalidError(str(error)) from None
    return article


def _to_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _to_origins(value: object) -> tuple[Origin, ...]:
    if not isinstance(value, list):
        raise _InvalidError("no list of origins")
    for origin in value:
        if not (isinstance(origin, list) and len(origin) == 2 and all(isinstance(part, str) for part in origin)):
            raise _InvalidError("an origin without a field and a place")
    return tuple(Origin(*origin) for origin in value)


def _to_passage(fields: dict[str, object], article: Article, *, start: int, dimension: int) -> PackedPassage:
    """Make a passage that begins where the one before it ended, and has vectors of unit length."""
    end, sentences = fields["end"], fields["sentences"]
    if (
        type(fields["start"]) is not int
        or fields["start"] != start
        or type(end) is not int
        or not start < end <= len(article.text)
    ):
        raise _InvalidError("a passage that doesn't follow the one before it")
    if not isinstance(sentences, list):
        raise _InvalidError("no list of sentences")
    spans = []
    earliest = start
    for span in sentences:
        if not (isinstance(span, list) and len(span) == 2 and all(type(offset) is int for offset in span)):
            raise _InvalidError("a sentence without a start and an end")
        if not earliest <= span[0] < span[1] <= end:
            raise _InvalidError("a sentence that isn't in its passage, after the one before it")
        spans.append(Span(*span))
        earliest = span[1]
    packed = PackedPassage(
        Passage(article.id, start, end, article.text[start:end], tuple(spans)),
        vector=_to_bytes(fields["vector"], 4 * dimension),
        scales=_to_bytes(fields["scales"], 4 * len(spans)),
        sentence_vectors=_to_bytes(fields["sentence_vectors"], dimension * len(spans)),
    )
    _check_lengths(np.frombuffer(packed.vector, "<f4")[None], UNIT_TOLERANCE)
    if spans:
        scales = np.frombuffer(packed.scales, "<f4")
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise _InvalidError("a scale that is no number above 0")
        (vectors,) = unpack_vectors([(packed.scales, packed.sentence_vectors)])
        _check_lengths(vectors, PACKED_TOLERANCE)
    return packed


def _to_bytes(value: object, size: int) -> bytes:
    """Decode exactly so many bytes."""
    if not isinstance(value, str) or len(value) != 4 * -(-size // 3):
        raise _InvalidError("a vector of another size")
    try:
        decoded = base64.b64decode(value, validate=True)
    except ValueError:
        raise _InvalidError("a vector that isn't in base64") from None
    if len(decoded) != size:
        raise _InvalidError("a vector of another size")
    return decoded


def _check_lengths(vectors: FloatArray, tolerance: float) -> None:
    """Check that vectors (n, d) are of unit length, which none is that isn't finite."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not (np.abs(lengths - 1) <= tolerance).all():
        raise _InvalidError("a vector that isn't of unit length")

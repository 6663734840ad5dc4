"""Reading sources into articles: files and folders, standard input, and documents of every kind.

A document's kind decides who reads it. Text and Markdown are read here, with the small header of a Markdown file.
"""

import hashlib
import os
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from assistant.decoding import decode, normalise
from assistant.documents import (
    Outcome,
    choose_title,
    get_address,
    get_web_address,
    parse_time,
    read_articles,
    read_mail,
    read_mailbox,
    read_pdf,
    read_word,
)
from assistant.errors import ArticleError
from assistant.kinds import GZIP, SUFFIX_KINDS, Kind, count_others, is_list, tell_kind, tell_other
from assistant.types import Article, Document, Origin, PassedOver

PEEK_BYTES = 65_536  # of a file's beginning and of its end, where a Word file's list of parts stands
MAX_FILE_BYTES = 10_000_000  # of a text or a page: a long book is 2 MB; what is larger is a dump or a mistake
MAX_DOCUMENT_BYTES = 50_000_000  # of what holds pictures, or many articles
HEADER_FIELDS = ("title", "outlet", "author", "published", "url", "updated", "section", "language")

_HEADER_PLACE = "the header of the file"
_TEXTS: tuple[Kind, ...] = ("text", "markdown", "page")
_LISTS: dict[Kind, str] = {"feed": "a feed", "sitemap": "a sitemap", "addresses": "a list of addresses"}
# Its first line has a key: a text may begin with a line of dashes that is only a line.
_HEADER = re.compile(r"\A---[ \t]*\n(?=[\w -]+:|---)(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def list_files(source: str | Path) -> list[Path | PassedOver | ArticleError]:
    """List the files of a source: a file is its own, a folder has those below it that may hold articles, by name.

    Hidden files and links that lead out of the folder are left out. What is named as articles are is one; any other
    file is looked into. After the files stand those that hold no article, and then an error for each folder that can't
    be read. Raises ArticleError where there are neither files nor errors.
    """
    if not str(source):
        raise ArticleError("no source given: give a file or a folder")
    source = Path(source)
    try:
        if not source.is_dir():
            return [source]
        root = source.resolve()
    except OSError as error:
        raise _translate(error, source) from None
    paths: list[Path] = []
    others: list[PassedOver] = []
    errors: list[OSError] = []
    for folder, folders, names in os.walk(source, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            try:
                if path.is_file() and path.resolve().is_relative_to(root):
                    other = _tell_other(path)
                    others += [PassedOver(str(path), other)] if other else []
                    paths += [] if other else [path]
            except OSError as error:
                errors.append(error)
    if not paths and not errors:
        held = f"it holds {count_others(other.what for other in others)}" if others else "there is no file in it"
        raise ArticleError(f"{source}: no articles in this folder: {held}")
    translated = sorted((_translate(error, error.filename or source) for error in errors), key=str)
    return [*sorted(paths), *sorted(others, key=lambda other: other.source), *translated]


def _tell_other(path: Path) -> str | None:
    """Look at the beginning and the end of a file, and name what it is but an article."""
    try:
        with path.open("rb") as file:
            data = file.read(PEEK_BYTES)
            size = os.fstat(file.fileno()).st_size
            file.seek(max(len(data), size - PEEK_BYTES))
            data += file.read(PEEK_BYTES)
    except PermissionError:
        # One that its name says to be an article is missed: reading it says why.
        return None if path.suffix.lower() in SUFFIX_KINDS else "file that can't be read"
    return tell_other(Document(str(path), data))


def load_document(path: str | Path) -> Document:
    """Take in a file as it is. Raises ArticleError for one that is missing, no file, empty or too large."""
    path = Path(path)
    try:
        if not path.exists():
            raise ArticleError(f"{path}: no such file or folder")
        if not path.is_file():
            raise ArticleError(f"{path}: not a file or a folder")
        with path.open("rb") as file:
            # Read one byte past the limit rather than trust the size: some files don't know theirs.
            data = file.read(MAX_DOCUMENT_BYTES + 1)
            modified = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    except OSError as error:
        raise _translate(error, path) from None
    document = Document(str(path), data, url=path.resolve().as_uri(), modified=modified)
    _check_size(document, MAX_DOCUMENT_BYTES)
    return document


def unpack_list(document: Document) -> Document:
    """Unpack a feed, sitemap or list of addresses that is packed (sitemap.xml.gz); any other document stays as it is.

    Raises ArticleError for a list that is too large.
    """
    if not document.data.startswith(GZIP):
        return document
    try:
        data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(document.data, MAX_DOCUMENT_BYTES + 1)
    except zlib.error:
        return document
    unpacked = replace(document, data=data)
    if not is_list(unpacked):
        return document
    _check_size(unpacked, MAX_DOCUMENT_BYTES)
    return unpacked


def load_standard_input() -> Document:
    """Take in what is piped in; its address is made of what it holds, so that the same again is known again.

    Raises ArticleError where that is closed, empty or too large.
    """
    try:
        if sys.stdin is None:
            raise ArticleError("standard input: can't be read: it is closed")
        data = sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise _translate(error, "standard input") from None
    document = Document("standard input", data, url=f"urn:sha256:{hashlib.sha256(data).hexdigest()}")
    _check_size(document, MAX_DOCUMENT_BYTES)
    return document


def read_article(path: Path) -> Article:
    """Read the one article of a file; its id is the URL that it names, or else the file's own.

    Raises ArticleError for a file that can't be read, or holds several.
    """
    outcomes = read_document(load_document(path))
    for outcome in outcomes:
        if isinstance(outcome, ArticleError):
            raise outcome
    if len(outcomes) > 1 or not isinstance(outcomes[0], Article):
        raise ArticleError(f"{path}: holds {len(outcomes)} articles, and one was asked for")
    return outcomes[0]


def read_document(document: Document) -> tuple[Outcome, ...]:
    """Read the articles of a document: one, but for mail and lists, of which each that can't be read is an error.

    Raises ArticleError where the document as a whole can't be read; it names the document, or what is in it.
    """
    kind = tell_kind(document)
    _check_size(document, MAX_FILE_BYTES if kind in _TEXTS else MAX_DOCUMENT_BYTES)
    if kind in ("text", "markdown"):
        return (_read_text(document),)
    if kind in _LISTS:
        raise ArticleError(f"{document.name}: no article, but {_LISTS[kind]}: give it as a source of its own")
    try:
        outcomes = _READERS[kind](document)
    except (ArticleError, MemoryError):
        raise
    except RecursionError:
        raise ArticleError(f"{document.name}: can't be read: it is nested too deeply") from None
    except Exception as error:
        # What libraries raise for damaged documents is whatever went wrong in them.
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ArticleError(f"{document.name}: can't be read: it seems to be damaged ({reason})") from None
    if not outcomes:
        raise ArticleError(f"{document.name}: empty: there is no article in it")
    return outcomes


def _read_page(document: Document) -> tuple[Outcome, ...]:
    from assistant.pages import read_page

    return (read_page(document),)


_READERS: dict[Kind, Callable[[Document], tuple[Outcome, ...]]] = {
    "page": _read_page,
    "pdf": lambda document: (read_pdf(document),),
    "word": lambda document: (read_word(document),),
    "mail": lambda document: read_mail(document, read_document),
    "mailbox": lambda document: read_mailbox(document, read_document),
    "articles": read_articles,
}


def _read_text(document: Document) -> Article:
    """Read text or Markdown; its id is the URL in its header, or else where it is."""
    header, body = _split_header(normalise(decode(document.data, document.name)))
    body = body.strip("\n")
    if not body.strip():
        raise ArticleError(f"{document.name}: empty: there is no text in it")
    title, origin = choose_title([(header.get("title"), _HEADER_PLACE)], body, document)
    if document.published:
        header.pop("published", None)  # it isn't asked, so it needn't be a date
    published, updated = (
        parse_time(header[field], document.name, field) if field in header else None
        for field in ("published", "updated")
    )
    return Article(
        id=header.get("url") or get_address(document),
        title=title,
        text=body,
        outlet=header.get("outlet"),
        author=header.get("author"),
        published=published,
        url=header.get("url") or get_web_address(document),
        updated=updated,
        section=header.get("section"),
        language=header.get("language"),
        origins=(origin, *(Origin(field, _HEADER_PLACE) for field in header if field not in ("title", "url"))),
    )


def _check_size(document: Document, max_bytes: int) -> None:
    if len(document.data) > max_bytes:
        what = "an article" if max_bytes == MAX_FILE_BYTES else "a document"
        raise ArticleError(f"{document.name}: too large: {what} may have at most {max_bytes // 1_000_000} MB; split it")
    if not document.data.strip():
        raise ArticleError(f"{document.name}: empty: there is no text in it")


def _translate(error: OSError, path: object) -> ArticleError:
    return ArticleError(f"{path}: can't be read: {error.strerror or error}")


def _split_header(text: str) -> tuple[dict[str, str], str]:
    """Split off the `key: value` lines between two --- lines at the top; fields that we don't know are left out."""
    match = _HEADER.match(text)
    if match is None:
        return {}, text
    header = {}
    for line in match.group(1).splitlines():
        key, colon, value = line.partition(":")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if colon and key.strip().lower() in HEADER_FIELDS and value:
            header[key.strip().lower()] = value
    return header, text[match.end() :]

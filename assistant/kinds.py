"""Tells what kind of document a source holds: by its content, then by what a server says of it, then by its name."""

import codecs
import re
from pathlib import PurePath
from typing import Final, Literal

from assistant.errors import ArticleError
from assistant.types import Document

Kind = Literal[
    "text", "markdown", "page", "pdf", "word", "mail", "mailbox", "articles", "feed", "sitemap", "addresses"
]  # fmt: skip

HEAD_BYTES = 4_096  # of a document's beginning, which are enough to tell its kind

SUFFIX_KINDS: Final[dict[str, Kind]] = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "page",
    ".htm": "page",
    ".xhtml": "page",
    ".pdf": "pdf",
    ".docx": "word",
    ".eml": "mail",
    ".mbox": "mailbox",
    ".jsonl": "articles",
}
# text/plain, text/xml and application/octet-stream say too little: servers give them to what they don't know.
_MEDIA_KINDS: Final[dict[str, Kind]] = {
    "text/markdown": "markdown",
    "text/html": "page",
    "application/xhtml+xml": "page",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "word",
    "message/rfc822": "mail",
    "application/mbox": "mailbox",
    "application/jsonl": "articles",
    "application/x-ndjson": "articles",
    "application/rss+xml": "feed",
    "application/atom+xml": "feed",
    "text/uri-list": "addresses",
}
_ROOT_KINDS: Final[dict[str, Kind]] = {
    "!doctype html": "page",
    "html": "page",
    "head": "page",
    "body": "page",
    "title": "page",
    "meta": "page",
    "rss": "feed",
    "feed": "feed",
    "rdf:rdf": "feed",
    "urlset": "sitemap",
    "sitemapindex": "sitemap",
}
# What is known by its first bytes and can't be read, and what to do.
_REFUSED: Final = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Office document of the old kind (.doc), or with a password: save it as .docx or PDF",
    ),
    (b"{\\rtf", "rich text (RTF): save it as .docx or PDF"),
    (b"PK\x03\x04", "a zip archive, or a document of a kind that isn't read: unpack it, or save it as .docx or PDF"),
    (b"\x1f\x8b", "compressed: unpack it first"),
)
_WIDE_MARKS: Final = (  # UTF-32 before UTF-16, whose mark is the first half of its own
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# The first tag, after what may stand before it in XML and HTML.
_ROOT = re.compile(
    r"\s*(?:(?:<\?[^>]*>|<!--.*?-->|<!doctype(?!\s+html\b)[^>]*>)\s*)*<([^\s/>]+(?:\s+html\b)?)", re.S | re.I
)
_MAILBOX = re.compile(r"From \S[^\n]*\d{4}[^\n]*\n>?[\w-]+:")
_FIELD = re.compile(r"([!-9;-~]+):[ \t\r\n]|[ \t]+\S")
_MAIL_FIELDS = frozenset(
    ("from", "to", "date", "subject", "message-id", "mime-version", "received", "return-path", "content-type")
)
_OBJECT = re.compile(rb'\s*\{\s*"(?:[^"\\\n]|\\.)+"\s*:[^\n]*\}\s*(?:\n|\Z)')
_TEXT_FIELD = re.compile(rb'"text"\s*:\s*"')
_ADDRESS = re.compile(rb"https?://[^\s<>\"]+", re.I)


def tell_kind(document: Document) -> Kind:
    """Tell a document's kind; what nothing tells of is text. Raises ArticleError for a known kind that isn't read."""
    data = document.data
    if data[:HEAD_BYTES].lstrip().startswith(b"%PDF-") or (
        b"%PDF-" in data[:1024] and b"startxref" in data[-1024:]  # some begin with a line of a mail's or a server's
    ):
        return "pdf"
    if data.startswith(b"PK\x03\x04") and b"word/document" in data:
        return "word"
    for mark, what in _REFUSED:
        if data.startswith(mark):
            raise ArticleError(f"{document.name}: {what}")
    hint = _get_media_kind(document) or _get_suffix_kind(document) or "text"
    return _tell_from_text(data, hint) or hint


def _tell_from_text(data: bytes, hint: Kind) -> Kind | None:
    head = _decode_head(data)
    root = _ROOT.match(head)
    if root:
        kind = _ROOT_KINDS.get(" ".join(root[1].lower().split()))
        if kind:
            return kind
    if _MAILBOX.match(head):
        return "mailbox"
    if _is_mail(head):
        return "mail"
    # A note of addresses in Markdown is a note.
    if hint != "markdown" and _is_addresses(data):
        return "addresses"
    first = _OBJECT.match(data.removeprefix(codecs.BOM_UTF8))
    if first and _TEXT_FIELD.search(first[0]):
        return "articles"
    return None


def _decode_head(data: bytes) -> str:
    head = data[:HEAD_BYTES]
    for mark, encoding in _WIDE_MARKS:
        if head.startswith(mark):
            return head.decode(encoding, errors="replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")  # the marks that are looked for are all ASCII


def _is_mail(head: str) -> bool:
    """Whether a text begins with header fields of a mail and nothing else, of which one is a mail's alone."""
    fields = set()
    for line in head.splitlines():
        match = _FIELD.match(f"{line}\n")
        if not line or match is None:
            # The header may be longer than what is looked at, but no line of it is another thing.
            if line:
                return False
            break
        if match[1]:
            fields.add(match[1].lower())
    return len(fields & _MAIL_FIELDS) >= 3 and not fields.isdisjoint(("from", "message-id", "received"))


def _is_addresses(data: bytes) -> bool:
    """Whether most lines are addresses, remarks behind a # aside: one that is mistyped makes no text of them."""
    lines = [line.strip() for line in data.removeprefix(codecs.BOM_UTF8).splitlines()]
    are_addresses = [bool(_ADDRESS.fullmatch(line)) for line in lines if line and not line.startswith(b"#")]
    return 2 * sum(are_addresses) > len(are_addresses)


def _get_media_kind(document: Document) -> Kind | None:
    return _MEDIA_KINDS.get((document.media_type or "").partition(";")[0].strip().lower())


def _get_suffix_kind(document: Document) -> Kind | None:
    name = document.name
    if name.startswith(("http://", "https://")):
        name = name.partition("?")[0].partition("#")[0]
    return SUFFIX_KINDS.get(PurePath(name).suffix.lower())

"""Tells what kind of document a source holds: by its content, then by what a server says of it, then by its name."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final, Literal

from assistant.errors import KindError
from assistant.types import Document

Kind = Literal[
    "text", "markdown", "page", "pdf", "word", "mail", "mailbox", "articles", "feed", "sitemap", "addresses"
]  # fmt: skip

LISTS: Final[frozenset[Kind]] = frozenset(("feed", "sitemap", "addresses"))
HEAD_BYTES = 4_096  # of a document's beginning, which are enough to tell its kind
EMPTY = "empty file"
GZIP: Final = b"\x1f\x8b"

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
# What a text is that has one of these names and nothing in it that tells another kind: written for a program.
_CODE_SUFFIXES: Final = (
    " .bat .c .cc .cfg .cmd .conf .cpp .cs .css .csv .go .h .hpp .ini .ipynb .java .js .json .jsx .kt .less .lock .log"
    " .lua .m .map .mjs .php .pl .ps1 .py .r .rb .rs .scala .scss .sh .sql .swift .tex .toml .ts .tsv .tsx .vue .xml"
    " .yaml .yml "
)
# text/plain, text/xml and application/octet-stream say too little: servers give them to what they don't know. A feed
# and a sitemap are told by what is in them.
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
    "text/uri-list": "addresses",
}
# What servers call code and data, which no reader reads.
_CODE_MEDIA: Final = re.compile(
    r"\s*(?:text|application)/(?:[\w.-]+\+)?(?:json|javascript|ecmascript|x-javascript|css|csv|wasm)\s*(?:;|\Z)",
    re.IGNORECASE,
)
_ROOT_KINDS: Final[dict[str, Kind]] = {
    "!doctype html": "page",
    "html": "page",
    "head": "page",
    "body": "page",
    "title": "page",
    "meta": "page",
    "rss": "feed",
    "feed": "feed",
    "rdf": "feed",
    "urlset": "sitemap",
    "sitemapindex": "sitemap",
}
_NO_ARTICLE = "no article can be read from this kind of file ({}): give a text, a page, a PDF, Word or a mail"
_OLD_OFFICE = "an Office document of the old kind (.doc), or with a password: save it as .docx or PDF"
_ARCHIVE = "a zip archive, or a document of a kind that isn't read: unpack it, or save it as .docx or PDF"
# What is known by its first bytes and can't be read: what that is called, what it is, and what to do.
_REFUSED: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old document", _OLD_OFFICE),
    (b"{\\rtf", "old document", "rich text (RTF): save it as .docx or PDF"),
    (b"PK\x03\x04", "archive", _ARCHIVE),
    (GZIP, "archive", "compressed: unpack it first"),
)
# Files that no article is read from, by what they are.
_OTHERS: Final = re.compile(
    rb"""(?P<archive>PK\x05\x06|7z\xbc\xaf|Rar!\x1a|BZh91AY|\xfd7zXZ|\(\xb5/\xfd|.{257}ustar)
    |(?P<image>\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|\0\0\x01\0|8BPS\0
        |RIFF.{4}WEBP|\0.{3}ftyp(?:avif|heic|heix|mif1))
    |(?P<recording>ID3[\x02-\x04]|\xff[\xfb\xf3]|OggS\0|fLaC\0|\x1aE\xdf\xa3|RIFF.{4}(?:WAVE|AVI\x20)|\0.{3}ftyp)
    |(?P<font>wOF[F2]\0|OTTO\0|\0\x01\0\0\0)
    |(?P<database>SQLite\x20format\x203\0)
    |(?P<program>\x7fELF|MZ[\x90\0]\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|\0asm)""",
    re.DOTALL | re.VERBOSE,
)
_WIDE_MARKS: Final = (  # UTF-32 before UTF-16, whose mark is the first half of its own
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# The first tag, after what may stand before it in XML and HTML, without the prefix of its namespace. Atomic, for a run
# of comments can be told apart in more ways than there is time for.
_ROOT = re.compile(
    r"(?>(?:\s+|<\?.*?\?>|<!--.*?-->|<!doctype(?!\s+html\b)[^>\[]*(?:\[.*?\]\s*)?>)*)"
    r"<(?:[\w.-]+:)?([^\s/>]+(?:\s+html\b)?)",
    re.DOTALL | re.IGNORECASE,
)
_XML = re.compile(r"\s*<(?:\?xml\s|!doctype\s(?!\s*html\b)|!entity\s)", re.IGNORECASE)
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MAILBOX = re.compile(r"From \S[^\n]*\d{4}[^\n]*\n>?[\w-]+:")
_FIELD = re.compile(r"([!-9;-~]+):[ \t\r\n]|[ \t]+\S")
_MAIL_FIELDS = frozenset(
    ("from", "to", "date", "subject", "message-id", "mime-version", "received", "return-path", "content-type")
)
_OBJECT = re.compile(rb'\s*\{\s*"(?:[^"\\\n]|\\.)+"\s*:[^\n]*\}\s*(?:\n|\Z)')
_TEXT_FIELD = re.compile(rb'"text"\s*:\s*"')
_ADDRESS = re.compile(rb"https?://[^\s<>\"]+", re.I)


def tell_kind(document: Document) -> Kind:
    """Tell a document's kind; what nothing tells of is text. Raises KindError for a known kind that isn't read."""
    data = document.data
    if data[:HEAD_BYTES].lstrip().startswith(b"%PDF-") or (
        b"%PDF-" in data[:1024] and b"startxref" in data[-1024:]  # some begin with a line of a mail's or a server's
    ):
        return "pdf"
    if data.startswith(b"PK\x03\x04") and b"word/document" in data:
        return "word"
    for mark, what, reason in _REFUSED:
        if data.startswith(mark):
            raise KindError(f"{document.name}: {reason}", what=what)
    other = _OTHERS.match(data)
    if other:
        raise KindError(f"{document.name}: {_NO_ARTICLE.format(other.lastgroup)}", what=str(other.lastgroup))
    hint = _get_media_kind(document) or _get_suffix_kind(document)
    kind = _tell_from_text(data, hint)
    if kind is None and _CODE_MEDIA.match(document.media_type or ""):
        raise KindError(f"{document.name}: {_NO_ARTICLE.format('code or data')}", what="file of code or data")
    if kind is None and hint is None and _XML.match(_decode_head(data)):
        what, reason = _name_xml(data)
        raise KindError(f"{document.name}: {reason}", what=what)
    return kind or hint or "text"


def is_list(document: Document) -> bool:
    """Whether a document is a feed, a sitemap or a list of addresses."""
    try:
        return tell_kind(document) in LISTS
    except KindError:  # which whoever reads it says again
        return False


def tell_other(document: Document) -> str | None:
    """Name what a file is that nobody gave by itself and that holds no article, in the singular; None where it may.

    `document` is the file, or its beginning and its end. What its name says to be an article is one, unless it isn't
    the text that such a file holds at all.
    """
    named = _get_suffix_kind(document)
    if named in ("pdf", "word"):
        return None
    if not document.data.strip():
        return EMPTY
    try:
        kind = tell_kind(document)
    except KindError as error:
        return error.what
    is_wide = document.data.startswith(tuple(mark for mark, _ in _WIDE_MARKS))
    if named:
        # Not by its NUL bytes, for UTF-16 without its mark is a text that can be saved as another.
        controls = 0 if is_wide or kind in ("pdf", "word") else len(_CONTROLS.findall(document.data))
        return "binary file" if controls > len(document.data) // 100 + 1 else None
    if kind in LISTS:
        return "list of pages"
    if kind != "text":
        return None
    if b"\0" in document.data and not is_wide:
        return "binary file"
    is_code = document.data.startswith(b"#!") or f" {PurePath(document.name).suffix.lower()} " in _CODE_SUFFIXES
    return "file of code or data" if is_code else None


def count_others(names: Iterable[str]) -> str:
    """Say how many there are of each kind that `tell_other` names, the most first: "8 images, 1 archive"."""
    counts = Counter(names).most_common()
    return ", ".join(f"{count:,} {name if count == 1 else _pluralise(name)}" for name, count in counts)


def _pluralise(name: str) -> str:
    noun, *rest = name.split(" of " if " of " in name else " that ")
    return name.replace(noun, f"{noun}s", 1) if rest else f"{name}s"


def _name_xml(data: bytes) -> tuple[str, str]:
    root = _ROOT.match(_decode_head(data))
    if root and root[1].lower() == "svg":
        return "image", _NO_ARTICLE.format("image")
    return "file of code or data", "XML, and neither a page nor a feed nor a sitemap: save it as a page or as text"


def _tell_from_text(data: bytes, hint: Kind | None) -> Kind | None:
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
    if head.lstrip(b"\0").startswith(b"<\0"):  # some write UTF-16 without its mark, and say so in what follows
        head = head.replace(b"\0", b"")
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

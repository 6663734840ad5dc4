"""Lists of pages: feeds (RSS 0.9 to 2.0, Atom), sitemaps and their indexes, and files of addresses.

XML is read as it streams, into nothing but the entries: a hostile file of any shape builds no tree, and a broken one
gives what stands before its end. (feedparser takes a minute and a gigabyte for 10 MB of unclosed tags.) A file that
declares entities is refused, which neither feeds nor sitemaps do and XML bombs are made of.
"""

import html
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from assistant.addresses import join_address, parse_address
from assistant.errors import ArticleError
from assistant.kinds import tell_kind
from assistant.types import Document, Entry

MAX_XML_BYTES = 20_000_000  # twice what sitemaps of so many pages have
MAX_ENTRIES = 50_000  # what a sitemap may have
MAX_EVENTS = 2_000_000  # tags and pieces of text: a sitemap of 50,000 pages with pictures has half of that
MAX_REFERENCES = 500_000
MAX_DEPTH = 200
MAX_FIELD_CHARACTERS = 8_000
PIECE_BYTES = 65_536

# What an entry is called in each kind of list, by the name of the list's root.
_ENTRY_NAMES = {"rss": "item", "RDF": "item", "feed": "entry", "urlset": "url", "sitemapindex": "sitemap"}
# What a field of an entry is, in the vocabulary of the entry itself.
_FIELDS = {
    "link": "link",
    "loc": "link",
    "guid": "guid",
    "title": "title",
    "author": "author",
    "pubDate": "published",
    "published": "published",
    "issued": "published",
    "updated": "updated",
    "modified": "updated",
    "lastmod": "updated",
}
# And in those that are mixed with it.
_FOREIGN_FIELDS = {
    "{http://purl.org/dc/elements/1.1/}creator": "author",
    "{http://purl.org/dc/elements/1.1/}date": "published",
    "{http://purl.org/dc/terms/}modified": "updated",
    "{http://www.google.com/schemas/sitemap-news/0.9}title": "title",
    "{http://www.google.com/schemas/sitemap-news/0.9}name": "outlet",
    "{http://www.google.com/schemas/sitemap-news/0.9}publication_date": "published",
    # The page itself, where `link` is one that counts readers first.
    "{http://rssnamespace.org/feedburner/ext/1.0}origLink": "original",
}
_RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"

_BYTE_ORDER_MARK = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)")
_ENTITY = re.compile(rb"<!ENTITY\b")
# A run of raw text, in which an & is an &; or an & that begins no reference which XML surely knows, with its name if
# any: a number of five digits may be half of a surrogate pair.
_REFERENCE = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?!(?:amp|lt|gt|quot|apos|#\d{1,4}|#x[0-9a-fA-F]{1,3});)(?:#?\w{1,32};)?",
    re.DOTALL,
)
_LOSSES = frozenset(("ERR_TAG_NAME_MISMATCH", "ERR_TAG_NOT_FINISHED"))
_LINE = re.compile(rb"https?://\S+", re.IGNORECASE)
_MAILBOX = re.compile(r"\S+@\S+ \((?P<name>[^()]+)\)")  # how RSS wants its authors


def list_entries(document: Document) -> tuple[Entry | ArticleError, ...]:
    """List the pages of a feed, a sitemap or a list of addresses in its order, each address once.

    Links are resolved against the document's own address. An entry without a link that can be fetched gives an error
    in its place. Raises ArticleError for a document that is refused or that has no entry.
    """
    read = _read_xml if tell_kind(document) in ("feed", "sitemap") else _read_addresses
    entries: dict[str, Entry | ArticleError] = {}
    for count, each in enumerate(read(document)):
        if count == MAX_ENTRIES:
            error = ArticleError(f"{document.name}: has more than {MAX_ENTRIES:,} entries; the rest were left out")
            return (*entries.values(), error)
        entries.setdefault(each.url if isinstance(each, Entry) else str(each), each)
    if not entries:
        raise ArticleError(f"{document.name}: no entries: there is no page in this list")
    return tuple(entries.values())


def _split_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the lines that say something, with their numbers."""
    for number, line in enumerate(io.BytesIO(_BYTE_ORDER_MARK.sub(b"", data)), start=1):
        line = line.strip()
        if line and not line.startswith(b"#"):
            yield number, line


def _read_addresses(document: Document) -> Iterator[Entry | ArticleError]:
    for number, line in _split_lines(document.data):
        yield _make_entry(f"{document.name}: line {number}", None, line.decode(errors="replace"))


def _read_xml(document: Document) -> Iterator[Entry | ArticleError]:
    from lxml import etree

    data = document.data
    is_wide = b"\0" in data  # UTF-16 or UTF-32
    if len(data) > MAX_XML_BYTES:
        raise ArticleError(f"{document.name}: too large: a feed or sitemap may have {MAX_XML_BYTES // 1_000_000} MB")
    if _ENTITY.search(data.replace(b"\0", b"") if is_wide else data):
        raise ArticleError(f"{document.name}: refused: it declares entities, which no feed or sitemap does")
    if data.count(b"&") > MAX_REFERENCES:
        raise ArticleError(f"{document.name}: refused: it has more than {MAX_REFERENCES:,} references (&...;)")
    if not is_wide:
        data = _REFERENCE.sub(_mend_reference, data)
    reader = _Reader(document)
    parser = etree.XMLParser(target=reader, recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    is_broken = False
    try:
        for start in range(0, len(data), PIECE_BYTES):
            parser.feed(data[start : start + PIECE_BYTES])
            yield from reader.take()
        parser.close()
    except (etree.XMLSyntaxError, UnicodeDecodeError) as error:  # what came before counts
        is_broken = isinstance(error, UnicodeDecodeError)  # half of a surrogate pair, in UTF-16
    yield from reader.take()
    if is_broken or any(error.type_name in _LOSSES for error in parser.feed_error_log):
        yield ArticleError(f"{document.name}: its XML is broken, so entries may be missing; tell those who publish it")


def _mend_reference(match: re.Match[bytes]) -> bytes:
    """Write a bare & and the names that only HTML has (&eacute;) as XML wants them."""
    if match[1]:
        return match[0]
    text = match[0].decode("latin-1")
    character = html.unescape(text)
    return b"&amp;" + match[0][1:] if character == text else "".join(f"&#{ord(each)};" for each in character).encode()


class _Reader:
    """Takes the tags of a list as they come and keeps its entries, as lxml's parser targets do."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Entry | ArticleError] = []
        self._bases: list[str | None] = [document.url]  # of each open tag
        self._event_count = 0
        self._entry_count = 0
        self._root = ""
        self._entry: dict[str, str] | None = None
        self._entry_depth = 0
        self._namespace = ""
        self._is_person = False  # an author of Atom, which has a name and an address
        self._field: str | None = None
        self._field_depth = 0
        self._text: list[str] = []
        self._text_left = 0

    def take(self) -> list[Entry | ArticleError]:
        """Hand over the entries that are complete."""
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of a tag, whose namespace is in braces before its name."""
        self._count()
        if len(self._bases) > MAX_DEPTH:
            raise ArticleError(f"{self._document.name}: refused: its tags are nested more than {MAX_DEPTH} deep")
        base = attributes.get(_XML_BASE)
        self._bases.append(_resolve(self._bases[-1], base) if base else self._bases[-1])
        depth = len(self._bases) - 1
        namespace, _, name = tag.rpartition("}")
        if depth == 1:
            self._root = name
        elif self._entry is None:
            if name == _ENTRY_NAMES.get(self._root):
                self._entry = {"about": attributes.get(_RDF_ABOUT, "")}
                self._entry_depth, self._namespace = depth, namespace
        elif self._field is None:
            is_own = namespace == self._namespace and depth == self._entry_depth + 1
            field = _FIELDS.get(name) if is_own else _FOREIGN_FIELDS.get(tag)
            if depth == self._entry_depth + 1:
                self._is_person = is_own and field == "author" and self._root == "feed"
                field = None if self._is_person else field
            elif self._is_person and (namespace, name) == (self._namespace, "name"):
                field = "author"
            if field == "link" and "href" in attributes:
                if attributes.get("rel", "alternate") == "alternate":
                    self._keep("link", attributes["href"])
            elif field and not (field == "guid" and attributes.get("isPermaLink", "true").lower() != "true"):
                self._field, self._field_depth = field, depth
                self._text, self._text_left = [], MAX_FIELD_CHARACTERS

    def data(self, text: str) -> None:
        """Take a piece of text."""
        self._count()
        if self._field and self._text_left > 0:
            self._text.append(text[: self._text_left])
            self._text_left -= len(text)

    def end(self, tag: str) -> None:  # noqa: ARG002
        """Take the end of a tag."""
        depth = len(self._bases) - 1
        if self._field and depth == self._field_depth:
            self._keep(self._field, "".join(self._text))
            self._field = None
        if self._entry is not None and depth == self._entry_depth:
            self._entry_count += 1
            self._found.append(self._finish(self._entry))
            self._entry = self._field = None
        if depth:
            self._bases.pop()

    def close(self) -> None:
        """Take the end of the whole."""

    def _count(self) -> None:
        self._event_count += 1
        if self._event_count > MAX_EVENTS:
            raise ArticleError(f"{self._document.name}: refused: it has more than {MAX_EVENTS:,} tags and references")

    def _keep(self, field: str, text: str) -> None:
        """Keep the first of each field that says something, and all authors, with its link resolved where it stands."""
        text = " ".join(text.split())
        if self._entry is None or not text:
            return
        if field == "author":
            mailbox = _MAILBOX.fullmatch(text)
            names = [self._entry.get("author", ""), mailbox["name"] if mailbox else text]
            self._entry["author"] = ", ".join(filter(None, names))[:MAX_FIELD_CHARACTERS]
        else:
            self._entry.setdefault(field, _resolve(self._bases[-1], text) if field == "link" else text)

    def _finish(self, entry: dict[str, str]) -> Entry | ArticleError:
        guid = entry.get("guid", "")
        link = entry.get("original") or entry.get("link") or (guid if _LINE.match(guid.encode()) else entry["about"])
        return _make_entry(
            f"{self._document.name}: entry {self._entry_count}",
            entry.get("title"),
            link,
            author=entry.get("author"),
            outlet=entry.get("outlet"),
            published=_read_time(entry.get("published")),
            updated=_read_time(entry.get("updated")),
            is_listing=self._root == "sitemapindex",
        )


def _make_entry(
    name: str,
    title: str | None,
    link: str,
    *,
    author: str | None = None,
    outlet: str | None = None,
    published: datetime | None = None,
    updated: datetime | None = None,
    is_listing: bool = False,
) -> Entry | ArticleError:
    if not link:
        return ArticleError(f"{name}{f' ({title[:80]})' if title else ''}: left out: it has no link to a page")
    try:
        url = parse_address(link).url
    except ArticleError as error:
        return ArticleError(f"{name}: left out: {error}")
    return Entry(url, title, published, updated, is_listing, author, outlet)


def _resolve(base: str | None, link: str) -> str:
    """Resolve a link, or leave it as it is where that makes no address or one without end."""
    try:
        joined = join_address(base, link)
    except ArticleError:
        return link
    return joined if len(joined) <= MAX_FIELD_CHARACTERS else link


def _read_time(value: str | None) -> datetime | None:
    """Read a time as feeds and sitemaps write it (RFC 822, ISO 8601); one without a zone is in UTC."""
    if value is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            parsed = read(value)
        except (ValueError, OverflowError):
            continue
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return None

"""Reads PDF, Word, mail and articles in JSON lines: what their text is, and what they say of themselves.

All of it is untrusted: these functions run in a process of their own (`parsing`), and may raise anything for a damaged
document; `reading.read_document` puts that in words.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import hypot
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assistant.decoding import decode, normalise
from assistant.errors import ArticleError
from assistant.kinds import LISTS, SUFFIX_KINDS, tell_kind
from assistant.layout import Fragment, compose_text
from assistant.types import Article, Document, Origin

if TYPE_CHECKING:
    from email.message import EmailMessage

    import pypdf

# What one document of several articles holds: an article, or why one of them isn't one.
Outcome = Article | ArticleError
ReadDocument = Callable[[Document], tuple[Outcome, ...]]

MAX_TITLE_CHARACTERS = 300
MAX_TITLE_LINE_CHARACTERS = 150  # a longer first line is a paragraph
BYLINE_LINES = 4  # of a PDF's text, among which one may say who wrote it
MAX_BYLINE_CHARACTERS = 80
TITLE_PARAGRAPHS = 20  # of a Word document, among which one in the style of a title is looked for
MAX_UNPACKED_BYTES = 30_000_000  # of a Word document's XML, which takes some ten times that when it is read
MAX_PAGE_BYTES = 3_000_000  # of what a page of a PDF draws: a dense one of a newspaper has a tenth of that
MAX_HEADER_BYTES = 500_000  # of a mail
MAX_PARTS = 1_000  # of a mail, each of which takes a millisecond
MAX_UNSEEN_SIZE = 4  # half points, of letters in a Word document
MIN_SEEN_HEIGHT = 1.0  # points, of letters in a PDF
MAX_ATTACHMENTS = 100  # of a mail
MAX_MAILS = 10_000  # of a mailbox
MAX_ARTICLES = 50_000  # of a file of JSON lines
ARTICLE_FIELDS = ("id", "title", "text", "outlet", "author", "published", "url", "updated", "section", "language")

_HEADING = re.compile(r"^#[ \t]+(\S.*)$", re.MULTILINE)
# What programs write where a title should be: a file's name, their own name, a word for nothing.
_JUNK_TITLE = re.compile(
    r"(?:untitled|no title|title|document|doc|slide|presentation|powerpoint presentation|unknown|none|null)[\s\d().-]*"
    r"|microsoft \w+ - .*|.*\.(?:docx?|rtf|odt|pages|indd|qxp|qxd|pmd|tex|dvi|pdf|eps|html?|txt|xlsx?|pptx?|md|aspx?)"
    r"|(?:acrobat distiller|adobe \w+ document|quarkxpress|pdf\w*|scan|scanned|print)[\s\d._-]*|[\W\d_]*",
    re.IGNORECASE,
)
_JUNK_AUTHOR = re.compile(
    r"(?:author|user|users|admin|administrator|owner|unknown|anonymous|none|null|root|default|windows user|python-docx"
    r"|microsoft( office)?( user)?|apple|adobe.*|acrobat.*|\w*scan\w*|\w*pdf\w*|www\..*)|[\W\d_]*",
    re.IGNORECASE,
)
_MESSAGE = re.compile(rb"^From [^\n]*\d{4}[^\n]*\n(?=>?[\w-]+:)", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_LIST_FIELDS = ("List-Id", "List-Unsubscribe", "List-Post")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WRAPPERS = tuple(f"{_WORD}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo"))
_ALTERNATIVE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def get_address(document: Document) -> str:
    """Say where a document is: the address that it came from, or else its file's."""
    return document.url or Path(document.name).resolve().as_uri()


def get_web_address(document: Document) -> str | None:
    """Say where a reader finds a document in the web, where it is from there."""
    return document.url if document.url and document.url.startswith(("http://", "https://")) else None


def parse_time(value: str, source: object, field: str = "published") -> datetime:
    """Parse a date or time in ISO 8601; without a time zone it is taken as UTC. Raises ArticleError."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ArticleError(
            f"{source}: {field}: {value!r} is not a date; write it as 2025-03-15 or 2025-03-15T09:30:00+00:00"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def choose_title(candidates: list[tuple[str | None, str]], text: str, document: Document) -> tuple[str, Origin]:
    """Choose the first title that there is, else a text's first heading or line, else the file's name.

    Candidates are titles and the places that they are from.
    """
    for title, place in (*candidates, (_find_title(text), "the text's first heading or line")):
        title = " ".join(normalise(title or "").split())
        if title:
            return _shorten(title), Origin("title", place)
    # With a mark for each byte of the name that is no text.
    name = PurePath(document.name).stem.encode("utf-8", "replace").decode()
    name = normalise(name).replace("-", " ").replace("_", " ").strip()
    return _shorten(name) or "Untitled", Origin("title", "the file's name")


def _shorten(title: str) -> str:
    return title if len(title) <= MAX_TITLE_CHARACTERS else title[: MAX_TITLE_CHARACTERS - 1].rstrip() + "…"


def _find_title(text: str) -> str | None:
    """Take the first heading for the title, or a first line of its own that is no sentence."""
    heading = _HEADING.search(text)
    if heading:
        return heading.group(1).rstrip(" \t#") or None
    line, _, rest = text.partition("\n")
    is_title = len(line) <= MAX_TITLE_LINE_CHARACTERS and line[-1:] not in ".:,;" and rest.startswith("\n")
    return line.strip() if is_title else None


def _require_text(text: str, document: Document) -> str:
    text = normalise(text).strip("\n")
    if not text.strip():
        raise ArticleError(f"{document.name}: empty: there is no text in it")
    return text


def _clean(value: object, junk: re.Pattern[str]) -> str | None:
    """Clean what a document says of itself; None where a program has written it rather than a person."""
    text = " ".join(normalise(value).split()) if isinstance(value, str) else ""
    return None if junk.fullmatch(text) else text


def _find_byline(text: str) -> str:
    """Find the names in a line at the top that says who has written a document, and nothing else."""
    from assistant.metadata import clean_authors, is_prose, read_signature

    lines = [line.strip() for line in text.split("\n") if line.strip()][:BYLINE_LINES]
    for line in (line for line in lines if len(line) <= MAX_BYLINE_CHARACTERS and not is_prose(line)):
        names = clean_authors(read_signature(line) or "", (), None)
        if names and all(" " in name for name in names):
            return ", ".join(names)
    return ""


_TEMPLATE_TIME = datetime(2013, 12, 23, 23, 15, tzinfo=UTC)  # of python-docx's, which many programs write with


def _clean_time(value: datetime | None) -> datetime | None:
    """Give a time a zone, and leave out those that clocks and templates show before anybody has set them."""
    if not isinstance(value, datetime) or value.year < 1990:
        return None
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    return None if value == _TEMPLATE_TIME else value


# PDF


def read_pdf(document: Document) -> Article:
    """Read the text of a PDF in reading order, and what its information and its XMP say of it.

    Raises ArticleError where it asks for a password, or holds nothing but pictures.
    """
    from pypdf.errors import LimitReachedError

    try:
        return _read_pdf(document)
    except LimitReachedError:
        raise ArticleError(
            f"{document.name}: too large: unpacked, a part of it is more than a document has; save it as text"
        ) from None


def _read_pdf(document: Document) -> Article:
    import pypdf
    from pypdf.errors import DependencyError

    reader = pypdf.PdfReader(io.BytesIO(document.data))
    if reader.is_encrypted:
        try:
            is_open = bool(reader.decrypt(""))
        except (DependencyError, NotImplementedError):
            is_open = False  # a lock of a kind that pypdf has no key to: a copy without one is the remedy for it too
        if not is_open:
            raise ArticleError(f"{document.name}: encrypted: it asks for a password; save a copy without one")
    pages = [_get_fragments(page) for page in reader.pages]
    composed = compose_text(pages)
    if not composed.text.strip() and any(_has_pictures(page) for page in reader.pages):
        raise ArticleError(f"{document.name}: no text in it: its pages are pictures; run OCR on it first")
    text = _require_text(composed.text, document)
    information, xmp = reader.metadata, _get_xmp(reader)
    origins = []

    def choose(field: str, *candidates: tuple[Any, str]) -> Any:
        for value, place in candidates:
            if value:
                origins.append(Origin(field, place))
                return value
        return None

    title, origin = choose_title(
        [
            (_clean(_get_first(xmp, "dc_title"), _JUNK_TITLE), "XMP"),
            (_clean(information and information.get("/Title"), _JUNK_TITLE), "PDF information"),
            (composed.headline, "the largest lines of the first page"),
        ],
        text,
        document,
    )
    author = choose(
        "author",
        (_clean(", ".join(_get_all(xmp, "dc_creator")), _JUNK_AUTHOR), "XMP"),
        (_clean(information and information.get("/Author"), _JUNK_AUTHOR), "PDF information"),
        (_find_byline(text), "byline in the text"),
    )
    published = choose(
        "published",
        (_clean_time(_get_first(xmp, "dc_date")), "XMP"),
        (_clean_time(_get_first(xmp, "xmp_create_date")), "XMP, when the file was made"),
        (_get_pdf_time(information, "creation_date"), "PDF information, when the file was made"),
    )
    updated = choose(
        "updated",
        (_clean_time(_get_first(xmp, "xmp_modify_date")), "XMP"),
        (_get_pdf_time(information, "modification_date"), "PDF information"),
    )
    return Article(
        id=get_address(document),
        title=title,
        text=text,
        author=author,
        published=published,
        url=get_web_address(document),
        updated=updated,
        origins=(origin, *origins),
    )


def _get_fragments(page: "pypdf.PageObject") -> list[Fragment]:
    """List the runs of text of a page, of those that are turned as most of them are: the others are stamps."""
    from pypdf.errors import LimitReachedError

    by_turn: dict[tuple[int, int], list[Fragment]] = {}

    def take(text: str, within: list[float], place: list[float], font: object, size: float) -> None:  # noqa: ARG001
        text = text.strip("\n")
        if not text:
            return
        (a, b, c, d, e, f), (g, h, i, j, k, m) = within, place
        # The text's own axes on the page, and where its base line begins.
        right_x, right_y = g * a + h * c, g * b + h * d
        height = hypot(i * a + j * c, i * b + j * d) * size
        x, y = k * a + m * c + e, k * b + m * d + f
        length = hypot(right_x, right_y) or 1.0
        along, across = (x * right_x + y * right_y) / length, (y * right_x - x * right_y) / length
        turn = round(10 * right_x / length), round(10 * right_y / length)
        by_turn.setdefault(turn, []).append(Fragment(text, along, across, abs(height)))

    contents = page.get_contents()
    if contents is not None and len(contents.get_data()) > MAX_PAGE_BYTES:
        raise LimitReachedError
    page.extract_text(visitor_text=take)
    most = max(by_turn.values(), key=lambda fragments: sum(len(each.text) for each in fragments), default=[])
    # Text of no size is for machines. What isn't painted (rendering mode 3) is a scan's own words, and stays.
    return [fragment for fragment in most if fragment.size >= MIN_SEEN_HEIGHT] or most


def _has_pictures(page: "pypdf.PageObject") -> bool:
    resources = page.get("/Resources")
    pictures = resources.get_object().get("/XObject") if resources else None
    return bool(pictures and pictures.get_object())


def _get_xmp(reader: "pypdf.PdfReader") -> Any:
    try:
        return reader.xmp_metadata
    except Exception:  # whatever is wrong with it, the text is not
        return None


def _get_all(xmp: Any, name: str) -> list[Any]:
    try:
        value = getattr(xmp, name, None)
    except Exception:
        return []
    if isinstance(value, dict):  # by language
        value = [value["x-default"]] if "x-default" in value else list(value.values())
    return [each for each in value if each] if isinstance(value, list) else [value] if value else []


def _get_first(xmp: Any, name: str) -> Any:
    return next(iter(_get_all(xmp, name)), None)


def _get_pdf_time(information: Any, name: str) -> datetime | None:
    try:
        return _clean_time(getattr(information, name, None))
    except ValueError:
        return None


# Word


def read_word(document: Document) -> Article:
    """Read a Word document: paragraphs, headings and tables in their order, a row of a table on one line.

    Raises ArticleError for one that would unpack to more than MAX_UNPACKED_BYTES, or declares entities.
    """
    import docx

    word = docx.Document(io.BytesIO(_repack(document)))
    text = _require_text("\n\n".join(_list_blocks(word.element.body)), document)
    properties = word.core_properties
    styled = next(
        (each.text for each in word.paragraphs[:TITLE_PARAGRAPHS] if _is_title(each) and each.text.strip()), None
    )
    title, origin = choose_title(
        [
            (_clean(properties.title, _JUNK_TITLE), "Word properties"),
            (styled, "the paragraph in the style of a title"),
        ],
        text,
        document,
    )
    author = _clean(properties.author, _JUNK_AUTHOR)
    created, modified = _clean_time(properties.created), _clean_time(properties.modified)
    origins = [
        Origin(field, place)
        for field, value, place in (
            ("author", author, "Word properties"),
            ("published", created, "Word properties, when the file was made"),
            ("updated", modified, "Word properties"),
        )
        if value
    ]
    return Article(
        id=get_address(document),
        title=title,
        text=text,
        author=author,
        published=created,
        url=get_web_address(document),
        updated=modified,
        origins=(origin, *origins),
    )


def _repack(document: Document) -> bytes:
    """Pack a Word document's XML anew, uncompressed: no more is unpacked than is counted here, whatever it says."""
    packed = io.BytesIO()
    left = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(io.BytesIO(document.data)) as archive, zipfile.ZipFile(packed, "w") as new:
        for member in archive.infolist():
            data = b""  # of a picture, which nobody looks at
            if member.filename.lower().endswith((".xml", ".rels")):
                with archive.open(member) as file:
                    data = file.read(left + 1)
                left -= len(data)
                if left < 0:
                    megabytes = MAX_UNPACKED_BYTES // 1_000_000
                    raise ArticleError(f"{document.name}: too large: it unpacks to more than {megabytes} MB; split it")
                if b"<!DOCTYPE" in data or "<!DOCTYPE".encode("utf-16-le") in data:
                    raise ArticleError(f"{document.name}: refused: its XML declares entities, which Word never does")
            new.writestr(member.filename, data)
    return packed.getvalue()


def _is_title(paragraph: Any) -> bool:
    style = paragraph.style
    return style is not None and style.name in ("Title", "Heading 1")


def _list_blocks(element: Any) -> Iterator[str]:
    """List the text of the paragraphs and tables below an element."""
    for child in _list_children(element, ("p", "tbl")):
        if child.tag == f"{_WORD}p":
            text = _write_paragraph(child)
        else:
            text = "\n".join(filter(None, (_write_row(row) for row in _list_children(child, ("tr",)))))
        if text:
            yield text


def _list_children(element: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """List children by their names, also those that stand in controls and in tracked insertions."""
    for child in element:
        if child.tag in [f"{_WORD}{name}" for name in names]:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _list_children(child, names)


def _write_row(row: Any) -> str:
    cells = (" ".join(_list_blocks(cell)).replace("\n", " ") for cell in _list_children(row, ("tc",)))
    return " | ".join(filter(None, cells))


def _write_paragraph(paragraph: Any) -> str:
    parts: list[str] = []
    for element in paragraph.iter(f"{_WORD}t", f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr", f"{_WORD}noBreakHyphen"):
        # A text box is there twice, the second time for old programs.
        if any(above.tag == _ALTERNATIVE for above in element.iterancestors()) or _is_unseen(element.getparent()):
            continue
        name = element.tag.removeprefix(_WORD)
        if name == "t":
            parts.append(element.text or "")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif element.getparent().tag == f"{_WORD}r":  # and no tab stop of its style
            parts.append(" " if name == "tab" else "\n")
    return "".join(parts).strip()


def _is_unseen(run: Any) -> bool:
    """Whether a run of a Word document isn't shown, or is white on white or too small to be seen."""

    def get(name: str) -> str | None:
        found = run.find(f"{_WORD}rPr/{_WORD}{name}")
        return None if found is None else str(found.get(f"{_WORD}val", "true")).lower()

    is_hidden = any(get(name) not in (None, "0", "false", "off") for name in ("vanish", "webHidden"))
    is_white = get("color") == "ffffff" and get("shd") is None and get("highlight") is None
    size = get("sz") or ""
    return is_hidden or is_white or (size.isdecimal() and int(size) <= MAX_UNSEEN_SIZE)


# Mail


def read_mail(document: Document, read: ReadDocument) -> tuple[Outcome, ...]:
    """Read a mail, and each attachment of a kind that `read` knows as an article of its own.

    A mail to a list is its outlet's, another one its author's. Its id is that of its message (RFC 2392) where it has
    one, and an attachment's is its name below that. Raises ArticleError for one of more than MAX_PARTS.
    """
    from email import policy
    from email.parser import BytesParser

    _refuse_large_mail(document)
    # A time's line may be any text, and the parser raises for some.
    message = BytesParser(policy=policy.default).parsebytes(document.data)
    identifier = (_get_field(message, "Message-ID") or "").strip(" <>")
    address = f"mid:{quote(identifier, safe='@')}" if identifier else get_address(document)
    outcomes: list[Outcome] = []
    try:
        outcomes.append(_read_message(message, document, address, read))
    except ArticleError as error:
        outcomes.append(error)
    attached: list[Outcome] = []
    for number, part in enumerate(message.iter_attachments(), start=1):
        if number > MAX_ATTACHMENTS:
            attached.append(ArticleError(f"{document.name}: only the first {MAX_ATTACHMENTS} attachments were read"))
            break
        attached += _read_attachment(part, number, document, address, read)
    if any(isinstance(outcome, Article) for outcome in attached):
        # A mail that only brings something says nothing itself.
        outcomes = [outcome for outcome in outcomes if isinstance(outcome, Article)]
    return (*outcomes, *attached)


def _refuse_large_mail(document: Document) -> None:
    """Refuse a mail that would take long to parse, for its lines of header or its parts, before that is begun."""
    header = document.data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if len(header) > MAX_HEADER_BYTES:
        raise ArticleError(f"{document.name}: too large: its header has more than {MAX_HEADER_BYTES:,} bytes")
    if b"multipart/" in header.lower() and document.data.count(b"\n--") > MAX_PARTS:
        raise ArticleError(f"{document.name}: too large: it has more than {MAX_PARTS:,} parts; save its text")


def _read_message(message: "EmailMessage", document: Document, address: str, read: ReadDocument) -> Article:
    title, origin = choose_title([(_get_field(message, "Subject"), "the mail's subject")], "", document)
    text, origins, language = _read_body(message, document, address, read)
    sender = _get_sender(message)
    published = _get_date(message)
    is_list = any(field in message for field in _LIST_FIELDS)
    found = [origin]
    if sender:
        found.append(Origin("outlet" if is_list else "author", "the mail's sender"))
    if published:
        found.append(Origin("published", "the mail's date"))
    return Article(
        id=address,
        title=title,
        text=_require_text(text, document),
        outlet=sender if is_list else None,
        author=None if is_list else sender,
        published=published,
        language=language,
        origins=(*found, *origins),
    )


def _read_body(
    message: "EmailMessage", document: Document, address: str, read: ReadDocument
) -> tuple[str, tuple[Origin, ...], str | None]:
    """Read the text of a mail from its page, or else from its plain part, as it stands there."""
    page = message.get_body(("html",))
    if page is not None:
        inner = Document(document.name, _get_data(page), str(page["Content-Type"]), address)
        try:
            for outcome in read(inner):
                if isinstance(outcome, Article):
                    return outcome.text, tuple(o for o in outcome.origins if o.field == "language"), outcome.language
        except ArticleError:
            pass  # a page without text may have a plain part with some
    plain = message.get_body(("plain",))
    if plain is None:
        return "", (), None
    try:
        return _get_data(plain).decode(plain.get_content_charset() or "utf-8"), (), None
    except (UnicodeDecodeError, LookupError):  # it names no encoding, a wrong one or one that nobody knows
        return decode(_get_data(plain), document.name), (), None


def _get_data(part: Any) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _read_attachment(
    part: Any, number: int, document: Document, address: str, read: ReadDocument
) -> tuple[Outcome, ...]:
    """Read what is attached to a mail if it is of a kind that holds articles; what else there is, is no failure."""
    name = " ".join(normalise(part.get_filename() or "").split())
    media_type = part.get_content_type()
    if media_type == "message/rfc822":
        name, data = name or "attached mail", part.get_payload(0).as_bytes()
    else:
        data = _get_data(part)
    if not data or not name:
        return ()
    attachment = Document(
        f"{document.name}/{PurePath(name).name}", data, media_type, f"{address}/{number}-{quote(name)}"
    )
    try:
        kind = tell_kind(attachment)
    except ArticleError:
        return ()
    is_text = PurePath(name).suffix.lower() in SUFFIX_KINDS
    if kind in LISTS or (kind == "text" and not is_text):
        return ()
    try:
        return read(attachment)
    except ArticleError as error:
        return (error,)


def _get_field(message: "EmailMessage", name: str) -> str | None:
    try:
        value = message[name]
    except Exception:  # the parser of some fields raises what it will for damaged ones
        return None
    return " ".join(normalise(str(value)).encode("utf-8", "replace").decode().split()) if value is not None else None


def _get_sender(message: "EmailMessage") -> str | None:
    from email.utils import parseaddr

    name, address = parseaddr(_get_field(message, "From") or "")
    return name.strip() or address.strip() or None


def _get_date(message: "EmailMessage") -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        return _clean_time(parsedate_to_datetime(_get_field(message, "Date") or ""))
    except (ValueError, TypeError, OverflowError):
        return None


def read_mailbox(document: Document, read: ReadDocument) -> tuple[Outcome, ...]:
    """Read each mail of a mailbox (mbox); one that can't be read stops no other."""
    starts = list(_MESSAGE.finditer(document.data))
    if len(starts) > MAX_MAILS:
        raise ArticleError(f"{document.name}: too large: it has more than {MAX_MAILS:,} mails; split it")
    outcomes: list[Outcome] = []
    seen: set[str] = set()
    for number, start in enumerate(starts, start=1):
        end = starts[number].start() if number < len(starts) else len(document.data)
        data = _QUOTED_FROM.sub(rb"\1", document.data[start.end() : end])
        message = Document(
            f"{document.name}: message {number}", data, "message/rfc822", f"{get_address(document)}#{number}"
        )
        try:
            found = read(message)
        except ArticleError as error:
            found = (error,)
        for outcome in found:
            # A mail that was sent to two lists is there twice.
            if not isinstance(outcome, Article) or outcome.id not in seen:
                outcomes.append(outcome)
            if isinstance(outcome, Article):
                seen.add(outcome.id)
    return tuple(outcomes)


# JSON lines


def read_articles(document: Document) -> tuple[Outcome, ...]:
    """Read one article a line, each a JSON object; other keys than ARTICLE_FIELDS are left out.

    A line that can't be read is named by its number and stops no other. An article without an id has its URL, or its
    line in this file.
    """
    if document.data.count(b"\n") > MAX_ARTICLES:
        raise ArticleError(f"{document.name}: too large: it has more than {MAX_ARTICLES:,} lines; split it")
    outcomes: list[Outcome] = []
    address = get_address(document)
    for number, line in enumerate(decode(document.data, document.name).split("\n"), start=1):
        if line.strip():
            try:
                outcomes.append(_read_line(line, f"{document.name}: line {number}", f"{address}#{number}", document))
            except ArticleError as error:
                outcomes.append(error)
    return tuple(outcomes)


def _read_line(line: str, name: str, address: str, document: Document) -> Article:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise ArticleError(f"{name}: no JSON object: {reason}") from None
    if not isinstance(fields, dict) or fields.keys().isdisjoint(ARTICLE_FIELDS):
        raise ArticleError(
            f"{name}: no article: write an object with {', '.join(ARTICLE_FIELDS)}, of which text is needed"
        )
    values: dict[str, str] = {}
    for field in ARTICLE_FIELDS:
        value = fields.get(field)
        if value is not None and not isinstance(value, str):
            raise ArticleError(f"{name}: its {field} is no text, but {type(value).__name__}")
        # Half of a surrogate pair, which JSON can hold and a library can't, becomes a mark.
        value = normalise((value or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        value = value.strip("\n") if field == "text" else " ".join(value.split())
        if value:
            values[field] = value
    if not values.get("text", "").strip():
        raise ArticleError(f"{name}: empty: there is no text in it")
    if document.published:
        values.pop("published", None)  # it isn't asked, so it needn't be a date
    title, origin = choose_title([(values.get("title"), "JSON")], values["text"], document)
    published, updated = (
        parse_time(values[field], name, field) if field in values else None for field in ("published", "updated")
    )
    return Article(
        id=values.get("id") or values.get("url") or address,
        title=title,
        text=values["text"],
        published=published,
        updated=updated,
        outlet=values.get("outlet"),
        author=values.get("author"),
        url=values.get("url"),
        section=values.get("section"),
        language=values.get("language"),
        origins=(
            origin,
            *(
                Origin(field, "JSON")
                for field in ("outlet", "author", "published", "updated", "section", "language")
                if field in values
            ),
        ),
    )

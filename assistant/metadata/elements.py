"""Walks the elements of a page once, and keeps those that may say something of its article, in their order.

Changes when other elements of a page are to be looked at.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from assistant.timestamps import Timestamp

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_FIELD_CHARACTERS = 300
LINES_NEAR_HEADLINE = 25
MAX_LINE_CHARACTERS = 1_000
MAX_ELEMENTS = 400  # of one kind that are looked at: what a page says of itself stands near its beginning
MAX_LABEL_CHARACTERS = 300
MAX_PROSE = 40
MIN_PROSE_CHARACTERS = 60  # of a sentence that no paragraph holds
MIN_SENTENCE_WORDS = 5
MIN_HEADLINE_WORDS = 4
MAX_LINKS = 20  # of an item in a list

# What stands in front of the names in a byline.
BY = (
    r"автор|作者|記者|记者|撰文|"
    r"by|von|par|por|di|da|door|af|av|text|words|autor(?:in)?|author|auteur|reporter|posted by|written by|reported by|"
    r"story by|report by|published by|submitted by|escrito por|scritto da|geschreven door|ein(?:e)? \w+ von|"
    r"propos recueillis par|interview by|מאת|כתב|כתבה|بقلم|كتب|كتبت"
)

_TAG = re.compile(r"<[^<>]{1,500}>")
_SPACE = re.compile(r"\s+")
_CLOSING = frozenset((*":;,.!?)]’”»", ""))
_SENTENCE_END = re.compile(r"[.!?…。؟।][\"'”’»“)\]]*$")
_LABEL_END = re.compile(
    r"\b[ap]\.\s?m\.$|\sน\.$|^\W*(?:by|von|par|por|published|posted|updated|last updated)\b", re.IGNORECASE
)
_SILENT = frozenset({"head", "meta", "link", "title", "script", "style", "noscript", "template", "textarea", "option"})

# Parts of a page that speak of other articles, of their own authors and days.
_ASIDE = re.compile(
    r"(?:^|[\s_-])(?:related|recommend\w*|most[_-]?(?:read|popular|viewed)|popular|trending|sidebar|comments?|"
    r"commentlist|"
    r"disqus|newsletter|teasers?|more[_-]?(?:from|on|stories|news)|also[_-]?read|read[_-]?(?:more|next)|latest|footer|"
    r"promo|outbrain|taboola|carousel|card|cookie\w*|consent|nav|navbar|menu|ticker|widget|caption|credit|replies|"
    r"responses|discussion)(?:$|[\s_-])",
    re.IGNORECASE,
)
_ASIDE_TAGS = frozenset({"aside", "nav", "footer", "figure", "figcaption", "form", "noscript", "template"})
_PICTURE = re.compile(
    r"(?:^|[\s_-])(?:photos?|images?|img|pictures?|gallery|thumb(?:nail)?s?)(?:$|[\s_-])", re.IGNORECASE
)
_BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:by-?line\w*|authors?(?:-?names?)?|post-?author|writer|autor\w*|auteur|verfasser|"
    r"journalist|reporter|firma|autore)"
    r"(?:$|[\s_-])|byline|authorname",
    re.IGNORECASE,
)
_DATE_CLASS = re.compile(
    r"date|time|publish|posted|dateline|byline|meta|stamp|created|utility|fecha|datum|info|header", re.I
)


class Found(NamedTuple):
    """A value of a field and the place on the page where it stands."""

    value: str
    place: str


class Moment(NamedTuple):
    """A time and the place on the page where it stands."""

    stamp: Timestamp
    place: str


@dataclass(slots=True)
class Page:
    """What one walk over a page's elements collects, in the order of the page."""

    metas: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    properties: dict[str, list["HtmlElement"]] = field(default_factory=dict)
    headings: list["HtmlElement"] = field(default_factory=list)
    subheadings: list["HtmlElement"] = field(default_factory=list)
    times: list["HtmlElement"] = field(default_factory=list)
    bylines: list["HtmlElement"] = field(default_factory=list)
    dated: list["HtmlElement"] = field(default_factory=list)
    leads: list["HtmlElement"] = field(default_factory=list)
    footers: list["HtmlElement"] = field(default_factory=list)
    prose: list["HtmlElement"] = field(default_factory=list)  # with, in or behind it, a sentence in no paragraph
    positions: dict["HtmlElement", int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)  # what stands next after the headline
    ending: str = ""
    page_title: str = ""
    language: str = ""
    is_scoped: bool = False  # microdata say that there is an article


def walk_page(tree: "HtmlElement") -> Page:
    """Walk over the elements of a parsed page."""
    page = Page(language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "")
    page.language = page.language or tree.get("xml:lang") or ""
    for position, element in enumerate(tree.iter()):
        tag = element.tag
        if not isinstance(tag, str):
            continue
        attributes = element.attrib
        if tag == "meta":
            _add_meta(page, element)
        elif tag == "link":
            for relation in (element.get("rel") or "").lower().split():
                page.links.setdefault(relation, element.get("href") or "")
        elif tag == "script":
            if "ld+json" in (element.get("type") or "").lower() and element.text:
                page.scripts.append(element.text)
        elif tag == "title" and not page.page_title:
            page.page_title = get_text(element)[:MAX_LINE_CHARACTERS]
        elif tag in ("h1", "h2", "p", "time", "address") or attributes:
            _sort_in(page, element, tag, position)
        if (
            tag not in _SILENT
            and len(page.prose) < MAX_PROSE
            and any(map(_is_long_prose, (element.text, element.tail)))
        ):
            page.prose.append(element)
            page.positions[element] = position
    body = tree.find("body")
    if body is not None:
        page.ending = clean(body.text_content()[-MAX_LINE_CHARACTERS:])
    start = page.headings[0] if page.headings else body
    if start is not None:
        page.lines = list(islice(_list_lines(start), LINES_NEAR_HEADLINE))
    return page


def _is_long_prose(piece: str | None) -> bool:
    return piece is not None and len(piece) >= MIN_PROSE_CHARACTERS and is_prose(clean(piece[:MAX_LINE_CHARACTERS]))


def is_prose(text: str) -> bool:
    """Whether a line is a sentence rather than a byline, a day or another label."""
    if len(text) >= MAX_LABEL_CHARACTERS:
        return True
    is_ended = bool(_SENTENCE_END.search(text)) and not _LABEL_END.search(text)
    words = len(text.split())
    return is_ended and (words >= MIN_SENTENCE_WORDS or (words == 1 and len(text) >= MIN_PROSE_CHARACTERS))


def _list_lines(start: "HtmlElement") -> Iterator[str]:
    """List the pieces of text that follow an element, or that are in the body; "By" goes with what comes after it."""
    from lxml import etree

    label = ""
    holder: HtmlElement | None = start
    while holder is not None:
        pieces = [holder.tail] if holder.tag != "body" else [holder.text]
        for branch in holder.itersiblings() if holder.tag != "body" else holder if holder is start else ():
            walker = etree.iterwalk(branch, events=("start", "end"))
            for event, part in islice(walker, 400):
                if event == "end":
                    pieces.append(part.tail)
                elif part.tag in ("script", "style") or _speaks_of_other(part):
                    walker.skip_subtree()
                elif part.tag == "p" and is_prose(text := get_text(part)[:MAX_LINE_CHARACTERS]):
                    pieces.append(text)
                    walker.skip_subtree()
                else:
                    pieces.append(part.text)
            if len(pieces) > 1_000:
                break
        for piece in pieces:
            if line := clean((piece or "")[:MAX_LINE_CHARACTERS]):
                is_label = re.fullmatch(rf"(?:{BY})\s*:?", line, re.IGNORECASE)
                if not is_label:
                    yield f"{label} {line}".strip()
                label = line if is_label else ""
        holder = holder.getparent()


def _add_meta(page: Page, element: "HtmlElement") -> None:
    content = element.get("content")
    if not content:
        return
    for key in ("name", "property", "http-equiv", "itemprop"):
        if name := element.get(key):
            values = page.metas.setdefault(name.strip().lower(), [])
            if len(values) < MAX_ELEMENTS:
                values.append(clean(content[: 10 * MAX_FIELD_CHARACTERS]))
    for name in (element.get("itemprop") or "").split():
        page.properties.setdefault(name.rpartition(":")[2].lower(), []).append(element)


def _sort_in(page: Page, element: "HtmlElement", tag: str, position: int) -> None:
    kinds: list[list[HtmlElement]] = []
    if tag == "h1":
        kinds.append(page.headings)
    elif tag == "h2":
        kinds.append(page.subheadings)
    elif tag == "time":
        kinds.append(page.times)
    elif tag in ("p", "address"):
        kinds.append(page.leads)
    elif tag == "footer":
        kinds.append(page.footers)
    for name in (element.get("itemprop") or element.get("property") or "").split():
        kinds.append(page.properties.setdefault(name.rpartition(":")[2].lower(), []))
    if "itemtype" in element.attrib and re.search(r"Article|Posting|Report\b", element.get("itemtype") or ""):
        page.is_scoped = True
    label = get_label(element, "data-testid", "data-component")
    relation = (element.get("rel") or "").lower()
    if tag not in ("html", "body", "img", "svg", "input", "button", "source"):
        if "author" in relation.split() or tag == "address" or (len(label) > 3 and _BYLINE_CLASS.search(label)):
            kinds.append(page.bylines)
        if len(label) > 3 and tag not in ("script", "article", "main") and _DATE_CLASS.search(label):
            kinds.append(page.dated)
        if "footer" in label.lower() or "copyright" in label.lower():
            kinds.append(page.footers)
    for kind in kinds:
        if len(kind) < MAX_ELEMENTS:
            kind.append(element)
    if kinds:
        page.positions[element] = position


def is_aside(element: "HtmlElement") -> bool:
    """Whether an element stands in a part of the page that isn't about its article."""
    for holder in (element, *element.iterancestors()):
        if holder.tag in ("body", "html"):
            return False
        if _is_aside_itself(holder):
            return True
    return False


def is_caption(element: "HtmlElement") -> bool:
    """Whether an element says what a picture shows."""
    holders = [element, *islice(element.iterancestors(), 1)]
    is_named = any(_PICTURE.search(get_label(holder)) for holder in holders if holder.tag not in ("body", "html"))
    return is_named or (element.tag == "p" and not element.get("class") and element.find(".//img") is not None)


def is_beside_link(element: "HtmlElement") -> bool:
    """Whether an element stands in a list beside the headline of another story, which is a link."""
    item = next((holder for holder in (element, *element.iterancestors()) if holder.tag == "li"), None)
    return item is not None and any(
        len(get_text(link).split()) >= MIN_HEADLINE_WORDS for link in islice(item.iter("a"), MAX_LINKS)
    )


def _speaks_of_other(element: "HtmlElement") -> bool:
    is_other = _is_aside_itself(element) or is_caption(element)
    return is_other or (element.tag == "li" and is_beside_link(element))


def _is_aside_itself(element: "HtmlElement") -> bool:
    if element.tag in _ASIDE_TAGS:
        return True
    label = get_label(element)
    return bool(label and _ASIDE.search(label)) and element.find(".//h1") is None


def get_meta(page: Page, name: str) -> str | None:
    """Get what the first meta tag of a name says."""
    return next((value for value in page.metas.get(name, ()) if value), None)


def list_metas(page: Page, names: Iterable[str]) -> Iterator[Found]:
    """List what the meta tags of these names say, in the order of the names."""
    for name in names:
        for value in page.metas.get(name, ()):
            if value:
                yield Found(value, "OpenGraph" if name.startswith(("og:", "article:")) else f"meta {name}")


def get_text(element: "HtmlElement") -> str:
    """Get what an element says, in one line; a mark stands where it stood, though in another element than its word."""
    return clean("".join(piece if piece[:1] in _CLOSING else f" {piece}" for piece in element.itertext()))


def get_label(element: "HtmlElement", *others: str) -> str:
    """Get the names that a page's makers gave an element: its class, its id and other attributes."""
    names = (element.get(name) for name in ("class", "id", *others))
    return " ".join(name[:MAX_LABEL_CHARACTERS] for name in names if name)


def clean(value: str) -> str:
    """Write a value in one line, without tags and entities."""
    value = unescape(value) if "&" in value else value
    return _SPACE.sub(" ", _TAG.sub(" ", value) if "<" in value else value).strip()


def fold(text: str) -> str:
    """Write a name so that it can be compared: small letters and digits only."""
    return re.sub(r"[\W_]+", "", text.casefold())

"""Tells what a page says of its article: title, author, outlet, times, address, section and language.

The same fact stands in many places of a page, some to be trusted further than others: JSON-LD first, then OpenGraph and
other meta tags, microdata, what readers see, and the guesses of libraries. Each fact says where it is from.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from assistant.timestamps import Timestamp, find_timestamps, is_american, read_timestamp
from assistant.types import Origin

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_NODES = 2_000  # of a page's JSON-LD
MAX_FIELD_CHARACTERS = 300
MAX_BYLINE_CHARACTERS = 150
MAX_AUTHORS = 12
LONG_TITLE_CHARACTERS = 60  # at which titles made for machines are cut
LINES_NEAR_HEADLINE = 25
MIN_HEADING_CHARACTERS = 15  # of a heading of the second rank that may be the headline
MAX_LINE_CHARACTERS = 1_000
MAX_ELEMENTS = 400  # of one kind that are looked at: what a page says of itself stands near its beginning
MAX_LABEL_CHARACTERS = 300
MAX_GUESSED_CHARACTERS = 300_000  # of a page that is searched for a day
SAME_DAY = timedelta(hours=14)  # how far a time without a zone may be from the same time with one

_AUTHOR_METAS = (
    "author", "article:author", "og:article:author", "og:author", "parsely-author", "sailthru.author", "dc.creator",
    "dcterms.creator", "dc:creator", "byl", "byline", "citation_author", "cxenseparse:author", "rbauthors",
    "shareaholic:article_author_name", "authors", "creator",
)  # fmt: skip
_TITLE_METAS = (
    "og:title", "twitter:title", "parsely-title", "sailthru.title", "dc.title", "dcterms.title", "dc:title", "headline",
    "citation_title", "title",
)  # fmt: skip
_OUTLET_METAS = (
    "og:site_name", "parsely-site", "cxenseparse:publishername", "dc.publisher", "dcterms.publisher", "dc:publisher",
    "publisher", "citation_journal_title", "article:publisher", "al:ios:app_name", "application-name",
    "apple-mobile-web-app-title", "copyright", "dc.source", "twitter:site",
)  # fmt: skip
_SECTION_METAS = (
    "article:section", "og:section", "parsely-section", "sailthru.section", "cxenseparse:section", "section",
    "dc.subject", "category",
)  # fmt: skip
_LANGUAGE_METAS = ("content-language", "language", "dc.language", "dcterms.language", "dc:language", "og:locale")
# A first choice among the many names for a date; htmldate knows the others.
_PUBLISHED_METAS = (
    "article:published_time", "og:article:published_time", "og:published_time", "article:published", "datepublished",
    "parsely-pub-date", "cxenseparse:recs:publishtime", "sailthru.date", "pubdate", "publish-date", "publish_date",
    "dcterms.issued", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date", "date",
)  # fmt: skip
_UPDATED_METAS = (
    "article:modified_time", "og:updated_time", "og:article:modified_time", "datemodified", "dcterms.modified",
    "dc.date.modified", "dc.modified", "article:modified", "article:updated_time", "last-modified", "lastmod",
    "revised",
)  # fmt: skip

_TRACKING = re.compile(
    r"utm_|mtm_|pk_|at_|itm_|ns_|(?:fb|g|dc|ms|y|tw)cl(?:id|srv|kid)$|gbraid$|wbraid$|msclkid$|igsh(?:id)?$|mc_[ce]id$|"
    r"_ga$|cmpid$|cmp$|ref(?:errer|_src|_url)?$|smid$|smtyp$|xtor$|ocid$|ito$|ftag$|spm$|s?wt_",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]{1,500}>")
_SPACE = re.compile(r"\s+")
# "- ", "| " and their kin between a headline and the name of its site.
_SEPARATOR = re.compile(r"\s+[|–—·•»«:‹›⋅/-]{1,2}\s+|\s*\|\s*")
_PREFIX_SEPARATOR = re.compile(rf"{_SEPARATOR.pattern}|:\s+")  # "The Courier: Harbour wall fails"
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright)\s*(?:©|\(c\)|copyright)?\s*(?:(?:19|20)\d\d(?:\s?[-–]\s?(?:19|20)\d\d)?)?[\s,:by]*"
    r"(?P<name>[^.|©,;\n]{2,60})",
    re.IGNORECASE,
)
_RIGHTS = re.compile(r"\s*(?:-|–|\()?\s*(?:all rights reserved|alle rechte|tous droits|todos los derechos).*$", re.I)
_DOMAIN = re.compile(r"(?:https?://)?(?:www\.)?[\w-]+(?:\.[\w-]+)+/?$")
_COMPANY = re.compile(
    r"\b(?:Ltd|Limited|Inc|LLC|GmbH|AG|S\.?A|S\.?L|plc|Group|Holdings?|Media|Corp(?:oration)?|Verlag)\b\.?"
)

# Parts of a page that speak of other articles, of their own authors and days.
_ASIDE = re.compile(
    r"(?:^|[\s_-])(?:related|recommend\w*|most[_-]?(?:read|popular|viewed)|popular|trending|sidebar|comments?|"
    r"commentlist|"
    r"disqus|newsletter|teasers?|more[_-]?(?:from|on|stories|news)|also[_-]?read|read[_-]?(?:more|next)|latest|footer|"
    r"promo|outbrain|taboola|carousel|card|cookie\w*|consent|nav|navbar|menu|ticker|widget|caption|credit)(?:$|[\s_-])",
    re.IGNORECASE,
)
_ASIDE_TAGS = frozenset({"aside", "nav", "footer", "figure", "figcaption", "form", "noscript", "template"})
_BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:by-?line\w*|authors?(?:-?names?)?|post-?author|writer|autor\w*|auteur|verfasser|"
    r"journalist|reporter)"
    r"(?:$|[\s_-])|byline|authorname",
    re.IGNORECASE,
)
_DATE_CLASS = re.compile(
    r"date|time|publish|posted|dateline|byline|meta|stamp|created|utility|fecha|datum|info|header", re.I
)
_ABOUT = re.compile(r"bio|about|social|avatar|image|photo|share|follow", re.I)
_UPDATE_LABEL = re.compile(
    r"(?:updated?|modified|edited|revised|aktualisiert|stand|geändert|mis(?:e)? à jour|modifié|actualizad[oa]|"
    r"aggiornat[oa]|atualizad[oa]|bijgewerkt|gewijzigd|oppdatert|opdateret|uppdaterad|עודכן|עדכון|تحديث|آخر تحديث)\W*"
    r"(?:[^\W\d]{1,10}\W*){0,3}$",
    re.IGNORECASE,
)

# Bylines

_BY = (
    r"by|von|par|por|di|da|door|af|av|text|words|autor(?:in)?|author|auteur|reporter|posted by|written by|reported by|"
    r"story by|report by|published by|submitted by|escrito por|scritto da|geschreven door|ein(?:e)? \w+ von|"
    r"propos recueillis par|interview by|מאת|כתב|כתבה|بقلم|كتب|كتبت"
)
_PREFIX = re.compile(rf"^\W*(?:(?:{_BY})\s*:|(?:{_BY})\s)\s*", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"^\W*(?:by|von|par|por|door|written by|reported by|reporting by|words by|words|text|"
    r"written and reported by|מאת|بقلم)\b"
    r"\s*:?\s+(?P<names>\S.{2,120})$",
    re.IGNORECASE,
)
_SPLIT = r"\s*[,;|/•·、،]\s*|\s+[–—-]\s+|\s*&\s*|\s+(?:and|with|{})\s+"
_CONJUNCTIONS = {
    "de": "und|mit", "fr": "et|avec", "es": "y|e|con", "it": "e|con", "pt": "e|com", "nl": "en|met", "da": "og|med",
    "nb": "og|med", "no": "og|med", "sv": "och|med", "ca": "i|amb", "he": "ו", "ar": "و",
}  # fmt: skip
_AFTER_NAME = re.compile(
    r"\s+(?:in|at|from|for|aus|für|à|reporting|is|was|has|updated|published|posted|on|am|last|\d).*$|\s*[(\[{].*$"
)
_POSTED = re.compile(
    r"\b(?:[Pp]osted|[Ww]ritten|[Ss]ubmitted|[Pp]ublished) by:?\s+"
    r"(?P<names>(?:[^\W\d_][\w.'’-]*\s?){2,4}?)(?= on | at |[|,·]|$)"
)
_ADDRESS = re.compile(r"\S+@\S+|@\w+|https?://\S+|www\.\S+")
_NO_NAME = re.compile(
    r"\b(?:correspondents?|editors?|editorial|reporters?|writers?|staff|chief|bureau|columnists?|journalists?|"
    r"contributors?|contributing|producers?|desk|newsroom|newsdesk|team|news|admin\w*|webmaster|online|"
    r"agenc(?:y|ies)|photographers?|analyst|senior|political|head|director|professor|lecturer|author|guest|special|"
    r"redak\w*|korrespondent\w*|redacci[oó]n|redazione|rédaction|redactie|corresponsal\w*|envoyée?|enviad[oa]|"
    r"correspondante?|journaliste|periodista|giornalista|redacteur|read|minutes?|min|ago|updated|published|posted|"
    r"january|february|march|april|june|july|august|september|october|november|december|share|subscribe|follow|"
    r"gmt|utc|monday|tuesday|wednesday|thursday|friday|saturday|sunday|unknown|anonymous|user|press release|"
    r"views?|comments?|the|مراسل\w*|כתבת?|כתבנו|سكرتير|מערכת|هيئة|التحرير)\b",
    re.IGNORECASE,
)
_DEGREE = re.compile(r"^(?:jr|sr|ph\.?d|m\.?d|esq|mba|obe|cbe|mp|ii|iii)\.?$", re.IGNORECASE)


class Found(NamedTuple):
    """A value of a field and the place on the page where it stands."""

    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page says of its article; `body` is the text that its JSON-LD holds, `updates` those of its live blog."""

    title: str | None = None
    author: str | None = None
    outlet: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    url: str | None = None
    section: str | None = None
    language: str | None = None
    origins: tuple[Origin, ...] = ()
    body: str | None = None
    is_article: bool = False
    is_live: bool = False
    updates: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()


@dataclass(slots=True)
class _Page:
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
    positions: dict["HtmlElement", int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)  # what stands next after the headline
    ending: str = ""
    page_title: str = ""
    language: str = ""
    is_scoped: bool = False  # microdata say that there is an article


def read_metadata(tree: "HtmlElement", address: str | None = None) -> Metadata:
    """Read what a parsed page says of its article; `address` is where it came from."""
    page = _walk(tree)
    data = _read_json_ld(page.scripts)
    url = _find_url(page, address)
    headings = [text for element in page.headings if (text := get_text(element)[:MAX_LINE_CHARACTERS])]
    if not headings:
        lesser = (get_text(element) for element in page.subheadings)
        headings = [
            text for text in lesser if len(text) >= MIN_HEADING_CHARACTERS and fold(text) in fold(page.page_title)
        ]
    node = _choose_article(data, url.value if url else address, [*headings, *page.metas.get("og:title", ())])
    nodes = [node, *(other for other in data.nodes if other is not node and _is_type(other, ("webpage",)))]
    language = _find_language(page, nodes)
    outlets = list(_find_outlets(page, data, node, headings, url.value if url else address))
    outlet = _choose_outlet(outlets, page.page_title)
    names = tuple(dict.fromkeys(found.value for found in outlets))
    title = _find_title(page, node, headings, names)
    author = _find_author(page, data, node, names, language.value if language else None)
    published, updated = _find_times(tree, page, nodes, url.value if url else address, language)
    section = _find_section(page, data, node)
    live = _is_type(node, ("liveblogposting",))
    fields: list[tuple[str, Any]] = [
        ("title", title), ("author", author), ("outlet", outlet), ("published", published), ("updated", updated),
        ("url", url), ("section", section), ("language", language),
    ]  # fmt: skip
    values = {name: found[0] for name, found in fields if found}
    return Metadata(
        **values,
        origins=tuple(Origin(name, found[1]) for name, found in fields if found),
        body=_first_text(node.get("articleBody")) or None,
        is_article=bool(node) or page.is_scoped or _get_meta(page, "og:type") == "article",
        is_live=live,
        updates=tuple(_list_updates(node)) if live else (),
        outlets=names,
    )


def tidy_url(url: str) -> str | None:
    """Write a web address in one way: no fragment, no tracking parameters, no default port; None for others."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host:
        return None
    if port and port != {"http": 80, "https": 443}[parts.scheme.lower()]:
        host = f"{host}:{port}"
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(key)]
    return urlunsplit((parts.scheme.lower(), host, parts.path or "/", urlencode(query), ""))


def get_text(element: "HtmlElement") -> str:
    """Get what an element says, in one line."""
    return clean(" ".join(element.itertext()))


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


# The page


def _walk(tree: "HtmlElement") -> _Page:
    page = _Page(language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "")
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
    body = tree.find("body")
    if body is not None:
        page.ending = clean(body.text_content()[-MAX_LINE_CHARACTERS:])
    start = page.headings[0] if page.headings else body
    if start is not None:
        page.lines = list(islice(_list_lines(start), LINES_NEAR_HEADLINE))
    return page


def _list_lines(start: "HtmlElement") -> Iterator[str]:
    """List the pieces of text that follow an element, or that are in the body; "By" goes with what comes after it."""
    from lxml import etree

    label = ""
    holder: HtmlElement | None = start
    while holder is not None:
        pieces = [holder.tail] if holder.tag != "body" else [holder.text]
        for branch in holder.itersiblings() if holder.tag != "body" else holder if holder is start else ():
            pieces += [
                part.text
                if event == "start" and part.tag not in ("script", "style")
                else part.tail
                if event == "end"
                else ""
                for event, part in islice(etree.iterwalk(branch, events=("start", "end")), 400)
            ]
            if len(pieces) > 1_000:
                break
        for piece in pieces:
            if line := clean((piece or "")[:MAX_LINE_CHARACTERS]):
                is_label = re.fullmatch(rf"(?:{_BY})\s*:?", line, re.IGNORECASE)
                if not is_label:
                    yield f"{label} {line}".strip()
                label = line if is_label else ""
        holder = holder.getparent()


def _add_meta(page: _Page, element: "HtmlElement") -> None:
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


def _sort_in(page: _Page, element: "HtmlElement", tag: str, position: int) -> None:
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


def _is_aside(element: "HtmlElement") -> bool:
    """Whether an element stands in a part of the page that isn't about its article."""
    for holder in (element, *element.iterancestors()):
        if holder.tag in _ASIDE_TAGS:
            return True
        if holder.tag in ("body", "html"):
            return False
        label = get_label(holder)
        if label and _ASIDE.search(label) and holder.find(".//h1") is None:
            return True
    return False


def _get_meta(page: _Page, name: str) -> str | None:
    return next((value for value in page.metas.get(name, ()) if value), None)


def _list_metas(page: _Page, names: Iterable[str]) -> Iterator[Found]:
    for name in names:
        for value in page.metas.get(name, ()):
            if value:
                yield Found(value, "OpenGraph" if name.startswith(("og:", "article:")) else f"meta {name}")


# JSON-LD


@dataclass(slots=True)
class _Data:
    nodes: list[dict[str, Any]] = field(default_factory=list)
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)


_SALVAGED = re.compile(
    r'"(headline|datePublished|dateModified|articleSection|inLanguage)"\s*:\s*"((?:[^"\\]|\\.){1,2000})"(?=\s*[,}\]])'
)
_SALVAGED_NAME = re.compile(
    r'"(author|creator|publisher)"\s*:\s*[\[{\s]*(?:[^{}\[\]]{0,500}?"name"\s*:\s*)?"((?:[^"\\]|\\.){1,200})"'
)
_GAP = re.compile(r"[\s,;]*")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_WRAPPING = re.compile(
    r"^\s*(?:<!--|/\*<!\[CDATA\[\*/|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|/\*\]\]>\*/|//\]\]>|\]\]>)\s*$|;\s*$"
)
_CONTAINERS = ("@graph", "mainEntity", "mainEntityOfPage")


def _read_json_ld(scripts: Iterable[str]) -> _Data:
    data = _Data()
    pending = [value for script in scripts for value in _parse_json(script)][::-1]
    while pending and len(data.nodes) < MAX_NODES:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value[::-1])
        elif isinstance(value, dict):
            data.nodes.append(value)
            if isinstance(value.get("@id"), str) and len(value) > 1:
                data.by_id.setdefault(value["@id"], value)
            pending.extend(value[key] for key in _CONTAINERS[::-1] if key in value)
    return data


def _parse_json(text: str) -> list[Any]:
    """Parse what a script holds, mended where it is broken, and piece by piece where that doesn't help."""
    text = _WRAPPING.sub("", _WRAPPING.sub("", text.strip()))
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text)):
        decoder = json.JSONDecoder(strict=False)
        values: list[Any] = []
        position = len(candidate) - len(candidate.lstrip())
        try:
            while position < len(candidate) and len(values) < MAX_NODES:
                value, position = decoder.raw_decode(candidate, position)
                values.append(value)
                gap = _GAP.match(candidate, position)
                position = gap.end() if gap else position
        except (ValueError, RecursionError):
            if values:
                return values
        else:
            return values
    salvaged: dict[str, Any] = {}
    for key, value in _SALVAGED.findall(text):
        salvaged.setdefault(key, _unescape_json(value))
    for key, value in _SALVAGED_NAME.findall(text):
        salvaged.setdefault(key, {"name": _unescape_json(value)})
    return [{"@type": "Article", **salvaged}] if {"headline", "datePublished"} & set(salvaged) else []


def _unescape_json(value: str) -> str:
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value


def _list_types(node: dict[str, Any]) -> list[str]:
    types = node.get("@type")
    names = types if isinstance(types, list) else [types]
    return [re.split(r"[/:#]", name)[-1].lower() for name in names if isinstance(name, str)]


def _is_type(node: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(name in names for name in _list_types(node))


def _is_article(node: dict[str, Any]) -> bool:
    return any(
        name.endswith(("article", "posting", "report", "review")) and name not in ("jobposting", "webreport")
        for name in _list_types(node)
    )


def _choose_article(data: _Data, url: str | None, titles: list[str]) -> dict[str, Any]:
    """Choose the node that is about this page's article: the one with its address or its title, or else the first."""
    nodes = [node for node in data.nodes if _is_article(node)]
    if not nodes:
        return next((node for node in data.nodes if "datePublished" in node and "headline" in node), {})
    folded = {fold(title) for title in titles}

    def rate(node: dict[str, Any]) -> int:
        addresses = [node.get("url"), node.get("mainEntityOfPage"), node.get("@id")]
        addresses = [value.get("@id") or value.get("url") if isinstance(value, dict) else value for value in addresses]
        is_here = bool(url) and any(
            isinstance(value, str) and urlsplit_path(value) == urlsplit_path(url or "") for value in addresses
        )
        return 2 * is_here + (fold(_first_text(node.get("headline")) or "?") in folded)

    return max(nodes, key=rate)  # the first of the best


def urlsplit_path(url: str) -> str:
    """Get the path of an address, which its http, its host's www and its parameters don't change."""
    try:
        return urlsplit(url).path.rstrip("/") or "/"
    except ValueError:
        return url


def _list_texts(value: Any, data: _Data | None = None, depth: int = 0) -> Iterator[str]:
    """List what a value names: itself, its name, or those of its items."""
    if depth > 8:
        return
    if isinstance(value, str):
        yield clean(value)
    elif isinstance(value, list):
        for item in value[:100]:
            yield from _list_texts(item, data, depth + 1)
    elif isinstance(value, dict):
        if data and isinstance(value.get("@id"), str) and "name" not in value:
            value = data.by_id.get(value["@id"], value)
        given = " ".join(str(value[key]) for key in ("givenName", "familyName") if isinstance(value.get(key), str))
        name = value.get("name") or given or value.get("@value") or value.get("legalName")
        if name is not None:
            yield from _list_texts(name, data, depth + 1)


def _first_text(value: Any, data: _Data | None = None) -> str:
    return next((text for text in _list_texts(value, data) if text), "")


def _list_updates(node: dict[str, Any]) -> Iterator[str]:
    updates = node.get("liveBlogUpdate")
    for update in updates if isinstance(updates, list) else [updates]:
        if isinstance(update, dict):
            time = read_timestamp(str(update.get("datePublished") or ""))
            lines = [
                f"{time.time:%H:%M}" if time and time.has_time else "",
                _first_text(update.get("headline")),
                str(update.get("articleBody") or ""),
            ]
            yield "\n\n".join(line for line in lines if line)


# Address, language, section


def _find_url(page: _Page, address: str | None) -> Found | None:
    """Find the article's own address; a page may not claim to be that of another site."""
    for value, place in (
        (page.links.get("canonical"), "canonical link"),
        (_get_meta(page, "og:url"), "OpenGraph"),
    ):
        if not value:
            continue
        try:
            url = tidy_url(urljoin(address or "", value.strip()))
        except ValueError:
            continue
        if url is None:
            continue
        if address is None:
            return Found(url, place)
        is_home = urlsplit_path(url) == "/" != urlsplit_path(address)
        if not is_home and _get_site(url) == _get_site(address):
            return Found(url, place)
    url = tidy_url(address) if address else None
    return Found(url, "address") if url else None


def _get_site(url: str) -> str:
    """Get the site of an address: its host, of which www, amp and m are no part."""
    host = urlsplit(url).hostname or ""
    return re.sub(r"^(?:(?:www\d?|amp|m|mobile)\.)+", "", host)


def _find_language(page: _Page, nodes: list[dict[str, Any]]) -> Found | None:
    candidates = [Found(page.language, "html lang"), *_list_metas(page, _LANGUAGE_METAS)]
    candidates[1:1] = [Found(_first_text(node.get("inLanguage")), "JSON-LD") for node in nodes]
    for value, place in candidates:
        if match := re.match(r"\s*([A-Za-z]{2})(?:$|[-_,;\s])", value):
            return Found(match[1].lower(), place)
    return None


def _find_section(page: _Page, data: _Data, node: dict[str, Any]) -> Found | None:
    candidates = [Found(_first_text(node.get("articleSection")), "JSON-LD"), *_list_metas(page, _SECTION_METAS)]
    for crumbs in (other for other in data.nodes if _is_type(other, ("breadcrumblist",))):
        items = crumbs.get("itemListElement")
        if isinstance(items, list) and len(items) > 2 and isinstance(items[1], dict):
            candidates.append(Found(_first_text(items[1].get("item")) or _first_text(items[1]), "JSON-LD"))
    candidates += [Found(get_text(element), "microdata") for element in page.properties.get("articlesection", ())]
    return next((found for found in candidates if 1 < len(found.value) <= 60 and "://" not in found.value), None)


# Outlet and title


def _find_outlets(
    page: _Page, data: _Data, node: dict[str, Any], headings: list[str], url: str | None
) -> Iterator[Found]:
    """List what may be the outlet's name, the better places first."""
    candidates = [Found(_first_text(node.get("publisher"), data), "JSON-LD")]
    candidates += _list_metas(page, _OUTLET_METAS[:1])
    for kind in ("newsmediaorganization", "website", "organization"):
        candidates += [Found(_first_text(other), "JSON-LD") for other in data.nodes if _is_type(other, (kind,))]
    for element in page.properties.get("publisher", ()):
        candidates.append(Found(_get_property_name(element), "microdata"))
    candidates += _list_metas(page, _OUTLET_METAS[1:])
    candidates += _find_title_suffix(page.page_title, [*headings, *page.metas.get("og:title", ())])
    for text in [*(get_text(element)[-2_000:] for element in page.footers[-4:]), page.ending]:
        if match := _COPYRIGHT.search(text):
            candidates.append(Found(_RIGHTS.sub("", match["name"]).strip(" -–"), "copyright notice"))
    handles = [found for found in candidates if found.value.startswith("@")]
    domains = [found for found in candidates if _DOMAIN.fullmatch(found.value)]
    for found in candidates:
        value = _RIGHTS.sub("", re.sub(r"^(?:©|\(c\)|copyright|\s|(?:19|20)\d\d)+", "", found.value, flags=re.I)).strip(
            " -–"
        )
        if found not in handles and found not in domains and 1 < len(value) <= 80 and "://" not in value:
            yield Found(value, found.place)
    for found in [*domains, *handles]:
        if "facebook.com" not in found.value:
            yield Found(re.sub(r"^(?:https?://)?(?:www\.)?|/$|^@", "", found.value), found.place)
    if url and (host := urlsplit(url).hostname):
        yield Found(re.sub(r"^www\.", "", host), "address")


def _find_title_suffix(page_title: str, titles: list[str]) -> Iterator[Found]:
    """Take what follows the headline in the page's title, or stands in front of it, for the name of the site."""
    folded = [fold(title) for title in titles if title]
    separators = list(_SEPARATOR.finditer(page_title))
    for separator in separators:
        before, after = page_title[: separator.start()], page_title[separator.end() :]
        if fold(before) in folded:
            yield Found(_SEPARATOR.split(after)[-1].strip(), "page title")
        elif fold(after) in folded:
            yield Found(_SEPARATOR.split(before)[0].strip(), "page title")
    if separators and not folded:
        yield Found(page_title[separators[-1].end() :].strip(), "page title")


def _choose_outlet(outlets: list[Found], page_title: str) -> Found | None:
    """Take the first name, unless it is a company's and another one is what the page's title ends in."""
    if not outlets:
        return None
    first = outlets[0]
    if _COMPANY.search(first.value):
        ends = [fold(part) for part in _SEPARATOR.split(page_title)[1:]]
        others = [found for found in outlets if not _COMPANY.search(found.value) and not _DOMAIN.fullmatch(found.value)]
        return next((found for found in others if fold(found.value) in ends or found.place == "OpenGraph"), first)
    return first


def _find_title(page: _Page, node: dict[str, Any], headings: list[str], outlets: tuple[str, ...]) -> Found | None:
    candidates = [Found(_first_text(node.get("headline")) or _first_text(node.get("name")), "JSON-LD")]
    candidates += _list_metas(page, _TITLE_METAS[:2])
    candidates += [Found(_get_value(element), "microdata") for element in page.properties.get("headline", ())]
    candidates += _list_metas(page, _TITLE_METAS[2:])
    candidates.append(Found(page.page_title, "page title"))
    names = {fold(name) for name in outlets}
    cleaned = [
        Found(value, found.place)
        for found in candidates
        if (value := _strip_site(found.value[:MAX_LINE_CHARACTERS], names, headings)) and fold(value) not in names
    ]
    seen = [heading for heading in headings if fold(heading) not in names]
    # The reader's own headline, where one of the others says that it is this article's.
    for heading in seen:
        for found in cleaned:
            if _is_cut(found.value, heading) or _share(heading, found.value) >= 0.5:
                is_within = fold(found.value) in fold(heading) and not _is_cut(found.value, heading)
                if is_within:
                    return found
                return Found(_strip_site(heading, names, []), "heading")
    if cleaned and (cleaned[0].place != "page title" or not seen):
        return cleaned[0]
    return Found(seen[0], "heading") if seen else None


def _strip_site(title: str, names: set[str], headings: list[str]) -> str:
    """Take the site's name, and what stands between it and the headline, off a title."""
    folded = {fold(heading) for heading in headings}
    for separator in _PREFIX_SEPARATOR.finditer(title):
        before, after = title[: separator.start()].strip(), title[separator.end() :].strip()
        if fold(before) in folded or (fold(after) in names and fold(before) not in names):
            return _strip_site(before, names, headings)
        if fold(after) in folded or (fold(before) in names and after):
            return _strip_site(after, names, headings)
    return title.strip()


def _is_cut(title: str, heading: str) -> bool:
    """Whether a title is a heading that was cut short."""
    begun = re.sub(r"\s*(?:…|\.{3})$", "", title)
    is_marked = begun != title or len(title) >= LONG_TITLE_CHARACTERS
    return is_marked and fold(heading) != fold(title) and fold(heading).startswith(fold(begun))


def _share(first: str, second: str) -> float:
    """Measure how many of the words of the shorter of two titles the other has too."""
    words, others = set(re.findall(r"\w+", first.casefold())), set(re.findall(r"\w+", second.casefold()))
    return len(words & others) / max(1, min(len(words), len(others)))


# Authors


def _get_value(element: "HtmlElement") -> str:
    return clean(element.get("content") or "") or get_text(element)


def _get_property_name(element: "HtmlElement") -> str:
    name = element.find(".//*[@itemprop='name']")
    return _get_value(element if name is None else name)


def _find_author(
    page: _Page, data: _Data, node: dict[str, Any], outlets: tuple[str, ...], language: str | None
) -> Found | None:
    for place, values in _list_author_places(page, data, node):
        authors: list[str] = []
        for value in values:
            authors += [name for name in clean_authors(value, outlets, language) if name not in authors]
        if authors:
            return Found(", ".join(authors[:MAX_AUTHORS]), place)
    return None


def _list_author_places(page: _Page, data: _Data, node: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key in ("author", "creator"):
        yield "JSON-LD", list(_list_texts(node.get(key), data))
    for name in _AUTHOR_METAS:
        yield ("OpenGraph" if name.startswith(("og:", "article:")) else f"meta {name}"), page.metas.get(name, [])
    own = [element for element in page.properties.get("author", ()) if not _is_aside(element)]
    yield "microdata", [_get_property_name(element) for element in own]
    bylines = [element for element in page.bylines if not _is_aside(element)]
    linked = [element for element in bylines if "author" in (element.get("rel") or "").lower().split()]
    yield "byline", [get_text(element) for element in linked[:MAX_AUTHORS]]
    for element in bylines:
        text = get_text(element)
        if 2 < len(text) <= MAX_BYLINE_CHARACTERS and not _ABOUT.search(element.get("class") or ""):
            links = [name for link in element.iterdescendants("a") if (name := get_text(link))]
            yield "byline", [name for name in links if clean_authors(name, (), None)] or [text]
    yield from _list_signed_places(page)


def _list_signed_places(page: _Page) -> Iterator[tuple[str, list[str]]]:
    """List the bylines that only their words tell: "By ..." in a short line, or a name beside a day."""
    blocks = [*page.dated, *page.leads]
    for element in sorted(blocks, key=lambda block: page.positions[block]):
        # subtle: only the text of short blocks is looked at, so that a long page isn't read once for each that holds it
        if len(element) <= 6 and not _is_aside(element):
            for line in get_lines(element):
                if len(line) <= MAX_BYLINE_CHARACTERS and (match := _SIGNATURE.match(line)):
                    names = re.split(r"[;.](?:\s|$)", match["names"])[0] if " " in match["names"].strip() else ""
                    if names and not names[0].islower():
                        yield "byline in the text", [names]
    for line in page.lines:
        if len(line) <= MAX_BYLINE_CHARACTERS and (match := _SIGNATURE.match(line)) and not match["names"][0].islower():
            yield "byline in the text", [match["names"]]
    for element in page.dated:
        text = get_text(element)
        if len(text) <= 100 and not _is_aside(element) and list(find_timestamps(text)):
            parts = re.split(r"\s*[|•·,–—]\s*|\s+-\s+|\d[\d/.:-]*", text)
            label = _POSTED.search(text)
            yield "byline in the text", [label["names"]] if label else []
            yield "line of the date", [part for part in parts if len(part.split()) in (2, 3) and part.istitle()]


def get_lines(element: "HtmlElement") -> list[str]:
    """List the lines of an element, which line breaks part."""
    text = "".join("\n" if part.tag == "br" else part.text or "" for part in [element])
    for part in element:
        text += "\n" if part.tag == "br" else "".join(part.itertext()) if isinstance(part.tag, str) else ""
        text += part.tail or ""
    return [line for piece in text[: 10 * MAX_LINE_CHARACTERS].split("\n") if (line := clean(piece))]


def clean_authors(value: str, outlets: Iterable[str], language: str | None) -> list[str]:
    """List the names in a byline: without "By", roles, places, addresses and the outlet's own name."""
    if "://" in value and " " not in value.strip():
        return []
    # subtle: cut first, for a page may put megabytes where a name should be
    value = _PREFIX.sub("", _ADDRESS.sub(" ", clean(value[: 2 * MAX_FIELD_CHARACTERS])))[:MAX_FIELD_CHARACTERS]
    names = {fold(name) for name in outlets}
    parts = re.split(_SPLIT.format(_CONJUNCTIONS.get(language or "", "und|et")), value, flags=re.IGNORECASE)
    authors: list[str] = []
    for part in parts:
        name = _PREFIX.sub("", part)
        for outlet in sorted(outlets, key=len, reverse=True):
            if outlet and fold(name) != fold(outlet) and name.casefold().endswith(f" {outlet.casefold()}"):
                name = re.sub(r"\s+(?:for|at|of|,)$", "", name[: -len(outlet)].strip())
        name = _AFTER_NAME.sub("", name).strip(" .,:;-–—*\"'“”")
        is_place = bool(authors) and " " not in name
        if _is_name(name) and fold(name) not in names and not is_place and not _DEGREE.match(name):
            authors.append(name.title() if name.isupper() or name.islower() else name)
    return list(dict.fromkeys(authors))


def _is_name(name: str) -> bool:
    words = name.split()
    if not words or len(words) > 6 or not 2 <= len(name) <= 60 or re.search(r"[\d_@/=<>{}?!]", name):
        return False
    if _NO_NAME.search(name) or _DOMAIN.fullmatch(name):
        return False
    # A small letter begins a particle ("von", "de la") and never all of a name, but for machine-made small letters.
    return any(not word[0].islower() for word in words) or (len(words) in (2, 3) and name.islower())


# Times


class _Moment(NamedTuple):
    stamp: Timestamp
    place: str


def _find_times(
    tree: "HtmlElement", page: _Page, nodes: list[dict[str, Any]], url: str | None, language: Found | None
) -> tuple[tuple[datetime, str] | None, tuple[datetime, str] | None]:
    code = language.value if language else None
    region = f"{page.language} {_get_meta(page, 'og:locale') or ''}".replace("_", "-").lower()
    is_month_first = "en-us" in region

    def read(value: str) -> Timestamp | None:
        return read_timestamp(value, language=code, is_month_first=is_month_first)

    published = list(_list_moments(page, nodes, ("datePublished", "dateCreated", "uploadDate"), _PUBLISHED_METAS, read))
    updated = list(_list_moments(page, nodes, ("dateModified",), _UPDATED_METAS, read))
    shown, shown_updates = _find_shown_times(page, code, is_month_first or _names_american_zone(page))
    published += shown
    updated += shown_updates
    if not published:
        for line in page.lines:
            for start, stamp in find_timestamps(line, language=code, is_month_first=is_month_first):
                if len(line) <= 100 and start <= 40:
                    is_update = bool(_UPDATE_LABEL.search(line[:start].rstrip(" :,")))
                    (updated if is_update else published).append(_Moment(stamp, "text of the page"))
    if not published and len(tree.text_content()) <= MAX_GUESSED_CHARACTERS:
        published += _guess_day(tree, url)
    zones = [moment.stamp.time for moment in [*published, *updated] if moment.stamp.has_zone]
    first, last = _choose_moment(published, zones), _choose_moment(updated, zones)
    if last and first and last[0] <= first[0]:
        last = None
    return first, last


def _list_moments(
    page: _Page,
    nodes: list[dict[str, Any]],
    keys: tuple[str, ...],
    metas: tuple[str, ...],
    read: Callable[[str], Timestamp | None],
) -> Iterator[_Moment]:
    candidates = [Found(_first_text(node.get(key)), "JSON-LD") for node in nodes for key in keys if node]
    candidates += _list_metas(page, metas)
    for key in keys:
        for element in page.properties.get(key.lower(), ()):
            if not _is_aside(element):
                value = element.get("content") or element.get("datetime") or get_text(element)
                candidates.append(Found(value, "microdata"))
    for value, place in candidates:
        if value and (stamp := read(value)):
            yield _Moment(stamp, place)


def _names_american_zone(page: _Page) -> bool:
    return any(is_american(get_text(element)[:200]) for element in page.times[:5])


def _find_shown_times(page: _Page, language: str | None, is_month_first: bool) -> tuple[list[_Moment], list[_Moment]]:
    """Find the times that a reader sees near the headline, those after it first."""
    heading = page.positions[page.headings[0]] if page.headings else 0
    elements = {element: page.positions[element] for element in [*page.times, *page.dated, *page.leads]}
    published: list[_Moment] = []
    updated: list[_Moment] = []
    # A day in front of the headline may be today's, in the head of the site.
    ordered = sorted(elements, key=lambda element: (elements[element] < heading, elements[element]))
    for element in ordered:
        if len(published) >= 2:
            break
        is_time = element.tag == "time"
        if not is_time and len(element) > 8:
            continue
        text = get_text(element)[:MAX_LINE_CHARACTERS]
        if (not is_time and not 6 <= len(text) <= 200) or _is_aside(element):
            continue
        label = f"{element.get('class') or ''} {text[:40]}"
        is_update = bool(is_time and re.search(r"updat|modif|edited", label, re.I))
        if is_time and (stamp := read_timestamp(element.get("datetime") or "", language=language)):
            before = " ".join(filter(None, (_get_text_before(element), text)))
            is_update = is_update or bool(
                _UPDATE_LABEL.search(_get_text_before(element)) or _UPDATE_LABEL.match(before)
            )
            (updated if is_update else published).append(_Moment(stamp, "time element"))
            continue
        is_plain = element.tag in ("p", "address") and not element.get("class")
        for start, stamp in find_timestamps(text, language=language, is_month_first=is_month_first):
            if is_plain and (len(text) > 120 or start > 60):
                break
            is_labelled = is_update or bool(_UPDATE_LABEL.search(text[:start].rstrip(" :,")))
            if is_labelled or not (published and published[-1].place == "text of the page" and start):
                (updated if is_labelled else published).append(_Moment(stamp, "text of the page"))
    return published, updated


def _get_text_before(element: "HtmlElement") -> str:
    """Get the words in front of an element, which may say what it is."""
    previous, holder = element.getprevious(), element.getparent()
    if previous is not None:
        return clean(f"{get_text(previous)[-40:]} {previous.tail or ''}")
    return clean((holder.text or "") if holder is not None else "")


def _guess_day(tree: "HtmlElement", url: str | None) -> Iterator[_Moment]:
    """Let htmldate look for a day in the address and all over the page."""
    import htmldate

    for place, options in (
        ("address", {"url": url, "extensive_search": False}),
        ("htmldate", {"extensive_search": False}),
    ):
        if place == "address" and not re.search(r"/(?:19|20)\d\d[/_-]\d{1,2}[/_-]\d{1,2}", url or ""):
            continue
        day = htmldate.find_date(tree, original_date=True, **options)
        if day and (stamp := read_timestamp(day)):
            yield _Moment(stamp, place)
            return


def _choose_moment(moments: list[_Moment], zones: list[datetime]) -> tuple[datetime, str] | None:
    """Take the first, in the most exact form in which it stands on the page."""
    if not moments:
        return None
    first = moments[0]

    def is_same(other: _Moment) -> bool:
        times = [moment.stamp.time.replace(tzinfo=None) for moment in (first, other)]
        if not first.stamp.has_time:
            return times[0].date() == times[1].date()
        return abs(times[0] - times[1]) <= SAME_DAY

    for wants_zone in (True, False):
        if first.stamp.has_zone and first.stamp.has_time:
            break
        better = (other for other in moments if other.stamp.has_time and is_same(other))
        if wants_zone:
            better = (other for other in better if other.stamp.has_zone)
        elif first.stamp.has_time:
            break
        first = next(better, first)
    time, place = first.stamp.time, first.place
    if first.stamp.has_zone:
        return time, place
    if not first.stamp.has_time:
        return time.replace(tzinfo=UTC), f"{place}, a day without a time"
    if zones:
        return time.replace(tzinfo=zones[0].tzinfo), f"{place}, in the time zone of the page's other times"
    return time.replace(tzinfo=UTC), f"{place}, taken as UTC"

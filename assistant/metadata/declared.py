"""Reads what a page declares to machines: in JSON-LD, OpenGraph and other meta tags, microdata and links.

Changes when pages declare something in another way, which standards and publishers' habits do.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assistant.addresses import join_address, normalise_url
from assistant.errors import ArticleError
from assistant.metadata.elements import Found, Moment, Page, clean, fold, get_meta, get_text, is_aside, list_metas
from assistant.timestamps import Timestamp, read_timestamp

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_NODES = 2_000  # of a page's JSON-LD

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
PUBLISHED_METAS = (
    "article:published_time", "og:article:published_time", "og:published_time", "article:published", "datepublished",
    "parsely-pub-date", "cxenseparse:recs:publishtime", "sailthru.date", "pubdate", "publish-date", "publish_date",
    "dcterms.issued", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date", "date",
)  # fmt: skip
UPDATED_METAS = (
    "article:modified_time", "og:updated_time", "og:article:modified_time", "datemodified", "dcterms.modified",
    "dc.date.modified", "dc.modified", "article:modified", "article:updated_time", "last-modified", "lastmod",
    "revised",
)  # fmt: skip
PUBLISHED_KEYS = ("datePublished", "dateCreated", "uploadDate")  # of JSON-LD and microdata
UPDATED_KEYS = ("dateModified",)

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


@dataclass(slots=True)
class JsonLd:
    """The objects in a page's JSON-LD, in their order, and those that have an id."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_json_ld(scripts: Iterable[str]) -> JsonLd:
    """Read the objects in a page's scripts of JSON-LD, also broken ones, in their order."""
    data = JsonLd()
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


def is_type(node: dict[str, Any], names: tuple[str, ...]) -> bool:
    """Whether an object is of one of these types, in small letters and without their vocabulary."""
    return any(name in names for name in _list_types(node))


def _is_article(node: dict[str, Any]) -> bool:
    return any(
        name.endswith(("article", "posting", "report", "review")) and name not in ("jobposting", "webreport")
        for name in _list_types(node)
    )


def choose_article(data: JsonLd, url: str | None, titles: list[str]) -> dict[str, Any]:
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
        return 2 * is_here + (fold(first_text(node.get("headline")) or "?") in folded)

    return max(nodes, key=rate)  # the first of the best


def _list_texts(value: Any, data: JsonLd | None = None, depth: int = 0) -> Iterator[str]:
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


def first_text(value: Any, data: JsonLd | None = None) -> str:
    """Get the first text that a value names, or none."""
    return next((text for text in _list_texts(value, data) if text), "")


def list_updates(node: dict[str, Any]) -> Iterator[str]:
    """List the updates of a live blog, each with its time and headline."""
    updates = node.get("liveBlogUpdate")
    for update in updates if isinstance(updates, list) else [updates]:
        if isinstance(update, dict):
            time = read_timestamp(str(update.get("datePublished") or ""))
            lines = [
                f"{time.time:%H:%M}" if time and time.has_time else "",
                first_text(update.get("headline")),
                str(update.get("articleBody") or ""),
            ]
            yield "\n\n".join(line for line in lines if line)


def list_declared_titles(page: Page, node: dict[str, Any]) -> list[Found]:
    """List the titles that a page declares, the better places first."""
    candidates = [Found(first_text(node.get("headline")) or first_text(node.get("name")), "JSON-LD")]
    candidates += list_metas(page, _TITLE_METAS[:2])
    candidates += [Found(_get_value(element), "microdata") for element in page.properties.get("headline", ())]
    candidates += list_metas(page, _TITLE_METAS[2:])
    return [*candidates, Found(page.page_title, "page title")]


def list_declared_authors(page: Page, data: JsonLd, node: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """List the bylines that a page declares, as a place and what stands there, the better places first."""
    for key in ("author", "creator"):
        yield "JSON-LD", list(_list_texts(node.get(key), data))
    for name in _AUTHOR_METAS:
        yield ("OpenGraph" if name.startswith(("og:", "article:")) else f"meta {name}"), page.metas.get(name, [])
    own = [element for element in page.properties.get("author", ()) if not is_aside(element)]
    yield "microdata", [_get_property_name(element) for element in own]


def list_declared_outlets(page: Page, data: JsonLd, node: dict[str, Any]) -> Iterator[Found]:
    """List the names that a page declares for its outlet, the better places first."""
    yield Found(first_text(node.get("publisher"), data), "JSON-LD")
    yield from list_metas(page, _OUTLET_METAS[:1])
    for kind in ("newsmediaorganization", "website", "organization"):
        yield from (Found(first_text(other), "JSON-LD") for other in data.nodes if is_type(other, (kind,)))
    for element in page.properties.get("publisher", ()):
        yield Found(_get_property_name(element), "microdata")
    yield from list_metas(page, _OUTLET_METAS[1:])


def list_declared_times(
    page: Page,
    nodes: list[dict[str, Any]],
    keys: tuple[str, ...],
    metas: tuple[str, ...],
    read: Callable[[str], Timestamp | None],
) -> Iterator[Moment]:
    """List the times that a page declares under some names, the better places first."""
    candidates = [Found(_write_time(node.get(key)), "JSON-LD") for node in nodes for key in keys if node]
    candidates += list_metas(page, metas)
    for key in keys:
        for element in page.properties.get(key.lower(), ()):
            if not is_aside(element):
                value = element.get("content") or element.get("datetime") or get_text(element)
                candidates.append(Found(value, "microdata"))
    for value, place in candidates:
        if value and (stamp := read(value)):
            yield Moment(stamp, place)


def _write_time(value: Any) -> str:
    """Write a time of JSON-LD, which some give in seconds or milliseconds since 1970, as a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.0f}" if is_number else first_text(value)


def _get_value(element: "HtmlElement") -> str:
    return clean(element.get("content") or "") or get_text(element)


def _get_property_name(element: "HtmlElement") -> str:
    name = element.find(".//*[@itemprop='name']")
    return _get_value(element if name is None else name)


def find_url(page: Page, address: str | None) -> Found | None:
    """Find the article's own address; a page may not claim to be that of another site, nor to be a site's home.

    `address` is where it came from; None for a saved page, which has no other than the one that it declares.
    """
    for value, place in (
        (page.links.get("canonical"), "canonical link"),
        (get_meta(page, "og:url"), "OpenGraph"),
    ):
        try:
            url = tidy_url(join_address(address, value)) if value else None
        except ArticleError:
            continue
        if url is None or (_is_home(url) and (address is None or not _is_home(address))):
            continue
        if address is None or _get_site(url) == _get_site(address):
            return Found(url, place)
    url = tidy_url(address) if address else None
    return Found(url, "address") if url else None


def _is_home(url: str) -> bool:
    """Whether an address is a site's home page: `/?p=7` is an article's."""
    return urlsplit_path(url) == "/" and not urlsplit(url).query


def _get_site(url: str) -> str:
    """Get the site of an address: its host, of which www, amp and m are no part."""
    host = urlsplit(url).hostname or ""
    return re.sub(r"^(?:(?:www\d?|amp|m|mobile)\.)+", "", host)


def urlsplit_path(url: str) -> str:
    """Get the path of an address, which its http, its host's www and its parameters don't change."""
    try:
        return urlsplit(url).path.rstrip("/") or "/"
    except ValueError:
        return url


def tidy_url(url: str) -> str | None:
    """Write a web address in its one form, without fragment and tracking; None for what is no web address."""
    try:
        return normalise_url(url)
    except ArticleError:
        return None


def find_language(page: Page, nodes: list[dict[str, Any]]) -> Found | None:
    """Find the language that a page declares, as a code of ISO 639-1."""
    candidates = [Found(page.language, "html lang"), *list_metas(page, _LANGUAGE_METAS)]
    candidates[1:1] = [Found(first_text(node.get("inLanguage")), "JSON-LD") for node in nodes]
    for value, place in candidates:
        if match := re.match(r"\s*([A-Za-z]{2})(?:$|[-_,;\s])", value):
            return Found(match[1].lower(), place)
    return None


def find_section(page: Page, data: JsonLd, node: dict[str, Any]) -> Found | None:
    """Find what a page's outlet files it under."""
    candidates = [Found(first_text(node.get("articleSection")), "JSON-LD"), *list_metas(page, _SECTION_METAS)]
    for crumbs in (other for other in data.nodes if is_type(other, ("breadcrumblist",))):
        items = crumbs.get("itemListElement")
        if isinstance(items, list) and len(items) > 2 and isinstance(items[1], dict):
            candidates.append(Found(first_text(items[1].get("item")) or first_text(items[1]), "JSON-LD"))
    candidates += [Found(get_text(element), "microdata") for element in page.properties.get("articlesection", ())]
    return next((found for found in candidates if 1 < len(found.value) <= 60 and "://" not in found.value), None)

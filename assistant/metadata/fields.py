"""Chooses the title, author, outlet, times, address, section and language of a page's article among all that is said.

The same fact stands in many places of a page, some to be trusted further than others: JSON-LD first, then OpenGraph and
other meta tags, microdata, what readers see, and the guesses of libraries. Each fact says where it is from.

Changes when one place is to be trusted further than another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from assistant.metadata.declared import (
    PUBLISHED_KEYS,
    PUBLISHED_METAS,
    UPDATED_KEYS,
    UPDATED_METAS,
    JsonLd,
    choose_article,
    find_language,
    find_section,
    find_url,
    first_text,
    is_type,
    list_declared_authors,
    list_declared_outlets,
    list_declared_times,
    list_declared_titles,
    list_updates,
    read_json_ld,
)
from assistant.metadata.elements import (
    MAX_LINE_CHARACTERS,
    Found,
    Moment,
    Page,
    fold,
    get_meta,
    get_text,
    walk_page,
)
from assistant.metadata.shown import (
    DOMAIN,
    MAX_AUTHORS,
    RIGHTS,
    SEPARATOR,
    clean_authors,
    find_shown_times,
    find_written_times,
    guess_day,
    list_shown_authors,
    list_shown_outlets,
    names_american_zone,
)
from assistant.timestamps import Timestamp, find_orders, is_month_first_in, read_timestamp
from assistant.types import Origin

if TYPE_CHECKING:
    from lxml.html import HtmlElement

LONG_TITLE_CHARACTERS = 60  # at which titles made for machines are cut
MIN_HEADING_CHARACTERS = 15  # of a heading of the second rank that may be the headline
SAME_DAY = timedelta(hours=14)  # how far a time without a zone may be from the same time with one

MAX_DATED = 50  # elements that may hold a day, of which the order of day and month is learned

_REGION = re.compile(r"([A-Za-z]{2,3})[-_](?:[A-Za-z]{4}[-_])?([A-Za-z]{2})")
# Domains of countries that anybody takes, whatever country they are in.
_DOMAINS_OF_ALL = frozenset(("AI", "CC", "CO", "FM", "GG", "IO", "IS", "LY", "ME", "SH", "SO", "TO", "TV", "VC", "WS"))
_PREFIX_SEPARATOR = re.compile(rf"{SEPARATOR.pattern}|:\s+")  # "The Courier: Harbour wall fails"
_COMPANY = re.compile(
    r"\b(?:Ltd|Limited|Inc|LLC|GmbH|AG|S\.?A|S\.?L|plc|Group|Holdings?|Media|Corp(?:oration)?|Verlag)\b\.?"
)


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


def read_metadata(tree: "HtmlElement", address: str | None = None) -> Metadata:
    """Read what a parsed page says of its article; `address` is where it came from."""
    page = walk_page(tree)
    data = read_json_ld(page.scripts)
    url = find_url(page, address)
    headings = [text for element in page.headings if (text := get_text(element)[:MAX_LINE_CHARACTERS])]
    if not headings:
        lesser = (get_text(element) for element in page.subheadings)
        headings = [
            text for text in lesser if len(text) >= MIN_HEADING_CHARACTERS and fold(text) in fold(page.page_title)
        ]
    node = choose_article(data, url.value if url else address, [*headings, *page.metas.get("og:title", ())])
    nodes = [node, *(other for other in data.nodes if other is not node and is_type(other, ("webpage",)))]
    language = find_language(page, nodes)
    outlets = list(_find_outlets(page, data, node, headings, url.value if url else address))
    outlet = _choose_outlet(outlets, page.page_title)
    names = tuple(dict.fromkeys(found.value for found in outlets))
    title = _find_title(page, node, headings, names)
    author = _find_author(page, data, node, names, language.value if language else None)
    published, updated = _find_times(tree, page, nodes, url.value if url else address, language)
    section = find_section(page, data, node)
    live = is_type(node, ("liveblogposting",))
    fields: list[tuple[str, Any]] = [
        ("title", title), ("author", author), ("outlet", outlet), ("published", published), ("updated", updated),
        ("url", url), ("section", section), ("language", language),
    ]  # fmt: skip
    values = {name: found[0] for name, found in fields if found}
    body = node.get("articleBody")
    return Metadata(
        **values,
        origins=tuple(Origin(name, found[1]) for name, found in fields if found),
        body=(body if isinstance(body, str) else first_text(body)) or None,  # whose lines are its paragraphs
        is_article=bool(node) or page.is_scoped or get_meta(page, "og:type") == "article",
        is_live=live,
        updates=tuple(list_updates(node)) if live else (),
        outlets=names,
    )


def _find_outlets(
    page: Page, data: JsonLd, node: dict[str, Any], headings: list[str], url: str | None
) -> Iterator[Found]:
    """List what may be the outlet's name, the better places first."""
    titles = [*headings, *page.metas.get("og:title", ())]
    candidates = [*list_declared_outlets(page, data, node), *list_shown_outlets(page, titles)]
    handles = [found for found in candidates if found.value.startswith("@")]
    domains = [found for found in candidates if DOMAIN.fullmatch(found.value)]
    for found in candidates:
        value = RIGHTS.sub("", re.sub(r"^(?:©|\(c\)|copyright|\s|(?:19|20)\d\d)+", "", found.value, flags=re.I)).strip(
            " -–"
        )
        if found not in handles and found not in domains and 1 < len(value) <= 80 and "://" not in value:
            yield Found(value, found.place)
    for found in [*domains, *handles]:
        if "facebook.com" not in found.value:
            yield Found(re.sub(r"^(?:https?://)?(?:www\.)?|/$|^@", "", found.value), found.place)
    if url and (host := urlsplit(url).hostname):
        yield Found(re.sub(r"^www\.", "", host), "address")


def _choose_outlet(outlets: list[Found], page_title: str) -> Found | None:
    """Take the first name, unless it is a company's and another one is what the page's title ends in."""
    if not outlets:
        return None
    first = outlets[0]
    if _COMPANY.search(first.value):
        ends = [fold(part) for part in SEPARATOR.split(page_title)[1:]]
        others = [found for found in outlets if not _COMPANY.search(found.value) and not DOMAIN.fullmatch(found.value)]
        return next((found for found in others if fold(found.value) in ends or found.place == "OpenGraph"), first)
    return first


def _find_title(page: Page, node: dict[str, Any], headings: list[str], outlets: tuple[str, ...]) -> Found | None:
    names = {fold(name) for name in outlets}
    cleaned = [
        Found(value, found.place)
        for found in list_declared_titles(page, node)
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


def _find_author(
    page: Page, data: JsonLd, node: dict[str, Any], outlets: tuple[str, ...], language: str | None
) -> Found | None:
    for place, values in chain(list_declared_authors(page, data, node), list_shown_authors(page)):
        authors: list[str] = []
        for value in values:
            authors += [name for name in clean_authors(value, outlets, language) if name not in authors]
        if authors:
            return Found(", ".join(authors[:MAX_AUTHORS]), place)
    return None


def _find_times(
    tree: "HtmlElement", page: Page, nodes: list[dict[str, Any]], url: str | None, language: Found | None
) -> tuple[tuple[datetime, str] | None, tuple[datetime, str] | None]:
    code = language.value if language else None
    order = _find_order(page, nodes, code, url)
    is_month_first = order.is_month_first

    def read(value: str) -> Timestamp | None:
        return read_timestamp(value, language=code, is_month_first=is_month_first)

    published = list(list_declared_times(page, nodes, PUBLISHED_KEYS, PUBLISHED_METAS, read))
    updated = list(list_declared_times(page, nodes, UPDATED_KEYS, UPDATED_METAS, read))
    shown, shown_updates = find_shown_times(page, code, is_month_first)
    published += shown
    updated += shown_updates
    if not updated or not any(moment.stamp.has_time for moment in published):
        written, written_updates = find_written_times(page, code, is_month_first=is_month_first)
        # What is declared goes first; its day may stand there with its time.
        published += [moment for moment in written if moment.stamp.has_time or not published]
        updated += written_updates
    if not published:
        published += guess_day(tree, url)
    zones = [moment.stamp.time for moment in [*published, *updated] if moment.stamp.has_zone]
    first, last = _choose_moment(published, zones, order), _choose_moment(updated, zones, order)
    if last and first and last[0] <= first[0]:
        last = None
    return first, last


class _Order(NamedTuple):
    """Whether 3/4/2025 is the 4th of March on a page, and what tells."""

    is_month_first: bool
    reason: str


def _find_order(page: Page, nodes: list[dict[str, Any]], language: str | None, url: str | None) -> _Order:
    """Find out how a page writes its days: as its other days, its zone, its country or its language have it.

    The country of an address goes before a region that is declared, for en-US is what many systems declare for all.
    """
    near = (get_text(element)[:MAX_LINE_CHARACTERS] for element in islice(chain(page.times, page.dated), MAX_DATED))
    declared = (value for name in (*PUBLISHED_METAS, *UPDATED_METAS) for value in page.metas.get(name, ()))
    orders = {order for text in chain(declared, near, page.lines) for order in find_orders(text)}
    if len(orders) == 1:
        return _Order(orders.pop(), "as in another day of the page")
    if names_american_zone(page):
        return _Order(True, "as in its time zone")
    country = _find_country(url)
    regions = [f"{code}-{country}" for code in (language or "en", "en")] if country else []
    regions += [
        page.language,
        *(first_text(node.get("inLanguage")) for node in nodes),
        get_meta(page, "og:locale") or "",
    ]
    for region in [match for region in regions if (match := _REGION.fullmatch(region.strip()))]:
        locale = f"{region[1].lower()}-{region[2].upper()}"
        if (is_month_first := is_month_first_in(locale)) is not None:
            return _Order(is_month_first, f"as in {locale}")
    # English is written in both orders; of other languages hardly any is.
    is_month_first = is_month_first_in(language) if language and language != "en" else None
    return _Order(False, "assumed") if is_month_first is None else _Order(is_month_first, f"as in {language}")


def _find_country(url: str | None) -> str | None:
    """Find the country in which an address is registered, as ISO 3166 has it."""
    domain = (urlsplit(url).hostname or "").rpartition(".")[2].upper() if url else ""
    if domain in ("GOV", "MIL"):
        return "US"
    return {"UK": "GB"}.get(domain, domain) if len(domain) == 2 and domain not in _DOMAINS_OF_ALL else None


def _choose_moment(moments: list[Moment], zones: list[datetime], order: _Order) -> tuple[datetime, str] | None:
    """Take the first, in the most exact form in which it stands on the page."""
    if not moments:
        return None
    first = moments[0]

    def is_same(other: Moment) -> bool:
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
    if first.stamp.is_assumed:
        place += f", the order of day and month {order.reason}"
    if first.stamp.has_zone:
        return time, place
    if not first.stamp.has_time:
        return time.replace(tzinfo=UTC), f"{place}, a day without a time"
    if zones:
        return time.replace(tzinfo=zones[0].tzinfo), f"{place}, in the time zone of the page's other times"
    return time.replace(tzinfo=UTC), f"{place}, taken as UTC"

"""Reads what a page shows to its readers: bylines, datelines, the outlet's name beside the title and in the footer.

Changes when the words of bylines, days and notices do, or another language is to be read.
"""

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING

from assistant.metadata.elements import (
    BY,
    MAX_FIELD_CHARACTERS,
    MAX_LINE_CHARACTERS,
    Found,
    Moment,
    Page,
    clean,
    fold,
    get_text,
    is_aside,
    is_beside_link,
    is_caption,
    is_prose,
)
from assistant.timestamps import find_timestamps, is_american, read_timestamp

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_BYLINE_CHARACTERS = 150
MAX_AUTHORS = 12
MAX_AGENCY_CHARACTERS = 4  # of a name that is one word in capitals, and may be an agency's: EFE, ANSA
MAX_METAS = 300  # among which a day is looked for

# "- ", "| " and their kin between a headline and the name of its site.
SEPARATOR = re.compile(r"\s+[|–—·•»«:‹›⋅/-]{1,2}\s+|\s*\|\s*")
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright)\s*(?:©|\(c\)|copyright)?\s*(?:(?:19|20)\d\d(?:\s?[-–]\s?(?:19|20)\d\d)?)?[\s,:by]*"
    r"(?P<name>[^.|©,;\n]{2,60})",
    re.IGNORECASE,
)
RIGHTS = re.compile(r"\s*(?:-|–|\()?\s*(?:all rights reserved|alle rechte|tous droits|todos los derechos).*$", re.I)
DOMAIN = re.compile(r"(?:https?://)?(?:www\.)?[\w-]+(?:\.[\w-]+)+/?$")

_ABOUT = re.compile(r"bio|about|social|avatar|image|photo|share|follow", re.I)
_UPDATE_LABEL = re.compile(
    r"(?:updated?|modified|edited|revised|aktualisiert|stand|geändert|mis(?:e)? à jour|modifié|actualizad[oa]|"
    r"aktualisierung|actualización|aggiornat[oa]|aggiornamento|atualizad[oa]|atualização|bijgewerkt|gewijzigd|"
    r"oppdatert|opdateret|uppdaterad|обновлено|изменено|עודכן|עדכון|تحديث|آخر تحديث|수정|업데이트|"
    r"更新(?:时间|時間|日時|日)?|修改|แก้ไข|ปรับปรุง|อัปเดต)\W*"
    r"(?:[^\W\d]{1,10}\W*){0,3}$",
    re.IGNORECASE,
)
_PUBLISHED_LABEL = re.compile(
    r"^\W*(?:this (?:article|story|post|piece|report|page) (?:is|was) )?(?:first |originally |erst )?"
    r"(?:published|posted|publication date|date published|veröffentlicht|erschienen|publié|publicad[oa]|pubblicat[oa]|"
    r"gepubliceerd|publisert|udgivet|publicerad|опубликовано|פורסם|نشر|نُشر|입력|등록|发布(?:时间)?|發布|公開|掲載|เผยแพร่)"
    r"(?: by:? [^.!?]{2,80})?\W*(?:[^\W\d]{1,10}\W*){0,2}$",
    re.IGNORECASE,
)
_YEARLESS = re.compile(r"(?<![年년\d])(?<![年년]\s)\d{1,2}[月월]\s?\d{1,2}[日일]")
_PREFIX = re.compile(rf"^\W*(?:(?:{BY})\s*[:：]|(?:{BY})\s)\s*", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"^\W*(?:(?:by|von|par|por|(?-i:di)|door|written by|reported by|reporting by|words by|words|text|"
    r"written and reported by|מאת|بقلم)\b\s*:?\s+(?=\S..)|(?:автор|作者|記者|记者|撰文)\s*[:：]\s*)"
    r"(?P<names>\S.{1,120})$"
    r"|^\W*(?P<reporter>[가-힣]{2,4})\s?기자\W*$",
    re.IGNORECASE,
)
_UNPARTED = re.compile(r"[\u2e80-\u9fff\uac00-\ud7a3]")  # scripts that write names without a space
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
    r"ultimo|zuletzt|aktualisiert|veröffentlicht|aggiorna\w*|pubblicat\w*|actualiza\w*|atualiza\w*|bijgewerkt|입력|수정|"
    r"기사|등록|更新|发布|公開|views?|comments?|the|مراسل\w*|כתבת?|כתבנו|سكرتير|מערכת|هيئة|التحرير)\b",
    re.IGNORECASE,
)
_DEGREE = re.compile(r"^(?:jr|sr|ph\.?d|m\.?d|esq|mba|obe|cbe|mp|ii|iii)\.?$", re.IGNORECASE)


def list_shown_authors(page: Page) -> Iterator[tuple[str, list[str]]]:
    """List the bylines that readers see, as a place and what stands there, the better places first."""
    bylines = [element for element in page.bylines if not is_aside(element)]
    linked = [element for element in bylines if "author" in (element.get("rel") or "").lower().split()]
    yield "byline", [get_text(element) for element in linked[:MAX_AUTHORS]]
    for element in bylines:
        text = get_text(element)
        if 2 < len(text) <= MAX_BYLINE_CHARACTERS and not _ABOUT.search(element.get("class") or ""):
            links = [name for link in element.iterdescendants("a") if (name := get_text(link))]
            yield "byline", [name for name in links if clean_authors(name, (), None)] or [text]
    yield from _list_signed_places(page)


def _list_signed_places(page: Page) -> Iterator[tuple[str, list[str]]]:
    """List the bylines that only their words tell: "By ..." in a short line, or a name beside a day."""
    blocks = [*page.dated, *page.leads]
    for element in sorted(blocks, key=lambda block: page.positions[block]):
        # subtle: only the text of short blocks is looked at, so that a long page isn't read once for each that holds it
        if len(element) <= 6 and not is_aside(element):
            for line in get_lines(element):
                if signed := read_signature(line):
                    names = re.split(r"[;.](?:\s|$)", signed)[0]
                    if names and (" " in signed.strip() or _UNPARTED.match(names)):
                        yield "byline in the text", [names]
    for line in page.lines:
        if signed := read_signature(line):
            yield "byline in the text", [signed]
    for element in page.dated:
        text = get_text(element)
        if len(text) <= 100 and not is_aside(element) and list(find_timestamps(text)):
            parts = re.split(r"\s*[|•·,–—]\s*|\s+-\s+|\d[\d/.:-]*", text)
            label = _POSTED.search(text)
            yield "byline in the text", [label["names"]] if label else []
            yield "line of the date", [part for part in parts if len(part.split()) in (2, 3) and part.istitle()]


def read_signature(line: str) -> str | None:
    """Read the names that a line says to have written it, if that is all it says."""
    match = _SIGNATURE.match(line) if len(line) <= MAX_BYLINE_CHARACTERS else None
    names: str = (match["names"] or match["reporter"]) if match else ""
    return names if names and not names[0].islower() else None


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
    pattern = re.compile(_SPLIT.format(_CONJUNCTIONS.get(language or "", "und|et")), re.IGNORECASE)
    authors: list[str] = []
    for part, separator in _split_names(value, pattern):
        if authors and separator.strip() in ("–", "—", "-"):
            break  # what stands behind a dash is a place or an outlet
        name = _PREFIX.sub("", part)
        for outlet in sorted(outlets, key=len, reverse=True):
            if outlet and fold(name) != fold(outlet) and name.casefold().endswith(f" {outlet.casefold()}"):
                name = re.sub(r"\s+(?:for|at|of|,)$", "", name[: -len(outlet)].strip())
        name = _AFTER_NAME.sub("", name).strip(" .,:;-–—*\"'“”")
        is_place = bool(authors) and " " not in name
        if _is_name(name) and fold(name) not in names and not is_place and not _DEGREE.match(name):
            is_agency = name.isupper() and name.isalpha() and len(name) <= MAX_AGENCY_CHARACTERS
            authors.append(name.title() if (name.isupper() and not is_agency) or name.islower() else name)
    return list(dict.fromkeys(authors))


def _split_names(value: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Split names, each with what parts it from the one before.

    One word behind "e" or "y" is a surname's second part: Joana Lobo e Sá, José Ortega y Gasset.
    """
    start, separator = 0, ""
    for match in pattern.finditer(value):
        part, rest = value[start : match.start()], value[match.end() :]
        is_within = match.group().strip() in ("e", "y", "i") and len(part.split()) > 1
        following = pattern.split(rest, maxsplit=1)[0] if is_within else ""
        if is_within and " " not in following.strip() and _is_name(following):
            continue
        yield part, separator
        start, separator = match.end(), match.group()
    yield value[start:], separator


def _is_name(name: str) -> bool:
    words = name.split()
    if not words or len(words) > 6 or not 2 <= len(name) <= 60 or re.search(r"[\d_@/=<>{}?!]", name):
        return False
    if _NO_NAME.search(name) or DOMAIN.fullmatch(name):
        return False
    # A small letter begins a particle ("von", "de la") and never all of a name, but for machine-made small letters.
    return any(not word[0].islower() for word in words) or (len(words) in (2, 3) and name.islower())


def list_shown_outlets(page: Page, titles: list[str]) -> Iterator[Found]:
    """List the names that readers see where the outlet's stands: beside one of the titles, and in the footer."""
    yield from _find_title_suffix(page.page_title, titles)
    for text in [*(get_text(element)[-2_000:] for element in page.footers[-4:]), page.ending]:
        if match := _COPYRIGHT.search(text):
            yield Found(RIGHTS.sub("", match["name"]).strip(" -–"), "copyright notice")


def _find_title_suffix(page_title: str, titles: list[str]) -> Iterator[Found]:
    """Take what follows the headline in the page's title, or stands in front of it, for the name of the site."""
    folded = [fold(title) for title in titles if title]
    separators = list(SEPARATOR.finditer(page_title))
    for separator in separators:
        before, after = page_title[: separator.start()], page_title[separator.end() :]
        if fold(before) in folded:
            yield Found(SEPARATOR.split(after)[-1].strip(), "page title")
        elif fold(after) in folded:
            yield Found(SEPARATOR.split(before)[0].strip(), "page title")
    if separators and not folded and not page_title.isupper():  # "URGENT - QUAKE" names no site
        yield Found(page_title[separators[-1].end() :].strip(), "page title")


def find_shown_times(page: Page, language: str | None, is_month_first: bool) -> tuple[list[Moment], list[Moment]]:
    """Find the times that a reader sees near the headline, those after it first, and those called published anywhere.

    A day in the text, in a caption or behind the text is what the text tells of, or another story's.
    """
    heading = page.positions[page.headings[0]] if page.headings else 0
    text_start = _find_text_start(page, heading)
    elements = {element: page.positions[element] for element in [*page.times, *page.dated, *page.leads]}
    published: list[Moment] = []
    updated: list[Moment] = []
    # A day in front of the headline may be today's, in the head of the site.
    ordered = sorted(elements, key=lambda element: (elements[element] < heading, elements[element]))
    for element in ordered:
        if len(published) >= 2 and elements[element] > text_start:
            break
        is_time = element.tag == "time"
        if not is_time and len(element) > 8:
            continue
        text = get_text(element)[:MAX_LINE_CHARACTERS]
        if (not is_time and not 6 <= len(text) <= 200) or is_aside(element) or is_beside_link(element):
            continue
        is_near = elements[element] < text_start and not _is_in_sentence(element) and not is_caption(element)
        is_near = is_near and (elements[element] > heading or _is_beside(element, page))
        label = f"{element.get('class') or ''} {text[:40]}"
        is_update = bool(is_time and re.search(r"updat|modif|edited", label, re.I))
        if is_time and (stamp := read_timestamp(element.get("datetime") or "", language=language)):
            before = " ".join(filter(None, (_get_text_before(element), text)))
            is_update = is_update or bool(
                _UPDATE_LABEL.search(_get_text_before(element)) or _UPDATE_LABEL.match(before)
            )
            if is_near or is_update or _PUBLISHED_LABEL.match(_get_text_before(element)):
                (updated if is_update else published).append(Moment(stamp, "time element"))
            continue
        is_plain = element.tag in ("p", "address") and not element.get("class")
        text = _add_year(text, published)
        end = 0
        for start, stamp in find_timestamps(text, language=language, is_month_first=is_month_first):
            before, end = text[end:start], start
            is_published = bool(_PUBLISHED_LABEL.match(before.strip(" |•·–—-")))
            is_labelled = is_update or bool(_UPDATE_LABEL.search(before.rstrip(" :,")))
            if not is_near and not is_published and not (is_labelled and not is_prose(text)):
                continue
            if is_plain and (len(text) > 120 or start > 60) and not is_published:
                break
            if is_labelled or not (published and published[-1].place == "text of the page" and start):
                (updated if is_labelled else published).append(Moment(stamp, "text of the page"))
    return published, updated


def _add_year(text: str, published: list[Moment]) -> str:
    """Give a day without a year that of the publication, which pages in Chinese and Japanese leave out of updates."""
    return _YEARLESS.sub(rf"{published[0].stamp.time.year}年\g<0>", text) if published else text


def _find_text_start(page: Page, heading: int) -> float:
    """Find where the text begins: at its first sentence after the headline, or the second behind a byline."""
    chosen = set(page.prose)
    sentences: list[HtmlElement] = []
    for element in sorted({*page.leads, *page.prose}, key=lambda each: page.positions[each]):
        if page.positions[element] > heading and (
            element in chosen or is_prose(get_text(element)[:MAX_LINE_CHARACTERS])
        ):
            is_part = any(holder is each for each in sentences for holder in element.iterancestors())
            if not is_part and not is_aside(element):
                sentences.append(element)
            if len(sentences) == 2:
                break
    if not sentences:
        return float("inf")
    first, second = page.positions[sentences[0]], page.positions[sentences[-1]]
    for element in [*page.bylines, *page.dated]:
        if first < page.positions[element] < second and not is_aside(element):
            text = get_text(element)[:MAX_LINE_CHARACTERS]
            is_within = any(holder is sentences[0] for holder in element.iterancestors())
            if (
                not is_within
                and text
                and not is_prose(text)
                and (_SIGNATURE.match(text) or list(find_timestamps(text)))
            ):
                return second
    return first


def _is_beside(element: "HtmlElement", page: Page) -> bool:
    """Whether an element in front of the headline stands in one part with it, and not in the head of the site."""
    holders = [each for each in islice(element.iterancestors(), 3) if each.tag not in ("body", "html")]
    return not page.headings or any(holder in holders for holder in page.headings[0].iterancestors())


def _is_in_sentence(element: "HtmlElement") -> bool:
    # subtle: no more is read of a list's item than tells it, for many elements may be in one
    pieces = (" ".join(islice(holder.itertext(), 50)) for holder in (element, *element.iterancestors("p", "li")))
    return any(is_prose(clean(text[:MAX_LINE_CHARACTERS])) for text in pieces)


def _get_text_before(element: "HtmlElement") -> str:
    """Get the words in front of an element, which may say what it is."""
    previous, holder = element.getprevious(), element.getparent()
    if previous is not None:
        return clean(f"{get_text(previous)[-40:]} {previous.tail or ''}")
    return clean((holder.text or "") if holder is not None else "")


def find_written_times(page: Page, language: str | None, *, is_month_first: bool) -> tuple[list[Moment], list[Moment]]:
    """Find the times in the lines between the headline and the text, whatever elements they are in, updates apart."""
    published: list[Moment] = []
    updated: list[Moment] = []
    sentences = 0
    for line in page.lines:
        is_label = len(line) <= 100 and not is_prose(line)
        # The first sentence may be a standfirst, if a byline follows it.
        sentences = 1 if sentences and is_label and _SIGNATURE.match(line) else sentences + 2 * (not is_label)
        if sentences > 2:
            break
        if not is_label or sentences == 2:
            continue
        end = 0
        line = _add_year(line, published)
        for start, stamp in find_timestamps(line, language=language, is_month_first=is_month_first):
            before = line[:start].rstrip(" :,：")
            is_update = bool(_UPDATE_LABEL.search(before[end:]))
            is_lead_in = len(before.split()) <= 1 or _PUBLISHED_LABEL.match(before) or _SIGNATURE.match(before)
            end, previous = start, end
            if start - previous <= 40 and (
                is_update or is_lead_in or line[:start].rstrip().endswith(tuple("|•·,–—-:"))
            ):
                (updated if is_update else published).append(Moment(stamp, "text of the page"))
    return published, updated


def guess_day(tree: "HtmlElement", url: str | None) -> Iterator[Moment]:
    """Read a day in the address, or let htmldate look for one in the page's head, where it knows many names for it.

    Not in its body, where it takes any day for the page's.
    """
    import htmldate
    from lxml import html

    match = re.search(r"/((?:19|20)\d\d)[/_-](\d{1,2})[/_-](\d{1,2})(?!\d)", url or "")
    if match and (stamp := read_timestamp(f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}")):
        yield Moment(stamp, "address")
        return
    # subtle: htmldate makes days of less than one, 2025-02-01 of 2025-02 and of 2025-02-30
    metas = [meta for meta in islice(tree.iter("meta"), MAX_METAS) if read_timestamp(meta.get("content") or "")]
    if not metas:
        return
    head = html.Element("head")
    head.extend(deepcopy(meta) for meta in metas)
    page = html.Element("html")
    page.extend((head, html.Element("body")))
    day = htmldate.find_date(page, original_date=True, extensive_search=False)
    if day and (stamp := read_timestamp(day)):
        yield Moment(stamp, "htmldate")


def names_american_zone(page: Page) -> bool:
    """Whether the first times on a page are in a zone of North America, where the month comes first."""
    return any(is_american(get_text(element)[:200]) for element in page.times[:5])

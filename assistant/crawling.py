"""Crawling: a page, or each page that a feed, a sitemap or a list of addresses names, at a pace that hurts nobody.

What a host asks for in its robots.txt is respected for the pages that were found, in feeds and sitemaps, on whatever
host they are: a feed may name any. An address that the user gave, alone or in a list, is the user's choice, as in a
browser. The pace is kept for both.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.addresses import Address, describe_address, normalise_url, parse_address
from assistant.errors import ArticleError, FetchError
from assistant.feeds import list_entries
from assistant.fetching import BUSY, PRODUCT, Fetched, Fetcher, Validators
from assistant.kinds import Kind, is_list, tell_kind
from assistant.types import Document, Entry

if TYPE_CHECKING:
    from protego import Protego

MAX_PAGES = 500  # of a feed or sitemap
MAX_SITEMAPS = 100  # of an index
MAX_DEPTH = 2  # of indexes: one may name others, and those sitemaps
MAX_SILENCES = 3  # after so many fetches without an answer, a host's other pages are left alone
PACE_SECONDS = 1.0  # between two requests to one host
MAX_PACE_SECONDS = 30.0  # to which a robots.txt may stretch that
MAX_RULES_BYTES = 500_000  # of a robots.txt, as RFC 9309 has it

_NEVER = datetime.min.replace(tzinfo=UTC)
_AGENT = re.compile(r"\s*user[- ]?agent(?:\s*:|\s)", re.IGNORECASE)

Validate = Callable[[str], Validators | None]
Found = Iterator[Fetched | ArticleError]


def crawl(
    source: str | Document,
    *,
    fetcher: Fetcher,
    validators: Validate = lambda _: None,
    is_left: Callable[[str], bool] = lambda _: False,
    max_pages: int = MAX_PAGES,
    pace_seconds: float = PACE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    expect: Callable[[int], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Found:
    """Fetch the page at an address, or each page that a feed, sitemap or list there names; or that one at hand names.

    Pages come as they are fetched, each address once, and an error in the place of each that fails. Of feeds and
    sitemaps the newest pages come first, and at most `max_pages` of each that the user named; a list of addresses comes
    in its order and whole.
    What `validators` gives for an address is sent along with it; a page that was found, and of which `is_left` says so,
    is left alone.

    A list itself comes after its pages, as `Fetched.is_listing`, so that whoever is interrupted looks at it again; and
    it comes without its validators where it is to be looked at again anyway: some page failed or isn't there, which may
    pass, or it names other lists or what the user chose, which may change while it doesn't. What is refused for good,
    by its robots.txt, its address or as gone, fails once. A list that is unchanged comes alone.

    One page is fetched at a time, and `pace_seconds` pass between two requests to a host. `expect` is told how many
    pages a list names that are to be fetched, and `say` of a host whose robots.txt asks for a slower pace.
    """
    crawler = _Crawler(fetcher, validators, is_left, sleep, pace_seconds, max_pages, expect, say)
    crawler.begin()
    if isinstance(source, Document):
        yield from crawler.take(Fetched(source.name, source), may_list=True)
    else:
        yield from crawler.visit(source, may_list=True)


@dataclass(slots=True)
class _Host:
    """What is known of a host: how it answered so far, and what its robots.txt says once it was read."""

    pace_seconds: float
    asked_at: float = -math.inf  # when it was asked last, in seconds of time.monotonic
    silences: int = 0
    closed: str | None = None  # why it isn't asked again
    has_rules: bool = False
    rules: "Protego | None" = None
    refusal: str | None = None  # why there is no rule that allows anything
    is_private: bool = False  # which is why


@dataclass(slots=True)
class _Crawler:
    """A crawl and what it remembers."""

    fetcher: Fetcher
    validators: Validate
    is_left: Callable[[str], bool]
    sleep: Callable[[float], None]
    pace_seconds: float
    max_pages: int
    expect: Callable[[int], None]
    say: Callable[[str], None]
    pages_left: int = 0  # of the list that is gone through, like the next two
    sitemaps_left: int = 0
    is_cut: bool = False
    hosts: dict[str, _Host] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # normalised addresses
    given: set[str] = field(default_factory=set)  # those where they led

    def begin(self) -> None:
        """Allow for the pages of a list that the user chose."""
        self.pages_left, self.sitemaps_left, self.is_cut = self.max_pages, MAX_SITEMAPS, False

    def visit(self, url: str, *, may_list: bool, is_found: bool = False, depth: int = 0) -> Found:
        """Fetch an address, and what is listed there if it may be a list."""
        try:
            fetched = self._fetch(url, is_found=is_found)
        except ArticleError as error:
            yield error
        else:
            yield from self.take(fetched, may_list=may_list, depth=depth)

    def take(self, fetched: Fetched, *, may_list: bool, depth: int = 0) -> Found:
        """Give a page, unless it was given before under another address; or go through a list."""
        document = fetched.document
        if document is not None and may_list and is_list(document):
            yield from self._take_list(fetched, document, depth)
        elif document is None or document.url is None or self._is_new(document.url, self.given):
            yield fetched

    def _take_list(self, fetched: Fetched, document: Document, depth: int) -> Found:
        try:
            entries = list_entries(document)
        except ArticleError as error:
            yield error
            return
        kind = tell_kind(document)
        is_chosen = kind == "addresses"  # one by one, by somebody
        is_settled = not is_chosen
        pages = sum(isinstance(each, Entry) and not each.is_listing for each in entries)
        self.expect(pages if is_chosen else min(pages, self.pages_left))
        for each in entries if is_chosen else sorted(entries, key=_get_time, reverse=True):
            if isinstance(each, ArticleError):  # which the same list gives again
                yield FetchError(str(each), is_final=True)
            elif self._is_new(each.url, self.asked):
                is_settled = is_settled and not each.is_listing
                for found in self._take_entry(each, document.name, is_chosen, depth):
                    is_settled = is_settled and _is_settled(found)
                    is_said = not is_chosen and not each.is_listing
                    yield replace(found, entry=_trust(each, kind)) if is_said and isinstance(found, Fetched) else found
            if self.is_cut and not is_chosen:
                is_settled = False
                break
        yield Fetched(fetched.url, None, fetched.validators if is_settled else Validators(), is_listing=True)

    def _take_entry(self, entry: Entry, name: str, is_chosen: bool, depth: int) -> Found:
        if is_chosen:
            self.begin()
            yield from self.visit(entry.url, may_list=depth == 0, depth=depth + 1)
        elif entry.is_listing and depth >= MAX_DEPTH:
            yield ArticleError(f"{describe_address(entry.url)}: left out: a sitemap of a sitemap of a sitemap")
        elif self.pages_left == 0 or (entry.is_listing and self.sitemaps_left == 0):
            self.is_cut = True
            yield ArticleError(
                f"{name}: names more pages than one crawl fetches; the newest were fetched: for others, give a file "
                "with their addresses"
            )
        elif entry.is_listing:
            self.sitemaps_left -= 1
            yield from self.visit(entry.url, may_list=True, is_found=True, depth=depth + 1)
        elif not self.is_left(entry.url):
            self.pages_left -= 1
            yield from self.visit(entry.url, may_list=False, is_found=True, depth=depth + 1)

    def _is_new(self, url: str, known: set[str]) -> bool:
        normalised = normalise_url(url)
        is_new = normalised not in known
        known.add(normalised)
        return is_new

    def _fetch(self, url: str, *, is_found: bool) -> Fetched:
        address = parse_address(url)
        host = self.hosts.setdefault(f"{address.scheme}://{address.authority}", _Host(self.pace_seconds))
        if is_found and not host.has_rules and not host.closed:
            self._read_rules(address, host)
        refusal = host.closed or (host.refusal if is_found else None)
        if refusal:
            raise FetchError(f"{describe_address(url)}: {refusal}", is_final=host.is_private and not host.closed)
        if is_found and host.rules and not host.rules.can_fetch(address.url, PRODUCT):
            raise FetchError(
                f"{describe_address(url)}: not fetched: its robots.txt asks programs not to; if you may, give the "
                "page's own address",
                is_final=True,
            )
        return self._ask(url, host, self.validators(url), is_named=not is_found)

    def _ask(self, url: str, host: _Host, validators: Validators | None = None, *, is_named: bool = False) -> Fetched:
        """Fetch from a host when it may be asked again, and take note of how it answers."""
        wait = host.asked_at + host.pace_seconds - time.monotonic()
        if wait > 0:
            self.sleep(wait)
        try:
            fetched = self.fetcher.fetch(url, validators=validators, is_named=is_named)
        except FetchError as error:
            host.silences = host.silences + 1 if error.status is None and not error.is_private else 0
            if error.status in BUSY:
                host.closed = "not fetched: its server has asked to wait; try again later"
            elif host.silences == MAX_SILENCES:
                host.closed = (
                    f"not fetched: nothing came from its server {MAX_SILENCES} times in a row; try again later"
                )
            raise
        finally:
            host.asked_at = time.monotonic()
        host.silences = 0
        return fetched

    def _read_rules(self, address: Address, host: _Host) -> None:
        """Read a host's robots.txt (RFC 9309): without one all is allowed, with one that can't be read nothing."""
        from protego import Protego

        host.has_rules = True
        url = f"{address.scheme}://{address.authority}/robots.txt"
        try:
            fetched = self._ask(url, host)
        except FetchError as error:
            if error.is_private:  # which goes for each of its pages
                host.is_private = True
                host.refusal = str(error).removeprefix(f"{describe_address(url)}: ")
            elif error.status is None or not 400 <= error.status < 500:
                host.refusal = "not fetched: its robots.txt can't be read, which forbids to crawl; try again later"
            return
        if fetched.document is not None:
            text = fetched.document.data[:MAX_RULES_BYTES].decode("utf-8-sig", errors="replace")
            host.rules = Protego.parse(_drop_other_agents(text))
            delay = host.rules.crawl_delay(PRODUCT) or 0
            host.pace_seconds = max(self.pace_seconds, min(delay, MAX_PACE_SECONDS))
            if delay > self.pace_seconds:
                cut = f"; {MAX_PACE_SECONDS:g} are kept" if delay > MAX_PACE_SECONDS else ""
                self.say(f"{address.authority} asks for {delay:g} seconds between two pages (robots.txt){cut}")


def _get_time(entry: Entry | ArticleError) -> datetime:
    return (entry.published or entry.updated or _NEVER) if isinstance(entry, Entry) else _NEVER


def _trust(entry: Entry, kind: Kind) -> Entry:
    """Leave out what can't be believed: a page's last change is the day of their making in many sitemaps."""
    return replace(entry, updated=None) if kind == "sitemap" else entry


def _is_settled(found: Fetched | ArticleError) -> bool:
    """Whether what came of an entry stays so while its list is unchanged."""
    if isinstance(found, ArticleError):
        return isinstance(found, FetchError) and found.is_final
    return not found.is_gone or found.is_final


def _drop_other_agents(text: str) -> str:
    """Give all programs but ours one name in a robots.txt: its reader takes memory for each program times each rule."""
    lines = []
    for line in text.splitlines():
        match = _AGENT.match(line)
        name = line[match.end() :].partition("#")[0].strip().lower() if match else ""
        lines.append(f"User-agent: {name if name in ('*', PRODUCT) else 'other'}" if match else line)
    return "\n".join(lines)

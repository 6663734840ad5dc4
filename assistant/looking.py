"""Looking at sources: which files and pages they hold, what is in those, and which haven't changed since the last look.

Changes when there is another kind of source, or another way to tell that one is as it was. A source that was given once
is known: what it held, and how that looked, stands in the library, so that another look costs nothing where nothing has
changed.
"""

import hashlib
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from assistant.addresses import describe_address, normalise_url
from assistant.crawling import crawl
from assistant.documents import Outcome
from assistant.errors import ArticleError, FetchError
from assistant.fetching import Fetched, Fetcher, Validators
from assistant.kinds import EMPTY, is_list
from assistant.ownership import OwnSources
from assistant.parsing import Parser
from assistant.port import Library
from assistant.reading import list_files, load_document, load_standard_input, unpack_list
from assistant.sources import Item, KnownSource
from assistant.types import Article, Document, Entry, Failure, PassedOver

Source = Article | str | os.PathLike[str]
Say = Callable[[str], None]

STANDARD_INPUT = "-"
_WEB = ("http://", "https://")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)  # of two letters or more, for C:/ is a folder
# A file that was written so shortly before it was read may have been written again since, in the same tick of its
# clock: the coarsest in use, FAT's, ticks every two seconds.
CLOCK_TICK_NS = 2_000_000_000
DAY_NS = 24 * 3600 * 1_000_000_000
# A page that a feed or sitemap names and that isn't there may be on its way: for a day it is asked for at each look,
# then when it has been away twice as long as when it was asked for last, and after so many days no more.
MISSING_DAYS = 30


@dataclass(frozen=True, slots=True)
class Given:
    """What is said of all articles of some sources, whatever those say themselves.

    `allows_private` lets addresses be fetched that aren't public.
    """

    outlet: str | None = None
    published: datetime | None = None
    allows_private: bool = False


NOTHING_GIVEN = Given()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An article, a document, a file or an address to look at, and the source that it is of, if that can be again.

    `item_name` is what it is remembered by: of a page that a list names, the page's address.
    """

    content: Article | Document | Path | str
    source: KnownSource | None = None
    item_name: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a candidate saw: articles, a document that holds some, or the ids of those that haven't changed.

    `item` is what is to be remembered of it, and `errors` say what could not be read, or why nothing could. `held` are
    the ids of all articles that it held when it was looked at before, or had lost by then; `entry` is what a feed says
    of it. `is_list` is true of a feed, sitemap or list of addresses, which comes after its pages.
    """

    candidate: _Candidate
    articles: tuple[Article, ...] = ()
    document: Document | None = None
    unchanged: tuple[str, ...] = ()
    item: Item | None = None
    errors: tuple[ArticleError, ...] = ()
    held: tuple[str, ...] = ()
    entry: Entry | None = None
    is_list: bool = False

    @property
    def source(self) -> KnownSource | None:
        """The source that it is of, if that can be looked at again."""
        return self.candidate.source

    @property
    def is_page(self) -> bool:
        """Whether it was a look at an address."""
        return isinstance(self.candidate.content, str)

    @property
    def name(self) -> str:
        """What its failures are reported under."""
        content = self.candidate.content
        if isinstance(content, Article):
            return f"article {content.id!r}"
        return content.name if isinstance(content, Document) else str(content)


def name_source(source: str | os.PathLike[str]) -> str:
    """Name a source as the library knows it: the address of a page or list in one form, or that of a file or folder.

    It needn't be there any more. Raises ArticleError for what names none.
    """
    text = os.fspath(source)
    if text.lower().startswith(_WEB):
        return normalise_url(text)
    if text.lower().startswith("file://"):
        return text
    try:
        return Path(text).resolve().as_uri()
    except (OSError, ValueError) as error:
        raise ArticleError(f"{text}: names no source: {error}") from None


class Looker:
    """Lists what there is to look at in sources, and looks at it.

    `failed` and `passed_over` are the sources and files that could not be listed, or hold no article. Of the sources in
    the library only those that are among `own` are known, without it all: nothing in the others is followed.
    """

    def __init__(
        self,
        library: Library,
        *,
        own: OwnSources | None = None,
        given: Given = NOTHING_GIVEN,
        offline: bool = False,
        say: Say = lambda _: None,
    ) -> None:
        self.failed: list[Failure] = []
        self.passed_over: list[PassedOver] = []
        self._library = library
        self._own = own
        self._given = given
        self._is_offline = offline
        self._say = say
        self._candidates: list[_Candidate] = []
        self._parser = Parser()
        self._fetchers: dict[bool, Fetcher] = {}  # by whether they may reach addresses that aren't public
        with library.snapshot() as snapshot:
            self._known = {source.name: source for source in snapshot.sources() if own is None or own.holds(source)}
        self._items: dict[str, Item] = {}  # what was known of the candidates, by name
        self._found: set[str] = set()  # the names of the candidates
        self._listed: dict[str, set[str]] = {}  # that each source holds now, where that is known to be all
        self._pages = 0  # that addresses and lists led to, beyond the first of each
        self._expected = 0  # that lists name and that are to be fetched

    @property
    def count(self) -> int:
        """How many candidates there are, and pages that were found in them so far or are named there."""
        return len(self._candidates) + max(self._pages, self._expected)

    def close(self) -> None:
        """End the processes that read, and the connections."""
        self._parser.close()
        for fetcher in self._fetchers.values():
            fetcher.close()

    # What there is to look at

    def list_given(self, sources: Source | Iterable[Source]) -> None:
        """List what is to be looked at in sources that somebody gives."""
        if isinstance(sources, Article | str | os.PathLike) or not isinstance(sources, Iterable):
            sources = [sources]
        for source in sources:
            if isinstance(source, Article):
                self._candidates.append(_Candidate(source))
            elif not isinstance(source, str | os.PathLike):
                self.failed.append(Failure(repr(source)[:100], "is no article, path or address"))
            elif source == STANDARD_INPUT:
                self._list_standard_input()
            elif str(source).lower().startswith(_WEB):
                self._list_address(str(source))
            elif (scheme := _SCHEME.match(str(source))) and not os.path.lexists(source):
                self.failed.append(Failure(str(source), _explain_scheme(scheme[1].lower())))
            else:
                self._list_files(source)
        self._note()

    def list_known(self) -> None:
        """List what is to be looked at in all sources that are known."""
        for name in self._known:
            if name.startswith(_WEB):
                self._list_address(name)
                continue
            path = _to_path(name)
            # A file that isn't there any more is gone; a folder that isn't may be on a disk that isn't there now.
            with self._library.snapshot() as snapshot:
                is_file = name in snapshot.items([name])
            if is_file and not os.path.lexists(path) and path.parent.is_dir():
                self._listed[name] = set()
            else:
                self._list_files(path)
        self._note()  # a path may lead elsewhere by now, and that is remembered as a source of its own

    def _note(self) -> None:
        if self._own is not None:
            self._own.note(candidate.source for candidate in self._candidates if candidate.source is not None)

    def _list_standard_input(self) -> None:
        try:
            self._candidates.append(_Candidate(load_standard_input()))
        except ArticleError as error:
            self.failed.append(to_failure("standard input", error))

    def _list_address(self, url: str) -> None:
        try:
            name = normalise_url(url)
        except ArticleError as error:
            self.failed.append(to_failure(describe_address(url), error))
            return
        if name not in self._found:
            self._found.add(name)
            self._candidates.append(_Candidate(name, self._remember(name), name))

    def _list_files(self, place: str | os.PathLike[str]) -> None:
        try:
            found = list_files(os.fspath(place))
            source = self._remember(Path(place).resolve().as_uri())
        except (ArticleError, ValueError) as error:  # the latter for a name that is none
            self.failed.append(to_failure(str(place), error))
            return
        errors = [each for each in found if isinstance(each, ArticleError)]
        self.failed += [to_failure(str(place), error) for error in errors]
        others = [each for each in found if isinstance(each, PassedOver)]
        names = {path.resolve().as_uri(): path for path in found if isinstance(path, Path)}
        empty = {Path(each.source).resolve().as_uri(): each for each in others if each.what == EMPTY}
        with self._library.snapshot() as snapshot:
            # A file that held an article may be half written: reading it fails, and its article stays.
            emptied = {name: empty[name] for name in snapshot.items(list(empty))}
            names |= {name: Path(other.source) for name, other in emptied.items()}
            self._items |= snapshot.items(list(names))
        self.passed_over += [each for each in others if each not in emptied.values()]
        if not errors and os.path.lexists(place):
            self._listed[source.name] = set(names)
        for name, path in names.items():
            if name not in self._found:
                # A file or folder in this one that was given too is a source of its own: what was said of it counts.
                nearest = self._find_known(name)
                is_inner = nearest is not None and len(nearest.name) > len(source.name)
                of = self._remember(nearest.name) if nearest and is_inner else source
                self._candidates.append(_Candidate(path, of, name))
                self._found.add(name)

    def _find_known(self, name: str) -> KnownSource | None:
        """Find the known source that an address is, or is in: the innermost one."""
        while name and name not in self._known:
            name = name.rpartition("/")[0]
        return self._known.get(name)

    def _remember(self, name: str) -> KnownSource:
        """Find a source, with what was said of it, or of what it is in, and what is given now."""
        known = self._find_known(name) or KnownSource(name)
        return KnownSource(
            name,
            outlet=known.outlet if self._given.outlet is None else self._given.outlet,
            published=known.published if self._given.published is None else self._given.published,
            allows_private=known.allows_private or self._given.allows_private,
        )

    # Looking and reading

    def look(self) -> Iterator[Look]:
        """Look at all that was listed, and read the documents among what is seen, all in their order."""
        failing: set[str] = set()  # sources with a page that couldn't be read, and may be another time
        for look in self._parse_all():
            if look.source is not None and not all(map(_is_final, look.errors)):
                failing.add(look.source.name)
            if look.is_list and look.item is not None and look.source is not None and look.source.name in failing:
                look = replace(look, item=_outdate(look.item))
            item = self._items.get(look.candidate.item_name)
            yield replace(look, held=(*item.article_ids, *item.gone_ids)) if item else look

    def _parse_all(self) -> Iterator[Look]:
        """Look at the candidates, and read the documents among what is seen, all in their order."""
        waiting: deque[Look] = deque()

        def list_documents() -> Iterator[Document]:
            for candidate in self._candidates:
                published = (candidate.source or self._given).published
                for look in self._look(candidate):
                    if look.document is not None and published is not None:
                        look = replace(look, document=replace(look.document, published=published))
                    waiting.append(look)
                    if look.document is not None:
                        yield look.document

        for document, outcomes in self._parser.parse(list_documents()):
            while waiting[0].document is not document:
                yield waiting.popleft()
            articles, errors = _part(outcomes)
            yield replace(waiting.popleft(), document=None, articles=articles, errors=errors)
        yield from waiting

    def _look(self, candidate: _Candidate) -> Iterator[Look]:
        """Look at a candidate, and at the pages that it leads to, where it is an address or a list of addresses."""
        content, source = candidate.content, candidate.source
        if isinstance(content, Article):
            yield Look(candidate, articles=(content,))
        elif isinstance(content, str):
            yield from self._look_at_pages(content, candidate)
        else:
            look = Look(candidate, document=content) if isinstance(content, Document) else self._look_at_file(candidate)
            # Only who names a list himself wants its pages fetched, not who indexes the folder that it is in.
            may_list = source is None or source.name == candidate.item_name
            try:
                document = unpack_list(look.document) if look.document is not None and may_list else None
            except ArticleError as error:
                yield Look(candidate, errors=(error,))
                return
            if document is not None and is_list(document):
                yield from self._look_at_pages(document, candidate)
            else:
                yield look

    def _look_at_pages(self, start: str | Document, candidate: _Candidate) -> Iterator[Look]:
        """Look at the page at an address, or at those that a list names.

        A list that hasn't changed says nothing of its pages: those that are known of it are looked at.
        """
        source = candidate.source
        fetcher = self._open_fetcher(allow_private=(source or self._given).allows_private)
        with self._library.snapshot() as snapshot:
            known = snapshot.items_of(source.name) if source else {}
        self._items |= known
        is_as_given = source is not None and source == self._known.get(source.name)
        gone: set[str] = set()
        seen: set[str] = set()

        def get_validators(url: str) -> Validators | None:
            item = known.get(normalise_url(url)) if is_as_given else None
            # Once a day a list is read though it hasn't changed: a page of it may never have come in.
            if item and not (item.article_ids or item.gone_ids) and time.time_ns() - item.looked_ns > DAY_NS:
                return None
            return Validators(item.etag, item.last_modified, item.validated_url) if item else None

        def is_left(url: str) -> bool:
            item = known.get(normalise_url(url))
            return item is not None and item.is_missing and not _is_due(item, time.time_ns())

        def look(start: str | Document) -> Iterator[Look]:
            for found in crawl(
                start,
                fetcher=fetcher,
                validators=get_validators,
                is_left=is_left,
                expect=self._expect,
                say=self._say,
            ):
                if isinstance(found, ArticleError):
                    yield Look(replace(candidate, item_name=""), errors=(found,))
                elif found.is_listing:
                    # Of a file that is a list nothing is remembered: its pages are looked at though it is the same.
                    yield Look(candidate, item=_to_item(found) if isinstance(start, str) else None, is_list=True)
                elif start == found.url and found.is_unchanged and len(known) > 1:
                    pages = "\n".join(name for name, item in known.items() if name != start and not item.is_missing)
                    yield from look(Document(start, pages.encode(), media_type="text/uri-list"))
                    if gone:  # and, where it is removed, known no more: only the list still names it
                        yield Look(candidate, item=_outdate(known[start]), is_list=True)
                else:
                    yield look_at_page(found)

        def look_at_page(found: Fetched) -> Look:
            name = normalise_url(found.url)
            page = replace(candidate, content=found.url, item_name=name)
            seen.add(name)
            before = known.get(name)
            if found.is_gone:
                gone.add(name)
                error = FetchError(
                    f"{describe_address(name)}: there is no such page: look for it in a browser",
                    is_final=found.is_final,
                )
                if before is not None and not before.is_missing:
                    return Look(page)
                is_listed = source is not None and name != source.name
                return Look(page, item=_note_missing(name, before, found) if is_listed else None, errors=(error,))
            if found.document is None:
                return Look(page, unchanged=before.article_ids if before else ())
            item = _to_item(found)
            if before is not None and is_as_given and before.sha256 == item.sha256:
                return Look(page, unchanged=before.article_ids, item=item)
            return Look(page, document=found.document, item=item, entry=found.entry)

        for number, each in enumerate(look(start)):
            self._pages += number > 0
            yield each
        if source is not None and gone:
            self._listed[source.name] = (known.keys() | seen) - gone

    def _expect(self, pages: int) -> None:
        self._expected += pages

    def _open_fetcher(self, *, allow_private: bool) -> Fetcher:
        return self._fetchers.setdefault(allow_private, Fetcher(allow_private=allow_private, offline=self._is_offline))

    def _look_at_file(self, candidate: _Candidate) -> Look:
        """Look at a file, and load no more of it than tells whether it has changed."""
        content, source = candidate.content, candidate.source
        if not isinstance(content, Path) or source is None:
            raise TypeError("no file of a source")
        known = self._items.get(candidate.item_name)
        if source != self._known.get(source.name):
            known = None  # something else is said of it now
        looked_ns = time.time_ns()
        try:
            status = content.stat()
            if (
                known is not None
                and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
                and status.st_mtime_ns + CLOCK_TICK_NS <= known.looked_ns
            ):
                return Look(candidate, unchanged=known.article_ids)
            document = load_document(content)
        except ArticleError as error:
            return Look(candidate, errors=(error,))
        except (OSError, ValueError) as error:
            return Look(candidate, errors=(_translate(error, content),))
        sha256 = hashlib.sha256(document.data).hexdigest()
        item = Item(candidate.item_name, (), looked_ns, status.st_size, status.st_mtime_ns, sha256=sha256)
        if known is not None and known.sha256 == sha256:
            return Look(candidate, unchanged=known.article_ids, item=item)
        return Look(candidate, document=document, item=item)

    # What isn't there any more

    def find_gone(self) -> list[str]:
        """List the ids of stored articles that sources held before and don't any more, and no other source does."""
        with self._library.snapshot() as snapshot:
            lost: dict[str, None] = {}
            for source, listed in self._listed.items():
                for name, item in snapshot.items_of(source).items():
                    lost.update(dict.fromkeys(item.gone_ids if name in listed else (*item.article_ids, *item.gone_ids)))
            if not lost:
                return []
            held = {
                id for source, name, id in snapshot.held() if source not in self._listed or name in self._listed[source]
            }
            return [id for id in lost if id not in held and snapshot.hash(id) is not None]


def _explain_scheme(scheme: str) -> str:
    if scheme == "file":
        return "give a file by its path, without file://"
    if scheme in ("http", "https"):
        return f"not an address: write it with two slashes, {scheme}://"
    return "only addresses that begin with http:// or https:// are fetched, and files are given by their path"


def _is_final(error: ArticleError) -> bool:
    return isinstance(error, FetchError) and error.is_final


def _part(outcomes: Iterable[Outcome]) -> tuple[tuple[Article, ...], tuple[ArticleError, ...]]:
    """Part what was read of a document from what could not be."""
    articles = tuple(outcome for outcome in outcomes if isinstance(outcome, Article))
    return articles, tuple(outcome for outcome in outcomes if isinstance(outcome, ArticleError))


def _to_item(fetched: Fetched) -> Item:
    """Note what tells whether a page has changed when it is looked at again."""
    validators = fetched.validators
    return Item(
        normalise_url(fetched.url),
        (),
        time.time_ns(),
        etag=validators.etag,
        last_modified=validators.last_modified,
        validated_url=validators.url,
        sha256=hashlib.sha256(fetched.document.data).hexdigest() if fetched.document else None,
    )


def _note_missing(name: str, before: Item | None, found: Fetched) -> Item:
    """Note that a page isn't there, and since when; what its server calls gone for good has never been there."""
    now = time.time_ns()
    since = before.mtime_ns if before is not None else now
    return Item(name, (), now, mtime_ns=0 if found.is_final else since)


def _is_due(item: Item, now: int) -> bool:
    """Whether a page that wasn't there is to be asked for again."""
    away = item.looked_ns - (item.mtime_ns or 0)
    return away < DAY_NS or (away <= MISSING_DAYS * DAY_NS and now - item.looked_ns >= away)


def _outdate(item: Item) -> Item:
    """Forget what a list is asked by whether it has changed, so that it is read again and all its pages asked for."""
    return replace(item, etag=None, last_modified=None, validated_url=None)


def _to_path(uri: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))


def _translate(error: OSError | ValueError, path: Path) -> ArticleError:
    if isinstance(error, FileNotFoundError):
        return ArticleError(f"{path}: no such file or folder")
    return ArticleError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}")


def to_failure(name: str, error: ArticleError | ValueError) -> Failure:
    """Make a failure of an error, which names its source itself where that is a page that was found in another."""
    text = str(error)
    if text.startswith(f"{name}: "):
        return Failure(name, text.removeprefix(f"{name}: "))
    address, separator, reason = text.partition(": ")
    return Failure(address, reason) if separator and address.startswith(_WEB) else Failure(name, text)

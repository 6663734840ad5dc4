"""Taking articles into the library: from sources to documents to articles to passages to vectors.

Sources are looked at and read in a thread of their own, ahead of the embedding, which never waits for them; what is
embedded is committed in batches of whole articles. A source that was given once is known: what it held, and how that
looked, stands in the library, so that another look costs nothing where nothing has changed.
"""

import hashlib
import os
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from assistant.addresses import describe_address, normalise_url
from assistant.crawling import crawl
from assistant.documents import Outcome
from assistant.embedding import Embedder, PassageInput
from assistant.errors import ArticleError
from assistant.fetching import Fetched, Fetcher, Validators
from assistant.kinds import is_list
from assistant.library import Library
from assistant.parsing import Parser
from assistant.passages import split_article
from assistant.reading import list_files, load_document, load_standard_input, unpack_list
from assistant.schema import EmbeddedPassage, hash_article
from assistant.sources import Item, KnownSource
from assistant.types import Article, Document, Failure, IngestReport, Origin, Passage, PassedOver, Span

Source = Article | str | os.PathLike[str]
Progress = Callable[[int, int], None]
Say = Callable[[str], None]
_T = TypeVar("_T")

BATCH_PASSAGES = 64  # what is embedded and committed together, about a second of work
BATCH_ITEMS = 1_000  # that are remembered together, where there is nothing to embed
AHEAD = 64  # articles that are read and split before those before them are embedded
MAX_HEADER_TOKENS = 64  # a quarter of what the embedding model reads at once
MAX_TEXT_CHARACTERS = 10_000_000
STANDARD_INPUT = "-"
_WEB = ("http://", "https://")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)  # of two letters or more, for C:/ is a folder
# A file that was written so shortly before it was read may have been written again since, in the same tick of its
# clock: the coarsest in use, FAT's, ticks every two seconds.
CLOCK_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """What is said of all articles of some sources, whatever those say themselves.

    `allows_private` lets addresses be fetched that aren't public.
    """

    outlet: str | None = None
    published: datetime | None = None
    allows_private: bool = False


@dataclass(slots=True)
class _Tally:
    """What has happened so far."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    passages: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An article, a document, a file or an address to look at, and the source that it is of, if that can be again.

    `item_name` is what it is remembered by: of a page that a list names, the page's address.
    """

    content: Article | Document | Path | str
    source: KnownSource | None = None
    item_name: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a candidate saw: articles, a document that holds some, or the ids of those that haven't changed.

    `item` is what is to be remembered of it, and `errors` say what could not be read, or why nothing could.
    """

    candidate: _Candidate
    articles: tuple[Article, ...] = ()
    document: Document | None = None
    unchanged: tuple[str, ...] = ()
    item: Item | None = None
    errors: tuple[ArticleError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Split:
    """An article that is ready to be embedded."""

    article: Article
    passages: tuple[Passage, ...]
    header: str


@dataclass(frozen=True, slots=True)
class _Done:
    """All of a candidate has been read, and this is to be remembered of it when its articles are stored."""

    item: tuple[KnownSource, Item] | None = None


def add_sources(
    sources: Source | Iterable[Source],
    *,
    library: Library,
    embedder: Embedder,
    given: Given = Given(),
    remove_gone: bool = False,
    progress: Progress | None = None,
    say: Say = lambda _: None,
) -> IngestReport:
    """Add articles, files, folders, addresses and the standard input ("-"); what is unchanged isn't embedded again.

    An address is a page's, or that of a feed, a sitemap or a list of addresses, whose pages are fetched; a file that is
    given by itself may be such a list too.

    A source that can't be taken in becomes a failure in the report and stops no other. Articles are committed in
    batches as soon as they are embedded, so whatever stops this, the same call goes on from there. What is `given`
    goes before what the articles say, also when their sources are looked at again. Articles that a source held before
    and doesn't any more are reported as gone, and removed only where `remove_gone` says so. `progress` is told how
    many of how many files and articles are done, and `say` what a user who waits should know.
    """
    started = time.perf_counter()
    reader = _Reader(library, embedder, say, given)
    reader.list_candidates(sources)
    return _take_in(reader, library, embedder, remove_gone=remove_gone, progress=progress, started=started)


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


def update_sources(
    *,
    library: Library,
    embedder: Embedder,
    remove_gone: bool = False,
    progress: Progress | None = None,
    say: Say = lambda _: None,
) -> IngestReport:
    """Look again at all known sources, as `add_sources` does: what has changed is replaced, what is new is added.

    An article that was removed by hand stays away.
    """
    started = time.perf_counter()
    reader = _Reader(library, embedder, say)
    reader.list_known()
    return _take_in(reader, library, embedder, remove_gone=remove_gone, progress=progress, started=started)


def _take_in(
    reader: "_Reader",
    library: Library,
    embedder: Embedder,
    *,
    remove_gone: bool,
    progress: Progress | None,
    started: float,
) -> IngestReport:
    """Embed and store what a reader reads, and see what is gone."""
    tally = reader.tally
    with ExitStack() as stack:
        stack.enter_context(closing(reader))
        writing = stack.enter_context(_Writing(library))
        pending: list[_Split] = []
        items: list[tuple[KnownSource, Item]] = []
        done = 0
        for step in stack.enter_context(closing(_run_ahead(reader.read(), AHEAD))):
            if isinstance(step, _Split):
                writing.begin()
                pending.append(step)
            else:
                items += [step.item] if step.item else []
                done += 1
            if sum(len(split.passages) for split in pending) >= BATCH_PASSAGES or len(items) >= BATCH_ITEMS:
                writing.begin()
                _store(pending, items, library, embedder, tally)
                pending, items = [], []
            if progress and isinstance(step, _Done):
                progress(done, max(done, reader.count))
        if pending or items:
            writing.begin()
            _store(pending, items, library, embedder, tally)
        gone = reader.find_gone()
        if gone and remove_gone:
            writing.begin()
            tally.removed += [id for id in gone if library.remove(id, by_hand=False)]
        tally.gone += gone
        with library.snapshot() as snapshot:
            is_finished = snapshot.is_published and snapshot.has_forgotten
        if not is_finished:
            writing.begin()
            library.publish()
    return IngestReport(
        added=tuple(tally.added),
        updated=tuple(tally.updated),
        unchanged=tuple(tally.unchanged),
        removed=tuple(tally.removed),
        failed=tuple(tally.failed),
        passages=tally.passages,
        seconds=time.perf_counter() - started,
        gone=tuple(tally.gone),
        passed_over=tuple(tally.passed_over),
    )


class _Writing:
    """Becomes the one writer when there is something to write, and not before."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._stack = ExitStack()
        self._has_begun = False

    def begin(self) -> None:
        if not self._has_begun:
            self._stack.enter_context(self._library.writing())
            self._has_begun = True

    def __enter__(self) -> "_Writing":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


class _Reader:
    """Looks at sources and reads what has changed in them."""

    def __init__(self, library: Library, embedder: Embedder, say: Say, given: Given = Given()) -> None:
        self.tally = _Tally()
        self._say = say
        self.candidates: list[_Candidate] = []
        self._library = library
        self._embedder = embedder
        self._given = given
        self._is_update = False
        self._parser = Parser()
        self._fetchers: dict[bool, Fetcher] = {}  # by whether they may reach addresses that aren't public
        with library.snapshot() as snapshot:
            self._known = {source.name: source for source in snapshot.sources()}
        self._items: dict[str, Item] = {}  # what was known of the candidates, by name
        self._found: set[str] = set()  # the names of the candidates
        self._listed: dict[str, set[str]] = {}  # that each source holds now, where that is known to be all
        self._pages = 0  # that addresses and lists led to, beyond the first of each
        self._expected = 0  # that lists name and that are to be fetched
        self._hashes: dict[str, str | None] = {}  # of the articles of this call by id, None where it is in the library

    @property
    def count(self) -> int:
        """How many candidates there are, and pages that were found in them so far or are named there."""
        return len(self.candidates) + max(self._pages, self._expected)

    def close(self) -> None:
        """End the processes that read, and the connections."""
        self._parser.close()
        for fetcher in self._fetchers.values():
            fetcher.close()

    # What there is to look at

    def list_candidates(self, sources: Source | Iterable[Source]) -> None:
        """List what is to be looked at in sources that somebody gives."""
        if isinstance(sources, Article | str | os.PathLike) or not isinstance(sources, Iterable):
            sources = [sources]
        for source in sources:
            if isinstance(source, Article):
                self.candidates.append(_Candidate(source))
            elif not isinstance(source, str | os.PathLike):
                self.tally.failed.append(Failure(repr(source)[:100], "is no article, path or address"))
            elif source == STANDARD_INPUT:
                self._list_standard_input()
            elif str(source).lower().startswith(_WEB):
                self._list_address(str(source))
            elif (scheme := _SCHEME.match(str(source))) and not os.path.lexists(source):
                self.tally.failed.append(Failure(str(source), _explain_scheme(scheme[1].lower())))
            else:
                self._list_files(source)

    def list_known(self) -> None:
        """List what is to be looked at in all sources that are known."""
        self._is_update = True
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

    def _list_standard_input(self) -> None:
        try:
            self.candidates.append(_Candidate(load_standard_input()))
        except ArticleError as error:
            self.tally.failed.append(_to_failure("standard input", error))

    def _list_address(self, url: str) -> None:
        try:
            name = normalise_url(url)
        except ArticleError as error:
            self.tally.failed.append(_to_failure(describe_address(url), error))
            return
        if name not in self._found:
            self._found.add(name)
            self.candidates.append(_Candidate(name, self._remember(name), name))

    def _list_files(self, place: str | os.PathLike[str]) -> None:
        try:
            found = list_files(os.fspath(place))
            source = self._remember(Path(place).resolve().as_uri())
        except (ArticleError, ValueError) as error:  # the latter for a name that is none
            self.tally.failed.append(_to_failure(str(place), error))
            return
        errors = [each for each in found if isinstance(each, ArticleError)]
        self.tally.failed += [_to_failure(str(place), error) for error in errors]
        self.tally.passed_over += [each for each in found if isinstance(each, PassedOver)]
        names = {path.resolve().as_uri(): path for path in found if isinstance(path, Path)}
        if not errors and os.path.lexists(place):
            self._listed[source.name] = set(names)
        with self._library.snapshot() as snapshot:
            self._items |= snapshot.items(list(names))
        for name, path in names.items():
            if name not in self._found:
                # A file or folder in this one that was given too is a source of its own: what was said of it counts.
                nearest = self._find_known(name)
                is_inner = nearest is not None and len(nearest.name) > len(source.name)
                of = self._remember(nearest.name) if nearest and is_inner else source
                self.candidates.append(_Candidate(path, of, name))
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

    def read(self) -> Iterator[_Split | _Done]:
        """Read the candidates in their order: each of their new or changed articles, and that one is done with."""
        for look in self._parse_all():
            held = self._list_held(look)
            self.tally.failed += [_to_failure(_name(look.candidate), error) for error in look.errors]
            ids = []
            are_all_taken = not look.errors
            for article in look.articles:
                try:
                    article = self._override(article, look.candidate.source)
                    if look.candidate.source is not None:
                        article = self._unite_twins(article)
                    check_article(article)
                except ArticleError as error:
                    self.tally.failed.append(_to_failure(_name(look.candidate), error))
                    are_all_taken = False
                    continue
                is_new = self._is_new(article, look)
                are_all_taken &= is_new is not None
                if is_new is not None:
                    ids.append(article.id)
                if is_new:
                    yield _split(article, self._embedder)
            for id in look.unchanged:
                if id not in self._hashes:
                    self.tally.unchanged.append(id)
                self._hashes.setdefault(id, None)
            source, item = look.candidate.source, look.item
            if source is None or item is None or not are_all_taken:
                yield _Done()
                continue
            current = tuple(ids) or look.unchanged
            gone = tuple(id for id in held if id not in current)
            yield _Done((source, replace(item, article_ids=current, gone_ids=gone)))

    def _parse_all(self) -> Iterator[_Look]:
        """Look at the candidates, and read the documents among what is seen, all in their order."""
        waiting: deque[_Look] = deque()

        def list_documents() -> Iterator[Document]:
            for candidate in self.candidates:
                for look in self._look(candidate):
                    waiting.append(look)
                    if look.document is not None:
                        yield look.document

        for document, outcomes in self._parser.parse(list_documents()):
            while waiting[0].document is not document:
                yield waiting.popleft()
            articles, errors = _part(outcomes)
            yield replace(waiting.popleft(), document=None, articles=articles, errors=errors)
        yield from waiting

    def _look(self, candidate: _Candidate) -> Iterator[_Look]:
        """Look at a candidate, and at the pages that it leads to, where it is an address or a list of addresses."""
        content, source = candidate.content, candidate.source
        if isinstance(content, Article):
            yield _Look(candidate, articles=(content,))
        elif isinstance(content, str):
            yield from self._look_at_pages(content, candidate)
        else:
            look = (
                _Look(candidate, document=content) if isinstance(content, Document) else self._look_at_file(candidate)
            )
            # Only who names a list himself wants its pages fetched, not who indexes the folder that it is in.
            may_list = source is None or source.name == candidate.item_name
            try:
                document = unpack_list(look.document) if look.document is not None and may_list else None
            except ArticleError as error:
                yield _Look(candidate, errors=(error,))
                return
            if document is not None and is_list(document):
                yield from self._look_at_pages(document, candidate)
            else:
                yield look

    def _look_at_pages(self, start: str | Document, candidate: _Candidate) -> Iterator[_Look]:
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
            return Validators(item.etag, item.last_modified, item.validated_url) if item else None

        def look(start: str | Document) -> Iterator[_Look]:
            for found in crawl(start, fetcher=fetcher, validators=get_validators, expect=self._expect, say=self._say):
                if isinstance(found, ArticleError):
                    yield _Look(replace(candidate, item_name=""), errors=(found,))
                elif found.is_listing:
                    # Of a file that is a list nothing is remembered: its pages are looked at though it is the same.
                    yield _Look(candidate, item=_to_item(found) if isinstance(start, str) else None)
                elif start == found.url and found.is_unchanged and len(known) > 1:
                    pages = "\n".join(name for name in known if name != start)
                    yield from look(Document(start, pages.encode(), media_type="text/uri-list"))
                else:
                    yield look_at_page(found)

        def look_at_page(found: Fetched) -> _Look:
            name = normalise_url(found.url)
            page = replace(candidate, content=found.url, item_name=name)
            seen.add(name)
            before = known.get(name)
            if found.is_gone:
                gone.add(name)
                error = ArticleError(f"{describe_address(name)}: there is no such page: look for it in a browser")
                return _Look(page, errors=() if before else (error,))
            if found.document is None:
                return _Look(page, unchanged=before.article_ids if before else ())
            item = _to_item(found)
            if before is not None and is_as_given and before.sha256 == item.sha256:
                return _Look(page, unchanged=before.article_ids, item=item)
            return _Look(page, document=found.document, item=item)

        for number, each in enumerate(look(start)):
            self._pages += number > 0
            yield each
        if source is not None and gone:
            self._listed[source.name] = (known.keys() | seen) - gone

    def _expect(self, pages: int) -> None:
        self._expected += pages

    def _open_fetcher(self, *, allow_private: bool) -> Fetcher:
        return self._fetchers.setdefault(allow_private, Fetcher(allow_private=allow_private))

    def _look_at_file(self, candidate: _Candidate) -> _Look:
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
                return _Look(candidate, unchanged=known.article_ids)
            document = load_document(content)
        except ArticleError as error:
            return _Look(candidate, errors=(error,))
        except (OSError, ValueError) as error:
            return _Look(candidate, errors=(_translate(error, content),))
        sha256 = hashlib.sha256(document.data).hexdigest()
        item = Item(candidate.item_name, (), looked_ns, status.st_size, status.st_mtime_ns, sha256=sha256)
        if known is not None and known.sha256 == sha256:
            return _Look(candidate, unchanged=known.article_ids, item=item)
        return _Look(candidate, document=document, item=item)

    def _list_held(self, look: _Look) -> tuple[str, ...]:
        """List the ids of all articles that a candidate held when it was looked at before, or had lost by then."""
        item = self._items.get(look.candidate.item_name)
        return (*item.article_ids, *item.gone_ids) if item else ()

    def _override(self, article: Article, source: KnownSource | None) -> Article:
        """Put what is given in the place of what an article says."""
        outlet = source.outlet if source else self._given.outlet
        published = source.published if source else self._given.published
        given = {name: value for name, value in (("outlet", outlet), ("published", published)) if value is not None}
        if not given:
            return article
        origins = (
            *(origin for origin in article.origins if origin.field not in given),
            *(Origin(name, "given") for name in given),
        )
        return replace(
            article, outlet=outlet or article.outlet, published=published or article.published, origins=origins
        )

    def _unite_twins(self, article: Article) -> Article:
        """Give a page the id under which it is known by https or http, for these are two ways to one page."""
        scheme, separator, rest = article.id.partition("://")
        if scheme not in ("http", "https") or not separator or article.id in self._hashes:
            return article
        twin = f"{'http' if scheme == 'https' else 'https'}://{rest}"
        with self._library.snapshot() as snapshot:
            is_known = twin in self._hashes or (snapshot.hash(article.id) is None and snapshot.hash(twin) is not None)
        return (
            replace(article, id=twin, url=twin if article.url == article.id else article.url) if is_known else article
        )

    def _is_new(self, article: Article, look: _Look) -> bool | None:
        """Whether an article is to be embedded; None where it mustn't be taken."""
        digest = hash_article(article)
        with self._library.snapshot() as snapshot:
            before = snapshot.hash(article.id)
            if self._is_update and before is None and snapshot.was_removed(article.id):
                return None
        if article.id in self._hashes:
            if (self._hashes[article.id] or before) == digest:
                return False
            reason = f"has the id of another article in this call, {article.id}; only the first was taken"
            self.tally.failed.append(Failure(_name(look.candidate), reason))
            return None
        self._hashes[article.id] = digest
        if before == digest:
            self.tally.unchanged.append(article.id)
            return False
        return True

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


def _part(outcomes: Iterable[Outcome]) -> tuple[tuple[Article, ...], tuple[ArticleError, ...]]:
    """Part what was read of a document from what could not be."""
    articles = tuple(outcome for outcome in outcomes if isinstance(outcome, Article))
    return articles, tuple(outcome for outcome in outcomes if isinstance(outcome, ArticleError))


def _run_ahead(steps: Iterator[_T], limit: int) -> Generator[_T, None, None]:
    """Run an iterator in a thread of its own, so many steps ahead; closing this ends it."""
    ready: queue.Queue[_T | None] = queue.Queue(limit)
    failures: list[BaseException] = []
    stopped = threading.Event()

    def put(step: _T | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(step, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for step in steps:
                if not put(step):
                    break
        except BaseException as error:
            failures.append(error)
        put(None)

    thread = threading.Thread(target=run, name="read-sources", daemon=True)
    thread.start()
    try:
        while (step := ready.get()) is not None:
            yield step
        if failures:
            raise failures[0]
    finally:
        stopped.set()
        thread.join()


def embed_articles(articles: Iterable[Article], embedder: Embedder) -> list[tuple[Article, list[EmbeddedPassage]]]:
    """Cut articles into passages and embed those, as an ingest does."""
    return _embed([_split(article, embedder) for article in articles], embedder)


def check_article(article: Article) -> None:
    """Refuse an article that can't be stored as it is: its owner's offsets point into it. Raises ArticleError."""
    name = f"article {article.id!r}"
    for field_name in _TEXT_FIELDS:
        value = getattr(article, field_name)
        if not isinstance(value, str) and (value is not None or field_name in ("id", "title", "text")):
            raise ArticleError(f"{name}: its {field_name} is no text, but {type(value).__name__}")
    for field_name in ("published", "updated"):
        time = getattr(article, field_name)
        if not isinstance(time, datetime | None):
            raise ArticleError(f"{name}: {field_name} is no datetime, but {type(time).__name__}")
        if time is not None and time.utcoffset() is None:
            raise ArticleError(f"{name}: {field_name} has no time zone; give it one")
    if not article.id.strip():
        raise ArticleError("an article has no id; give it one")
    if not article.text.strip():
        raise ArticleError(f"{name}: empty: there is no text in it")
    if len(article.text) > MAX_TEXT_CHARACTERS:
        raise ArticleError(
            f"{name}: too large: an article may have at most {MAX_TEXT_CHARACTERS:,} characters; split it"
        )
    for value in (*(getattr(article, field_name) for field_name in _TEXT_FIELDS), *sum(article.origins, ())):
        if value is not None and "\0" in value:
            raise ArticleError(f"{name}: holds a NUL character; remove it")
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            raise ArticleError(f"{name}: holds half of a surrogate pair; decode its text with errors='replace'")


def write_header(article: Article, embedder: Embedder) -> str:
    """Write what is embedded in front of every passage of an article: its title on one line, cut if it is very long."""
    header = " ".join(article.title.split())
    while embedder.count_tokens([header])[0] > MAX_HEADER_TOKENS:
        header = header[: len(header) * 3 // 4]
    return header


_TEXT_FIELDS = ("id", "title", "text", "outlet", "author", "url", "section", "language")


def _split(article: Article, embedder: Embedder) -> _Split:
    header = write_header(article, embedder)
    passages = split_article(
        article,
        header_tokens=embedder.count_tokens([header + "\n"])[0],
        count_tokens=embedder.count_tokens,
        max_tokens=embedder.max_tokens,
    )
    return _Split(article, passages, header)


def _store(
    pending: Sequence[_Split],
    items: Sequence[tuple[KnownSource, Item]],
    library: Library,
    embedder: Embedder,
    tally: _Tally,
) -> None:
    with library.snapshot() as snapshot:
        known = {split.article.id for split in pending if snapshot.hash(split.article.id) is not None}
        # What an outlet or a date changes of an article has no part in its vectors.
        found = {split.article.id: snapshot.find_vectors(split.article) for split in pending}
    stored = [
        (split.article, found[split.article.id])
        for split in pending
        if tuple(packed.passage for packed in found[split.article.id]) == split.passages
    ]
    kept = {article.id for article, _ in stored}
    embedded = _embed([split for split in pending if split.article.id not in kept], embedder)
    library.add([*stored, *embedded], items)
    for split in pending:
        (tally.updated if split.article.id in known else tally.added).append(split.article.id)
    tally.passages += sum(len(passages) for _, passages in embedded)


def _embed(pending: Sequence[_Split], embedder: Embedder) -> list[tuple[Article, list[EmbeddedPassage]]]:
    inputs = [
        PassageInput(
            split.header, passage.text, tuple(Span(a - passage.start, b - passage.start) for a, b in passage.sentences)
        )
        for split in pending
        for passage in split.passages
    ]
    vectors = iter(embedder.embed_passages(inputs)) if inputs else iter(())
    return [
        (split.article, [EmbeddedPassage(passage, *next(vectors)) for passage in split.passages]) for split in pending
    ]


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


def _to_path(uri: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))


def _translate(error: OSError | ValueError, path: Path) -> ArticleError:
    if isinstance(error, FileNotFoundError):
        return ArticleError(f"{path}: no such file or folder")
    return ArticleError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}")


def _to_failure(name: str, error: ArticleError | ValueError) -> Failure:
    """Make a failure of an error, which names its source itself where that is a page that was found in another."""
    text = str(error)
    if text.startswith(f"{name}: "):
        return Failure(name, text.removeprefix(f"{name}: "))
    address, separator, reason = text.partition(": ")
    return Failure(address, reason) if separator and address.startswith(_WEB) else Failure(name, text)


def _name(candidate: _Candidate) -> str:
    content = candidate.content
    if isinstance(content, Article):
        return f"article {content.id!r}"
    return content.name if isinstance(content, Document) else str(content)

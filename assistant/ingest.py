"""Taking articles into the library: what is new or changed in sources is embedded, stored and reported.

Changes when something else is stored or reported of an ingest. Sources are looked at and read in a thread of their own,
ahead of the embedding, which never waits for them; what is embedded is committed in batches of whole articles.
"""

import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate
from typing import Any, TypeVar

from assistant.copies import is_copy, sign
from assistant.decoding import normalise
from assistant.embedding import Embedder
from assistant.errors import ArticleError
from assistant.looking import NOTHING_GIVEN, Given, Look, Looker, Say, Source, to_failure
from assistant.ownership import OwnSources
from assistant.port import Library
from assistant.preparing import PreparedArticle, check_article, embed_prepared, prepare_article
from assistant.schema import hash_article
from assistant.sources import Item, KnownSource
from assistant.timestamps import is_ahead
from assistant.types import Article, Document, Entry, Failure, IngestReport, Origin

Progress = Callable[[int, int], None]
_T = TypeVar("_T")

BATCH_PASSAGES = 64  # what is embedded and committed together, about a second of work
BATCH_ITEMS = 1_000  # that are remembered together, where there is nothing to embed
BATCH_SECONDS = 5.0  # after which what waits is committed: a crawl takes minutes to fill a batch
LEAVE_SECONDS = 1.0  # that an interrupt waits for a fetch to end
FEED = "feed"  # the place, among origins, of what a feed or a sitemap says
DECLARED = ("canonical link", "OpenGraph")  # and of an address that a page says to be its own
AHEAD = 64  # articles that are read and split before those before them are embedded
LONG_SECONDS = 20  # that embedding may take before it is said how long it will


@dataclass(slots=True)
class _Tally:
    """What has happened so far."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    planted: list[str] = field(default_factory=list)
    passages: int = 0
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class _Done:
    """All of a candidate has been read, and this is to be remembered of it when its articles are stored."""

    item: tuple[KnownSource, Item] | None = None


def add_sources(
    sources: Source | Iterable[Source],
    *,
    library: Library,
    embedder: Embedder,
    own: OwnSources | None = None,
    given: Given = NOTHING_GIVEN,
    remove_gone: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
    say: Say = lambda _: None,
) -> IngestReport:
    """Add articles, files, folders, addresses and the standard input ("-"); what is unchanged isn't embedded again.

    An address is a page's, or that of a feed, a sitemap or a list of addresses, whose pages are fetched; a file that is
    given by itself may be such a list too.

    A source that can't be taken in becomes a failure in the report and stops no other. Articles are committed in
    batches as soon as they are embedded, so whatever stops this, the same call goes on from there. What is `given`
    goes before what the articles say, also when their sources are looked at again; `offline` fetches nothing. The
    sources are noted in `own`, and nothing is believed that the library says of others.

    Articles that a source held before and doesn't any more are reported as gone, and removed only where `remove_gone`
    says so. `progress` is told how many of how many files and articles are done, and `say` what a user who waits should
    know.
    """
    started = time.perf_counter()
    with library.patient():
        looker = Looker(library, own=own, given=given, offline=offline, say=say)
        looker.list_given(sources)
        intake = _Intake(library, embedder, given=given, is_update=False)
        return _take_in(
            looker, intake, library, embedder, remove_gone=remove_gone, progress=progress, say=say, started=started
        )


def update_sources(
    *,
    library: Library,
    embedder: Embedder,
    own: OwnSources | None = None,
    remove_gone: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
    say: Say = lambda _: None,
) -> IngestReport:
    """Look again at all known sources, as `add_sources` does: what has changed is replaced, what is new is added.

    Where the library may be somebody else's, give `own`: only these are looked at. An article that was removed by hand
    stays away.
    """
    started = time.perf_counter()
    with library.patient():
        looker = Looker(library, own=own, offline=offline, say=say)
        looker.list_known()
        intake = _Intake(library, embedder, given=NOTHING_GIVEN, is_update=True)
        return _take_in(
            looker, intake, library, embedder, remove_gone=remove_gone, progress=progress, say=say, started=started
        )


def _take_in(
    looker: Looker,
    intake: "_Intake",
    library: Library,
    embedder: Embedder,
    *,
    remove_gone: bool,
    progress: Progress | None,
    say: Say,
    started: float,
) -> IngestReport:
    """Embed and store what was seen, and see what is gone."""
    tally = intake.tally
    with ExitStack() as stack:
        stack.enter_context(closing(looker))
        writing = stack.enter_context(_Writing(library))
        pending: list[PreparedArticle] = []
        items: list[tuple[KnownSource, Item]] = []
        done = 0
        stored_at = time.monotonic()
        try:
            for step in stack.enter_context(closing(_run_ahead(intake.take(looker.look()), AHEAD))):
                if isinstance(step, PreparedArticle):
                    writing.begin()
                    pending.append(step)
                else:
                    items += [step.item] if step.item else []
                    done += 1
                is_full = sum(len(each.passages) for each in pending) >= BATCH_PASSAGES or len(items) >= BATCH_ITEMS
                if is_full or ((pending or items) and time.monotonic() > stored_at + BATCH_SECONDS):
                    writing.begin()
                    _store(pending, items, library, embedder, tally, say)
                    pending, items = [], []
                    stored_at = time.monotonic()
                if progress and isinstance(step, _Done):
                    progress(done, max(done, looker.count))
            if pending or items:
                writing.begin()
                _store(pending, items, library, embedder, tally, say)
        except KeyboardInterrupt:  # the next one leaves at once
            pending, items = _cut_batch(pending, items)
            if pending or items:
                writing.begin()
                _store(pending, items, library, embedder, tally, say)
            raise
        gone = looker.find_gone()
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
        failed=(*looker.failed, *tally.failed),
        passages=tally.passages,
        seconds=time.perf_counter() - started,
        gone=tuple(tally.gone),
        passed_over=tuple(looker.passed_over),
        planted=tuple(tally.planted),
        hidden=tally.hidden,
    )


def _cut_batch(
    pending: Sequence[PreparedArticle], items: Sequence[tuple[KnownSource, Item]]
) -> tuple[list[PreparedArticle], list[tuple[KnownSource, Item]]]:
    """Cut what waits down to what is embedded in a second, and to what is remembered of that alone."""
    passages = list(accumulate(len(each.passages) for each in pending))
    kept = [each for each, count in zip(pending, passages, strict=True) if count <= BATCH_PASSAGES]
    left = {each.article.id for each in pending[len(kept) :]}
    return kept, [(source, item) for source, item in items if left.isdisjoint(item.article_ids)]


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


class _Intake:
    """Tells which of the articles that were seen are to be stored, and prepares those."""

    def __init__(self, library: Library, embedder: Embedder, *, given: Given, is_update: bool) -> None:
        self.tally = _Tally()
        self._library = library
        self._embedder = embedder
        self._given = given
        self._is_update = is_update
        self._hashes: dict[str, str | None] = {}  # of the articles of this call by id, None where it is in the library

    def take(self, looks: Iterable[Look]) -> Iterator[PreparedArticle | _Done]:
        """Take looks in their order: each of their new or changed articles, and that one is done with."""
        for look in looks:
            self.tally.failed += [to_failure(look.name, error) for error in look.errors]
            ids = []
            are_all_taken = not look.errors
            for article in look.articles:
                try:
                    article = self._override(article, look.source)
                    if look.source is not None:
                        article = self._unite_twins(self._identify(article, look))
                    check_article(article)
                except ArticleError as error:
                    self.tally.failed.append(_to_failure(look, error))
                    are_all_taken = False
                    continue
                said = hash_article(article)
                if look.is_page:
                    article = self._fill_in(article, look.entry)
                is_new = self._is_new(article, said, look)
                are_all_taken &= is_new is not None
                try:
                    prepared = prepare_article(article, self._embedder) if is_new else None
                    if prepared:
                        self._library.check(article, prepared.passages)
                except ArticleError as error:
                    self.tally.failed.append(_to_failure(look, error))
                    are_all_taken = False
                    continue
                if is_new is not None:
                    ids.append(article.id)
                if prepared:
                    yield prepared
            for id in look.unchanged:
                if id not in self._hashes:
                    self.tally.unchanged.append(id)
                self._hashes.setdefault(id, None)
            source, item = look.source, look.item
            if source is None or item is None or not (are_all_taken or item.is_missing):
                yield _Done()
                continue
            current = tuple(ids) or look.unchanged
            gone = tuple(id for id in look.held if id not in current)
            yield _Done((source, replace(item, article_ids=current, gone_ids=gone)))

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

    def _identify(self, article: Article, look: Look) -> Article:
        """Give a page the id under which it is known, or its own address where what it declares is another article's.

        Some sites declare one address for all their pages: believed, each would take the place of the one before.
        """
        declared = dict(article.origins).get("url")
        if declared not in DECLARED or look.item is None:
            return article
        own = re.sub(r"^http://", "https://", look.item.name)
        if article.id == own or article.id in look.held:
            return article
        taken = self._hashes.get(article.id)
        with self._library.snapshot() as snapshot:
            if own in look.held and snapshot.hash(own) is not None:
                is_another = True  # it was known before it declared anything, or when that wasn't believed
            elif taken is not None:
                is_another = taken != hash_article(article)
            else:
                stored = snapshot.article(article.id)
                is_another = stored is not None and not is_copy(sign(stored.text), sign(article.text))
        if not is_another:
            return article
        origins = (*(origin for origin in article.origins if origin.field != "url"), Origin("url", "address"))
        # A file has no address in the web but the one that it declares.
        return (
            replace(article, id=own, url=look.item.name, origins=origins) if look.is_page else replace(article, id=own)
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

    def _fill_in(self, article: Article, entry: Entry | None) -> Article:
        """Take from a page's feed or sitemap what it doesn't say itself, or keep what was taken from one before."""
        # An outlet may have no other name than its host.
        said = {origin.field for origin in article.origins if origin != Origin("outlet", "address")}
        missing = [name for name in ("title", "author", "outlet", "published") if name not in said]
        if "published" in missing and "updated" not in said:
            missing.append("updated")
        if not missing:
            return article
        with self._library.snapshot() as snapshot:
            stored = snapshot.article(article.id)
        kept = [origin.field for origin in stored.origins if origin.place == FEED] if stored else []
        listed = _read_entry(entry, article) if entry else {}
        found: dict[str, Any] = {
            name: listed.get(name) or (getattr(stored, name) if name in kept else None) for name in missing
        }
        found = {name: value for name, value in found.items() if value}
        if "published" in found:
            found.pop("updated", None)  # which every entry of Atom has, mostly to say the same
        origins = (origin for origin in article.origins if origin.field not in found)
        return replace(article, **found, origins=(*origins, *(Origin(name, FEED) for name in found)))

    def _is_new(self, article: Article, said: str, look: Look) -> bool | None:
        """Whether an article is to be embedded; None where it mustn't be taken. `said` is its hash without its feed's.

        One page may be given by itself and in feeds that say more of it than others: it is one article all the same.
        """
        digest = hash_article(article)
        with self._library.snapshot() as snapshot:
            before = snapshot.hash(article.id)
            if self._is_update and before is None and snapshot.was_removed(article.id):
                return None
        if article.id in self._hashes:
            taken = self._hashes[article.id]
            if taken == said if taken else before == digest:
                return False
            reason = (
                f"has the id of another article in this call, {article.id}; only the first was taken: give this one an "
                "id of its own, or add it by itself to put it in the place of the other"
            )
            self.tally.failed.append(Failure(look.name, reason))
            return None
        self._hashes[article.id] = said
        if before == digest:
            self.tally.unchanged.append(article.id)
            return False
        return True


def _to_failure(look: Look, error: ArticleError) -> Failure:
    """Make a failure of what is wrong with an article, which a document that is all of it names well enough."""
    content = look.candidate.content
    own = content.url if isinstance(content, Document) else look.candidate.item_name
    failure = to_failure(look.name, error)
    return replace(failure, reason=failure.reason.removeprefix(f"article {own!r}: "))


def _read_entry(entry: Entry, article: Article) -> dict[str, str | datetime | None]:
    """Read what a feed says of an article, whose outlet is no author."""
    from assistant.metadata import clean, clean_authors  # only for what a feed led to
    from assistant.pages import MAX_TITLE_CHARACTERS

    authors = clean_authors(entry.author or "", (article.outlet,) if article.outlet else (), article.language)
    published, updated = (time if time and not is_ahead(time) else None for time in (entry.published, entry.updated))
    return {
        "title": normalise(clean(entry.title or ""))[:MAX_TITLE_CHARACTERS],
        "author": normalise(", ".join(authors)),
        "outlet": normalise(clean(entry.outlet or ""))[:MAX_TITLE_CHARACTERS],
        "published": published,
        "updated": updated,
    }


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

    # In a context like this one, for that says how patient it is.
    thread = threading.Thread(target=copy_context().run, args=(run,), name="read-sources", daemon=True)
    thread.start()
    patience: float | None = None
    try:
        while (step := ready.get()) is not None:
            yield step
        if failures:
            raise failures[0]
    except KeyboardInterrupt:
        patience = LEAVE_SECONDS  # a silent server would hold up who wants to leave
        raise
    finally:
        stopped.set()
        thread.join(patience)


def _store(
    pending: Sequence[PreparedArticle],
    items: Sequence[tuple[KnownSource, Item]],
    library: Library,
    embedder: Embedder,
    tally: _Tally,
    say: Say,
) -> None:
    with library.snapshot() as snapshot:
        known = {each.article.id for each in pending if snapshot.hash(each.article.id) is not None}
        # What an outlet or a date changes of an article has no part in its vectors.
        found = {each.article.id: snapshot.find_vectors(each.article) for each in pending}
    stored = [
        (each.article, found[each.article.id])
        for each in pending
        if tuple(packed.passage for packed in found[each.article.id]) == each.passages
    ]
    kept = {article.id for article, _ in stored}
    fresh = [each for each in pending if each.article.id not in kept]
    embedded = embed_prepared(fresh, embedder, progress=_say_how_long(fresh, say))
    library.add([*stored, *embedded], items)
    for each in pending:
        (tally.updated if each.article.id in known else tally.added).append(each.article.id)
    tally.planted += [each.article.id for each in pending if each.has_asides]
    tally.hidden += sum(each.article.hidden for each in pending)
    tally.passages += sum(len(passages) for _, passages in embedded)


def _say_how_long(pending: Sequence[PreparedArticle], say: Say) -> Progress:
    """Say once how long embedding will take, when its first passages tell that it is long: one article may be a book.

    Progress counts articles, and would stand still.
    """
    started = time.perf_counter()
    is_said = False

    def look(done: int, total: int) -> None:
        nonlocal is_said
        seconds = (time.perf_counter() - started) / done * (total - done)
        if seconds > LONG_SECONDS and not is_said:
            is_said = True
            longest = max(pending, key=lambda each: len(each.passages))
            how_long = f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
            say(f"{longest.article.title}: {total:,} passages to embed, which will take some {how_long}")

    return look

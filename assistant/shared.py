"""The shared library: articles, passages and vectors in a Chroma server, for as many writers and readers as it bears.

A revision's passages are written before the article's record, which names the revision that is current, and nobody
reads passages of any other: so an article is seen as it was or as it is, and never half. Of two writers of one article
the later one wins whole. What a writer leaves over is noted before it is written, and swept when nobody can need it.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np

from assistant.chroma_server import (
    MAX_BATCH,
    ChromaServer,
    Collection,
    FoundRecord,
    Record,
    Value,
    being_patient,
)
from assistant.conversations import Conversations
from assistant.copies import group_copies
from assistant.errors import LibraryDamagedError, LibraryError, LibraryGoneError, LibraryMismatchError
from assistant.frequencies import Frequencies, count_stems, read_frequencies, to_frequency_record
from assistant.records import (
    ARTICLE,
    LEFTOVER,
    MAX_FORMER,
    StoredArticle,
    StoredRevision,
    both,
    make_key,
    make_revision,
    number_passage,
    read_state,
    refuse_dimension,
    refuse_unstorable,
    to_article_record,
    to_leftover,
    to_leftover_records,
    to_packed_passage,
    to_passage_records,
    to_state_record,
    to_stored_article,
    to_where,
)
from assistant.replies import ReplyCache
from assistant.revision_records import read_former, to_former_records
from assistant.schema import (
    EmbeddedPassage,
    PackedPassage,
    PassageFilter,
    describe_words,
    hash_article,
    pack_passage,
    pack_stems,
    unpack_vectors,
)
from assistant.snapshot import EVERYTHING, MAX_COPIES, StemArray, StoredPassage, choose_search_terms, hash_content
from assistant.source_records import (
    ITEM,
    REMOVAL,
    SOURCE,
    StoredItem,
    StoredSource,
    find_machine,
    is_address,
    key_item,
    key_removal,
    key_source,
    name_machine,
    to_item_record,
    to_removal_record,
    to_source_record,
    to_stored_item,
    to_stored_source,
)
from assistant.sources import Item, KnownSource
from assistant.terms import find_words, number_word, stem
from assistant.types import Article, ArticleRef, Passage, Revision
from assistant.vectors import FloatArray, Neighbour

FORMAT_VERSION = 2
EF_SEARCH = 400  # as that of a generation: more finds no more

# How long what isn't current may still be needed: by a question that began before, or by a writer that isn't done.
GRACE_SECONDS = 600
# A single server looks through all passages for words, some microseconds each: for every question where there are no
# more than that many, beyond for words alone that none of the nearest passages holds, and at last for none.
FULL_TEXT_PASSAGES = 20_000
MAX_FULL_TEXT_PASSAGES = 1_000_000
FULL_TEXT_TERMS = 4  # the rarest, that are looked for
FREQUENCY_DRIFT = 0.1  # how much a library may grow or shrink before words are counted anew
NEAREST = 80  # passages that are looked at at least: where words find less, vectors have to find more
MAX_KNOWN = 20_000  # articles whose records are kept until one is changed, of some two kilobytes each

_T = TypeVar("_T")

_LATE = "took too long to write, and may be half swept: run the same command again"


class SharedLibrary:
    """A library in a Chroma server; `folder` names it there, and keeps here what is nobody else's.

    `home` keeps the name that this machine made up for itself, for all of its libraries.

    Nothing is asked of the server before it is needed. Its methods raise LibraryError where it can't be reached or
    used, LibraryMismatchError where it was made by another embedding model or version, and may be called from any
    thread.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        server: ChromaServer,
        embedding_model: str,
        home: Path,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._folder = folder
        self.home = home
        self.name = name
        self._server = server
        self._embedding_model = embedding_model
        self._grace = grace
        self._guard = Lock()
        self._collections: tuple[Collection, Collection] | None = None
        self._known = _Known("")
        self._frequencies = (-1, Frequencies())  # and of how many passages they were read
        self._added = Frequencies()
        self._removed: list[str] = []
        self._has_changed = False

    @property
    def folder(self) -> Path:
        """The folder that names it."""
        return self._folder

    @property
    def place(self) -> str:
        """Where the library is, for a message."""
        return f"{self._server.url} ({self.name})"

    @property
    def embedding_model(self) -> str:
        """The identity of the embedding model that made its vectors."""
        return self._embedding_model

    @property
    def exists(self) -> bool:
        """Whether anything was ever added here."""
        return self.find_collections() is not None

    @property
    def has_changed(self) -> bool:
        """Whether something was written by this that `publish` isn't done with."""
        return self._has_changed

    def find_collections(self) -> tuple[Collection, Collection] | None:
        """Find the collections of the articles and of the passages; None where there are none yet."""
        with self._guard:
            # While it is empty it has no dimension, and any writer may give it one.
            if self._collections is None or self._collections[1].dimension is None:
                articles = self._server.find_collection(f"{self.name}.articles")
                passages = self._server.find_collection(f"{self.name}.passages") if articles else None
                if articles is None or passages is None:
                    return None
                self._collections = self._check(articles), self._check(passages)
            return self._collections

    @contextmanager
    def snapshot(self) -> Iterator["SharedSnapshot"]:
        """Open the library as it is now, for one question."""
        with self._forgetting():
            yield SharedSnapshot(self, self.find_collections())

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Forget collections that turn out to be gone."""
        try:
            yield
        except LibraryGoneError:
            with self._guard:
                self._collections = None
            raise
        except UnicodeEncodeError:
            raise LibraryError("half of a surrogate pair is in no library; ask without it") from None

    def patient(self) -> AbstractContextManager[None]:
        """Have what this thread asks waited for as long as a write is."""
        return being_patient()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the library where there is none. There may be other writers."""
        with self.patient():
            if self.find_collections() is None:
                metadata: dict[str, Value] = {
                    "news_assistant": FORMAT_VERSION,
                    "embedding_model": self._embedding_model,
                }
                # The articles last: where they are, the library is whole.
                for kind in ("passages", "articles"):
                    name = f"{self.name}.{kind}"
                    self._check(self._server.make_collection(name, metadata=metadata, ef_search=EF_SEARCH))
            yield

    def content_hash(self) -> str:
        """Hash all that the library knows: equal libraries have equal hashes, shared or not."""
        with self.snapshot() as snapshot:
            return snapshot.content_hash()

    def check(self, article: Article, passages: Sequence[Passage]) -> None:
        """Refuse an article that can't be stored. Raises ArticleError."""
        refuse_unstorable(article, passages)

    def add(
        self,
        articles: Iterable[tuple[Article, Sequence[EmbeddedPassage | PackedPassage]]],
        items: Iterable[tuple[KnownSource, Item]] = (),
    ) -> None:
        """Store articles, each whole and in the place of the one of its id. Call within `writing`.

        What was there before is kept as a revision, which only `SharedSnapshot.revisions` shows. `items` are what
        sources were found to hold, and are remembered after the articles. When this returns all of it is found by
        everybody; when it raises, each article is as it was before or as it is to be.
        """
        records, passages = self._find_both()
        hashes = self._add_articles(articles, records, passages)
        self._remember(list(items), hashes, records)

    def _add_articles(
        self,
        articles: Iterable[tuple[Article, Sequence[EmbeddedPassage | PackedPassage]]],
        records: Collection,
        passages: Collection,
    ) -> dict[str, str]:
        """Store articles, and return their hashes by id."""
        began = self._server.read_time()
        name = make_revision()
        written: list[tuple[Article, list[PackedPassage]]] = []
        for article, embedded in articles:
            packed = [item if isinstance(item, PackedPassage) else pack_passage(item) for item in embedded]
            self._refuse(article, packed, passages)
            written.append((article, packed))
        if not written:
            return {}
        hashes = {article.id: hash_article(article) for article, _ in written}
        before, removals = self._read_before(records, list(hashes))
        former = self._make_former(before, hashes, name=name, until=began)
        revisions = [
            StoredRevision(key := make_key(article.id), name, len(packed), len(former.get(key, ())))
            for article, packed in written
        ]
        self._has_changed = True
        records.write(to_leftover_records(revisions, written=began))
        passage_records = [
            record
            for (article, packed), revision in zip(written, revisions, strict=True)
            for record in to_passage_records(article, packed, key=revision.key, revision=name)
        ]
        counts = Frequencies()
        replaced, current = [], []
        with ThreadPoolExecutor(max_workers=1) as executor:
            writing = executor.submit(passages.write, passage_records)
            # While the server has them, for this takes a seventh of its time.
            for (article, packed), revision in zip(written, revisions, strict=True):
                stored = before.get(revision.key)
                is_same = stored is not None and stored.hash == hashes[article.id]
                since = stored.since if stored and is_same else began
                kept = stored.former if stored else ()
                kept = (*kept, (name, revision.former_count)) if revision.former_count else kept
                if stored:
                    dropped = [StoredRevision(revision.key, each, 0, count) for each, count in kept[:-MAX_FORMER]]
                    replaced += [stored.current, *dropped]
                current.append(to_article_record(article, revision, since=since, former=kept[-MAX_FORMER:]))
                counts = counts.plus(count_stems(article.ref, [each.passage for each in packed]))
            writing.result()
        records.write([record for each in former.values() for record in each])
        now = self._server.read_time()
        if now - began > self._grace / 2 and self._grace:
            raise LibraryError(f"{self.place}: {_LATE}")
        # In one request with what they replace, as far as there is room, and with the state that they make.
        changed = [*to_leftover_records(replaced, written=now), *current]
        for start in range(0, len(changed), MAX_BATCH - 1):
            records.write([*changed[start : start + MAX_BATCH - 1], to_state_record()])
        records.delete(removals)  # for they were given again
        self._added = self._added.plus(counts)
        return hashes

    def _read_before(
        self, records: Collection, article_ids: Sequence[str]
    ) -> tuple[dict[str, StoredArticle], list[str]]:
        """Read the records of articles by their keys, and list the ids of those that say that one was removed."""
        keys = [make_key(id) for id in article_ids]
        found = records.get([*keys, *map(key_removal, keys)])
        removals = [each.id for each in found if each.metadata.get("kind") == REMOVAL]
        stored = self.read(to_stored_article, [each for each in found if each.metadata.get("kind") != REMOVAL])
        return {each.key: each for each in stored}, removals

    def _make_former(
        self, before: Mapping[str, StoredArticle], hashes: Mapping[str, str], *, name: str, until: int
    ) -> dict[str, list[Record]]:
        """Make the records of what other articles take the place of, by key; what is damaged isn't kept."""
        former = {}
        for stored in before.values():
            if stored.hash != hashes[stored.id]:
                with self.snapshot() as snapshot, suppress(LibraryError):
                    article, _ = snapshot.read_article(stored)
                    former[stored.key] = to_former_records(stored, article, revision=name, until=until)
        return former

    def _remember(
        self, items: Sequence[tuple[KnownSource, Item]], hashes: Mapping[str, str], records: Collection
    ) -> None:
        """Remember sources, and what they held: one record each, in the place of what was known of it."""
        if not items:
            return
        sources = list(dict.fromkeys(source for source, _ in items))
        names = [*(source.name for source in sources), *(item.name for _, item in items)]
        machine = find_machine(self.home) if all(map(is_address, names)) else name_machine(self.home)
        known = records.get([key_source(source.name, machine) for source in sources])
        first = {each.key: each.first_ns for each in self.read(to_stored_source, known)}
        others = {id for _, item in items for id in item.article_ids if id not in hashes}
        current = dict[str, str | None](hashes)
        current |= {each.id: each.hash for each in self.read_articles(records, list(map(make_key, others))).values()}
        remembered, unremembered = [], []
        for number, source in enumerate(sources):
            first_ns = first.get(key_source(source.name, machine), time.time_ns() + number)
            remembered.append(to_source_record(source, machine=machine, first_ns=first_ns))
        for source, item in items:
            record = to_item_record(source, item, machine=machine, hashes=current)
            if record is None:
                unremembered.append(key_item(item.name, machine))
            else:
                remembered.append(record)
        records.write(remembered)
        records.delete(unremembered)

    def remove(self, article_id: str, *, by_hand: bool = True) -> bool:
        """Remove an article, and all that it ever was; False where there is none of that id. Call within `writing`.

        Nothing finds it when this returns, and the server is told to delete it. One that is removed by hand stays away
        though a source still has it, until it is given again.
        """
        records, passages = self._find_both()
        stored = self.read_articles(records, [make_key(article_id)]).get(make_key(article_id))
        if stored is None:
            return False
        leftovers = to_leftover_records([stored.current, *stored.former_revisions], written=0)
        self._has_changed = True
        records.write([*leftovers, *([to_removal_record(stored.key)] if by_hand else [])])
        records.delete([stored.key])
        records.write([to_state_record()])
        passages.delete(stored.passage_ids)
        records.delete([id for each in stored.former_revisions for id in each.former_ids])
        records.delete([leftover.id for leftover in leftovers])
        self._removed.append(article_id)
        return True

    def forget_source(self, name: str) -> None:
        """Forget a source, so that no update looks at it again; its articles stay. Call within `writing`."""
        records, _ = self._find_both()
        key = key_source(name, find_machine(self.home))
        # The source last, so that the same call goes on where it was stopped.
        records.delete([each.id for each in records.find_all(_of_source(key), include=())])
        records.delete([key])

    def _forget_items(self, article_ids: Sequence[str]) -> None:
        """Forget all items that held articles, which nobody takes for known any more, and sources that are such."""
        records, _ = self._find_both()
        removed = set(article_ids)
        forgotten = []
        for each in self.read(to_stored_item, records.find_all({"kind": ITEM})):
            if not removed.isdisjoint((*each.item.article_ids, *each.item.gone_ids)):
                is_source = each.source_key.partition(":")[0] == each.key.partition(":")[0]
                forgotten += [each.key, *([each.source_key] if is_source else [])]
        records.delete(forgotten)

    def publish(self, *, anew: bool = False) -> None:  # noqa: ARG002  # there is no index of our own
        """Finish what was written: sweep what is left over, and forget on this machine what was answered from it."""
        if self._has_changed:
            ReplyCache(self.folder).clear()
            if self._removed:
                Conversations(self.folder).forget(*self._removed)
                self._forget_items(self._removed)
                self._removed = []
            if self._added.passages:
                records, _ = self._find_both()
                stored = read_frequencies(records)
                records.write([to_frequency_record(stored.plus(self._added))])
                self._added, self._frequencies = Frequencies(), (-1, Frequencies())
        self.sweep()
        self._has_changed = False

    def sweep(self) -> int:
        """Delete what is left over of revisions that nobody can need any more, and say how many those were."""
        found = self.find_collections()
        if found is None:
            return 0
        records, passages = found
        before = self._server.read_time() - round(self._grace)
        where = {"$and": [{"kind": LEFTOVER}, {"written": {"$lte": before}}]}
        swept = 0
        while batch := records.find(where):
            noted = [revision for leftover in self.read(to_leftover, batch) for revision in leftover.revisions]
            current = self.read_articles(records, list({revision.key for revision in noted}))
            stale = [each for each in noted if each.key not in current or current[each.key].revision != each.name]
            if stale:  # whoever removed one of these may have died before it could say so
                records.write([to_state_record()])
            passages.delete([id for revision in stale for id in revision.passage_ids])
            kept = {(each.key, name) for each in current.values() for name, _ in each.former}
            records.delete([id for each in stale if each[:2] not in kept for id in each.former_ids])
            swept += len(stale)
            records.delete([each.id for each in batch])
            if len(batch) < MAX_BATCH:
                break
        return swept

    def frequencies(self, passage_count: int) -> Frequencies:
        """Read how often words stand in passages, again where there are others by a tenth than when it was read."""
        known, frequencies = self._frequencies
        if known < 0 or abs(passage_count - known) > known * FREQUENCY_DRIFT:
            found = self.find_collections()
            frequencies = read_frequencies(found[0]) if found else Frequencies()
            self._frequencies = (passage_count, frequencies)
        return frequencies

    def recall(self, records: Collection) -> "_Known":
        """Find what is known of the articles as they are now: what was read of them before, if none has changed."""
        state = read_state(records)
        with self._guard:
            if self._known.state != state or len(self._known.articles) > MAX_KNOWN:
                self._known = _Known(state)
            return self._known

    def close(self) -> None:
        """Close the connections; closing twice is fine."""
        self._server.close()

    def _find_both(self) -> tuple[Collection, Collection]:
        found = self.find_collections()
        if found is None:
            raise LibraryError(f"{self.place}: the library there was deleted; run the same command again")
        return found

    def _check(self, collection: Collection) -> Collection:
        """Refuse a collection of another format, or made by another embedding model."""
        metadata = collection.metadata
        version = metadata.get("news_assistant")
        if not isinstance(version, int):
            raise LibraryMismatchError(
                f"{self.place}: the collections of this name aren't this program's; choose another name with --index"
            )
        if version != FORMAT_VERSION:
            raise LibraryMismatchError(
                f"{self.place}: made by another version of the assistant (format {version}, this one reads"
                f" {FORMAT_VERSION}); use that one, or choose another name with --index"
            )
        made_by = metadata.get("embedding_model")
        if made_by != self._embedding_model:
            raise LibraryMismatchError(
                f"{self.place}: made with the embedding model {self._server.redact(str(made_by))}, not"
                f" {self._embedding_model}; choose the one that made it with --embedding-model (and OPENAI_BASE_URL),"
                " or another name with --index"
            )
        return collection

    def _refuse(self, article: Article, packed: Sequence[PackedPassage], passages: Collection) -> None:
        """Refuse what no record can hold, and vectors of another length than those that are there."""
        refuse_unstorable(article, [each.passage for each in packed])
        lengths = {len(each.vector) // 4 for each in packed}
        if passages.dimension is not None and lengths - {passages.dimension}:
            raise self.mismatch(passages.dimension, max(lengths))
        for each in packed:
            refuse_dimension(len(each.passage.sentences), max(lengths))

    def mismatch(self, dimension: int, other: int) -> LibraryMismatchError:
        """Say that vectors of another length are no vectors of this library."""
        return LibraryMismatchError(
            f"{self.place}: its vectors have {dimension} numbers, and {self._embedding_model} answers with {other}; it"
            " is not the model that made the index: choose another name with --index"
        )

    def read_articles(self, records: Collection, keys: Sequence[str]) -> dict[str, StoredArticle]:
        """Read the records of the articles of some keys, as far as there are any."""
        return {each.key: each for each in self.read(to_stored_article, records.get(keys))}

    def read(self, parse: Callable[[FoundRecord], _T], found: Iterable[FoundRecord]) -> list[_T]:
        """Read records. Raises LibraryDamagedError for one that isn't as it was written."""
        parsed = []
        for record in found:
            try:
                parsed.append(parse(record))
            except (ValueError, TypeError, KeyError):
                raise LibraryDamagedError(
                    f"{self.place}: the record {record.id[:80]!r} is damaged; `assistant doctor --repair` tells which"
                    " articles to index again"
                ) from None
        return parsed


class SharedSnapshot:
    """A shared library as one question sees it: what was seen once of an article stays so for the next look at it."""

    def __init__(self, library: SharedLibrary, collections: tuple[Collection, Collection] | None) -> None:
        self._library = library
        self._records = collections[0] if collections else None
        self._passages = collections[1] if collections else None
        self._known: _Known | None = None
        self._seen: dict[str, StoredArticle | None] = {}
        self._found: dict[int, _Found] = {}
        self._looked_for: set[str] = set()  # terms that were looked for everywhere
        self._listed: tuple[StoredArticle, ...] | None = None

    @property
    def passage_count(self) -> int:
        """About how many passages there are: those that wait to be swept are counted too."""
        if self._passages is None:
            return 0
        known = self._recall()
        if known.passage_count is None:
            known.passage_count = self._passages.count()
        return known.passage_count

    @property
    def is_published(self) -> bool:
        """Whether nothing is left to do of what was written here."""
        return not self._library.has_changed

    @property
    def has_forgotten(self) -> bool:
        """Whether nothing is left to do of what was removed here."""
        return not self._library.has_changed

    @property
    def dimension(self) -> int | None:
        """How many numbers a vector has, or None where there is none."""
        return self._passages.dimension if self._passages else None

    def open_index(self) -> None:
        """Connect now."""
        self._library.frequencies(self.passage_count)

    # Articles

    def articles(self) -> tuple[ArticleRef, ...]:
        """List the articles, those that are known for longest first."""
        stored = sorted(self._list_articles(), key=lambda each: (each.since, each.id))
        return tuple(each.ref for each in stored)

    def article(self, article_id: str) -> Article | None:
        """Get an article with its text, or None where there is none of that id."""
        stored = self._see([make_key(article_id)])[0]
        return None if stored is None else self.read_article(stored)[0]

    def copies(self, article_id: str) -> tuple[Article, ...]:
        """List the copies of an article among those that were found for this question, the earliest published first.

        At most MAX_COPIES.
        """
        own = make_key(article_id)
        self._see([own])
        seen = [each for each in self._seen.values() if each is not None]
        groups = group_copies({number: each.signature for number, each in enumerate(seen)})
        group = next((group for group in groups if any(seen[number].key == own for number in group)), set[int]())
        others = [self.read_article(seen[number])[0] for number in group if seen[number].key != own]
        late = datetime.max.replace(tzinfo=UTC)
        others.sort(key=lambda each: (each.published is None, each.published or late, each.id))
        return tuple(others[:MAX_COPIES])

    def revisions(self, article_id: str) -> tuple[Revision, ...]:
        """List what an article was and is, the earliest first and the present last; nothing where there is none."""
        stored = self._see([make_key(article_id)])[0]
        if stored is None or self._records is None:
            return ()
        try:
            former = read_former(stored, self._records)
        except (ValueError, TypeError, KeyError):
            raise LibraryDamagedError(
                f"{self._library.place}: what article {stored.id[:200]!r} was isn't what was stored; remove it with"
                " `assistant index --remove ID`, and index its source again"
            ) from None
        present = self.read_article(stored)[0]
        return (*former, Revision(present, datetime.fromtimestamp(stored.since, UTC), None))

    def hash(self, article_id: str) -> str | None:
        """Get the hash of an article, or None where there is none of that id."""
        stored = self._see([make_key(article_id)])[0]
        return stored.hash if stored else None

    def passages(self, article_id: str) -> tuple[Passage, ...]:
        """List the passages of an article in their order."""
        stored = self._see([make_key(article_id)])[0]
        return () if stored is None else tuple(packed.passage for packed in self.read_article(stored)[1])

    def packed_articles(self) -> Iterator[tuple[Article, list[PackedPassage]]]:
        """Read all articles with their passages and vectors, one by one in the order of their ids."""
        for stored in sorted(self._list_articles(), key=lambda each: each.id):
            yield self.read_article(stored, with_vectors=True)

    def find_vectors(self, article: Article) -> list[PackedPassage]:
        """Read the stored passages of an article's id with their vectors, where its title and text are stored as here.

        Nothing where they aren't, or where what is stored can't be read.
        """
        try:
            stored = self._see([make_key(article.id)])[0]
            if stored is None or stored.row[1] != article.title:
                return []
            known, packed = self.read_article(stored, with_vectors=True)
        except LibraryDamagedError:
            return []
        return packed if known.text == article.text else []

    def content_hash(self) -> str:
        """Hash all that is known, as any library's: equal for equal articles, passages and vectors."""
        return hash_content(self.packed_articles())

    def outlets(self) -> tuple[str, ...]:
        """List the outlets of the articles, in the order of the alphabet."""
        return tuple(sorted({str(each.row[2]) for each in self._list_articles() if each.row[2]}))

    def has_articles(self, filter: PassageFilter) -> bool:
        """Whether a filter lets any article through."""
        where = both({"kind": ARTICLE}, to_where(filter))
        return bool(self._records and self._records.find(where, limit=1, include=()))

    def newest_day(self, *, before: datetime | date | None = None) -> date | None:
        """Find the day, in its own zone, of the newest article, of all or of those before; None where none has one.

        A server sorts nothing. It is asked about days, beginning with what writers noted, until one is left.
        """
        until = to_where(PassageFilter(until=before)) if before else None

        def has_since(day: int) -> bool:
            where = both({"kind": ARTICLE}, {"d": {"$gte": day}}, until)
            return bool(self._records and self._records.find(where, limit=1, include=()))

        # The newest day is `low` or later, and before `high`.
        noted = self._library.frequencies(self.passage_count).newest or datetime.now(UTC).date().toordinal()
        step, last = 1, date.max.toordinal()
        low = min(noted, before.toordinal()) if before else noted
        if has_since(low):
            while (high := min(low + step, last + 1)) <= last and has_since(high):
                low, step = high, 2 * step
        else:
            high, low = low, max(low - step, 1)
            while not has_since(low):
                if low == 1:
                    return None
                high, step = low, 2 * step
                low = max(low - step, 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if has_since(middle) else (low, middle)
        return date.fromordinal(low)

    # Sources

    def sources(self) -> list[KnownSource]:
        """List the addresses that are known, and the files and folders of this machine, in the order of first giving.

        Not those that are the page or file of an article which was removed.
        """
        machine = find_machine(self._library.home)
        stored = [each for each in self._list_sources() if each.machine in ("", machine)]
        stored.sort(key=lambda each: (each.first_ns, each.source.name))
        keys = [key_item(each.source.name, machine) for each in stored]
        held = self._records.get(keys) if self._records else []
        items = self._library.read(to_stored_item, held)
        removed = {each.item.name for each in items} - self._know(items).keys()
        return [each.source for each in stored if each.source.name not in removed]

    def items(self, names: Sequence[str]) -> dict[str, Item]:
        """List what is remembered of the items of these names, by name."""
        machine = find_machine(self._library.home)
        found = self._records.get([key_item(name, machine) for name in names]) if self._records else []
        return self._know(self._library.read(to_stored_item, found))

    def items_of(self, source: str) -> dict[str, Item]:
        """List what a source held when it was looked at last, by name."""
        key = key_source(source, find_machine(self._library.home))
        found = self._records.find_all(_of_source(key)) if self._records else ()
        return self._know(self._library.read(to_stored_item, found))

    def held(self) -> list[tuple[str, str, str]]:
        """List which source holds which article in which item, those of other machines under names of their own."""
        machine = find_machine(self._library.home)
        names = {
            each.key: each.source.name if each.machine in ("", machine) else f"{each.source.name} ({each.machine})"
            for each in self._list_sources()
        }
        found = self._library.read(to_stored_item, self._records.find_all({"kind": ITEM}) if self._records else ())
        return [
            (names[each.source_key], each.item.name, id)
            for each in found
            if each.source_key in names
            for id in each.item.article_ids
        ]

    def was_removed(self, article_id: str) -> bool:
        """Whether an article was removed by hand, and not given again since."""
        return bool(self._records and self._records.get([key_removal(make_key(article_id))], include=()))

    def _list_sources(self) -> list[StoredSource]:
        return self._library.read(to_stored_source, self._records.find_all({"kind": SOURCE}) if self._records else ())

    def _know(self, stored: Sequence[StoredItem]) -> dict[str, Item]:
        """Find out what of items is known now, by name: nothing of one that held an article which was removed."""
        ids = list(dict.fromkeys(id for each in stored for id in (*each.item.article_ids, *each.item.gone_ids)))
        seen = zip(ids, self._see([make_key(id) for id in ids]), strict=True)
        hashes = {id: article.hash if article else None for id, article in seen}
        known = ((each.item.name, each.known(hashes)) for each in stored)
        return {name: item for name, item in known if item is not None}

    # Questions

    def propose(
        self,
        terms: Sequence[str],
        vector: Callable[[], FloatArray],
        *,
        matched: int,
        nearest: int,
        filter: PassageFilter = EVERYTHING,
    ) -> list[Neighbour]:
        """Find what may bear on a question: passages nearest to its unit vector (d,), and those of its rarest words.

        In a large library only those words are looked for that stand in none of the nearest.
        """
        known = self._library.frequencies(self.passage_count)  # while the vector is made
        estimates = {term: known.estimate(number_word(term), passage_count=self.passage_count) for term in terms}
        rare = choose_search_terms(estimates, max_postings=matched)[:FULL_TEXT_TERMS]
        found = self.nearest(vector(), limit=max(nearest, NEAREST), filter=filter)
        if self.passage_count > FULL_TEXT_PASSAGES:
            held = self._find_holders(rare)
            rare = [term for term in rare if not held[term]]
        if not rare or self.passage_count > MAX_FULL_TEXT_PASSAGES:
            return found
        return found + self.match(rare, limit=matched, filter=filter)

    def match(self, terms: Sequence[str], *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find passages whose text holds any of the terms, as (id, number of terms), those with most of them first."""
        if not terms or self._passages is None:
            return []
        pattern = "(?i)\\b(?:" + "|".join(re.escape(_find_beginning(term)) for term in terms) + ")"
        found = self._passages.find(
            to_where(filter),
            where_document={"$regex": pattern},
            limit=min(limit, MAX_BATCH),
            include=("metadatas", "documents"),
        )
        if filter == EVERYTHING:
            self._looked_for.update(terms)
        current = self._take(found)
        most = self._passages.max_entries
        if len(current) < len(found) // 2 and len(found) == min(limit, MAX_BATCH) < most:
            entries = self._passages.find(to_where(filter), where_document={"$regex": pattern}, limit=most, include=())
            current = self._take_listed(entries, limit=limit)
        taken = {number_passage(each.id) for each in current}
        counts = Counter(id for ids in self._find_holders(terms).values() for id in ids & taken)
        scored = [(id, float(held)) for id, held in counts.items()]
        return sorted(scored, key=lambda neighbour: (-neighbour[1], neighbour[0]))

    def nearest(self, query: FloatArray, *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find the passages nearest to a unit vector (d,) as (id, cosine), nearest first; at most MAX_BATCH."""
        if self._passages is None:
            return []
        if self.dimension is not None and self.dimension != len(query):
            raise self._library.mismatch(self.dimension, len(query))
        asked = limit = min(limit, MAX_BATCH)
        while True:
            found = self._passages.nearest(query, limit=asked, where=to_where(filter))
            near = self._take(found)
            # Some may be of other revisions than the current ones: where those aren't few, more are asked for.
            if len(near) >= limit - limit // 8 or len(found) < asked:
                break
            if asked == MAX_BATCH:
                near = self._find_nearest_listed(query, limit=limit, filter=filter) or near
                break
            asked = min(2 * asked, MAX_BATCH)
        return [(number_passage(each.id), 1 - each.distance) for each in near[:limit]]

    def _find_nearest_listed(self, query: FloatArray, *, limit: int, filter: PassageFilter) -> list[FoundRecord]:
        """Find the same where an article is replaced again and again, and what it was crowds out all else.

        Only the ids are asked for, which say what is current. Nothing where a server gives no more of them.
        """
        if self._passages is None or self._passages.max_entries == MAX_BATCH:
            return []
        most = self._passages.max_entries
        entries = self._passages.nearest(query, limit=most, where=to_where(filter), include=("distances",))
        return self._take_listed(entries, limit=limit)

    def load(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Load passages that were found, in the order of their ids."""
        chosen = [id for id in ids if id in self._found]
        whole = self._read_whole([id for id in chosen if not self._found[id].packed.passage.sentences])
        parts = [self._found[id].packed for id in chosen]
        vectors = unpack_vectors([(packed.scales, packed.sentence_vectors) for packed in parts])
        articles = list({self._found[id].article.key: self._found[id].article for id in chosen}.values())
        stories = {
            articles[number].key: story
            for story, group in enumerate(group_copies({n: each.signature for n, each in enumerate(articles)}))
            for number in group
        }
        return [
            StoredPassage(
                id,
                id & 0xFFFFFFFF,
                self._found[id].packed.passage,
                self._found[id].ref,
                sentence_vectors=rows if id not in whole else whole[id][None],
                stems=self._found[id].stems,
                stem_counts=self._found[id].stem_counts,
                story=stories[self._found[id].article.key],
            )
            for id, rows in zip(chosen, vectors, strict=True)
        ]

    def document_frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """Estimate how many passages hold each term; exact about a term that was looked for and stands nowhere."""
        known = self._library.frequencies(self.passage_count)
        frequencies = {}
        for term, holders in self._find_holders(terms).items():
            number, found = number_word(term), len(holders)
            is_nowhere = not found and (term in self._looked_for or not self.passage_count)
            estimate = known.estimate(number, passage_count=self.passage_count)
            frequencies[term] = 0 if is_nowhere and number not in known.counts else max(estimate, found)
        return frequencies

    def _find_holders(self, terms: Sequence[str]) -> dict[str, set[int]]:
        """Find which of the passages found hold each term, in the text or in the title, the outlet or the date."""
        parts = [part for found in self._found.values() for part in (found.stems, _number_header(found.ref))]
        numbers = np.concatenate([np.zeros(0, np.uint32), *parts])
        owners = np.repeat(np.arange(len(parts)) // 2, [len(part) for part in parts])
        ids = list(self._found)
        return {term: {ids[place] for place in owners[numbers == number_word(term)].tolist()} for term in terms}

    def _take(self, records: Sequence[FoundRecord]) -> list[FoundRecord]:
        """Take the passages among records that are of current revisions, and return their records."""
        keys = [record.id.partition(":")[0] for record in records]
        taken = []
        for record, article in zip(records, self._see(keys), strict=True):
            if article is None or not article.holds(record.id):
                continue
            id = number_passage(record.id)
            if id not in self._found:
                (packed,) = self._library.read(partial(to_packed_passage, article_id=article.id), [record])
                self._found[id] = _Found.make(article, packed)
            taken.append(record)
        return taken

    def _take_listed(self, entries: Sequence[FoundRecord], *, limit: int) -> list[FoundRecord]:
        """Take the first passages of current revisions among records without text, and return those as they are."""
        current: list[FoundRecord] = []
        for start in range(0, len(entries), MAX_BATCH):
            batch = entries[start : start + MAX_BATCH]
            articles = self._see([each.id.partition(":")[0] for each in batch])
            current += [
                each
                for each, article in zip(batch, articles, strict=True)
                if article is not None and article.holds(each.id)
            ]
            if len(current) >= limit:
                break
        ids = [each.id for each in current[:limit]]
        found = self._passages.get(ids, include=("metadatas", "documents")) if self._passages else []
        taken = {each.id for each in self._take(found)}  # some may just have been swept
        return [each for each in current if each.id in taken]

    def _see(self, keys: Sequence[str]) -> list[StoredArticle | None]:
        """Look at the records of articles, each once."""
        unseen = [key for key in dict.fromkeys(keys) if key not in self._seen]
        if unseen and self._records:
            known = self._recall().articles
            missing = [key for key in unseen if key not in known]
            read = self._library.read_articles(self._records, missing)
            known |= {key: read.get(key) for key in missing}
            self._seen |= {key: known[key] for key in unseen}
        return [self._seen.get(key) for key in keys]

    def _recall(self) -> "_Known":
        """Find what is known of the articles as they were when this snapshot was first asked."""
        if self._known is None:
            self._known = self._library.recall(self._records) if self._records else _Known("")
        return self._known

    def _list_articles(self) -> tuple[StoredArticle, ...]:
        """List the articles, once."""
        if self._listed is None:
            records = self._records.find_all({"kind": ARTICLE}) if self._records else ()
            # One that is written while they are listed may come twice.
            listed = {each.key: each for each in self._library.read(to_stored_article, records)}
            self._listed = tuple(listed.values())
        return self._listed

    def read_article(self, stored: StoredArticle, *, with_vectors: bool = False) -> tuple[Article, list[PackedPassage]]:
        """Read an article of its passages, and check that it is what was stored."""
        include = ("metadatas", "documents", *(("embeddings",) if with_vectors else ()))
        found = (
            {each.id: each for each in self._passages.get(stored.passage_ids, include=include)}
            if self._passages
            else {}
        )
        if len(found) < stored.passage_count:
            raise LibraryError(
                f"{self._library.place}: article {stored.id[:200]!r} was replaced or removed while it was read, or"
                " isn't whole; ask again, and if that doesn't help `assistant doctor` says more"
            )
        packed = self._library.read(
            lambda each: to_packed_passage(each, stored.id), [found[id] for id in stored.passage_ids]
        )
        try:
            article = stored.with_text("".join(each.passage.text for each in packed))
        except (ValueError, TypeError):
            raise LibraryDamagedError(
                f"{self._library.place}: article {stored.id[:200]!r} isn't what was stored; index its source again"
            ) from None
        return article, packed

    def _read_whole(self, ids: Sequence[int]) -> dict[int, FloatArray]:
        """Read the vectors of passages that have no sentences."""
        names = {}
        for id in ids:
            article = self._found[id].article
            names[article.passage_ids[id & 0xFFFFFFFF]] = id
        found = self._passages.get(list(names), include=("embeddings",)) if self._passages and names else []
        return {names[each.id]: each.vector for each in found if each.vector is not None}


def _of_source(key: str) -> dict[str, object]:
    return {"$and": [{"kind": ITEM}, {"source": key}]}


def _find_beginning(term: str) -> str:
    """Find what the inflections of a term have in common."""
    stemmed = stem(term)
    alike = [one == other for one, other in zip(term, stemmed, strict=False)]
    return term[: [*alike, False].index(False)]


@lru_cache(maxsize=1 << 14)
def _number_header(article: ArticleRef) -> StemArray:
    """Read the numbers of the stems of an article's title, outlet and date."""
    words = (number_word(word) for words in describe_words(article) for word in find_words(words))
    return np.array(list(words), np.uint32)


@dataclass(slots=True)
class _Known:
    """What has been read of a library's articles in one of its states: all of it true until there is another.

    `articles` has None for a key that is no article's.
    """

    state: str
    articles: dict[str, StoredArticle | None] = field(default_factory=dict)
    passage_count: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A passage that was found, of a current revision."""

    article: StoredArticle
    ref: ArticleRef
    packed: PackedPassage
    stems: StemArray
    stem_counts: StemArray

    @classmethod
    def make(cls, article: StoredArticle, packed: PackedPassage) -> "_Found":
        stems, counts = (np.frombuffer(part, np.uint32) for part in pack_stems(packed.passage))
        return cls(article, article.ref, packed, stems, counts)

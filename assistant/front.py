"""The front door: one assistant over one index folder."""

import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from assistant.doctor import examine, repair
from assistant.embedding import DIMENSION, Embedder, EndpointEmbedder, MiniLMEmbedder
from assistant.errors import ArticleError, AssistantError, LibraryError, SettingsError
from assistant.exporting import export_library, import_library
from assistant.grounding import verify
from assistant.ingest import Progress, Source, add_sources
from assistant.library import Library
from assistant.quoting import answer_with_quotes
from assistant.retrieval import MAX_QUESTION_CHARACTERS, Retrieval, retrieve
from assistant.scope import Scope, read_scope
from assistant.settings import LOCAL_EMBEDDING_MODEL, Settings, load_settings
from assistant.snapshot import Snapshot
from assistant.types import (
    Answer,
    Article,
    ArticleRef,
    Diagnosis,
    ExportReport,
    IngestReport,
    RetrievedPassage,
    Support,
    Understood,
)

MAX_LIMIT = 1_000  # passages; who wants more wants the articles

Day = datetime | date | str


class Assistant:
    """Answers questions about the articles in an index folder. Use it from any thread, and close it when done."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._embedder = _make_embedder(settings)
        self._library = Library(settings.index, embedding_model=self._embedder.identity, wait=settings.wait)

    @classmethod
    def open(cls, index: str | os.PathLike[str] = "index", model: str | None = None, **settings: Any) -> Self:
        """Open an index folder, which needn't exist yet; nothing is loaded or written before it is needed.

        `settings` are those of `assistant.settings.Settings`. Raises SettingsError for one that can't be.
        """
        return cls(load_settings(index, model=model, **settings))

    def add(self, sources: Source | Iterable[Source], *, progress: Progress | None = None) -> IngestReport:
        """Add articles, files or folders, and replace those that have changed; failures stand in the report."""
        return add_sources(sources, library=self._library, embedder=self._embedder, progress=progress)

    def remove(self, article_id: str, *others: str) -> None:
        """Remove articles for good: when this returns, no file of the index holds a word or a vector of them.

        Raises ArticleError, before any is removed, where there is none of an id; and LibraryError where a reader still
        holds what was removed: nothing finds it any more, and the next write erases it.
        """
        ids = (article_id, *others)
        with self._library.snapshot() as snapshot:
            missing = next((id for id in ids if snapshot.hash(id) is None), None)
            is_settled = snapshot.has_forgotten
        if missing is None or not is_settled:  # what was interrupted is finished, before anything is complained of
            with self._library.writing():
                for id in ids if missing is None else ():
                    self._library.remove(id)
                self._library.publish()
            with self._library.snapshot() as snapshot:
                is_settled = snapshot.has_forgotten
        if not is_settled:
            raise LibraryError(
                f"{self.settings.index}: removed, and nothing finds it any more, but a question that is being answered"
                " still holds its bytes: give the same command again in a moment, to erase those"
            )
        if missing is not None:
            raise self._no_article(missing)

    def export(self, path: str | os.PathLike[str], *, progress: Progress | None = None) -> ExportReport:
        """Write the whole library to one file, which mustn't exist yet; `import_file` takes it in anywhere.

        Raises LibraryError where that can't be.
        """
        return export_library(Path(path), library=self._library, progress=progress)

    def import_file(self, path: str | os.PathLike[str], *, progress: Progress | None = None) -> IngestReport:
        """Take in what `export` wrote, and replace articles that have changed; nothing is embedded.

        Raises LibraryError, before anything is written, for a file that isn't whole, exact and of this embedding model.
        """
        is_local = self.settings.embedding_model == LOCAL_EMBEDDING_MODEL
        dimension = DIMENSION if is_local else None  # an endpoint would have to be asked
        return import_library(Path(path), library=self._library, dimension=dimension, progress=progress)

    @property
    def is_search_indexed(self) -> bool:
        """Whether Chroma's index is whole and up to date; where it isn't, everything is searched, which is slower."""
        with self._library.snapshot() as snapshot:
            return snapshot.is_published

    def articles(self) -> list[ArticleRef]:
        """List the articles in the order in which they were added."""
        with self._library.snapshot() as snapshot:
            return list(snapshot.articles())

    def article(self, article_id: str) -> Article:
        """Get an article with its text. Raises ArticleError where there is none of that id."""
        with self._library.snapshot() as snapshot:
            article = snapshot.article(article_id)
        if article is None:
            raise self._no_article(article_id)
        return article

    def search(
        self,
        question: str,
        limit: int = 10,
        *,
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> list[RetrievedPassage]:
        """Find the passages that bear on a question, best first, of articles that the filters let through."""
        _check_question(question)
        if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
            raise SettingsError(f"limit {limit!r} is no whole number between 1 and {MAX_LIMIT:,}")
        self._warm_up()
        with self._library.snapshot() as snapshot:
            self._refuse_empty(snapshot.passage_count)
            scope = self._read_scope(question, snapshot, outlet, since, until)
            return list(self._retrieve(snapshot, scope, limit).passages)

    def understand(
        self,
        question: str,
        *,
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> tuple[Understood, ...]:
        """Say how a search reads a question's own words for time, and an outlet that no article has."""
        with self._library.snapshot() as snapshot:
            return self._read_scope(question, snapshot, outlet, since, until).understood

    def ask(
        self,
        question: str,
        *,
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> Answer:
        """Answer a question from the articles, or abstain. `since` and `until` are days or times, both included.

        Without them, the question's own words for time count: `Answer.understood` says how they were read.
        """
        started = time.perf_counter()
        _check_question(question)
        self._warm_up()
        with self._library.snapshot() as snapshot:
            self._refuse_empty(snapshot.passage_count)
            scope = self._read_scope(question, snapshot, outlet, since, until)
            answer = self._answer(snapshot, scope)
            if answer.abstained and scope.wider:
                wider = self._answer(snapshot, scope.wider)
                answer = answer if wider.abstained else wider
        return replace(answer, question=question, seconds=time.perf_counter() - started)

    def verify(self, statement: str, evidence: Sequence[str]) -> Support:
        """Say whether evidence, given as sentences or whole articles, supports a statement; needs no index."""
        return verify(statement, evidence, embedder=self._embedder)

    def examine(self, *, progress: Progress | None = None) -> Diagnosis:
        """Look at all of the index, and say what is wrong with it. Raises LibraryError where there is none."""
        return examine(self._library, progress=progress)

    def repair(self, *, progress: Progress | None = None) -> Diagnosis:
        """Examine the index and mend what can be mended; only articles with damaged vectors are embedded again."""
        return repair(self._library, embedder=self._embedder, progress=progress)

    @property
    def embedding_host(self) -> str:
        """Where texts are sent to be embedded; nothing where that is done on this machine."""
        return self._embedder.host if isinstance(self._embedder, EndpointEmbedder) else ""

    def close(self) -> None:
        """Release everything; closing twice is fine."""
        self._library.close()
        self._embedder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read_scope(
        self, question: str, snapshot: Snapshot, outlet: str | None, since: Day | None, until: Day | None
    ) -> Scope:
        return read_scope(
            question,
            list_articles=snapshot.articles,
            outlet=outlet,
            since=since,
            until=until,
            today=self.settings.today,
        )

    def _retrieve(self, snapshot: Snapshot, scope: Scope, limit: int) -> Retrieval:
        return retrieve(
            scope.question,
            library=snapshot,
            embedder=self._embedder,
            limit=limit,
            filter=scope.filter,
            preferred=scope.preferred,
        )

    def _answer(self, snapshot: Snapshot, scope: Scope) -> Answer:
        retrieval = self._retrieve(snapshot, scope, 10)
        answer = answer_with_quotes(scope.question, retrieval, library=snapshot, threshold=self.settings.threshold)
        return replace(answer, understood=scope.understood)

    def _warm_up(self) -> None:
        """Load the embedding model beside Chroma: both are needed, and neither waits for the other."""

        def load() -> None:
            with suppress(AssistantError):  # whoever needs the model next meets the same error
                self._embedder.load()

        threading.Thread(target=load, name="load-embedding-model", daemon=True).start()

    def _no_article(self, article_id: str) -> ArticleError:
        return ArticleError(f"no article has the id {article_id!r}; `assistant index --list` shows them")

    def _refuse_empty(self, passage_count: int) -> None:
        if passage_count == 0:
            raise LibraryError(f"{self.settings.index}: no articles yet; add some with `assistant index SOURCE`")


def _make_embedder(settings: Settings) -> Embedder:
    if settings.embedding_model == LOCAL_EMBEDDING_MODEL:
        return MiniLMEmbedder(cache_folder=settings.cache)
    name = settings.embedding_model.removeprefix("openai:")
    return EndpointEmbedder(name, base_url=settings.base_url, api_key=settings.api_key)


def _check_question(question: str) -> None:
    if not isinstance(question, str):
        raise SettingsError(f"a question is text, and not {type(question).__name__}")
    if not question.strip():
        raise SettingsError("the question is empty; ask something")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise SettingsError(
            f"the question has {len(question):,} characters; it may have {MAX_QUESTION_CHARACTERS:,} at most"
        )

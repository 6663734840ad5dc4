"""The front door: one assistant over one index folder."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from assistant.answers import read_answers
from assistant.asking import Terms
from assistant.chain import Answerer, Found, Limits, Models, Question, arun_steps, run_steps
from assistant.checking import check_answers, find_cited
from assistant.chroma_server import ChromaServer
from assistant.citations import holds_quote, place_quote
from assistant.conversations import CONVERSATIONS_FILE, Conversations
from assistant.corroboration import corroborate
from assistant.dates import read_bounds, to_time
from assistant.doctor import examine, repair
from assistant.embedding import DIMENSION, Embedder, EndpointEmbedder, MiniLMEmbedder
from assistant.errors import (
    ArticleError,
    AssistantError,
    LibraryDamagedError,
    LibraryError,
    LibraryMismatchError,
    ModelError,
    SettingsError,
)
from assistant.exporting import export_library, import_library
from assistant.grounding import verify
from assistant.ingest import Progress, add_sources, update_sources
from assistant.languages import describe_languages
from assistant.library import Library as LocalLibrary
from assistant.looking import Given, Say, Source, name_source
from assistant.models import ChatModel, Price, find_price, make_token_counter, open_chat_model
from assistant.outlets import is_of_outlet, name_outlet
from assistant.ownership import OwnSources
from assistant.passages import split_article
from assistant.port import Snapshot
from assistant.prompts import identify_prompts
from assistant.quoting import ABSTENTION, answer_with_quotes
from assistant.replies import CurrentReplies, ReplyCache
from assistant.retrieval import MAX_QUESTION_CHARACTERS, Retrieval, retrieve, share_out
from assistant.schema import PassageFilter
from assistant.scope import Scope, read_options, read_scope
from assistant.settings import LOCAL_EMBEDDING_MODEL, QUOTES, Settings, find_home, load_settings, name_library
from assistant.shared import SharedLibrary
from assistant.shared_doctor import examine_shared, repair_shared
from assistant.snapshot import EVERYTHING
from assistant.streaming import AnswerStream, AsyncAnswerStream
from assistant.types import (
    Answer,
    Article,
    ArticleHash,
    ArticleRef,
    CheckReport,
    Citation,
    Diagnosis,
    ExportReport,
    IngestReport,
    Passage,
    QuotedPassage,
    RetrievedPassage,
    Revision,
    Statement,
    Support,
    Understood,
)
from assistant.verdicts import confirm

MAX_LIMIT = 1_000  # passages; who wants more wants the articles

if TYPE_CHECKING:
    from assistant.models.runnables import AnswerRunnable, PassageRetriever

SOURCES_SHOWN = 10
PASSAGES = 10  # that are answered from
SHARED_FROM = 30  # the best, of which a language model is shown as many as that
# What a model reads and writes at once where nobody says it: a small one of one's own, or one that is rented.
OWN_WINDOW, RENTED_WINDOW = 8_192, 32_768
# Tokens of what articles say. A model on this machine is small, loses its way in more, and its user waits for each.
LOCAL_EVIDENCE, EVIDENCE = 1_500, 3_000

Day = datetime | date | str
Note = Callable[[Answer], Answer]
Hashes = Mapping[str, str | None]  # of articles, by their ids; None for one that isn't there


class Assistant:
    """Answers questions about the articles in an index folder. Use it from any thread, and close it when done."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._embedder = _make_embedder(settings)
        self._library: LocalLibrary | SharedLibrary = _open_library(settings, self._embedder.identity)
        self._replies = ReplyCache(settings.index)
        self._conversations = Conversations(settings.index, find_missing=self._find_missing)
        self._spent = 0.0  # US dollars
        self._is_warm = False  # or getting so
        self._chat: ChatModel | None = None
        self._verifier: ChatModel | None = None
        if settings.model != QUOTES:
            self._chat = open_model(settings.model, settings)
            if settings.verifier:
                self._verifier = open_model(settings.verifier, settings)

    @classmethod
    def open(cls, index: str | os.PathLike[str] = "index", model: str | None = None, **settings: Any) -> Self:
        """Open an index folder, which needn't exist yet; nothing is loaded or written before it is needed.

        `settings` are those of `assistant.settings.Settings`. Raises SettingsError for one that can't be.
        """
        return cls(load_settings(index, model=model, **settings))

    def add(
        self,
        sources: Source | Iterable[Source],
        *,
        published: Day | None = None,
        outlet: str | None = None,
        allow_private: bool = False,
        remove_gone: bool = False,
        progress: Progress | None = None,
        say: Say = lambda _: None,
    ) -> IngestReport:
        """Add articles, files, folders, addresses or "-", and replace those that have changed; failures are reported.

        `published` and `outlet` are said of all their articles, whatever these say, also when `update` looks at the
        sources again; `allow_private` lets addresses be fetched that aren't public. What is gone from the sources is
        reported, and removed only where `remove_gone` says so. Raises SettingsError for what can't be said.
        """
        if outlet is not None and (not isinstance(outlet, str) or not outlet.strip()):
            raise SettingsError(f"an outlet is a name, and not {outlet!r}")
        given = Given(outlet, _read_publication(published), allow_private)
        return add_sources(
            sources,
            library=self._library,
            embedder=self._embedder,
            own=OwnSources(self.settings.data),
            given=given,
            remove_gone=remove_gone,
            offline=self.settings.offline,
            progress=progress,
            say=say,
        )

    def update(
        self,
        *,
        trust_sources: bool = False,
        remove_gone: bool = False,
        progress: Progress | None = None,
        say: Say = lambda _: None,
    ) -> IngestReport:
        """Look again at every file, folder and address that was added: unchanged ones cost nothing.

        What has changed is replaced, and `history_of` shows what it was; what was removed by hand stays away.
        `trust_sources` takes all sources of the index for the user's own. Raises LibraryError, before any is looked at,
        where it has others: who gave the index chose them.
        """
        own = OwnSources(self.settings.data)
        with self._library.snapshot() as snapshot:
            known = snapshot.sources()
        if trust_sources:
            own.note(known)
        foreign = [source.name for source in known if not own.holds(source)]
        if foreign:
            raise LibraryError(
                f"{self._library.place}: looked at nothing, for some of its sources were not added by you on"
                f" this machine: {_list_some(foreign)}; --trust-sources looks at them too, --forget-source forgets one"
            )
        return update_sources(
            library=self._library,
            embedder=self._embedder,
            own=own,
            remove_gone=remove_gone,
            offline=self.settings.offline,
            progress=progress,
            say=say,
        )

    def sources(self) -> list[str]:
        """List the files, folders and addresses that `update` looks at, as addresses."""
        with self._library.snapshot() as snapshot:
            return [source.name for source in snapshot.sources()]

    def remove(self, article_id: str, *others: str) -> list[str]:
        """Remove articles for good: when this returns, no file of the index holds a word or a vector of them.

        A page's address stands for its id. Returns the ids of what was removed. Raises ArticleError, before any is
        removed, where there is none of an id; and LibraryError where a reader still holds what was removed: nothing
        finds it any more, and the next write erases it.
        """
        with self._library.snapshot() as snapshot:
            ids = list(dict.fromkeys(_find_id(id, snapshot) for id in (article_id, *others)))
            missing = next((id for id in ids if snapshot.hash(id) is None), None)
            is_settled = snapshot.has_forgotten
        if missing is None or not is_settled:  # what was interrupted is finished, before anything is complained of
            with self._library.writing():
                for id in ids if missing is None else ():
                    self._library.remove(id)
                self._library.publish()
        self._refuse_remains(ids)
        if missing is not None:
            raise self._no_article(missing)
        return ids

    def forget_source(self, source: str | os.PathLike[str]) -> list[str]:
        """Forget a file, folder or address that was added, and remove the articles that no other source holds.

        It needn't be there any more. Returns the ids of what was removed, as `remove` does it, but for one thing: an
        article that is given again from elsewhere comes back. Raises ArticleError where no source is known by that
        name.
        """
        with self._library.snapshot() as snapshot:
            known = [each.name for each in snapshot.sources()]
            # Whoever wrote an index may have named a source in it as we don't.
            name = str(source) if str(source) in known else name_source(source)
            if name not in known:
                here = " from this machine" if self.library_host else ""
                shown = _list_some(known) or "none"
                raise ArticleError(f"{os.fspath(source)}: was never added as a source{here}; there are {shown}")
            elsewhere = {id for other, _, id in snapshot.held() if other != name}
            items = snapshot.items_of(name).values()
            ids = dict.fromkeys(id for item in items for id in (*item.article_ids, *item.gone_ids))
            alone = [id for id in ids if id not in elsewhere and snapshot.hash(id) is not None]
        with self._library.writing():
            for id in alone:
                self._library.remove(id, by_hand=False)
            self._library.forget_source(name)  # last, so that the same call goes on where it was stopped
            self._library.publish()
        self._refuse_remains(alone)
        return alone

    def forget_outlet(self, outlet: str) -> list[str]:
        """Remove all articles of an outlet, by its name, or by the host that they are at or that theirs is in.

        So are the sources forgotten that were given as that outlet's, or are at that host. Returns the ids of what was
        removed, as `remove` does it. Raises ArticleError where there is nothing of that outlet.
        """
        with self._library.snapshot() as snapshot:
            articles = snapshot.articles()
            ids = [article.id for article in articles if is_of_outlet(outlet, article.outlet, article.url)]
            sources = [each.name for each in snapshot.sources() if is_of_outlet(outlet, each.outlet, each.name)]
            is_settled = snapshot.has_forgotten
        if ids or sources or not is_settled:  # what was interrupted is finished
            with self._library.writing():
                for id in ids:
                    self._library.remove(id)
                for name in sources:
                    self._library.forget_source(name)
                self._library.publish()
        self._refuse_remains(ids)
        if not (ids or sources):
            known = sorted({name_outlet(article) for article in articles})
            raise ArticleError(f"{outlet}: no article's outlet or host; there are {_list_some(known) or 'none'}")
        return ids

    def _refuse_remains(self, ids: Sequence[str]) -> None:
        """Raise LibraryError where bytes of the articles that were removed are still in the index."""
        with self._library.snapshot() as snapshot:
            is_settled = snapshot.has_forgotten
        if not is_settled:
            try:
                for id in ids:
                    self.conversations.forget(id)
            except (LibraryDamagedError, LibraryMismatchError) as error:
                raise LibraryError(
                    "removed, and nothing finds it any more, but what was answered from it may be left in"
                    f" {self.settings.index / CONVERSATIONS_FILE}, which can't be read: delete that file, for moved"
                    " away it would keep those words"
                ) from error
            except LibraryError as error:
                raise LibraryError(
                    f"removed, and nothing finds it any more, but what was answered is left: {error}"
                ) from error
            raise LibraryError(
                f"{self.settings.index}: removed, and nothing finds it any more, but a question that is being answered"
                " still holds its bytes: give the same command again in a moment, to erase those"
            )

    @property
    def conversations(self) -> Conversations:
        """The conversations that are kept in the index folder."""
        return self._conversations

    def check(self, path: str | os.PathLike[str]) -> CheckReport:
        """Check a file of answers again, each quote and what it is to prove: of `ask --json`, or a conversation.

        The file "-" is standard input, and nothing is sent to a verifier. Raises AnswerError for a file of anything
        else, and LibraryError where there is no index.
        """
        return check_answers(read_answers(Path(path)), self._library, check=self._check)

    def context_of(self, citation: Citation) -> str:
        """Give what to read before a quote that can't stand alone; nothing where its article doesn't say it any more.

        That is so in an answer that was kept, if its article has been removed since.
        """
        with self._library.snapshot() as snapshot:
            said = find_cited(citation, snapshot.revisions(citation.article.id))
        return said.article.text[citation.context_start : citation.start] if said else ""

    def _find_missing(self, article_ids: Sequence[str]) -> list[str]:
        with self._library.snapshot() as snapshot:
            return [id for id in article_ids if snapshot.hash(id) is None]

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
    def library_host(self) -> str:
        """The server that a shared library is kept in; nothing where it is on this machine."""
        return self.settings.chroma or ""

    @property
    def is_search_indexed(self) -> bool:
        """Whether Chroma's index is whole and up to date; where it isn't, everything is searched, which is slower."""
        with self._library.snapshot() as snapshot:
            return snapshot.is_published

    def articles(self) -> list[ArticleRef]:
        """List the articles in the order in which they were added."""
        with self._library.snapshot() as snapshot:
            return list(snapshot.articles())

    def article(self, article_id: str, *, on: Day | None = None) -> Article:
        """Get an article with its text, or as it was known to us at the end of an earlier day or at a time.

        A page's address stands for its id. Raises ArticleError where there is none of that id, or none was known then.
        """
        if on is None:
            with self._library.snapshot() as snapshot:
                article = snapshot.article(_find_id(article_id, snapshot))
            if article is None:
                raise self._no_article(article_id)
            return article
        return self.history_of(article_id, on=on)[-1].article

    def history_of(self, article_id: str, *, on: Day | None = None) -> list[Revision]:
        """List what an article was, the earliest first, and last what it is; the times are when that was known to us.

        A page's address stands for its id. With `on` only what was known at the end of that day, or at that time.
        Raises ArticleError where there is none of that id, or none was known then.
        """
        with self._library.snapshot() as snapshot:
            revisions = list(snapshot.revisions(_find_id(article_id, snapshot)))
        if not revisions:
            raise self._no_article(article_id)
        if on is None:
            return revisions
        _, end = read_bounds(None, on)
        known = [each for each in revisions if end is None or each.since is None or each.since < to_time(end)]
        if not known:
            first = revisions[0].since
            raise ArticleError(f"article {article_id!r} wasn't known yet then, but since {first:%Y-%m-%d %H:%M} UTC")
        return known[-1:]

    def passage_of(self, citation: Citation) -> QuotedPassage | None:
        """Show a quote in its passage: of the article as it is now, or else as it was when it held the quote last.

        None where no article or revision holds the quote in its place.
        """
        id = citation.article.id
        with self._library.snapshot() as snapshot:
            for revision in reversed(snapshot.revisions(id)):
                article = revision.article
                if holds_quote(article.text, citation):
                    is_past = revision.until is not None
                    return place_quote(
                        article.text, citation, _split_by_words(article) if is_past else snapshot.passages(id)
                    )
        return None

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
        _check_limit(limit)
        self._warm_up()
        options = read_options(outlet, since, until)
        with self._library.snapshot() as snapshot:
            self._refuse_empty(snapshot.passage_count)
            scope = read_scope(question, library=snapshot, options=options, today=self.settings.today)
            return list(self._retrieve(scope, snapshot, limit).passages)

    def understand(
        self,
        question: str,
        *,
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> tuple[Understood, ...]:
        """Say how a search reads a question's own words for time, and an outlet that no article has."""
        options = read_options(outlet, since, until)
        with self._library.snapshot() as snapshot:
            return read_scope(question, library=snapshot, options=options, today=self.settings.today).understood

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Answer] = (),
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> Answer:
        """Answer a question from the articles, or abstain. `since` and `until` are days or times, both included.

        Without them, the question's own words for time count: `Answer.understood` says how they were read.

        `history` are earlier answers, oldest first: a language model makes a question that follows them stand alone,
        while quotes take every question by itself.
        """
        with self.stream(question, history=history, outlet=outlet, since=since, until=until) as stream:
            return stream.answer

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Answer] = (),
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> AnswerStream:
        """Answer as `ask` does, sentence by sentence: iterate for the text, then there is the `answer`."""
        asked, options = _read_question(question, history), read_options(outlet, since, until)
        notes: list[Note] = []

        def identify(answer: Answer) -> Answer:
            # Late: where its server chooses the model, to say which one it is takes a request.
            answer = replace(answer, model=self.model_identity)
            return notes[0](answer) if notes else answer

        return AnswerStream(self._run(asked, options, notes), question=question, identify=identify)

    async def aask(
        self,
        question: str,
        *,
        history: Sequence[Answer] = (),
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> Answer:
        """Answer as `ask` does, without blocking the event loop; cancelling closes the connection to the model."""
        stream = self.astream(question, history=history, outlet=outlet, since=since, until=until)
        async for _ in stream:
            pass
        return stream.answer

    def astream(
        self,
        question: str,
        *,
        history: Sequence[Answer] = (),
        outlet: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> AsyncAnswerStream:
        """Answer as `stream` does, for `async for`."""
        asked, options = _read_question(question, history), read_options(outlet, since, until)
        return AsyncAnswerStream(self._arun(asked, options))

    def _run(self, question: Question, options: PassageFilter, notes: list[Note]) -> Generator[Statement, None, Answer]:
        """Answer; `notes` gets what notes in an unfinished answer what is known of it, once a model is asked."""
        self._warm_up()
        if self._chat is None:
            answer = self._quote(question, options)
            yield from answer.statements
            return answer
        models, answerer, replies, hashes, searches = self._prepare(self._chat, options)

        def note(answer: Answer) -> Answer:
            known = answerer.note(answer)
            with suppress(AssistantError):  # what broke off may have been the library
                known = self._corroborate(known, searches) if searches else known
            return _identify(known, hashes, prompts=identify_prompts())

        notes.append(note)
        steps = answerer.steps(question)
        try:
            answer = yield from run_steps(steps, models, replies)
        finally:
            self._spent += answerer.spent
        answer = self._corroborate(answer, searches)
        return _identify(answer, hashes, prompts=identify_prompts())

    async def _arun(self, question: Question, options: PassageFilter) -> AsyncGenerator[Statement | Answer, None]:
        self._warm_up()
        if self._chat is None:
            answer = await asyncio.to_thread(self._quote, question, options)
            for statement in answer.statements:
                yield statement
            yield answer
            return
        models, answerer, replies, hashes, searches = await asyncio.to_thread(self._prepare, self._chat, options)
        steps = answerer.steps(question)
        try:
            async with aclosing(arun_steps(steps, models, replies)) as results:
                async for result in results:
                    if isinstance(result, Answer):
                        result = await asyncio.to_thread(self._corroborate, result, searches)
                        yield _identify(result, hashes, prompts=identify_prompts())
                    else:
                        yield result
        finally:
            self._spent += answerer.spent

    def _quote(self, question: Question, options: PassageFilter) -> Answer:
        with self._library.snapshot() as snapshot:
            self._refuse_empty(snapshot.passage_count)
            scope = read_scope(question.text, library=snapshot, options=options, today=self.settings.today)
            answer = self._quote_within(scope, snapshot)
            if answer.abstained and scope.wider:
                wider = self._quote_within(scope.wider, snapshot)
                answer = answer if wider.abstained else wider
            hashes = {citation.article.id: snapshot.hash(citation.article.id) for citation in answer.citations}
        return _identify(replace(answer, question=question.text), hashes)

    def _quote_within(self, scope: Scope, snapshot: Snapshot) -> Answer:
        retrieval = self._retrieve(scope, snapshot, PASSAGES)
        answer = answer_with_quotes(
            scope.question,
            retrieval,
            library=snapshot,
            threshold=self.settings.threshold,
            preferred=scope.preferred,
        )
        notes = self._describe_languages(scope.question, retrieval.passages)
        answer = replace(answer, understood=scope.understood, notes=notes)
        return self._corroborate(answer, [(scope, retrieval)])

    def _corroborate(self, answer: Answer, searches: Sequence[tuple[Scope, Retrieval]]) -> Answer:
        """Count the sources of an answer's statements, in what was found for it, the last search being what it is of.

        Where that was of some articles only, all are searched again, for others may say the same. Where a server that
        embeds can't be asked, nothing is counted, and the answer stands.
        """
        if answer.abstained:
            return answer
        scope, _ = searches[-1]
        found = [retrieval for _, retrieval in searches]
        with suppress(ModelError):
            if scope.filter != EVERYTHING:
                with self._library.snapshot() as snapshot:
                    found.append(self._retrieve(replace(scope, filter=EVERYTHING, preferred=None), snapshot, PASSAGES))
            candidates = {passage.id: passage for retrieval in found for passage in retrieval.candidates}
            answer = corroborate(answer, list(candidates.values()), embedder=self._embedder)
        return answer

    def _retrieve(self, scope: Scope, snapshot: Snapshot, limit: int) -> Retrieval:
        return retrieve(
            scope.question,
            library=snapshot,
            embedder=self._embedder,
            limit=limit,
            filter=scope.filter,
            preferred=scope.preferred,
        )

    def _describe_languages(self, question: str, found: Sequence[RetrievedPassage]) -> tuple[str, ...]:
        if self.settings.embedding_model != LOCAL_EMBEDDING_MODEL:
            return ()
        return describe_languages(question, [retrieved.passage.text for retrieved in found])

    def _prepare(
        self, chat: ChatModel, options: PassageFilter
    ) -> tuple[Models, Answerer, CurrentReplies | None, Hashes, list[tuple[Scope, Retrieval]]]:
        """Get ready to answer with a language model. Raises AssistantError before anything is sent to it.

        The hashes, of the articles that are answered from, and the searches are there when these have been found.
        """
        settings = self.settings
        with self._library.snapshot() as snapshot:
            self._refuse_empty(snapshot.passage_count)
        limits = [] if settings.max_cost is None else [settings.max_cost]
        if settings.max_total_cost is not None:
            limits.append(max(0.0, settings.max_total_cost - self._spent))
        terms = self._find_terms(chat, settings.price, "--price", is_limited=bool(limits))
        models: Models = {"answerer": chat}
        verifier: Terms | None = None
        if self._verifier is not None:
            is_same = self._verifier.identity == chat.identity
            price = settings.verifier_price or (settings.price if is_same else None)
            verifier = self._find_terms(self._verifier, price, "--verifier-price", is_limited=bool(limits))
            models = {"answerer": chat, "verifier": self._verifier}

        used: dict[str, str | None] = {}
        searches: list[tuple[Scope, Retrieval]] = []

        def find(text: str) -> Found:
            with self._library.snapshot() as snapshot:
                scope = read_scope(text, library=snapshot, options=options, today=settings.today)
                return find_within(scope, text, snapshot)

        def find_within(scope: Scope, text: str, snapshot: Snapshot) -> Found:
            retrieval = self._retrieve(scope, snapshot, SHARED_FROM)
            passages = share_out(retrieval.passages, PASSAGES)
            ids = {passage.article.id for passage in passages}
            articles = {id: article for id in ids if (article := snapshot.article(id)) is not None}
            copies = {id: snapshot.copies(id) for id in ids}
            used.update({id: snapshot.hash(id) for id in ids})
            searches.append((scope, retrieval))
            notes = self._describe_languages(text, passages)
            wider = partial(find_wider, scope.wider) if scope.wider else None
            return Found(text, passages, articles, notes, scope.understood, wider, copies)

        def find_wider(scope: Scope) -> Found:
            with self._library.snapshot() as snapshot:
                return find_within(scope, scope.question, snapshot)

        own = chat.is_local or bool(settings.base_url)
        answerer = Answerer(
            terms,
            find=find,
            check=self._check,
            limits=Limits(
                window=settings.window or (OWN_WINDOW if own else RENTED_WINDOW),
                evidence_tokens=settings.evidence_tokens or (LOCAL_EVIDENCE if chat.is_local else EVIDENCE),
                max_cost=min(limits, default=None),
            ),
            refusal=ABSTENTION,
            unsupported=settings.unsupported,
            verifier=verifier,
        )

        def is_current() -> bool:
            with self._library.snapshot() as snapshot:
                return all(snapshot.hash(id) == hash for id, hash in used.items())

        replies = self._replies.while_current(is_current) if settings.keep_replies else None
        return models, answerer, replies, used, searches

    def _find_terms(
        self, model: ChatModel, price: tuple[float, float] | None, option: str, *, is_limited: bool
    ) -> Terms:
        """Find what a model costs, and count its tokens by. Raises SettingsError where a limit couldn't be kept."""
        known = Price(*price) if price else find_price(model.identity)
        if known is None and is_limited:
            raise SettingsError(
                f"what {model.identity} costs isn't known, so its limit can't be kept; say it with {option}"
            )
        counter = make_token_counter(model.identity, vocabularies=self.settings.vocabularies)
        return Terms(model.identity, counter, known)

    def load(self) -> None:
        """Load the models and open the index now, in a background thread for instance, so that no question waits.

        Raises AssistantError where that can't be, as the question would.
        """
        self._embedder.load()
        self.load_model()
        with self._library.snapshot() as snapshot:
            snapshot.open_index()

    def load_model(self) -> None:
        """Load the language models' clients, where there are any. Raises AssistantError where one can't be made."""
        for model in filter(None, (self._chat, self._verifier)):
            model.load()

    def verify(self, statement: str, evidence: Sequence[str]) -> Support:
        """Say whether evidence, given as sentences or whole articles, supports a statement; needs no index.

        Where there is a verifier, what is supported but for that is put to it, as the sentences of an answer are; the
        limits of cost are of answers.
        """
        support = self._check(statement, evidence)
        if self._verifier is None or not support.supported:
            return support
        return confirm(support, statement, evidence, model=self._verifier)

    def _check(self, statement: str, evidence: Sequence[str]) -> Support:
        return verify(statement, evidence, embedder=self._embedder)

    def examine(self, *, progress: Progress | None = None) -> Diagnosis:
        """Look at all of the index, and say what is wrong with it. Raises LibraryError where there is none."""
        if isinstance(self._library, SharedLibrary):
            return examine_shared(self._library, progress=progress)
        return examine(self._library, progress=progress)

    def repair(self, *, progress: Progress | None = None) -> Diagnosis:
        """Examine the index and mend what can be mended; only articles with damaged vectors are embedded again."""
        if isinstance(self._library, SharedLibrary):
            return repair_shared(self._library, embedder=self._embedder, progress=progress)
        return repair(self._library, embedder=self._embedder, progress=progress)

    def as_retriever(
        self, limit: int = 10, *, outlet: str | None = None, since: Day | None = None, until: Day | None = None
    ) -> "PassageRetriever":
        """Make a LangChain retriever of `search`, whose documents are passages. Raises SettingsError as that does."""
        _check_limit(limit)
        read_options(outlet, since, until)
        from assistant.models.runnables import PassageRetriever

        def search(question: str, limit: int) -> list[RetrievedPassage]:
            return self.search(question, limit, outlet=outlet, since=since, until=until)

        return PassageRetriever(search=search, k=limit)

    def as_runnable(self) -> "AnswerRunnable":
        """Make a LangChain runnable of `ask` and `aask`: it takes a question, or a mapping of their arguments."""
        from assistant.models.runnables import make_answerer

        return make_answerer(self.ask, self.aask)

    @property
    def embedding_host(self) -> str:
        """Where texts are sent to be embedded; nothing where that is done on this machine."""
        return self._embedder.host if isinstance(self._embedder, EndpointEmbedder) else ""

    @property
    def model(self) -> str:
        """What answers: quotes, or a language model, `provider:name`; asks its server where the server chooses it.

        Raises ModelError where that can't be asked.
        """
        return self._chat.name if self._chat else QUOTES

    @property
    def model_identity(self) -> str:
        """What an answer says answered: the model and, where it isn't its provider's own, the server.

        Raises ModelError where the server has to be asked and can't be.
        """
        return self._chat.identity if self._chat else QUOTES

    @property
    def embedding_identity(self) -> str:
        """Which model embeds, and how: what an index remembers that it was made by."""
        return self._embedder.identity

    def content_hash(self) -> str:
        """Hash all of the index: equal for equal articles, passages and vectors, in whatever order they came."""
        return self._library.content_hash()

    @property
    def model_host(self) -> str:
        """Where questions and passages are sent to be answered; nothing where no language model answers."""
        return self._chat.host if self._chat else ""

    @property
    def is_model_local(self) -> bool:
        """Whether what answers runs on this machine."""
        return self._chat is None or self._chat.is_local

    @property
    def verifier(self) -> str:
        """The language model that answers are put to, `provider:name`, and nothing where there is none.

        Raises ModelError where its server chooses it, and can't be asked.
        """
        return self._verifier.name if self._verifier else ""

    @property
    def verifier_host(self) -> str:
        """Where sentences and what they cite are sent to be verified; nothing where there is no verifier."""
        return self._verifier.host if self._verifier else ""

    @property
    def is_verifier_local(self) -> bool:
        """Whether the verifier, if there is one, runs on this machine."""
        return self._verifier is None or self._verifier.is_local

    def close(self) -> None:
        """Release everything; closing twice is fine."""
        self._library.close()
        self._embedder.close()
        for model in filter(None, (self._chat, self._verifier)):
            model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _warm_up(self) -> None:
        """Load the models beside Chroma, before the first question: all are needed, and none waits for another."""
        if self._is_warm:
            return
        self._is_warm = True

        def load(model: Embedder | ChatModel) -> None:
            with suppress(AssistantError):  # whoever needs the model next meets the same error
                model.load()

        for model in filter(None, (self._embedder, self._chat, self._verifier)):
            threading.Thread(target=load, args=(model,), name="load-model", daemon=True).start()

    def _no_article(self, article_id: str) -> ArticleError:
        return ArticleError(f"no article has the id {article_id!r}; `assistant index --list` shows them")

    def _refuse_empty(self, passage_count: int) -> None:
        if passage_count == 0:
            raise LibraryError(f"{self._library.place}: no articles yet; add some with `assistant index SOURCE`")


def _list_some(names: Sequence[str]) -> str:
    return ", ".join(names[:SOURCES_SHOWN]) + (" and more" if len(names) > SOURCES_SHOWN else "")


def _open_library(settings: Settings, embedding_model: str) -> LocalLibrary | SharedLibrary:
    if settings.chroma is None:
        return LocalLibrary(settings.index, embedding_model=embedding_model, wait=settings.wait)
    server = ChromaServer(
        settings.chroma,
        token=settings.chroma_token,
        tenant=settings.chroma_tenant,
        database=settings.chroma_database,
    )
    return SharedLibrary(
        settings.index,
        name=name_library(settings.index),
        server=server,
        embedding_model=embedding_model,
        home=find_home(),
    )


def open_model(model: str, settings: Settings) -> ChatModel:
    """Open a language model with the key and the server of the settings; nothing is loaded or sent yet.

    Raises SettingsError for one that can't be, and for any where every connection is refused.
    """
    if settings.offline:
        raise SettingsError(f"{model!r} can't be asked offline: leave --offline out")
    return open_chat_model(
        model,
        api_key=settings.api_key,
        base_url=settings.base_url,
        timeout_seconds=settings.timeout,
        tracing=settings.tracing,
    )


def _make_embedder(settings: Settings) -> Embedder:
    if settings.embedding_model == LOCAL_EMBEDDING_MODEL:
        return MiniLMEmbedder(cache_folder=settings.cache)
    name = settings.embedding_model.removeprefix("openai:")
    return EndpointEmbedder(name, base_url=settings.base_url, api_key=settings.api_key, offline=settings.offline)


def _find_id(article_id: str, snapshot: Snapshot) -> str:
    """Find the id of a page's article by the address that was given for it, in any form; any other id is itself."""
    if snapshot.hash(article_id) is not None or not article_id.lower().startswith(("http://", "https://")):
        return article_id
    try:
        name = name_source(article_id)
    except ArticleError:
        return article_id
    item = snapshot.items([name]).get(name)
    rest = name.partition("://")[2]
    # One page is known by http or by https, for these are two ways to it.
    found = [*(item.article_ids if item else ()), f"https://{rest}", f"http://{rest}"]
    return next((id for id in found if snapshot.hash(id) is not None), article_id)


def _identify(answer: Answer, hashes: Hashes, *, prompts: str = "") -> Answer:
    """Note in an answer what the articles were that it was given from, those that it cites first, and which prompts."""
    ids = dict.fromkeys([*(citation.article.id for citation in answer.citations), *sorted(hashes)])
    noted = tuple(ArticleHash(id, hash) for id in ids if (hash := hashes.get(id)) is not None)
    return replace(answer, hashes=noted, prompts=prompts)


def _split_by_words(article: Article) -> tuple[Passage, ...]:
    """Cut what an article was into passages: those that it had weren't kept, and no model is needed to read them."""
    return split_article(
        article, header_tokens=0, count_tokens=lambda texts: [len(text.split()) for text in texts], max_tokens=192
    )


def _read_publication(published: Day | None) -> datetime | None:
    """Read a day, which begins at midnight in UTC, or a time. Raises SettingsError."""
    since, _ = read_bounds(published, None)
    return None if since is None else to_time(since)


def _read_question(question: str, history: Sequence[Answer]) -> Question:
    _check_question(question)
    # A text is a sequence too, of its letters.
    is_list = isinstance(history, Sequence) and not isinstance(history, str | bytes)
    if not is_list or not all(isinstance(answer, Answer) for answer in history):
        raise SettingsError("history is a list of earlier answers, oldest first: history=[answer]")
    return Question(question, tuple(history))


def _check_limit(limit: int) -> None:
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise SettingsError(f"limit {limit!r} is no whole number between 1 and {MAX_LIMIT:,}")


def _check_question(question: str) -> None:
    if not isinstance(question, str):
        raise SettingsError(f"a question is text, and not {type(question).__name__}")
    if not question.strip():
        raise SettingsError("the question is empty; ask something")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise SettingsError(
            f"the question has {len(question):,} characters; it may have {MAX_QUESTION_CHARACTERS:,} at most"
        )

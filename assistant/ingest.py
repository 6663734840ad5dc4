"""Taking articles into the library: from sources to articles to passages to vectors, in batches of whole articles."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from assistant.embedding import Embedder, PassageInput
from assistant.errors import ArticleError
from assistant.library import Library
from assistant.passages import split_article
from assistant.reading import list_files, read_article
from assistant.schema import EmbeddedPassage, hash_article
from assistant.types import Article, Failure, IngestReport, Passage, Span

Source = Article | str | os.PathLike[str]
Progress = Callable[[int, int], None]

BATCH_PASSAGES = 64  # what is embedded and committed together, about a second of work
MAX_HEADER_TOKENS = 64  # a quarter of what the embedding model reads at once
MAX_TEXT_CHARACTERS = 10_000_000


@dataclass(slots=True)
class _Tally:
    """What has happened so far."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passages: int = 0


def add_sources(
    sources: Source | Iterable[Source], *, library: Library, embedder: Embedder, progress: Progress | None = None
) -> IngestReport:
    """Add articles, files and folders to the library; an article that is there as it is costs no embedding.

    A source that can't be taken in becomes a failure in the report and stops no other. Articles are committed in
    batches as soon as they are embedded, so whatever stops this, the same call goes on from there. `progress` is told
    how many of how many sources are done.
    """
    started = time.perf_counter()
    tally = _Tally()
    found = list(_expand(sources, tally))
    with ExitStack() as stack:
        pending: list[tuple[Article, tuple[Passage, ...], str]] = []
        is_writing = False
        for done, article in enumerate(_read_all(found, tally), start=1):
            if article is not None and not _is_unchanged(article, library, tally):
                if not is_writing:
                    stack.enter_context(library.writing())
                    is_writing = True
                header = write_header(article, embedder)
                pending.append((article, _split(article, header, embedder), header))
            if sum(len(passages) for _, passages, _ in pending) >= BATCH_PASSAGES:
                _store(pending, library, embedder, tally)
                pending = []
            if progress:
                progress(done, len(found))
        _store(pending, library, embedder, tally)
        with library.snapshot() as snapshot:
            is_finished = snapshot.is_published and snapshot.has_forgotten
        if not is_finished:
            if not is_writing:
                stack.enter_context(library.writing())
            library.publish()
    return IngestReport(
        added=tuple(tally.added),
        updated=tuple(tally.updated),
        unchanged=tuple(tally.unchanged),
        removed=(),
        failed=tuple(tally.failed),
        passages=tally.passages,
        seconds=time.perf_counter() - started,
    )


def embed_articles(articles: Iterable[Article], embedder: Embedder) -> list[tuple[Article, list[EmbeddedPassage]]]:
    """Cut articles into passages and embed those, as an ingest does."""
    pending = []
    for article in articles:
        header = write_header(article, embedder)
        pending.append((article, _split(article, header, embedder), header))
    return _embed(pending, embedder)


def check_article(article: Article) -> None:
    """Refuse an article that can't be stored as it is: its owner's offsets point into it. Raises ArticleError."""
    name = f"article {article.id!r}"
    for field_name in ("id", "title", "text", "outlet", "author", "url"):
        value = getattr(article, field_name)
        if not isinstance(value, str) and (value is not None or field_name in ("id", "title", "text")):
            raise ArticleError(f"{name}: its {field_name} is no text, but {type(value).__name__}")
    if not isinstance(article.published, datetime | None):
        raise ArticleError(f"{name}: published is no datetime, but {type(article.published).__name__}")
    if not article.id.strip():
        raise ArticleError("an article has no id; give it one")
    if not article.text.strip():
        raise ArticleError(f"{name}: empty: there is no text in it")
    if len(article.text) > MAX_TEXT_CHARACTERS:
        raise ArticleError(
            f"{name}: too large: an article may have at most {MAX_TEXT_CHARACTERS:,} characters; split it"
        )
    for value in (article.id, article.title, article.text, article.outlet, article.author, article.url):
        if value is not None and "\0" in value:
            raise ArticleError(f"{name}: holds a NUL character; remove it")
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            raise ArticleError(f"{name}: holds half of a surrogate pair; decode its text with errors='replace'")
    if article.published is not None and article.published.utcoffset() is None:
        raise ArticleError(f"{name}: published has no time zone; give it one")


def write_header(article: Article, embedder: Embedder) -> str:
    """Write what is embedded in front of every passage of an article: its title on one line, cut if it is very long."""
    header = " ".join(article.title.split())
    while embedder.count_tokens([header])[0] > MAX_HEADER_TOKENS:
        header = header[: len(header) * 3 // 4]
    return header


def _expand(sources: Source | Iterable[Source], tally: _Tally) -> Iterator[Article | Path]:
    if isinstance(sources, Article | str | os.PathLike) or not isinstance(sources, Iterable):
        sources = [sources]
    for source in sources:
        if isinstance(source, Article):
            yield source
        elif not isinstance(source, str | os.PathLike):
            tally.failed.append(Failure(repr(source)[:100], "is no article, path or address"))
        elif str(source).startswith(("http://", "https://")):
            tally.failed.append(Failure(str(source), "can't be fetched: save the page as a text file and give that"))
        else:
            try:
                found = list_files(os.fspath(source))
            except ArticleError as error:
                found = [error]
            for each in found:
                if isinstance(each, ArticleError):
                    tally.failed.append(_to_failure(source, each))
                else:
                    yield each


def _read_all(found: Iterable[Article | Path], tally: _Tally) -> Iterator[Article | None]:
    """Read and check each source; None stands for one that failed, or that came before."""
    hashes: dict[str, str] = {}
    for source in found:
        try:
            article = source if isinstance(source, Article) else read_article(source)
            check_article(article)
        except ArticleError as error:
            tally.failed.append(_to_failure(source, error))
            yield None
            continue
        digest = hash_article(article)
        if article.id not in hashes:
            yield article
        elif hashes[article.id] == digest:
            yield None
        else:
            reason = f"has the id of another article in this call, {article.id}; only the first was taken"
            tally.failed.append(Failure(_name(source), reason))
            yield None
        hashes.setdefault(article.id, digest)


def _is_unchanged(article: Article, library: Library, tally: _Tally) -> bool:
    with library.snapshot() as snapshot:
        before = snapshot.hash(article.id)
    if before == hash_article(article):
        tally.unchanged.append(article.id)
        return True
    return False


def _split(article: Article, header: str, embedder: Embedder) -> tuple[Passage, ...]:
    return split_article(
        article,
        header_tokens=embedder.count_tokens([header + "\n"])[0],
        count_tokens=embedder.count_tokens,
        max_tokens=embedder.max_tokens,
    )


def _store(
    pending: list[tuple[Article, tuple[Passage, ...], str]], library: Library, embedder: Embedder, tally: _Tally
) -> None:
    if not pending:
        return
    embedded = _embed(pending, embedder)
    with library.snapshot() as snapshot:
        known = {article.id for article, _ in embedded if snapshot.hash(article.id) is not None}
    library.add(embedded)
    for article, passages in embedded:
        (tally.updated if article.id in known else tally.added).append(article.id)
        tally.passages += len(passages)


def _embed(
    pending: list[tuple[Article, tuple[Passage, ...], str]], embedder: Embedder
) -> list[tuple[Article, list[EmbeddedPassage]]]:
    inputs = [
        PassageInput(
            header, passage.text, tuple(Span(a - passage.start, b - passage.start) for a, b in passage.sentences)
        )
        for _, passages, header in pending
        for passage in passages
    ]
    vectors = iter(embedder.embed_passages(inputs))
    return [
        (article, [EmbeddedPassage(passage, *next(vectors)) for passage in passages])
        for article, passages, _ in pending
    ]


def _to_failure(source: Source, error: ArticleError) -> Failure:
    name = _name(source)
    return Failure(name, str(error).removeprefix(f"{name}: "))


def _name(source: Source) -> str:
    return f"article {source.id!r}" if isinstance(source, Article) else str(source)

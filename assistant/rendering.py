"""Answers and passages as text for a terminal and as JSON for a script; nothing is shown before it is cleaned."""

import json
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from assistant.kinds import count_others
from assistant.types import (
    Answer,
    ArticleRef,
    Citation,
    Diagnosis,
    ExportReport,
    IngestReport,
    RetrievedPassage,
    Revision,
    ScoreParts,
    Statement,
    Understood,
)

MAX_WIDTH = 100  # longer lines are hard to read
NEAREST_SHOWN = 3
EXCERPT_CHARACTERS = 300
FINDINGS_SHOWN = 20


def clean(text: str) -> str:
    """Leave what a terminal shows and doesn't obey: printable characters, newlines and tabs.

    An escape sequence loses its first byte and so its power, bidirectional overrides go, other spaces become plain.
    """
    if text.isprintable():
        return text
    kept = (
        character
        if character.isprintable() or character in "\n\t"
        else " "
        if unicodedata.category(character) == "Zs"
        else ""
        for character in text
    )
    return "".join(kept)


def clean_line(text: str) -> str:
    """Clean a text and put it on one line."""
    return " ".join(clean(text).split())


def describe_article(article: ArticleRef) -> str:
    """Name an article as a reader would cite it: outlet, date and title, as far as they are known."""
    source = ", ".join(part for part in (article.outlet, _write_day(article)) if part)
    return clean_line(f"{source}: {article.title}" if source else article.title)


def mark_statement(statement: Statement, *, context: str = "") -> str:
    """Write a statement on one line with its numbers; where it isn't supported, it says so, and why."""
    numbers = "".join(f"[{citation.number}]" for citation in statement.citations)
    lost = "".join(f" {clean_line(marker)} names nothing that was shown." for marker in statement.unresolved)
    line = f"{context}{clean_line(statement.text)} {numbers}".rstrip()
    if statement.support.supported:
        return f"{line} (NOTE:{lost})" if lost else line
    reasons = clean_line("; ".join(statement.support.reasons)) or "its citations don't say this"
    return f"(UNSUPPORTED: {line} -- {reasons}.{lost})"


def render_statement(statement: Statement, *, width: int) -> str:
    """Render a statement of a language model as a paragraph."""
    return _wrap(mark_statement(statement), width) + "\n\n"


def render_answer(answer: Answer, *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render an answer: its sentences with their numbers, then the sources; or the nearest passages when it abstained.

    How the question was read comes before it, where there was something to read. Where the quotes are of different
    days, each has its day after it: what was true on one may not be on another.

    `context_of` gives what to read before a quote that can't stand alone; it is shown in brackets, unless it was just
    quoted itself.
    """
    paragraphs = [render_understood(answer.understood, width=width)]
    are_of_different_times = _are_of_different_times(answer)
    before: Sequence[Citation] = ()
    for statement in answer.statements:
        context = ""
        if _is_quote(statement):
            contexts = [context_of(citation) for citation in statement.citations if not _is_quoted(citation, before)]
            before = statement.citations
            context = "".join(f"({clean_line(context)}) " for context in contexts if context)
        times = _list_times(statement, answer.citations) if are_of_different_times else ""
        paragraphs.append(_wrap(f"{mark_statement(statement, context=context)}{times}", width) + "\n\n")
    return "".join(paragraphs) + render_proof(answer, context_of=context_of, width=width)


def render_proof(answer: Answer, *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render what follows the sentences of an answer: its sources, with quotes that aren't the sentences themselves.

    Where it abstained there are no sentences, and the nearest passages follow.
    """
    asked = [f"Understood as: {answer.standalone_question}"] if answer.standalone_question else []
    notes = "".join(f"{_wrap(clean_line(note), width)}\n\n" for note in [*asked, *answer.notes])
    if answer.abstained:
        nearest = render_passages(answer.retrieved[:NEAREST_SHOWN], width=width)
        said = _wrap(clean_line(answer.text), width)
        return (
            f"{said}\n" + (f"\n{notes}" if notes else "") + (f"\nThe nearest passages:\n\n{nearest}" if nearest else "")
        )
    sources = render_sources(answer.statements, context_of=context_of, width=width)
    return f"{sources}\n{notes}Confidence: {answer.confidence:.2f}\n"


def render_sources(statements: Sequence[Statement], *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render the sources of statements in the order of their numbers, with quotes that aren't the statements."""
    shown = {statement.text for statement in statements}
    citations = {citation.number: citation for statement in statements for citation in statement.citations}
    sources = []
    for _, citation in sorted(citations.items()):
        source = f"[{citation.number}] {describe_article(citation.article)}{_describe_copies(citation)}"
        sources.append(_wrap(source, width, indent="    "))
        if citation.quote not in shown:
            context = clean_line(context_of(citation))
            quote = f"{f'({context}) ' if context else ''}“{clean_line(citation.quote)}”"
            sources.append(_wrap(f"    {quote}", width, indent="    "))
        if citation.article.url:
            sources.append(f"    {clean_line(citation.article.url)}")
    return "".join(f"{line}\n" for line in sources)


def _describe_copies(citation: Citation) -> str:
    """Name the outlets of the copies that hold a quote too; one without an outlet by its host, if it has one."""
    names = dict.fromkeys(clean_line(copy.outlet or _get_host(copy) or "another copy") for copy in citation.also_in)
    return f" (also in {', '.join(names)})" if names else ""


def _get_host(article: ArticleRef) -> str:
    try:
        return (urlsplit(article.url or "").hostname or "").removeprefix("www.")
    except ValueError:  # an article that was handed in may have any address
        return ""


def _are_of_different_times(answer: Answer) -> bool:
    return len({citation.article.published for citation in answer.citations}) > 1


def _list_times(statement: Statement, citations: Sequence[Citation]) -> str:
    """List the days of what a statement cites, with the times where others of an answer are of the same day."""
    times = dict.fromkeys(citation.article.published for citation in statement.citations)
    others = {citation.article.published for citation in citations}
    return f" ({', '.join(_write_when(time, others) for time in times)})" if times else ""


def _write_when(time: datetime | None, others: Collection[datetime | None]) -> str:
    if time is None:
        return "undated"
    is_alone = all(other is None or other == time or other.date() != time.date() for other in others)
    return _write_date(time) if is_alone else f"{_write_date(time)}, {time:%H:%M}"


def render_understood(understood: Sequence[Understood], *, width: int) -> str:
    """Render how a question was read, a line for each thing and an empty one after them."""
    lines = [f"{_wrap(clean_line(each.text), width)}\n" for each in understood]
    return "".join([*lines, "\n"]) if lines else ""


def render_passages(passages: Sequence[RetrievedPassage], *, width: int) -> str:
    """Render passages, best first, each under the article that it is from."""
    blocks = []
    for position, retrieved in enumerate(passages, start=1):
        head = _wrap(f"{position}. {describe_article(retrieved.article)}", width, indent="   ")
        excerpt = _shorten(clean_line(retrieved.passage.text))
        blocks.append(f"{head}\n{_wrap(f'   {excerpt}', width, indent='   ')}")
    return "\n\n".join(blocks) + "\n" if blocks else ""


def render_parts(passages: Sequence[RetrievedPassage]) -> str:
    """Render what the scores of passages are made of as a table: a row for each passage, numbered as they are shown."""
    rows = [
        (str(position), retrieved.score, *asdict(retrieved.parts).values())
        for position, retrieved in enumerate(passages, start=1)
        if retrieved.parts
    ]
    if not rows:
        return ""
    # A part's name stands on two lines, so that the table fits a narrow terminal.
    names = [("", "score"), *(tuple(part.name.split("_")) for part in fields(ScoreParts))]
    heads = [name if len(name) == 2 else ("", *name) for name in names]
    lines = ["".join(f"{word:>9}" for word in words) for words in zip(*heads, strict=True)]
    lines = [f"   {line}" for line in lines]
    for position, *values in rows:
        lines.append(f"{position:>3}" + "".join(f"{value + 0.0:>9.3f}" for value in values))
    return "\n".join(lines) + "\n"


def render_articles(articles: Sequence[ArticleRef]) -> str:
    """Render a list of articles, each with the id that removes it."""
    return "".join(f"{describe_article(article)}\n    {clean_line(article.id)}\n" for article in articles)


def render_report(report: IngestReport) -> str:
    """Render what an ingest did on one line."""
    counts = [
        f"{len(ids)} {name}"
        for name, ids in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("gone", report.gone),
            ("removed", report.removed),
            ("failed", report.failed),
        )
        if ids
    ]
    done = f"{', '.join(counts) or 'nothing to do'} ({report.passages} passages in {report.seconds:.1f} s)"
    if not report.passed_over:
        return done
    count = len(report.passed_over)
    files = "1 file that is no article" if count == 1 else f"{count:,} files that are no articles"
    return f"{done}; {files} passed over: {count_others(other.what for other in report.passed_over)}"


def render_history(revisions: Sequence[Revision], *, width: int) -> str:
    """Render what an article was and is, the present first: when it was known to us so, what it is, and its text."""
    blocks = []
    for revision in reversed(revisions):
        since = f"since {_write_minute(revision.since)}" if revision.since else ""
        until = f"until {_write_minute(revision.until)}" if revision.until else "now"
        head = _wrap(f"{', '.join(filter(None, (since, until)))}: {describe_article(revision.article.ref)}", width)
        text = "\n".join(_wrap(line, width) for line in clean(revision.article.text).split("\n"))
        blocks.append(f"{head}\n\n{text}\n")
    return "\n---\n\n".join(blocks)


def render_export(report: ExportReport) -> str:
    """Render what an export wrote on one line."""
    return (
        f"{report.articles:,} articles with {report.passages:,} passages in {report.size:,} bytes,"
        f" sha256 {report.sha256}"
    )


def render_diagnosis(diagnosis: Diagnosis) -> str:
    """Render what is wrong with an index: a summary, then a line for each thing that was mended or is to be."""
    counts = f"{diagnosis.articles:,} articles, {diagnosis.passages:,} passages"
    found = len(diagnosis.findings)
    if diagnosis.is_healthy:
        unfinished = ", and something isn't finished" if found else ""
        verdict = f"all is well{' again' if diagnosis.mended else ''}{unfinished}"
    else:
        repairable = sum(finding.is_repairable for finding in diagnosis.findings)
        verdict = f"{found:,} {'thing is' if found == 1 else 'things are'} wrong, {repairable:,} of which can be mended"
    lines = [f"mended {finding.where}: {finding.what}" for finding in diagnosis.mended[:FINDINGS_SHOWN]]
    if len(diagnosis.mended) > FINDINGS_SHOWN:
        lines.append(f"mended {len(diagnosis.mended) - FINDINGS_SHOWN:,} more; --json lists all")
    lines += [f"{finding.where}: {finding.what}; {finding.remedy}" for finding in diagnosis.findings[:FINDINGS_SHOWN]]
    if found > FINDINGS_SHOWN:
        lines.append(f"{found - FINDINGS_SHOWN:,} more; --json lists all")
    return "".join(f"{clean_line(line)}\n" for line in (f"{verdict} ({counts})", *lines))


def render_json(value: object) -> str:
    """Write JSON on one line, in ASCII: a terminal obeys nothing in it, and every text stays exact."""
    return json.dumps(value, ensure_ascii=True) + "\n"


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Turn an answer into what `ask --json` prints."""
    return {
        "question": answer.question,
        "understood": [understood_to_json(each) for each in answer.understood],
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "confidence": answer.confidence,
        "model": answer.model,
        "statements": [
            {
                "text": statement.text,
                "citations": [citation.number for citation in statement.citations],
                "supported": statement.support.supported,
                "support": {"score": statement.support.score, "reasons": list(statement.support.reasons)},
                "unresolved": list(statement.unresolved),
            }
            for statement in answer.statements
        ],
        "citations": [
            {
                "number": citation.number,
                **article_to_json(citation.article),
                "start": citation.start,
                "end": citation.end,
                "quote": citation.quote,
                "context_start": citation.context_start,
                "also_in": [article_to_json(copy) for copy in citation.also_in],
            }
            for citation in answer.citations
        ],
        "retrieved": [passage_to_json(retrieved) for retrieved in answer.retrieved],
        "written": answer.written,
        "notes": list(answer.notes),
        "usage": asdict(answer.usage),
        "seconds": answer.seconds,
    }


def understood_to_json(understood: Understood) -> dict[str, Any]:
    """Turn how a question was read into JSON's types."""
    return {
        "text": understood.text,
        "since": understood.since.isoformat() if understood.since else None,
        "until": understood.until.isoformat() if understood.until else None,
        "is_filter": understood.is_filter,
    }


def passage_to_json(retrieved: RetrievedPassage, *, explain: bool = False) -> dict[str, Any]:
    """Turn a retrieved passage into what `search --json` prints; explained, with the parts of its score."""
    passage = retrieved.passage
    parts = {"parts": asdict(retrieved.parts)} if explain and retrieved.parts else {}
    return {
        **article_to_json(retrieved.article),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": retrieved.score,
        **parts,
    }


def report_to_json(report: IngestReport) -> dict[str, Any]:
    """Turn the report of an ingest into JSON's types."""
    return asdict(report)


def revision_to_json(revision: Revision) -> dict[str, Any]:
    """Turn what an article was into JSON's types."""
    article = revision.article
    return {
        "since": revision.since.isoformat() if revision.since else None,
        "until": revision.until.isoformat() if revision.until else None,
        **article_to_json(article.ref),
        "updated": article.updated.isoformat() if article.updated else None,
        "section": article.section,
        "language": article.language,
        "origins": [origin._asdict() for origin in article.origins],
        "text": article.text,
    }


def export_to_json(report: ExportReport) -> dict[str, Any]:
    """Turn what `export --json` prints into JSON's types."""
    return asdict(report)


def diagnosis_to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Turn what `doctor --json` prints into JSON's types."""
    return {"is_healthy": diagnosis.is_healthy, **asdict(diagnosis)}


def article_to_json(article: ArticleRef) -> dict[str, Any]:
    """Turn what identifies an article into JSON's types."""
    return {
        "article_id": article.id,
        "title": article.title,
        "outlet": article.outlet,
        "author": article.author,
        "published": article.published.isoformat() if article.published else None,
        "url": article.url,
    }


def _write_day(article: ArticleRef) -> str:
    return _write_date(article.published) if article.published else ""


def _write_date(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"


def _write_minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _shorten(text: str) -> str:
    """Cut a long text to an excerpt, after a word where its words aren't very long."""
    if len(text) <= EXCERPT_CHARACTERS:
        return text
    excerpt = text[:EXCERPT_CHARACTERS]
    space = excerpt.rfind(" ")
    return f"{excerpt[:space] if space > EXCERPT_CHARACTERS // 2 else excerpt} …"


def _is_quote(statement: Statement) -> bool:
    """Whether a statement is itself what it cites."""
    return [statement.text] == [citation.quote for citation in statement.citations]


def _is_quoted(context: Citation, before: Sequence[Citation]) -> bool:
    """Whether the context of a citation lies in what was quoted before it."""
    return any(
        other.article.id == context.article.id and other.start <= context.context_start < other.end for other in before
    )


def _wrap(text: str, width: int, *, indent: str = "") -> str:
    return textwrap.fill(
        text, min(width, MAX_WIDTH), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )

"""Answers and passages as text for a terminal and as JSON for a script; nothing is shown before it is cleaned."""

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from assistant.addresses import parse_address
from assistant.answers import article_to_json, citation_to_json
from assistant.errors import ArticleError
from assistant.kinds import count_others
from assistant.outlets import get_host
from assistant.planted import find_planted
from assistant.types import (
    Answer,
    ArticleRef,
    CheckReport,
    Citation,
    Conversation,
    ConversationRef,
    Diagnosis,
    ExportReport,
    Flag,
    IngestReport,
    RetrievedPassage,
    Revision,
    ScoreParts,
    Statement,
    Understood,
    Verdict,
)

MAX_WIDTH = 100  # longer lines are hard to read
NEAREST_SHOWN = 3
EXCERPT_CHARACTERS = 300
FINDINGS_SHOWN = 20
PLANTED_SHOWN = 3  # articles that are named of those that hold text for a machine
FORGOTTEN = "(The answer was forgotten with an article that was removed.)\n"
MAX_MARKS = 8  # combining marks on one letter; no writing system needs so many, and a flood of them covers other lines

_PLAIN_SPACES = str.maketrans(
    dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " ")
)
# Without joiners a Persian or an Indic word is another one, and a family of emoji falls apart; elsewhere they only hide
# in names that look like others.
_JOINERS = "\u200c\u200d"
_JOINING = "\u0600-\u0dff\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"  # Arabic and its like, Indic, Khmer, Mongolian
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINER = re.compile(
    rf"((?<=[{_JOINING}])[{_JOINERS}](?=[{_JOINING}])(?=\w)|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}]))|[{_JOINERS}]"
)
# What may take no cell of a terminal, or two: not Latin, Greek and Cyrillic letters, and common signs.
_ODD_WIDTH = re.compile(r"[^ -~\u00a1-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]")
_MARKS = ("Mn", "Me")
_HEADING_SIGN = re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE)  # of Markdown, which an excerpt on one line isn't
PRESENT_DAYS, NEWS_DAYS = 1, 7  # from which age on a source's is said: where the present is asked about, and elsewhere
_PRESENT = re.compile(
    r"\b(?:now|today|tonight|tomorrow|currently|current|latest|newest|still|yet|so far|at the moment|at present"
    r"|these days|nowadays|this (?:morning|week|month|year)|recent|recently|up to date)\b",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Leave what a terminal shows and doesn't obey: printable characters, newlines and tabs.

    An escape sequence loses its first byte and so its power, bidirectional overrides go, other spaces become plain, and
    of the marks on a letter no more than MAX_MARKS are left. Joiners stay where a word or an emoji is spelt with them.
    """
    if not text.isprintable():
        text = text.translate(_PLAIN_SPACES)
        text = "".join(each for each in text if each.isprintable() or each in "\n\t" or each in _JOINERS)
        text = _JOINER.sub(r"\1", text)
    return text if text.isascii() else _limit_marks(text)


def _limit_marks(text: str) -> str:
    kept, count = [], 0
    for character in text:
        # Marks begin at U+0300, and most texts end before that.
        is_mark = character >= "\u0300" and unicodedata.category(character) in _MARKS
        count = count + 1 if is_mark else count if character in _JOINERS else 0
        if count <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def clean_line(text: str) -> str:
    """Clean a text and put it on one line."""
    return " ".join(clean(text).split())


def describe_article(article: ArticleRef) -> str:
    """Name an article as a reader would cite it: outlet, date and title, as far as they are known."""
    source = ", ".join(part for part in (article.outlet, write_day(article)) if part)
    return clean_line(f"{source}: {article.title}" if source else article.title)


def show_address(article: ArticleRef) -> str:
    """Write where an article is, if that is an address of http or https without a password; else nothing."""
    try:
        parse_address(article.url or "")
    except ArticleError:
        return ""
    return clean_line(article.url or "")


def describe_age(answer: Answer, *, today: date) -> str:
    """Say how old the newest source of an answer is, where a reader should know, else nothing.

    What was true when it was written may not be now. A question about the present is misled by yesterday's news, and
    any by news that is a week old, since most matters have moved on by then. Who asked of a time in the past knows.
    """
    days = [citation.article.published.date() for citation in answer.citations if citation.article.published]
    is_of_the_past = any(each.is_filter and each.until and each.until < today for each in answer.understood)
    if not days or is_of_the_past:
        return ""
    age = (today - max(days)).days
    if age < (PRESENT_DAYS if _PRESENT.search(answer.question) else NEWS_DAYS):
        return ""
    return f"The newest source is {age:,} day{'' if age == 1 else 's'} old."


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
    return wrap_text(mark_statement(statement), width) + "\n\n"


def render_answer(answer: Answer, *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render an answer: its sentences with their numbers, then the sources; or the nearest passages when it abstained.

    How the question was read comes before it, where there was something to read. Where the quotes are of different
    days, each has its day after it: what was true on one may not be on another.

    `context_of` gives what to read before a quote that can't stand alone; it is shown in brackets, unless it was just
    quoted itself.
    """
    paragraphs = [render_understood(answer.understood, width=width)]
    for context, statement, times in frame_statements(answer, context_of=context_of):
        line = mark_statement(statement, context=f"({context}) " if context else "")
        paragraphs.append(wrap_text(f"{line} ({times})" if times else line, width) + "\n\n")
    return "".join(paragraphs) + render_proof(answer, context_of=context_of, width=width)


def frame_statements(answer: Answer, *, context_of: Callable[[Citation], str]) -> Iterator[tuple[str, Statement, str]]:
    """Give each statement of an answer with what to read before it and its times, each on one line and often nothing.

    The times are the days of what it cites, where these differ: what was true on one may not be on another.
    """
    are_of_different_times = _are_of_different_times(answer)
    before: Sequence[Citation] = ()
    for statement in answer.statements:
        context = ""
        if _is_quote(statement):
            contexts = [context_of(citation) for citation in statement.citations if not _is_quoted(citation, before)]
            before = statement.citations
            context = clean_line("".join(contexts))
        yield context, statement, _list_times(statement, answer.citations) if are_of_different_times else ""


def render_proof(answer: Answer, *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render what follows the sentences of an answer: its sources, with quotes that aren't the sentences themselves.

    Where it abstained there are no sentences, and the nearest passages follow.
    """
    asked = [f"Understood as: {answer.standalone_question}"] if answer.standalone_question else []
    notes = "".join(f"{wrap_text(clean_line(note), width)}\n\n" for note in [*asked, *answer.notes])
    if answer.abstained:
        nearest = render_passages(answer.retrieved[:NEAREST_SHOWN], width=width)
        said = wrap_text(clean_line(answer.text), width)
        return (
            f"{said}\n" + (f"\n{notes}" if notes else "") + (f"\nThe nearest passages:\n\n{nearest}" if nearest else "")
        )
    sources = render_sources(answer.statements, context_of=context_of, width=width)
    return f"{sources}\n{notes}Confidence: {answer.confidence:.2f}\n"


def render_sources(statements: Sequence[Statement], *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render the sources of statements in the order of their numbers, with quotes that aren't the statements.

    How many of them stand behind each statement, independently of each other, comes last.
    """
    shown = {statement.text for statement in statements}
    citations = {citation.number: citation for statement in statements for citation in statement.citations}
    sources = []
    for _, citation in sorted(citations.items()):
        source = f"[{citation.number}] {describe_article(citation.article)}{_describe_copies(citation)}"
        sources.append(wrap_text(f"{source}{_write_flags(citation)}", width, indent="    "))
        if citation.quote not in shown:
            context = clean_line(context_of(citation))
            quote = f"{f'({context}) ' if context else ''}“{clean_line(citation.quote)}”"
            sources.append(wrap_text(f"    {quote}", width, indent="    "))
        if address := show_address(citation.article):
            sources.append(f"    {address}")
    counted: dict[str, dict[str, None]] = {}  # of several statements that cite the same, once
    for statement in sorted(statements, key=lambda each: [citation.number for citation in each.citations]):
        if count := describe_sources(statement):
            numbers = "".join(f"[{citation.number}]" for citation in statement.citations)
            counted.setdefault(count, {})[numbers] = None
    sources += [
        wrap_text(f"Behind {', '.join(cited)}: {count}", width, indent="    ") for count, cited in counted.items()
    ]
    return "".join(f"{line}\n" for line in sources)


def describe_sources(statement: Statement) -> str:
    """Say how many sources stand behind a statement, and which; nothing where they weren't counted."""
    if not statement.sources:
        return ""
    if len(statement.sources) == 1:
        return "single source"
    return f"{len(statement.sources)} sources ({', '.join(map(clean_line, statement.sources))})"


def _describe_copies(citation: Citation) -> str:
    names = list_copies(citation)
    return f" (also in {', '.join(names)})" if names else ""


# What each flag of a quote says to a reader.
_FLAGS: Mapping[Flag, str] = {
    "instruction": "speaks to a machine rather than to readers",
    "hidden": "holds characters that no reader sees",
}


def _write_flags(citation: Citation) -> str:
    return f" -- flagged: {describe_flags(citation)}" if citation.flags else ""


def describe_flags(citation: Citation) -> str:
    """Say what a reader should know of a quote; nothing where there is nothing to know."""
    return f"the quote {' and '.join(_FLAGS[flag] for flag in citation.flags)}" if citation.flags else ""


def list_copies(citation: Citation) -> list[str]:
    """Name the copies that hold a quote too, each by its outlet, or where it has none by its host, if it has one."""
    return list(dict.fromkeys(clean_line(copy.outlet or get_host(copy) or "another copy") for copy in citation.also_in))


def _are_of_different_times(answer: Answer) -> bool:
    return len({citation.article.published for citation in answer.citations}) > 1


def _list_times(statement: Statement, citations: Sequence[Citation]) -> str:
    """List the days of what a statement cites, with the times where others of an answer are of the same day."""
    times = dict.fromkeys(citation.article.published for citation in statement.citations)
    others = {citation.article.published for citation in citations}
    return ", ".join(_write_when(time, others) for time in times)


def _write_when(time: datetime | None, others: Collection[datetime | None]) -> str:
    if time is None:
        return "undated"
    is_alone = all(other is None or other == time or other.date() != time.date() for other in others)
    return write_date(time) if is_alone else f"{write_date(time)}, {time:%H:%M}"


def render_understood(understood: Sequence[Understood], *, width: int) -> str:
    """Render how a question was read, a line for each thing and an empty one after them."""
    lines = [f"{wrap_text(clean_line(each.text), width)}\n" for each in understood]
    return "".join([*lines, "\n"]) if lines else ""


def render_passages(passages: Sequence[RetrievedPassage], *, width: int) -> str:
    """Render passages, best first, each under the article that it is from."""
    blocks = []
    for position, retrieved in enumerate(passages, start=1):
        head = wrap_text(f"{position}. {describe_article(retrieved.article)}", width, indent="   ")
        excerpt = _shorten(clean_line(_HEADING_SIGN.sub("", retrieved.passage.text)))
        blocks.append(f"{head}\n{wrap_text(f'   {excerpt}', width, indent='   ')}")
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
    """Render a list of articles, each with the id or the address that removes it."""
    return "".join(f"{describe_article(article)}\n    {clean_line(_get_place(article))}\n" for article in articles)


def _get_place(article: ArticleRef) -> str:
    """Get the id of an article, but its address where that is of http, for which the id is written with https."""
    is_plain = article.url is not None and article.url == re.sub(r"^https://", "http://", article.id)
    return article.url if is_plain and article.url else article.id


def count_noun(count: int, noun: str) -> str:
    """Write how many there are of something: "1 article", "2,000 articles"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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
    passages = count_noun(report.passages, "passage")
    done = f"{', '.join(counts) or 'nothing to do'} ({passages} in {report.seconds:.1f} s)"
    if report.passed_over:
        count = len(report.passed_over)
        files = "1 file that is no article" if count == 1 else f"{count:,} files that are no articles"
        done += f"; {files} passed over: {count_others(other.what for other in report.passed_over)}"
    if report.planted:
        articles = "1 article holds" if len(report.planted) == 1 else f"{len(report.planted):,} articles hold"
        named = ", ".join(map(clean_line, report.planted[:PLANTED_SHOWN]))
        more = f" and {len(report.planted) - PLANTED_SHOWN:,} more" if len(report.planted) > PLANTED_SHOWN else ""
        done += (
            f"; {articles} text that seems written for a machine, which is quoted only where a question asks about it: "
            f"{named}{more}"
        )
    if report.hidden:
        done += f"; {count_noun(report.hidden, 'hidden passage')} left out, which no reader of the page sees"
    return done


def render_history(revisions: Sequence[Revision], *, width: int) -> str:
    """Render what an article was and is, the present first: when it was known to us so, what it is, and its text."""
    blocks = []
    moments = {moment for revision in revisions for moment in (revision.since, revision.until) if moment}
    # To the second, or more exactly, where two are in one minute.
    write = next(
        (write for write in (_write_minute, _write_second) if len({*map(write, moments)}) == len(moments)),
        lambda moment: moment.isoformat(" "),
    )
    for revision in reversed(revisions):
        since = f"since {write(revision.since)}" if revision.since else ""
        until = f"until {write(revision.until)}" if revision.until else "now"
        head = wrap_text(f"{', '.join(filter(None, (since, until)))}: {describe_article(revision.article.ref)}", width)
        text = "\n".join(wrap_text(line, width) for line in clean(revision.article.text).split("\n"))
        if planted := find_planted(revision.article.text, revision.article.title):
            texts = [f"“{clean_line(revision.article.text[start:end])}”" for start, end in planted[:PLANTED_SHOWN]]
            more = f" and {len(planted) - PLANTED_SHOWN:,} more" if len(planted) > PLANTED_SHOWN else ""
            head += "\n" + wrap_text(f"Seems written for a machine, not for readers: {', '.join(texts)}{more}", width)
        blocks.append(f"{head}\n\n{text}\n")
    return "\n---\n\n".join(blocks)


def render_export(report: ExportReport) -> str:
    """Render what an export wrote on one line."""
    return (
        f"{count_noun(report.articles, 'article')} with {count_noun(report.passages, 'passage')}"
        f" in {report.size:,} bytes, sha256 {report.sha256}"
    )


def render_diagnosis(diagnosis: Diagnosis) -> str:
    """Render what is wrong with an index: a summary, then a line for each thing that was mended or is to be."""
    counts = f"{count_noun(diagnosis.articles, 'article')}, {count_noun(diagnosis.passages, 'passage')}"
    found = len(diagnosis.findings)
    if diagnosis.is_healthy:
        unfinished = f"; {count_noun(found, 'thing')} still to finish" if found else ""
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


# What a verdict on a citation says to a reader; `{until}` is when the article ceased to say it.
VERDICTS: Mapping[Verdict, str] = {
    "exact": "the article says this",
    "moved": "the article has changed, and still says this",
    "changed": "the article has changed, and doesn't say this any more; it did until {until}",
    "misplaced": "the article says this, or did, but not where the citation has it",
    "misattributed": "the article says this, or did, but under another title, outlet, author, date or address",
    "never": "the article doesn't say this, and as far as is known here never did",
    "uncopied": "the article says this, and a copy that is named beside it doesn't, or not so, or isn't in the index",
    "removed": "the article was removed",
    "unknown": "no article of this id is in the index",
}


def render_check(report: CheckReport, *, width: int) -> str:
    """Render what checking answers came to: how many quotes hold, each that isn't exact, and what has changed since."""
    total, held = len(report.citations), sum(checked.holds for checked in report.citations)
    answers = f"({report.answers:,} {'answer' if report.answers == 1 else 'answers'})"
    if total == 0:
        summary = "No quotes"
    elif total == 1:
        summary = f"The one quote {'stands' if held else 'does not stand'} in its article as it is now"
    else:
        summary = (
            f"{'All' if held == total else f'{held:,} of'} {total:,} quotes stand in their articles as they are now"
        )
    lines = [wrap_text(f"{summary} {answers}.", width)]
    for checked in report.citations:
        if checked.verdict != "exact":
            until = _write_minute(checked.until) if checked.until else "now"
            citation = checked.citation
            where = f"{f'Answer {checked.answer}, ' if report.answers > 1 else ''}[{citation.number}]"
            said = VERDICTS[checked.verdict].format(until=until)
            lines += [
                wrap_text(f"{where} {describe_article(citation.article)}: {said}", width, indent="    "),
                wrap_text(f"    “{_shorten(clean_line(citation.quote))}”", width, indent="    "),
            ]
    for unproven in report.unproven:
        where = f"Answer {unproven.answer}: " if report.answers > 1 else ""
        reasons = clean_line("; ".join(unproven.reasons))
        line = f"{where}not proven by its quotes: “{_shorten(clean_line(unproven.text))}” ({reasons})"
        lines.append(wrap_text(line, width, indent="    "))
    changed = dict.fromkeys(checked.citation.article for checked in report.citations if checked.has_changed)
    lines += [wrap_text(f"Changed since: {describe_article(article)}", width, indent="    ") for article in changed]
    return "".join(f"{line}\n" for line in lines)


def render_conversations(conversations: Sequence[ConversationRef], *, width: int) -> str:
    """Render a list of conversations, each with the id that it is gone on with, and its first question."""
    return "".join(
        wrap_text(
            f"{clean_line(each.id)}  {_write_minute(each.last)}, {each.turns}"
            f" {'question' if each.turns == 1 else 'questions'}: {_shorten(clean_line(each.question))}",
            width,
            indent="    ",
        )
        + "\n"
        for each in conversations
    )


def render_conversation(conversation: Conversation, *, context_of: Callable[[Citation], str], width: int) -> str:
    """Render a conversation: each question with when it was asked, and its answer as it was given."""
    blocks = []
    for turn in conversation.turns:
        head = wrap_text(f"{turn.number}. {clean_line(turn.question)} ({_write_minute(turn.asked)})", width)
        answer = render_answer(turn.answer, context_of=context_of, width=width) if turn.answer else FORGOTTEN
        blocks.append(f"{head}\n\n{answer}")
    return "\n".join(blocks)


def render_json(value: object) -> str:
    """Write JSON on one line, in ASCII: a terminal obeys nothing in it, and every text stays exact."""
    return json.dumps(value, ensure_ascii=True) + "\n"


def report_to_json(report: IngestReport) -> dict[str, Any]:
    """Turn the report of an ingest into JSON's types."""
    return asdict(report)


def check_to_json(report: CheckReport) -> dict[str, Any]:
    """Turn what `check --json` prints into JSON's types."""
    return {
        "holds": report.holds,
        "answers": report.answers,
        "citations": [
            {
                "answer": checked.answer,
                "question": checked.question,
                **citation_to_json(checked.citation),
                "holds": checked.holds,
                "verdict": checked.verdict,
                "since": checked.since.isoformat() if checked.since else None,
                "until": checked.until.isoformat() if checked.until else None,
                "has_changed": checked.has_changed,
            }
            for checked in report.citations
        ],
        "unproven": [each._asdict() for each in report.unproven],
    }


def conversation_ref_to_json(conversation: ConversationRef) -> dict[str, Any]:
    """Turn a conversation in `history --json` into JSON's types."""
    times = {"started": conversation.started.isoformat(), "last": conversation.last.isoformat()}
    return {**asdict(conversation), **times}


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
        "planted": [span._asdict() for span in find_planted(article.text, article.title)],
    }


def export_to_json(report: ExportReport) -> dict[str, Any]:
    """Turn what `export --json` prints into JSON's types."""
    return asdict(report)


def diagnosis_to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Turn what `doctor --json` prints into JSON's types."""
    return {"is_healthy": diagnosis.is_healthy, **asdict(diagnosis)}


def write_date(day: date) -> str:
    """Write a day as a reader would."""
    return f"{day.day} {day:%B %Y}"


def write_day(article: ArticleRef) -> str:
    """Write the day on which an article was published; nothing where it isn't known."""
    return write_date(article.published) if article.published else ""


def _write_minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _write_second(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


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


def wrap_text(text: str, width: int, *, indent: str = "") -> str:
    """Break a text into lines of so many cells of a terminal, of which a wide character takes two.

    A long word, such as an address, stays whole; but not in scripts that write none with spaces between them.
    """
    width = min(width, MAX_WIDTH)
    if not _ODD_WIDTH.search(text):
        return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    from wcwidth import wrap  # its tables take longer to load than all else here

    return "\n".join(wrap(text, width, subsequent_indent=indent, break_on_hyphens=False))

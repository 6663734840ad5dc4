"""Holds kept or exported answers against the library again, citations and sentences: nothing is sent or written.

An article is as it is now, or as it was in an earlier revision that the library keeps; what an answer quotes may stand
in either, and which one is said.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from assistant.citations import find_context, holds_words
from assistant.errors import LibraryError
from assistant.evidence import describe_source
from assistant.port import Library, Snapshot
from assistant.quoting import ABSTENTION
from assistant.sentences import split_sentences
from assistant.settings import QUOTES
from assistant.types import (
    Answer,
    ArticleRef,
    CheckedCitation,
    CheckReport,
    Citation,
    Revision,
    Span,
    Statement,
    Support,
    UnprovenStatement,
    Verdict,
)

ALTERED = "no quote that it cites says this, word for word"
RETOLD = "the answer isn't what its statements say"

Check = Callable[[str, Sequence[str]], Support]


def check_answers(answers: Sequence[Answer], library: Library, *, check: Check) -> CheckReport:
    """Look up every citation of answers in its article as it is now, and as it was.

    What they show as supported is held against its quotes: word for word where quotes answered, else by `check`, as
    when it was answered. Raises LibraryError where there is no library to look in.
    """
    if not library.exists:
        raise LibraryError(f"{library.place}: no index; give the one that answered with --index DIR")
    known: dict[str, Sequence[Revision]] = {}
    checked = []
    unproven: list[UnprovenStatement] = []
    with library.snapshot() as snapshot:
        for position, answer in enumerate(answers, start=1):
            hashes = dict(answer.hashes)
            for citation in answer.citations:
                id = citation.article.id
                if id not in known:
                    known[id] = snapshot.revisions(id)
                verdict, said = _judge(citation, known[id], snapshot)
                if verdict == "exact" and not all(_is_copied(citation, copy, snapshot) for copy in citation.also_in):
                    verdict = "uncopied"
                has_changed = None
                if known[id] and id in hashes:
                    has_changed = snapshot.hash(id) != hashes[id]
                since, until = (said.since, said.until) if said else (None, None)
                checked.append(CheckedCitation(position, answer.question, citation, verdict, since, until, has_changed))
            unproven += _find_unproven(answer, position, known, check)
    return CheckReport(len(answers), tuple(checked), tuple(unproven))


def _find_unproven(
    answer: Answer, position: int, known: Mapping[str, Sequence[Revision]], check: Check
) -> Iterator[UnprovenStatement]:
    reasons: tuple[str, ...]
    supported = [statement for statement in answer.statements if statement.support.supported]
    for statement in supported:
        if answer.model == QUOTES:
            is_quote = statement.text in [citation.quote for citation in statement.citations]
            reasons = () if is_quote else (ALTERED,)
        else:
            support = check(statement.text, _read_evidence(statement, known))
            reasons = () if support.supported else support.reasons or (ALTERED,)
        if reasons:
            yield UnprovenStatement(position, statement.text, reasons)
    said = ABSTENTION if answer.abstained else " ".join(statement.text for statement in supported)
    if answer.text != said:
        yield UnprovenStatement(position, answer.text, (RETOLD,))


def _read_evidence(statement: Statement, known: Mapping[str, Sequence[Revision]]) -> list[str]:
    """Read what a statement was checked against: its quotes with what comes before them, and where they stand."""
    texts = []
    for citation in statement.citations:
        said = find_cited(citation, known.get(citation.article.id, ()))
        texts.append(said.article.text[_find_start(citation, said.article.text) : citation.end] if said else "")
    sources = dict.fromkeys(describe_source(citation.article) for citation in statement.citations)
    return [*texts, *filter(None, sources)]


def _find_start(citation: Citation, text: str) -> int:
    """Find where the context of a quote starts, and no earlier: what a file says of it could bring any proof along."""
    span = Span(citation.start, citation.end)
    return min(max(citation.context_start, find_context(text, span, split_sentences(text))), citation.start)


def find_cited(citation: Citation, revisions: Sequence[Revision]) -> Revision | None:
    """Find the latest of an article's revisions that says a quote where it is cited; None where none does."""
    return next((revision for revision in reversed(revisions) if _says_there(revision, citation)), None)


def _judge(citation: Citation, revisions: Sequence[Revision], snapshot: Snapshot) -> tuple[Verdict, Revision | None]:
    """Say what a citation is worth, and which of an article's revisions, the present last, says what it quotes."""
    if not revisions:
        return "removed" if snapshot.was_removed(citation.article.id) else "unknown", None
    # The latest first; no words are no quote, though every text holds them.
    saying = [each for each in reversed(revisions) if citation.quote and citation.quote in each.article.text]
    there = [each for each in saying if _says_there(each, citation)]
    cited = [each for each in there if each.article.ref == citation.article]
    if not saying:
        return "never", None
    if not there:
        return "misplaced", saying[0]
    if not cited:
        return "misattributed", there[0]
    if cited[0] is revisions[-1]:
        return "exact", cited[0]
    return ("moved" if saying[0] is revisions[-1] else "changed"), cited[0]


def _is_copied(citation: Citation, copy: ArticleRef, snapshot: Snapshot) -> bool:
    """Whether an article holds the words of a citation that it is named beside."""
    article = snapshot.article(copy.id)
    return article is not None and article.ref == copy and holds_words(article.text, citation.quote)


def _says_there(revision: Revision, citation: Citation) -> bool:
    return revision.article.text[citation.start : citation.end] == citation.quote

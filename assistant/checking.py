"""Holds the citations of kept or exported answers against the library again: nothing is embedded, sent or written.

An article is as it is now, or as it was in an earlier revision that the library keeps; what an answer quotes may stand
in either, and which one is said.
"""

from collections.abc import Sequence

from assistant.errors import LibraryError
from assistant.library import Library
from assistant.snapshot import Snapshot
from assistant.types import Answer, CheckedCitation, CheckReport, Citation, Revision, Verdict


def check_answers(answers: Sequence[Answer], library: Library) -> CheckReport:
    """Look up every citation of answers in its article as it is now, and as it was.

    Raises LibraryError where there is no library to look in.
    """
    if not library.exists:
        raise LibraryError(f"{library.folder}: no index; give the one that answered with --index DIR")
    known: dict[str, Sequence[Revision]] = {}
    checked = []
    with library.snapshot() as snapshot:
        for position, answer in enumerate(answers, start=1):
            hashes = dict(answer.hashes)
            for citation in answer.citations:
                id = citation.article.id
                if id not in known:
                    known[id] = snapshot.revisions(id)
                verdict, said = _judge(citation, known[id], snapshot)
                has_changed = None
                if known[id] and id in hashes:
                    has_changed = snapshot.hash(id) != hashes[id]
                since, until = (said.since, said.until) if said else (None, None)
                checked.append(CheckedCitation(position, answer.question, citation, verdict, since, until, has_changed))
    return CheckReport(len(answers), tuple(checked))


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


def _says_there(revision: Revision, citation: Citation) -> bool:
    return revision.article.text[citation.start : citation.end] == citation.quote
